/* Potentials of transport polytopes: K+ (r, s) and its derivatives; see transport.h. */
#include "domain/transport.h"

#include "domain/kinds.h"
#include "graph/ops/dense.h"

#include <math.h>
#include <string.h>

/* ------------------------------------------------------------------ parts of the graph */

static int64_t root_of(int64_t *part, int64_t i) {
  while (part[i] != i) i = part[i] = part[part[i]];
  return i;
}

void tw_transport_parts(int64_t m, int64_t n, const double *w, int64_t *part) {
  for (int64_t i = 0; i < m + n; i++) part[i] = i;
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) {
      if (!(w[i * n + j] > 0)) continue;
      const int64_t a = root_of(part, i), b = root_of(part, m + j);
      part[a > b ? a : b] = a > b ? b : a;
    }
  for (int64_t i = 0; i < m + n; i++) part[i] = root_of(part, i);
}

static double sign_of(int64_t m, int64_t i) {
  return i < m ? 1 : -1;
}

void tw_transport_range(int64_t m, int64_t n, const int64_t *part, double *sum, double *v) {
  double *count = sum + m + n;
  memset(sum, 0, (size_t)(2 * (m + n)) * sizeof *sum);
  for (int64_t i = 0; i < m + n; i++) sum[part[i]] += sign_of(m, i) * v[i], count[part[i]] += 1;
  for (int64_t i = 0; i < m + n; i++) v[i] -= sign_of(m, i) * sum[part[i]] / count[part[i]];
}

/* K + sum over parts of t u u', u the null vector of unit length, t the mean of K's diagonal there (1 where that is 0): positive
 * definite, the same on the range of K. Lower triangle. */
static void build(int64_t m, int64_t n, const double *w, const int64_t *part, double *k) {
  const int64_t order = m + n;
  memset(k, 0, (size_t)(order * order) * sizeof *k);
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) {
      const double v = w[i * n + j];
      k[i * order + i] += v;
      k[(m + j) * order + m + j] += v;
      k[(m + j) * order + i] = v;
    }
  for (int64_t first = 0; first < order; first++) {
    if (part[first] != first) continue;
    double count = 0, trace = 0;
    for (int64_t i = first; i < order; i++)
      if (part[i] == first) count += 1, trace += k[i * order + i];
    const double t = (trace > 0 ? trace / count : 1) / count;
    for (int64_t i = first; i < order; i++)
      for (int64_t j = first; j <= i && part[i] == first; j++)
        if (part[j] == first) k[i * order + j] += t * sign_of(m, i) * sign_of(m, j);
  }
}

bool tw_transport_solve(int64_t m, int64_t n, const double *w, double *rs, double *matrix, int64_t *part) {
  const int64_t order = m + n;
  tw_transport_parts(m, n, w, part);
  tw_transport_range(m, n, part, matrix, rs);
  build(m, n, w, part, matrix);
  if (tw_dense_cholesky(TW_F64, order, matrix, order) != 0) return false;
  for (int64_t i = 0; i < order; i++) { /* L v = rs, L' v = v */
    for (int64_t j = 0; j < i; j++) rs[i] -= matrix[i * order + j] * rs[j];
    rs[i] /= matrix[i * order + i];
  }
  for (int64_t i = order; i-- > 0;) {
    rs[i] /= matrix[i * order + i];
    for (int64_t j = 0; j < i; j++) rs[j] -= matrix[i * order + j] * rs[i];
  }
  tw_transport_range(m, n, part, matrix, rs);
  return true;
}

/* ------------------------------------------------------------------ the op: w [.., m, n], rs [.., m + n] */

static bool potentials_infer(const tw_args *args, tw_type *type) {
  *type = (tw_type){TW_F64, tw_shape_of(args->in[1])};
  return true;
}

static void extents(tw_expr w, int64_t *m, int64_t *n) {
  const tw_shape shape = tw_shape_of(w);
  *m = shape.dim[shape.rank - 2], *n = shape.dim[shape.rank - 1];
}

static size_t potentials_scratch(tw_expr node) {
  int64_t m, n;
  extents(tw_input_of(node, 0), &m, &n);
  const size_t order = (size_t)(m + n);
  return (order * order + 2 * order) * sizeof(double) + order * sizeof(int64_t);
}

static tw_status potentials_kernel(const tw_call *call) {
  int64_t m, n;
  extents(tw_input_of(call->node, 0), &m, &n);
  const int64_t order = m + n, count = order > 0 ? tw_size_of(call->node) / order : 0;
  double *matrix = call->scratch;
  for (int64_t k = 0; k < count; k++) {
    double *v = (double *)call->out + k * order;
    memcpy(v, (const double *)call->in[1] + k * order, (size_t)order * sizeof *v);
    if (!tw_transport_solve(m, n, (const double *)call->in[0] + k * m * n, v, matrix,
                            (int64_t *)(void *)(matrix + order * order + 2 * order)))
      for (int64_t i = 0; i < order; i++) v[i] = NAN;
  }
  return TW_OK;
}

tw_expr tw_transport_sums(tw_expr table) {
  if (tw_is_none(table)) return table;
  const int rank = tw_shape_of(table).rank;
  const tw_expr parts[2] = {tw_sum(table, 1u << (rank - 1), false), tw_sum(table, 1u << (rank - 2), false)};
  return tw_concat(2, parts, rank - 2);
}

tw_expr tw_transport_pairs(tw_expr v, int64_t m) {
  if (tw_is_none(v)) return v;
  const int last = tw_shape_of(v).rank - 1;
  const int64_t order = tw_shape_of(v).dim[last];
  return tw_add(tw_expand(tw_slice(v, last, 0, m, 1), -1), tw_expand(tw_slice(v, last, m, order - m, 1), last));
}

/* dv = K+ (drs - dK v), (dK v)_i = sum_j dW_ij (v_i + v_j). */
static tw_expr potentials_jvp(tw_expr node, const tw_expr *tangents) {
  const tw_expr w = tw_input_of(node, 0);
  int64_t m, n;
  extents(w, &m, &n);
  tw_expr right = tangents[1];
  if (!tw_is_none(tangents[0])) {
    const tw_expr moved = tw_transport_sums(tw_mul(tangents[0], tw_transport_pairs(node, m)));
    right = tw_is_none(right) ? tw_neg(moved) : tw_sub(right, moved);
  }
  return tw_is_none(right) ? right : tw_transport_potentials(w, right);
}

static void potentials_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  const tw_expr w = tw_input_of(node, 0), u = tw_transport_potentials(w, cotangent);
  int64_t m, n;
  extents(w, &m, &n);
  cotangents[0] = tw_neg(tw_mul(tw_transport_pairs(u, m), tw_transport_pairs(node, m)));
  cotangents[1] = u;
}

static double potentials_flops(tw_expr node) {
  int64_t m, n;
  extents(tw_input_of(node, 0), &m, &n);
  return (double)tw_size_of(node) * (double)(m + n) * (double)(m + n) / 3;
}

static const tw_op transport_potentials = {.name = "transport_potentials",
                                           .summary = "potentials of a weighted bipartite graph with given sums",
                                           .arity = 2,
                                           .infer = potentials_infer,
                                           .kernel = potentials_kernel,
                                           .scratch = potentials_scratch,
                                           .jvp = potentials_jvp,
                                           .vjp = potentials_vjp,
                                           .batch = tw_batch_leading,
                                           .flops = potentials_flops};

tw_expr tw_transport_potentials(tw_expr w, tw_expr rs) {
  if (tw_is_none(w) || tw_is_none(rs)) return TW_NONE;
  const tw_expr in[2] = {w, rs};
  return tw_node(w.graph, &transport_potentials, 2, in, NULL);
}
