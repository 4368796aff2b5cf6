/* Functions that make, reshape and join arrays, and that ask for their extents. */
#include "model/builder.h"

#include <string.h>

static bool is(const tw_site *site, const char *name) {
  return strcmp(site->function->name, name) == 0;
}

/* A shape without a -1, of an allowed size. */
static bool check_shape(tw_builder *b, const tw_site *site) {
  for (int k = 0; k < site->shape.rank; k++)
    if (site->shape.dim[k] < 0)
      return tw_build_fail(b, tw_ast_place(site->node), TW_ERR_SHAPE,
                           "%s: an extent of -1, expected 0 or more", site->function->name);
  return tw_build_size(b, tw_ast_place(site->node), &site->shape);
}

static void name_axes(const tw_site *site, tw_value *out) {
  for (int k = 0; k < site->shape.rank; k++) out->axis[k] = site->axis[k];
}

bool tw_function_filled(tw_builder *b, const tw_site *site, tw_value *out) {
  if (!check_shape(b, site)) return false;
  *out = tw_value_of(tw_fill(b->graph, TW_F64, site->shape, is(site, "ones") ? 1 : 0));
  name_axes(site, out);
  return true;
}

bool tw_function_random(tw_builder *b, const tw_site *site, tw_value *out) {
  if (!check_shape(b, site)) return false;
  tw_expr key = tw_integer(b->graph, site->integer[0]);
  *out = tw_value_of(is(site, "normal") ? tw_normal(key, site->shape) : tw_uniform(key, site->shape));
  name_axes(site, out);
  return true;
}

bool tw_function_eye(tw_builder *b, const tw_site *site, tw_value *out) {
  int64_t rows = site->integer[0], cols = site->argument[1] ? site->integer[1] : rows;
  if (rows < 0 || cols < 0)
    return tw_build_fail(b, tw_ast_place(site->node), TW_ERR_SHAPE,
                         "eye: extents %lld and %lld, expected 0 or more", (long long)rows, (long long)cols);
  tw_shape shape = TW_SHAPE(rows, cols);
  if (!tw_build_size(b, tw_ast_place(site->node), &shape)) return false;
  *out = tw_value_of(tw_eye(b->graph, TW_F64, rows, cols));
  return true;
}

/* Fills in the one extent of -1; false when the sizes do not agree. */
static bool complete(tw_shape *shape, int64_t size) {
  int open = -1;
  int64_t known = 1;
  for (int k = 0; k < shape->rank; k++) {
    if (shape->dim[k] >= 0) {
      if (__builtin_mul_overflow(known, shape->dim[k], &known)) return false;
    } else if (open >= 0) {
      return false;
    } else {
      open = k;
    }
  }
  if (open < 0) return known == size;
  if (known == 0 || size % known != 0) return false;
  shape->dim[open] = size / known;
  return true;
}

bool tw_function_reshape(tw_builder *b, const tw_site *site, tw_value *out) {
  const tw_value *x = &site->value[0];
  tw_shape shape = site->shape, from = tw_value_shape(x);
  char wanted[TW_SHAPE_TEXT], expected[64];
  snprintf(expected, sizeof expected, "an array that fills %s", tw_shape_text(&shape, wanted));
  if (!complete(&shape, tw_shape_size(&from))) return tw_build_fail_shape(b, site, x, expected);
  *out = tw_value_of(tw_reshape(x->expr, shape));
  name_axes(site, out);
  return true;
}

bool tw_function_transpose(tw_builder *b, const tw_site *site, tw_value *out) {
  const tw_value *x = &site->value[0];
  int rank = tw_value_rank(x);
  *out = tw_value_of(rank > 1 ? tw_transpose(x->expr, NULL) : x->expr);
  for (int k = 0; k < rank; k++) out->axis[k] = x->axis[rank - 1 - k];
  return tw_build_check(b, tw_ast_place(site->node));
}

/* ------------------------------------------------------------------ concat and stack */

static bool agree(const tw_shape *a, const tw_shape *b, int except) {
  if (a->rank != b->rank) return false;
  for (int k = 0; k < a->rank; k++)
    if (k != except && a->dim[k] != b->dim[k]) return false;
  return true;
}

bool tw_function_join(tw_builder *b, const tw_site *site, tw_value *out) {
  bool stack = is(site, "stack");
  tw_shape first = tw_value_shape(&site->rest_value[0]);
  int axis = 0, rank = first.rank + stack;
  char t1[TW_SHAPE_TEXT], t2[TW_SHAPE_TEXT];
  if (rank == 0)
    return tw_build_fail_shape(b, site, &site->rest_value[0],
                               "arrays with at least one axis; stack joins numbers");
  if (site->argument[1] && !tw_build_axis_number(b, site, 1, rank, &axis)) return false;
  tw_expr *parts = tw_build_alloc(b, (size_t)site->n_rest, sizeof *parts);
  if (!parts) return false;
  for (int k = 0; k < site->n_rest; k++) {
    tw_shape shape = tw_value_shape(&site->rest_value[k]);
    if (!agree(&first, &shape, stack ? -1 : axis))
      return tw_build_fail(b, tw_build_begin(site->rest[k]), TW_ERR_SHAPE,
                           "%s: shapes %s and %s do not fit, expected %s", site->function->name,
                           tw_shape_text(&first, t1), tw_shape_text(&shape, t2),
                           stack ? "equal shapes" : "equal extents beside the joined axis");
    parts[k] = site->rest_value[k].expr;
  }
  *out = tw_value_of(stack ? tw_stack(site->n_rest, parts, axis) : tw_concat(site->n_rest, parts, axis));
  return true;
}

/* ------------------------------------------------------------------ extents */

bool tw_function_extent(tw_builder *b, const tw_site *site, tw_value *out) {
  const tw_value *x = &site->value[0];
  tw_shape shape = tw_value_shape(x);
  int axis = is(site, "cols") ? 1 : 0;
  bool all = is(site, "size") && !site->argument[1];
  if (is(site, "size") && !all && !tw_build_axis_number(b, site, 1, shape.rank, &axis)) return false;
  if (!all && axis >= shape.rank)
    return tw_build_fail_shape(b, site, x, axis == 0 ? "at least one axis" : "at least two axes");
  int64_t extent = all ? tw_shape_size(&shape) : shape.dim[axis];
  *out = tw_value_of(tw_integer(b->graph, extent));
  out->affine = tw_affine_constant(b->arena, extent);
  return true;
}
