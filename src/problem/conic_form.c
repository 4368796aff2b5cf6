/* From a problem to its conic form: terms, quadratics, limits, and the derivatives of what is then affine. */
#include "base/given.h"
#include "problem/conic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One sum of terms: the objective, or a constraint's expression. */
typedef struct sum {
  tw_expr root;
  size_t first, count; /* among the terms that are replaced by affine images */
  tw_expr quadratic;   /* all terms of degree 2 together; TW_NONE: none */
} sum;

typedef struct sums {
  sum *item;
  size_t count;
} sums;

static tw_status status_of(const tw_conic_build *b) {
  return b->status != TW_OK ? b->status : tw_graph_status(b->graph);
}

/* ------------------------------------------------------------------ terms */

static void push_term(tw_conic_build *b, tw_expr term) {
  tw_expr *grown = tw_grow(b->term, &b->term_room, b->terms + 1, sizeof *grown);
  if (!grown) {
    tw_conic_refuse(b, TW_ERR_MEMORY, "out of memory");
    return;
  }
  b->term = grown;
  grown[b->terms++] = term;
}

/* Scalars with quadratic parts are split, so that these become one quadratic form. */
static void split(tw_conic_build *b, sum *s, bool objective) {
  const tw_fact fact = tw_fact_of(&b->facts, s->root);
  s->first = b->terms;
  s->quadratic = TW_NONE;
  const bool splits = tw_size_of(s->root) == 1 && fact.curvature != TW_CURV_AFFINE &&
                      (objective || fact.degree == TW_QUADRATIC || fact.curvature == TW_CURV_UNKNOWN);
  tw_terms terms = {0};
  if (!splits)
    push_term(b, s->root);
  else if (tw_terms_split(&b->facts, tw_reshape(s->root, TW_SCALAR), &terms))
    for (size_t i = 0; i < terms.count; i++) {
      const tw_expr value = tw_reshape(tw_term_value(&terms.term[i]), TW_SCALAR);
      if (tw_fact_of(&b->facts, terms.term[i].body).degree != TW_QUADRATIC)
        push_term(b, value);
      else
        s->quadratic = tw_is_none(s->quadratic) ? value : tw_add(s->quadratic, value);
    }
  tw_terms_free(&terms);
  s->count = b->terms - s->first;
}

/* Splits all sums, with the facts of their roots, and opens those of the terms. */
static tw_status split_all(tw_conic_build *b, sums *all) {
  tw_expr *root = tw_alloc(2 * all->count, sizeof *root);
  if (!root) return tw_conic_refuse(b, TW_ERR_MEMORY, "out of memory");
  for (size_t i = 0; i < all->count; i++) root[i] = all->item[i].root;
  tw_status status = tw_conic_rewrite(b, all->count, root);
  if (status == TW_OK && !tw_facts_open(&b->facts, (int)all->count, root)) status = tw_graph_status(b->graph);
  for (size_t i = 0; i < all->count && status == TW_OK; i++) {
    all->item[i].root = root[i];
    split(b, &all->item[i], i == 0);
    status = status_of(b);
  }
  tw_facts_close(&b->facts);
  free(root);
  if (status != TW_OK) return status;
  tw_expr *open = tw_alloc(b->terms + all->count, sizeof *open);
  if (!open) return tw_conic_refuse(b, TW_ERR_MEMORY, "out of memory");
  size_t count = b->terms;
  for (size_t i = 0; i < b->terms; i++) open[i] = b->term[i];
  for (size_t i = 0; i < all->count; i++)
    if (!tw_is_none(all->item[i].quadratic)) open[count++] = all->item[i].quadratic;
  if (!tw_facts_open(&b->facts, (int)count, open)) status = tw_graph_status(b->graph);
  free(open);
  return status;
}

/* ------------------------------------------------------------------ quadratics */

/* e with the variables (and all other unknowns) at 0. */
static tw_expr at_zero(tw_conic_build *b, tw_expr e) {
  tw_expr *zero = tw_alloc(b->inputs, sizeof *zero), out = TW_NONE;
  if (!zero) return tw_conic_refuse(b, TW_ERR_MEMORY, "out of memory"), TW_NONE;
  for (size_t i = 0; i < b->inputs; i++) zero[i] = tw_zeros_like(b->input[i]);
  if (!tw_is_none(e)) tw_substitute(1, &e, (int)b->inputs, b->input, zero, &out);
  free(zero);
  return out;
}

/* The variables that e depends on as one vector: e over it, and the vector of the variables themselves. */
static tw_expr flatten(tw_conic_build *b, tw_expr e, tw_expr *flat, tw_expr *variables) {
  const size_t m = (size_t)b->problem->variables.count;
  tw_expr *from = tw_alloc(m, sizeof *from), *to = tw_alloc(m, sizeof *to), *part = tw_alloc(m, sizeof *part), out = TW_NONE;
  int64_t n = 0;
  int used = 0;
  if (!from || !to || !part) tw_conic_refuse(b, TW_ERR_MEMORY, "out of memory");
  for (size_t i = 0; i < m && b->status == TW_OK; i++)
    if (tw_depends(e, 1, &b->input[i])) from[used] = b->input[i], part[used++] = tw_ravel(b->input[i]), n += tw_size_of(b->input[i]);
  if (b->status == TW_OK && used > 0) {
    *flat = tw_input(b->graph, "x", TW_F64, TW_SHAPE(n));
    *variables = tw_concat(used, part, 0);
    int64_t offset = 0;
    for (int i = 0; i < used; offset += tw_size_of(from[i]), i++)
      to[i] = tw_reshape(tw_slice(*flat, 0, offset, tw_size_of(from[i]), 1), tw_shape_of(from[i]));
    tw_substitute(1, &e, used, from, to, &out);
  }
  free(from), free(to), free(part);
  return out;
}

/* q = 1/2 x'H x + h'x + k, H = L L' up to a shift of 1e-13 of its mean diagonal (it may be singular): t >= 1/2 |L'x|^2, and
 * t + h'x + k stands for q. */
static tw_expr bound_by_factor(tw_conic_build *b, tw_expr q) {
  enum { ORDER_MOST = 2000 };
  static const double SHIFT = 1e-13;
  tw_expr flat = TW_NONE, x = TW_NONE, zero, hessian, gradient, value;
  const tw_expr whole = flatten(b, q, &flat, &x);
  if (tw_is_none(whole)) return whole;
  const int64_t n = tw_size_of(flat);
  if (n > ORDER_MOST) return tw_conic_refuse(b, TW_ERR_UNSUPPORTED, "a quadratic constraint in %lld variables that is no sum of squares",
      (long long)n), TW_NONE;
  zero = tw_zeros_like(flat);
  tw_expr parts[3] = {tw_hessian(whole, flat), tw_grad(whole, flat), whole};
  if (tw_substitute(3, parts, 1, &flat, &zero, parts) != TW_OK) return TW_NONE;
  hessian = parts[0], gradient = parts[1], value = parts[2];
  const tw_expr shift = tw_mul(tw_eye(b->graph, TW_F64, n, n), tw_scale(tw_trace(hessian), SHIFT / (double)n));
  const tw_expr factor = tw_cholesky(tw_add(hessian, shift)), t = tw_conic_unknown(b, TW_SCALAR);
  tw_conic_add_squares(b, t, tw_scale(tw_matmul(tw_matrix_transpose(factor), x), sqrt(0.5)));
  return tw_add(tw_add(t, tw_dot(gradient, x)), value);
}

/* What stands for a convex quadratic in a constraint: scale |r|^2 + constant, or the factor of its Hessian. */
static tw_expr bound_of_convex(tw_conic_build *b, tw_expr q) {
  tw_facts facts = {.graph = b->graph, .problem = b->problem, .m = b->facts.m, .inputs = b->facts.inputs, .signs = b->sign};
  tw_squares squares;
  if (!tw_facts_open(&facts, 1, &q)) return TW_NONE;
  const bool found = tw_squares_find(&facts, q, &squares) && squares.scale > 0;
  const bool convex = found || tw_curvature_of(&facts, q) == TW_CURV_CONVEX;
  tw_facts_close(&facts);
  if (!convex) {
    char name[200];
    tw_conic_describe(q, name, sizeof name);
    tw_conic_refuse(b, TW_ERR_UNSUPPORTED, "%s: a quadratic that is not proven convex", name);
    return TW_NONE;
  }
  if (!found) return bound_by_factor(b, q);
  const tw_expr t = tw_conic_unknown(b, TW_SCALAR);
  tw_conic_add_squares(b, t, tw_scale(squares.residual, sqrt(squares.scale)));
  return tw_add(t, tw_reshape(squares.constant, TW_SCALAR));
}

static tw_expr bound_of_quadratic(tw_conic_build *b, tw_expr q) {
  if (tw_curvature_of(&b->facts, q) != TW_CURV_CONCAVE) return bound_of_convex(b, q);
  return tw_neg(bound_of_convex(b, tw_neg(q)));
}

/* The objective's quadratic stays one. A sum of squares whose residual has fewer entries than its Hessian gets an unknown for it:
 * q = scale |r|^2 + constant, r = residual. */
static tw_expr quadratic_objective(tw_conic_build *b, tw_expr q) {
  tw_squares squares;
  if (tw_is_none(q) || !tw_squares_find(&b->facts, q, &squares) || squares.scale <= 0) return q;
  tw_pattern jacobian = {0}, hessian = {0};
  const int m = b->problem->variables.count;
  const tw_expr residual = tw_ravel(squares.residual);
  const tw_status first = tw_jacobian_pattern(residual, m, b->input, &jacobian);
  const tw_status second = first == TW_OK ? tw_hessian_pattern(q, m, b->input, &hessian) : first;
  const bool fewer = first == TW_OK && (second == TW_ERR_UNSUPPORTED || jacobian.nnz + 2 * jacobian.rows < hessian.nnz);
  tw_pattern_free(&jacobian);
  tw_pattern_free(&hessian);
  if (first == TW_ERR_UNSUPPORTED || second == TW_ERR_UNSUPPORTED) tw_graph_clear(b->graph);
  if (!fewer || tw_graph_status(b->graph) != TW_OK) return q;
  const tw_expr r = tw_conic_unknown(b, tw_shape_of(residual));
  tw_conic_add(b, TW_CONE_ZERO, 0, 0, tw_sub(residual, r));
  return tw_add(tw_scale(tw_sum(tw_square(r), TW_ALL, false), squares.scale), tw_reshape(squares.constant, TW_SCALAR));
}

/* ------------------------------------------------------------------ assembly */

static tw_expr total(tw_conic_build *b, const sum *s) {
  tw_expr out = TW_NONE;
  for (size_t i = 0; i < s->count; i++) {
    const tw_expr image = tw_conic_image(b, b->term[s->first + i]);
    out = tw_is_none(out) ? image : tw_add(out, image);
  }
  return out;
}

static tw_status add_constraints(tw_conic_build *b, const sums *all) {
  for (int i = 0; i < b->problem->constraints.count && b->status == TW_OK; i++) {
    const tw_constraint *c = b->problem->constraints.item[i];
    const sum *s = &all->item[i + 1];
    tw_expr e = total(b, s);
    if (!tw_is_none(s->quadratic)) {
      const tw_expr bound = bound_of_quadratic(b, s->quadratic);
      e = tw_is_none(e) ? bound : tw_add(e, bound);
    }
    tw_conic_add_bounded(b, tw_reshape(e, tw_shape_of(c->expr)), c->lower, c->upper, c->offset);
  }
  return status_of(b);
}

static int order_of(const tw_conic_segment *s) {
  return (int)s->kind;
}

/* Rows in the order of kinds; and all of them as one vector with `last` after them. */
static tw_expr gather_rows(tw_conic_build *b, tw_conic_form *form, tw_expr last) {
  tw_expr *part = tw_alloc(b->segments + 1, sizeof *part), out = TW_NONE;
  if (!part) return tw_conic_refuse(b, TW_ERR_MEMORY, "out of memory"), TW_NONE;
  size_t count = 0;
  for (int kind = 0; kind < TW_CONE_KINDS; kind++)
    for (size_t i = 0; i < b->segments; i++) {
      tw_conic_segment *s = &b->segment[i];
      if (order_of(s) != kind) continue;
      const bool loose = s->kind == TW_CONE_ZERO || s->kind == TW_CONE_NONNEG;
      s->start = form->m;
      part[count++] = s->rows;
      form->m += tw_size_of(s->rows);
      form->cones += loose ? 1 : tw_size_of(s->rows) / s->size;
    }
  part[count++] = tw_reshape(last, TW_SHAPE(1));
  out = count == 1 ? part[0] : tw_concat((int)count, part, 0);
  free(part);
  return out;
}

static tw_status list_cones(tw_conic_build *b, tw_conic_form *form) {
  form->cone = tw_alloc((size_t)form->cones, sizeof *form->cone);
  if (!form->cone) return tw_conic_refuse(b, TW_ERR_MEMORY, "out of memory");
  int64_t at = 0;
  for (int kind = 0; kind < TW_CONE_KINDS; kind++)
    for (size_t i = 0; i < b->segments; i++) {
      const tw_conic_segment *s = &b->segment[i];
      if (order_of(s) != kind) continue;
      const bool loose = s->kind == TW_CONE_ZERO || s->kind == TW_CONE_NONNEG;
      const int64_t size = loose ? tw_size_of(s->rows) : s->size;
      for (int64_t k = 0; k < tw_size_of(s->rows) / size; k++) form->cone[at++] = (tw_cone){s->kind, size, s->power};
    }
  return TW_OK;
}

static tw_status list_duals(tw_conic_build *b, tw_conic_form *form) {
  for (size_t i = 0; i < b->links; i++) form->duals += b->link[i].count;
  form->dual = tw_alloc((size_t)form->duals, sizeof *form->dual);
  if (!form->dual) return tw_conic_refuse(b, TW_ERR_MEMORY, "out of memory");
  int64_t at = 0;
  for (size_t i = 0; i < b->links; i++)
    for (int64_t k = 0; k < b->link[i].count; k++, at++) {
      const tw_conic_link *l = &b->link[i];
      form->dual[at] = (struct tw_conic_dual){l->first + l->index[k], b->segment[l->segment].start + k, l->sign};
    }
  return TW_OK;
}

/* Columns of the elements of all inputs; twins share that of the element that stands for them. */
static tw_status number_columns(tw_conic_build *b, tw_conic_form *form, const int64_t *twin) {
  for (size_t i = 0; i < b->inputs; i++) form->elements += tw_size_of(b->input[i]);
  form->column = tw_alloc((size_t)form->elements, sizeof *form->column);
  if (!form->column) return tw_conic_refuse(b, TW_ERR_MEMORY, "out of memory");
  for (int64_t j = 0; j < form->elements; j++) /* a twin comes later than what stands for it */
    form->column[j] = j < b->problem->size && twin[j] != j ? form->column[twin[j]] : form->n++;
  return TW_OK;
}

static tw_status differentiate(tw_conic_build *b, tw_conic_form *form, tw_expr rows, tw_expr quadratic) {
  const int m = (int)b->inputs;
  tw_status status = tw_sparse_jacobian(rows, m, b->input, &form->rows);
  if (status == TW_OK && !tw_is_none(quadratic)) status = tw_sparse_hessian(quadratic, m, b->input, &form->hessian);
  if (status == TW_ERR_UNSUPPORTED) {
    tw_conic_refuse(b, status, "%s", tw_graph_message(b->graph));
    tw_graph_clear(b->graph);
  }
  if (status != TW_OK) return status_of(b);
  form->rows_at = at_zero(b, form->rows.values);
  form->constant = at_zero(b, rows);
  form->hessian_at = tw_is_none(quadratic) ? TW_NONE : at_zero(b, form->hessian.values);
  return status_of(b);
}

/* The objective's quadratic part as 1/2 v'P v; its affine part joins the terms'. */
static tw_status assemble(tw_conic_build *b, tw_conic_form *form, sums *all, bool derive) {
  tw_status status = tw_conic_replace_atoms(b);
  const tw_expr quadratic = status == TW_OK ? quadratic_objective(b, all->item[0].quadratic) : TW_NONE;
  if (status == TW_OK) status = add_constraints(b, all);
  int64_t *twin = tw_alloc((size_t)b->problem->size, sizeof *twin);
  if (!twin) return tw_conic_refuse(b, TW_ERR_MEMORY, "out of memory");
  for (int64_t j = 0; j < b->problem->size; j++) twin[j] = j;
  if (status == TW_OK) status = tw_conic_add_sets(b, twin);
  if (status == TW_OK) {
    tw_expr linear = total(b, &all->item[0]);
    if (tw_is_none(linear)) linear = tw_scalar(b->graph, 0);
    if (!tw_is_none(quadratic)) linear = tw_add(linear, quadratic); /* its value and slope at 0 */
    const tw_expr rows = gather_rows(b, form, linear);
    status = status_of(b);
    if (status == TW_OK) status = list_cones(b, form);
    if (status == TW_OK) status = list_duals(b, form);
    if (status == TW_OK) status = number_columns(b, form, twin);
    if (status == TW_OK && derive) status = differentiate(b, form, rows, quadratic);
  }
  free(twin);
  return status;
}

/* ------------------------------------------------------------------ beginning and end */

static tw_status open_build(tw_conic_build *b, sums *all) {
  const tw_problem *p = b->problem;
  const size_t n = (size_t)p->variables.count;
  b->set = tw_alloc(n, sizeof *b->set);
  b->sign = tw_alloc(n, 1);
  b->input = tw_grow(NULL, &b->input_room, n, sizeof *b->input);
  all->count = (size_t)p->constraints.count + 1;
  all->item = tw_alloc(all->count, sizeof *all->item);
  if (!b->set || !b->sign || !b->input || !all->item) return tw_conic_refuse(b, TW_ERR_MEMORY, "out of memory");
  for (size_t i = 0; i < n; i++) {
    b->input[b->inputs++] = p->unknowns[i];
    b->set[i] = tw_problem_set(p, (int)i);
    b->sign[i] = tw_sign_in(p, &b->set[i], tw_shape_of(p->unknowns[i]));
  }
  const bool none = p->goal == TW_GOAL_NONE;
  all->item[0].root = none ? tw_scalar(b->graph, 0) : p->goal == TW_GOAL_MAXIMIZE ? tw_neg(p->objective) : p->objective;
  for (int i = 0; i < p->constraints.count; i++) all->item[i + 1].root = ((const tw_constraint *)p->constraints.item[i])->expr;
  b->facts = (tw_facts){.graph = b->graph, .problem = p, .m = p->variables.count, .inputs = p->unknowns, .signs = b->sign};
  return tw_graph_status(b->graph);
}

static void close_build(tw_conic_build *b, sums *all) {
  tw_facts_close(&b->facts);
  for (size_t i = 0; i < b->links; i++) free(b->link[i].index);
  free(b->set), free(b->sign), free(b->input), free(b->from), free(b->to), free(b->segment), free(b->link), free(b->term);
  free(all->item);
}

static tw_status make(tw_conic_form *form, const tw_problem *p, const tw_class *cls, bool derive, tw_error *error) {
  *form = (tw_conic_form){.rows_at = TW_NONE, .hessian_at = TW_NONE, .constant = TW_NONE};
  tw_error own;
  tw_conic_build b = {.problem = p, .graph = p->graph, .error = error ? error : &own};
  sums all = {0};
  tw_status status = tw_graph_check(p->graph, error);
  if (status != TW_OK) return status;
  if (!cls->convex) return tw_conic_refuse(&b, TW_ERR_UNSUPPORTED, "the problem is not proven convex");
  status = open_build(&b, &all);
  if (status == TW_OK) status = split_all(&b, &all);
  if (status == TW_OK) status = assemble(&b, form, &all, derive);
  close_build(&b, &all);
  if (status != TW_OK && b.status == TW_OK) tw_graph_check(p->graph, error);
  if (status != TW_OK) tw_conic_form_free(form);
  return status;
}

tw_status tw_conic_form_make(tw_conic_form *form, const tw_problem *p, const tw_class *cls, tw_error *error) {
  return make(form, p, cls, true, error);
}

tw_status tw_conic_exists(const tw_problem *p, const tw_class *cls, tw_error *error) {
  TW_GIVEN(p);
  TW_GIVEN(cls);
  tw_conic_form form;
  tw_graph_lock(p->graph);
  const tw_status status = make(&form, p, cls, false, error);
  tw_graph_unlock(p->graph);
  if (status == TW_OK) tw_conic_form_free(&form);
  return status;
}

void tw_conic_form_free(tw_conic_form *form) {
  free(form->cone);
  free(form->column);
  free(form->dual);
  tw_sparse_derivative_free(&form->rows);
  tw_sparse_derivative_free(&form->hessian);
  *form = (tw_conic_form){.rows_at = TW_NONE, .hessian_at = TW_NONE, .constant = TW_NONE};
}
