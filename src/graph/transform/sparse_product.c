/* Elements of products of matrices. Rows of a matrix that is known and has few entries different from zero
 * are read at these alone: with q_1(k) .. q_p(k) their columns and a_1(k) .. a_p(k) their values, element k
 * is the sum of a_r(k) z[q_r(k)]. Rows with fewer entries repeat one of theirs with the value 0. */
#include "graph/transform/sparse.h"

#include <stdlib.h>
#include <string.h>

typedef struct rows { /* the known factor of every term of every iteration */
  tw_sparse *s;
  tw_expr node;
  int varying; /* the other operand */
  int64_t n, fan;
  double *value;       /* n x fan */
  int64_t most, least; /* entries of a row */
} rows;

static tw_expr element_of(rows *r, const tw_frame *frame, int operand, const tw_table *at,
                          const tw_table *q) {
  return tw_element(r->s, frame, tw_input_of(r->node, operand),
                    tw_place_factor(r->s, r->node, operand, at, q));
}

/* Every term written out. */
static tw_expr sum_of_all(rows *r, const tw_frame *frame, const tw_table *at) {
  tw_expr sum = TW_NONE;
  for (int64_t q = 0; q < r->fan; q++) {
    const tw_table *column = tw_table_constant(r->s, at->n, q);
    tw_expr a = element_of(r, frame, 0, at, column),
            b = tw_is_none(a) ? a : element_of(r, frame, 1, at, column);
    if (tw_is_none(b)) return TW_NONE;
    sum = q == 0 ? tw_mul(a, b) : tw_add(sum, tw_mul(a, b));
  }
  return sum;
}

static bool find_values(rows *r, const tw_frame *frame, const tw_table *at) {
  tw_sparse *s = r->s;
  const tw_table *owner = tw_place_repeat(s, r->n, r->fan), *q = tw_place_digit(s, r->n, r->fan);
  if (!owner) return false;
  const tw_table *wide = tw_table_compose(s, at, owner);
  r->value =
      tw_sparse_values(s, element_of(r, tw_frame_rebase(s, frame, owner), 1 - r->varying, wide, q), owner->n);
  r->least = r->fan;
  for (int64_t k = 0; r->value && k < r->n; k++) {
    int64_t count = 0;
    for (int64_t c = 0; c < r->fan; c++) count += r->value[k * r->fan + c] != 0;
    r->most = count > r->most ? count : r->most;
    r->least = count < r->least ? count : r->least;
  }
  return r->value != NULL;
}

/* Rows without entries are a case of their own. */
static const tw_table *rows_with_entries(const rows *r) {
  int64_t *label = tw_table_buffer(r->s, r->n);
  for (int64_t k = 0; label && k < r->n; k++) {
    label[k] = 0;
    for (int64_t c = 0; c < r->fan; c++) label[k] |= r->value[k * r->fan + c] != 0;
  }
  return tw_table_own(r->s, r->n, label);
}

/* The columns and values of entry number `which` of every row; a row that has no such entry repeats its last
 * one with the value 0. */
static tw_expr term(const rows *r, const tw_frame *frame, const tw_table *at, int64_t which) {
  tw_sparse *s = r->s;
  int64_t *column = tw_table_buffer(s, r->n);
  double *value = tw_alloc((size_t)r->n, sizeof *value);
  for (int64_t k = 0; column && value && k < r->n; k++) {
    const double *row = r->value + k * r->fan;
    int64_t seen = 0;
    for (int64_t c = 0; c < r->fan && seen <= which; c++) {
      if (row[c] == 0) continue;
      column[k] = c;
      value[k] = seen++ == which ? row[c] : 0;
    }
  }
  tw_expr a = TW_NONE, z = TW_NONE;
  if (value) {
    tw_array view = tw_array_f64(value, TW_SHAPE(r->n));
    tw_expr k = tw_sparse_k(s, r->n), all = tw_constant(s->graph, &view);
    double same;
    a = tw_constant_value(all, &same) ? tw_scalar(s->graph, same) : tw_take(all, 1, &k);
    z = element_of(&(rows){.s = s, .node = r->node}, frame, r->varying, at, tw_table_own(s, r->n, column));
  } else {
    tw_graph_fail(s->graph, TW_ERR_MEMORY, "out of memory looking for sparsity");
    free(column);
  }
  free(value);
  return tw_is_none(z) ? z : tw_mul(tw_cast(a, tw_dtype_of(z)), z);
}

static tw_expr sum_of_entries(rows *r, const tw_frame *frame, const tw_table *at) {
  if (r->most == 0) return tw_fill(r->s->graph, tw_dtype_of(r->node), TW_SCALAR, 0);
  if (r->least == 0) {
    r->s->split = rows_with_entries(r);
    return TW_NONE;
  }
  tw_expr sum = TW_NONE;
  for (int64_t i = 0; i < r->most; i++) {
    tw_expr one = term(r, frame, at, i);
    if (tw_is_none(one)) return TW_NONE;
    sum = i == 0 ? one : tw_add(sum, one);
  }
  return sum;
}

tw_expr tw_element_of_product(tw_sparse *s, const tw_frame *frame, tw_expr node, const tw_table *at,
                              int64_t most) {
  rows r = {.s = s, .node = node, .n = at->n, .fan = tw_place_fan(node)};
  bool varies[2] = {tw_frame_depends(frame, tw_input_of(node, 0)),
                    tw_frame_depends(frame, tw_input_of(node, 1))};
  r.varying = varies[0] ? 0 : 1;
  tw_expr e = TW_NONE;
  if (!(varies[0] && varies[1]) && find_values(&r, frame, at) && r.least < r.fan)
    e = r.most <= most ? sum_of_entries(&r, frame, at) : TW_NONE;
  else if (r.fan <= most)
    e = sum_of_all(&r, frame, at);
  free(r.value);
  return e;
}
