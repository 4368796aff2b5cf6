/* A mathematical program at a solution, in numbers; see program.h. */
#include "implicit/program.h"
#include "base/try.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Relative to the sizes of gradients and limits. Where a limit is weak, interior points stop with multiplier and distance both of
 * the size of the root of mu. */
static const double WEAK = 1e-7, WEAK_INSIDE = 1e-4, ALIKE = 1e-2;

/* ------------------------------------------------------------------ along theta, as expressions */

enum { OUT_GRADIENT, OUT_F, OUT_LOWER, OUT_UPPER, OUTPUTS }; /* of L in z = [x; y], f, limits */

static tw_expr filled(tw_expr limit, double otherwise, tw_graph *graph, tw_shape shape) {
  return tw_is_none(limit) ? tw_fill(graph, TW_F64, shape, otherwise) : tw_broadcast(tw_cast(limit, TW_F64), shape);
}

static tw_expr output(const tw_expr *out, int i) { return i < 0 ? TW_NONE : out[i]; }

/* Limits of all unknowns, flat. */
static void limits(const tw_nested *nested, const tw_expr *out, tw_expr *lower, tw_expr *upper) {
  tw_graph *graph = nested->graph;
  const int v = nested->n_variables, all = v + nested->n_constraints;
  tw_expr *part = tw_alloc((size_t)(2 * all), sizeof *part);
  for (int i = 0; part && i < all; i++) {
    const bool row = i >= v;
    const tw_shape shape = row ? nested->constraint[i - v].shape : nested->variable[i].shape;
    tw_expr l = output(out, row ? nested->c_lower[i - v] : nested->lower[i]),
            u = output(out, row ? nested->c_upper[i - v] : nested->upper[i]);
    if (!row && nested->domain[i] && nested->domain[i]->bounds)
      nested->domain[i]->bounds(graph, shape, out + nested->domain_param[i], &l, &u);
    part[i] = filled(l, -INFINITY, graph, shape);
    part[all + i] = filled(u, INFINITY, graph, shape);
  }
  *lower = part ? tw_flatten(graph, all, part) : TW_NONE;
  *upper = part ? tw_flatten(graph, all, part + all) : TW_NONE;
  if (!part) tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory for sensitivities");
  free(part);
}

/* The four outputs at z. */
static void state_outputs(const tw_nested *nested, tw_expr z, tw_expr *out) {
  tw_graph *graph = nested->graph;
  const int n_args = nested->n_variables + nested->n_theta + 1;
  tw_expr *args = tw_alloc((size_t)n_args, sizeof *args), *stated = tw_alloc((size_t)nested->statement->n_outputs, sizeof *stated);
  if (args && stated) {
    tw_nested_args(nested, z, nested->theta, args);
    if (tw_body_inline(nested->statement, args, stated) == TW_OK) {
      tw_expr l = out[OUT_F] = stated[nested->objective], one = tw_ones_like(l);
      for (int i = 0; i < nested->n_constraints; i++) {
        const tw_part *part = &nested->constraint[i];
        tw_expr y = tw_reshape(tw_slice(args[n_args - 1], 0, part->offset, part->size, 1), part->shape);
        l = tw_add(l, tw_sum(tw_mul(y, tw_cast(stated[nested->c_expr[i]], TW_F64)), TW_ALL, false));
      }
      tw_vjp(1, &l, &one, 1, &z, &out[OUT_GRADIENT]);
      limits(nested, stated, &out[OUT_LOWER], &out[OUT_UPPER]);
    }
  } else {
    tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory for sensitivities");
  }
  free(args), free(stated);
}

/* (parameters.., z, t) -> derivatives of the four along t. */
static tw_status build(tw_program *s, tw_expr theta, tw_error *error) {
  tw_graph *graph = s->nested->graph;
  const int parameters = tw_problem_parameters(s->problem);
  const tw_shape all = TW_SHAPE(s->n + s->m);
  tw_expr z = tw_input(graph, "z", TW_F64, all), t = tw_input(graph, "tangent", TW_F64, tw_shape_of(theta));
  tw_expr out[OUTPUTS] = {TW_NONE, TW_NONE, TW_NONE, TW_NONE}, along[OUTPUTS];
  state_outputs(s->nested, z, out);
  if (tw_is_none(out[OUT_GRADIENT])) out[OUT_GRADIENT] = tw_fill(graph, TW_F64, all, 0);
  TW_TRY(tw_graph_check(graph, error));
  tw_jvp(OUTPUTS, out, 1, &theta, &t, along);
  for (int i = 0; i < OUTPUTS; i++)
    if (tw_is_none(along[i])) along[i] = tw_fill(graph, TW_F64, i == OUT_F ? TW_SCALAR : all, 0);
  tw_expr *in = tw_alloc((size_t)parameters + 2, sizeof *in);
  s->in = tw_alloc((size_t)parameters + 2, sizeof *s->in);
  tw_status status = in && s->in ? tw_graph_check(graph, error) : tw_fail(error, TW_ERR_MEMORY, "sensitivity: out of memory");
  for (int j = 0; j < parameters && status == TW_OK; j++) {
    in[j] = tw_problem_parameter_at(s->problem, j)->expr;
    s->in[j] = tw_problem_parameter_at(s->problem, j)->value.data;
  }
  if (status == TW_OK) {
    in[parameters] = z, in[parameters + 1] = t;
    status = tw_fn_new(&s->tangent, parameters + 2, in, OUTPUTS, along, NULL, error);
  }
  free(in);
  return status;
}

static tw_status compile(tw_program *s, tw_expr theta, tw_error *error) {
  tw_graph_lock(s->nested->graph);
  const tw_status status = build(s, theta, error);
  tw_graph_unlock(s->nested->graph);
  return status == TW_OK ? tw_work_new(&s->work, s->tangent, error) : status;
}

tw_status tw_program_along(tw_program *s, int64_t column, tw_error *error) {
  const int parameters = tw_problem_parameters(s->problem);
  s->in[parameters] = s->x, s->in[parameters + 1] = s->t;
  s->t[column] = 1;
  void *out[OUTPUTS] = {s->d_stationarity, &s->d_f, s->d_lower, s->d_upper};
  const tw_status status = tw_fn_call(s->tangent, s->work, s->in, out, 0, error);
  s->t[column] = 0;
  return status;
}

int tw_program_parting(const tw_program *s) {
  int parting = 0;
  for (int64_t i = 0; i < s->n + s->m; i++) {
    if (s->side[i] != TW_SIDE_BOTH || s->d_lower[i] == s->d_upper[i]) continue;
    if (s->d_lower[i] > s->d_upper[i]) return -1;
    parting = 1;
  }
  return parting;
}

/* ------------------------------------------------------------------ the solution */

tw_status tw_program_matrices(tw_program *s, const double *x, const double *y, double *h, double *j, bool *finite, tw_error *error) {
  double *g = s->scratch;
  bool second;
  TW_TRY(tw_derivatives_first(s->derivatives, x, g, j, finite, error));
  TW_TRY(tw_derivatives_second(s->derivatives, x, y, h, &second, error));
  *finite = *finite && second;
  return TW_OK;
}

/* Of multiplier and distance: both vanish, or neither does beside the other. */
static bool is_weak(double a, double b) {
  const double most = fmax(a, b);
  return most <= WEAK || (most <= WEAK_INSIDE && fmin(a, b) >= ALIKE * most);
}

/* A limit holds where its multiplier is larger than the distance to it; a weak one where both vanish. */
static void active_set(tw_program *s) {
  double gradient = 1;
  for (int64_t k = 0; k < s->n; k++) gradient = fmax(gradient, fabs(s->g[k]));
  s->margin = INFINITY;
  s->weak_count = 0;
  for (int64_t i = 0; i < s->n + s->m; i++) {
    const double l = s->lower[i], u = s->upper[i], v = s->value[i], y = s->multiplier[i];
    s->weak[i] = false;
    s->side[i] = l >= u ? TW_SIDE_BOTH : y > u - v ? TW_SIDE_UPPER : -y > v - l ? TW_SIDE_LOWER : TW_SIDE_NONE;
    if (s->side[i] == TW_SIDE_BOTH || (l == -INFINITY && u == INFINITY)) continue;
    const double slack = fmin(v - l, u - v), limit = v - l < u - v ? l : u;
    const double press = fabs(y) / gradient, distance = slack / fmax(1, fabs(limit));
    s->margin = fmin(s->margin, fmax(press, distance));
    if (!is_weak(press, distance)) continue;
    s->weak[i] = true;
    s->weak_count++;
    s->side[i] = v - l < u - v ? TW_SIDE_LOWER : TW_SIDE_UPPER;
  }
}

static tw_status evaluate(tw_program *s, bool *fits, tw_error *error) {
  const int64_t n = s->n, m = s->m;
  const tw_oracle *o = &s->oracle;
  TW_TRY(tw_program_matrices(s, s->x, s->y, s->h, s->j, fits, error));
  memcpy(s->g, s->scratch, (size_t)n * sizeof(double));
  TW_TRY(tw_derivatives_rows(s->derivatives, s->x, s->value + n, error));
  memcpy(s->value, s->x, (size_t)n * sizeof(double));
  memcpy(s->multiplier, s->g, (size_t)n * sizeof(double));
  csc_add_transpose(&s->jacobian, 1, s->y, s->multiplier);
  for (int64_t k = 0; k < n; k++) {
    const bool bounded = (o->offers & TW_BOUNDS) != 0;
    s->multiplier[k] = -s->multiplier[k];
    s->lower[k] = bounded ? o->lower[k] : -INFINITY;
    s->upper[k] = bounded ? o->upper[k] : INFINITY;
  }
  for (int64_t i = 0; i < m; i++) {
    s->multiplier[n + i] = s->y[i];
    s->lower[n + i] = o->c_lower[i];
    s->upper[n + i] = o->c_upper[i];
  }
  active_set(s);
  return TW_OK;
}

/* ------------------------------------------------------------------ opening */

static tw_status allocate(tw_program *s, int64_t columns, tw_error *error) {
  const tw_pattern *hessian = tw_derivatives_hessian(s->derivatives), *jacobian = tw_derivatives_jacobian(s->derivatives);
  const size_t n = (size_t)s->n, m = (size_t)s->m, all = n + m, entries = (size_t)(hessian->nnz + jacobian->nnz);
  double **const parts[] = {&s->x, &s->value, &s->multiplier, &s->lower, &s->upper, &s->d_stationarity, &s->d_lower, &s->d_upper};
  const size_t count = sizeof parts / sizeof *parts;
  s->block = tw_alloc((count + 2) * all + n + entries + (size_t)columns, sizeof *s->block);
  s->flags = tw_alloc(2 * all, sizeof *s->flags);
  s->side = tw_alloc(all, sizeof *s->side);
  if (!s->block || !s->flags || !s->side) return tw_fail(error, TW_ERR_MEMORY, "sensitivity: out of memory");
  for (size_t i = 0; i < count; i++) *parts[i] = s->block + i * all;
  s->y = s->x + n, s->d_rows = s->d_stationarity + n;
  s->scratch = s->block + count * all, s->g = s->scratch + 2 * all;
  s->h = s->g + n, s->j = s->h + hessian->nnz, s->t = s->j + jacobian->nnz;
  s->hessian = csc_of(hessian, s->h), s->jacobian = csc_of(jacobian, s->j);
  s->weak = s->flags, s->held = s->flags + all, s->out = s->held + n;
  return TW_OK;
}

static void find_nested(void *context, tw_expr node, void *state) {
  bool *found = context;
  (void)state;
  *found |= tw_op_is_nested(tw_op_of(node));
}

/* The matrices of what has nested problems inside cost too much. */
static bool holds_nested(const tw_program *s) {
  bool found = false;
  tw_work_visit(s->work, find_nested, &found);
  return found;
}

tw_status tw_program_open(tw_program *s, const tw_problem *p, const tw_class *cls, const tw_nested *nested, const tw_result *at,
                          tw_expr theta, bool *fits, tw_error *error) {
  *s = (tw_program){.problem = p, .nested = nested, .cls = cls, .n = nested->n, .m = nested->m};
  *fits = nested->program;
  if (!*fits) return TW_OK;
  tw_status status = compile(s, theta, error);
  if (status != TW_OK) return status;
  *fits = !holds_nested(s);
  if (!*fits) return TW_OK;
  status = tw_oracle_from_problem(&s->oracle, p, cls, error);
  if (status == TW_OK) status = tw_derivatives_new(&s->derivatives, &s->oracle, at->x, error);
  *fits = s->derivatives != NULL;
  if (status == TW_OK && *fits) status = allocate(s, tw_size_of(theta), error);
  if (status != TW_OK || !*fits) return status;
  memcpy(s->x, at->x, (size_t)s->n * sizeof(double));
  if (s->m && at->dual) memcpy(s->y, at->dual, (size_t)s->m * sizeof(double));
  status = evaluate(s, fits, error);
  tw_evidence inside;
  tw_oracle_evidence(&s->oracle, &inside);
  *fits = *fits && inside.solves == 0;
  return status;
}

void tw_program_close(tw_program *s) {
  tw_work_free(s->work);
  tw_fn_free(s->tangent);
  tw_active_close(&s->active);
  tw_derivatives_free(s->derivatives);
  tw_oracle_release(&s->oracle);
  free(s->block);
  free(s->flags);
  free(s->side);
  free((void *)s->in);
}
