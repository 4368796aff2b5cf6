/* Functions: element-wise, reductions, along an axis, and of matrices. */
#include "model/builder.h"

#include <talweg/loss.h>

#include <string.h>

tw_expr tw_build_real(tw_expr e) {
  if (tw_is_none(e) || tw_dtype_get(tw_dtype_of(e))->kind == TW_KIND_FLOAT) return e;
  return tw_cast(e, TW_F64);
}

bool tw_build_axis_number(tw_builder *b, const tw_site *site, int p, int rank, int *axis) {
  int64_t given = site->integer[p], at = given < 0 ? given + rank : given;
  *axis = (int)at;
  if (at >= 0 && at < rank) return true;
  return tw_build_fail(b, tw_build_begin(site->argument[p]), TW_ERR_RANGE,
                       "%s: axis %lld of an array with %d, expected %d..%d", site->function->name,
                       (long long)given, rank, -rank, rank - 1);
}

bool tw_build_fail_shape(tw_builder *b, const tw_site *site, const tw_value *x, const char *expected) {
  char text[TW_SHAPE_TEXT];
  tw_shape shape = tw_value_shape(x);
  return tw_build_fail(b, tw_ast_place(site->node), TW_ERR_SHAPE, "%s: shape %s, expected %s",
                       site->function->name, tw_shape_text(&shape, text), expected);
}

static bool is(const tw_site *site, const char *name) {
  return strcmp(site->function->name, name) == 0;
}

/* ------------------------------------------------------------------ element-wise */

bool tw_function_elementwise(tw_builder *b, const tw_site *site, tw_value *out) {
  *out = site->value[0];
  out->index = NULL;
  out->affine = NULL;
  bool whole = is(site, "abs") || is(site, "sign") || is(site, "square") || is(site, "relu");
  tw_expr x = site->value[0].expr;
  if (tw_dtype_of(x) == TW_BOOL) x = tw_cast(x, TW_I64);
  out->expr = site->function->unary(whole ? x : tw_build_real(x));
  return tw_build_check(b, tw_ast_place(site->node));
}

/* One more operand of max(a, b, ..). */
static bool join_extreme(tw_builder *b, const tw_site *site, const tw_value *next, tw_value *out) {
  tw_shape x = tw_value_shape(out), y = tw_value_shape(next), both;
  char tx[TW_SHAPE_TEXT], ty[TW_SHAPE_TEXT];
  if (!tw_shape_broadcast(&x, &y, &both))
    return tw_build_fail(b, tw_ast_place(site->node), TW_ERR_SHAPE,
                         "%s: shapes %s and %s do not fit, expected shapes that broadcast",
                         site->function->name, tw_shape_text(&x, tx), tw_shape_text(&y, ty));
  tw_value result =
      tw_value_of(is(site, "max") ? tw_maximum(out->expr, next->expr) : tw_minimum(out->expr, next->expr));
  if (!tw_build_check(b, tw_ast_place(site->node))) return false;
  tw_value_broadcast_axes(&result, out, next);
  *out = result;
  return true;
}

bool tw_function_extreme(tw_builder *b, const tw_site *site, tw_value *out) {
  if (site->n_rest == 1) {
    tw_site one = *site;
    tw_function reduction = *site->function;
    reduction.reduce = is(site, "max") ? tw_reduce_max : tw_reduce_min;
    one.function = &reduction;
    one.value[0] = site->rest_value[0];
    return tw_function_reduction(b, &one, out);
  }
  if (site->argument[1])
    return tw_build_fail(b, tw_build_begin(site->argument[1]), TW_ERR_ARGUMENT,
                         "%s: an axis goes with one array; several are compared element by element",
                         site->function->name);
  *out = site->rest_value[0];
  out->index = NULL;
  out->affine = NULL;
  for (int k = 1; k < site->n_rest; k++)
    if (!join_extreme(b, site, &site->rest_value[k], out)) return false;
  return true;
}

bool tw_function_where(tw_builder *b, const tw_site *site, tw_value *out) {
  const tw_value *c = &site->value[0], *x = &site->value[1], *y = &site->value[2];
  tw_shape sc = tw_value_shape(c), sx = tw_value_shape(x), sy = tw_value_shape(y), both, all;
  char tc[TW_SHAPE_TEXT], tx[TW_SHAPE_TEXT], ty[TW_SHAPE_TEXT];
  if (!tw_shape_broadcast(&sx, &sy, &both) || !tw_shape_broadcast(&both, &sc, &all))
    return tw_build_fail(b, tw_ast_place(site->node), TW_ERR_SHAPE,
                         "where: shapes %s, %s and %s do not fit, expected shapes that broadcast",
                         tw_shape_text(&sc, tc), tw_shape_text(&sx, tx), tw_shape_text(&sy, ty));
  *out = tw_value_of(tw_where(tw_build_truth(c->expr), x->expr, y->expr));
  if (!tw_build_check(b, tw_ast_place(site->node))) return false;
  tw_value_broadcast_axes(out, x, y);
  return true;
}

/* ------------------------------------------------------------------ reductions */

/* The axes of x without one of them. */
static void drop_axis(tw_value *out, const tw_value *x, int axis) {
  for (int k = 0; k < tw_value_rank(out); k++) out->axis[k] = x->axis[k < axis ? k : k + 1];
}

/* Sums and extremes of integers are integers. */
static bool keeps_integers(const tw_function *f) {
  return f->reduce == tw_sum || f->reduce == tw_prod || f->reduce == tw_reduce_max ||
         f->reduce == tw_reduce_min;
}

bool tw_function_reduction(tw_builder *b, const tw_site *site, tw_value *out) {
  const tw_value *x = &site->value[0];
  tw_expr e = x->expr;
  int axis = 0, rank = tw_value_rank(x);
  if (tw_dtype_of(e) == TW_BOOL) e = tw_cast(e, TW_I64);
  if (!keeps_integers(site->function)) e = tw_build_real(e);
  if (site->argument[1] && !tw_build_axis_number(b, site, 1, rank, &axis)) return false;
  bool empty = tw_size_of(e) == 0 && site->function->reduce != tw_sum && site->function->reduce != tw_prod &&
               site->function->reduce != tw_norm;
  if (empty) return tw_build_fail_shape(b, site, x, "at least one element");
  *out = tw_value_of(site->function->reduce(e, site->argument[1] ? 1u << axis : TW_ALL, false));
  if (!tw_build_check(b, tw_ast_place(site->node))) return false;
  if (site->argument[1]) drop_axis(out, x, axis);
  return true;
}

bool tw_function_dot(tw_builder *b, const tw_site *site, tw_value *out) {
  const tw_value *x = &site->value[0], *y = &site->value[1];
  if (tw_value_rank(x) != 1) return tw_build_fail_shape(b, site, x, "a vector; matrices multiply by `@`");
  tw_shape shape = tw_value_shape(x), other = tw_value_shape(y);
  char expected[64];
  snprintf(expected, sizeof expected, "a vector of the same length, [%lld]", (long long)shape.dim[0]);
  if (!tw_shape_equal(&shape, &other)) return tw_build_fail_shape(b, site, y, expected);
  *out = tw_value_of(tw_dot(tw_build_real(x->expr), tw_build_real(y->expr)));
  return true;
}

/* ------------------------------------------------------------------ along an axis */

bool tw_function_position(tw_builder *b, const tw_site *site, tw_value *out) {
  const tw_value *x = &site->value[0];
  int axis = 0;
  bool all = !site->argument[1];
  if (!all && !tw_build_axis_number(b, site, 1, tw_value_rank(x), &axis)) return false;
  if (tw_size_of(x->expr) == 0) return tw_build_fail_shape(b, site, x, "at least one element");
  tw_expr e = all ? tw_ravel(x->expr) : x->expr;
  *out = tw_value_of(is(site, "argmax") ? tw_argmax(e, axis) : tw_argmin_index(e, axis));
  if (!tw_build_check(b, tw_ast_place(site->node))) return false;
  if (!all) drop_axis(out, x, axis);
  return true;
}

bool tw_function_along(tw_builder *b, const tw_site *site, tw_value *out) {
  const tw_value *x = &site->value[0];
  int rank = tw_value_rank(x), axis = rank - 1;
  bool running = is(site, "cumsum") || is(site, "cumprod"), flat = running && !site->argument[1] && rank > 1;
  if (rank == 0) return tw_build_fail_shape(b, site, x, "at least one axis");
  if (site->argument[1] && !tw_build_axis_number(b, site, 1, rank, &axis)) return false;
  *out = *x;
  tw_expr e = tw_dtype_of(x->expr) == TW_BOOL ? tw_cast(x->expr, TW_I64) : x->expr;
  if (flat) {
    *out = tw_value_of(TW_NONE);
    e = tw_ravel(e);
    axis = 0;
  }
  if (is(site, "cumsum"))
    out->expr = tw_cumsum(e, axis, false);
  else if (is(site, "cumprod"))
    out->expr = tw_cumprod(e, axis);
  else if (is(site, "sort"))
    out->expr = tw_sort(e, axis);
  else if (is(site, "argsort"))
    out->expr = tw_argsort(e, axis);
  else
    out->expr = (is(site, "sparsemax") ? tw_sparsemax : tw_softmax)(tw_build_real(e), axis);
  if (is(site, "sort") || is(site, "argsort")) out->axis[axis] = NULL; /* order is no longer that of the set */
  return true;
}

/* ------------------------------------------------------------------ matrices */

static bool is_square(const tw_value *x) {
  tw_shape s = tw_value_shape(x);
  return s.rank >= 2 && s.dim[s.rank - 1] == s.dim[s.rank - 2];
}

bool tw_function_matrix(tw_builder *b, const tw_site *site, tw_value *out) {
  const tw_value *x = &site->value[0];
  int rank = tw_value_rank(x);
  if (is(site, "diag")) {
    if (rank == 0) return tw_build_fail_shape(b, site, x, "a vector or matrix");
  } else if (is(site, "trace")) {
    if (rank < 2) return tw_build_fail_shape(b, site, x, "a matrix");
  } else if (!is_square(x)) {
    return tw_build_fail_shape(b, site, x, "a square matrix");
  }
  *out = tw_value_of(site->function->unary(tw_build_real(x->expr)));
  return true;
}

bool tw_function_solve(tw_builder *b, const tw_site *site, tw_value *out) {
  const tw_value *a = &site->value[0], *y = &site->value[1];
  if (!is_square(a)) return tw_build_fail_shape(b, site, a, "a square matrix A");
  tw_shape sa = tw_value_shape(a), sy = tw_value_shape(y);
  int64_t n = sa.dim[sa.rank - 1];
  char expected[64];
  snprintf(expected, sizeof expected, "a right-hand side with %lld rows", (long long)n);
  if (sy.rank == 0 || sy.dim[sy.rank > 1 ? sy.rank - 2 : 0] != n)
    return tw_build_fail_shape(b, site, y, expected);
  *out = tw_value_of(tw_linear_solve(tw_build_real(a->expr), tw_build_real(y->expr)));
  return true;
}
