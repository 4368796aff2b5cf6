/* Indices that step evenly: constant + slope i + multiples of scalars, as those of x[k+1] in a loop over k. */
#include "graph/ops/ops.h"
#include "graph/plan/planner.h"

/* Positions step by less than this, so that the last of a run, first + slope (n - 1), cannot wrap around to a place inside. */
#define SLOPE_MOST (INT64_C(1) << 30)

/* *sum += factor * term; false when it does not fit. */
static bool add_product(int64_t *sum, int64_t factor, int64_t term) {
  int64_t product;
  return !__builtin_mul_overflow(factor, term, &product) && !__builtin_add_overflow(*sum, product, sum);
}

static bool add_scaled(tw_affine *sum, const tw_affine *term, int64_t factor) {
  if (!add_product(&sum->constant, factor, term->constant) || !add_product(&sum->slope, factor, term->slope)) return false;
  for (int t = 0; t < term->n; t++) {
    int at = 0;
    while (at < sum->n && sum->scalar[at] != term->scalar[t]) at++;
    if (at == TW_PASS_TERMS) return false;
    if (at == sum->n) {
      sum->scalar[sum->n] = term->scalar[t];
      sum->coefficient[sum->n++] = 0;
    }
    if (!add_product(&sum->coefficient[at], factor, term->coefficient[t])) return false;
  }
  return true;
}

static bool affine(tw_graph *graph, int32_t id, int64_t n, int depth, tw_affine *out) {
  const tw_node_data *node = tw_node_at(graph, id);
  double c;
  *out = (tw_affine){0};
  if (node->type.dtype != TW_I64 || depth > 24) return false;
  if (tw_constant_value(tw_at(graph, id), &c)) {
    if (!(c >= -0x1p52 && c <= 0x1p52)) return false; /* beyond it a double may stand for another integer */
    out->constant = (int64_t)c;
    return true;
  }
  if (node->size == 1 && n > 1) {
    out->n = 1;
    out->scalar[0] = id;
    out->coefficient[0] = 1;
    return true;
  }
  if (node->op == &tw_op_iota) {
    out->slope = 1;
    return true;
  }
  tw_affine a, b;
  if (node->op == &tw_op_broadcast)
    return tw_node_at(graph, node->in[0])->size == 1 && affine(graph, node->in[0], n, depth + 1, out);
  if (node->op == &tw_op_reshape) return affine(graph, node->in[0], n, depth + 1, out);
  if (node->op == &tw_op_neg) return affine(graph, node->in[0], n, depth + 1, &a) && add_scaled(out, &a, -1);
  const bool binary = node->op == &tw_op_add || node->op == &tw_op_sub || node->op == &tw_op_mul;
  if (!binary) return false;
  for (int i = 0; i < 2; i++) { /* a partly repeated operand steps otherwise */
    const int64_t size = tw_node_at(graph, node->in[i])->size;
    if (size != n && size != 1) return false;
  }
  if (!affine(graph, node->in[0], n, depth + 1, &a) || !affine(graph, node->in[1], n, depth + 1, &b)) return false;
  if (node->op == &tw_op_add) return add_scaled(out, &a, 1) && add_scaled(out, &b, 1);
  if (node->op == &tw_op_sub) return add_scaled(out, &a, 1) && add_scaled(out, &b, -1);
  if (a.slope == 0 && a.n == 0) return add_scaled(out, &b, a.constant);
  return b.slope == 0 && b.n == 0 && add_scaled(out, &a, b.constant);
}

bool tw_affine_of(tw_graph *graph, int32_t index, int64_t n, tw_affine *out) {
  if (n <= 1 || n > INT32_MAX || tw_node_at(graph, index)->size != n || !affine(graph, index, n, 0, out)) return false;
  return out->slope > -SLOPE_MOST && out->slope < SLOPE_MOST;
}
