/* Potentials of transport polytopes: K+ (r, s) and its derivatives; see transport.h. */
#include "domain/transport.h"

#include "domain/kinds.h"
#include "domain/transport_dense.h"
#include "graph/emit/emit.h"
#include "graph/emit/runtime/transport_solve.h"

double tw_transport_flops(int64_t m, int64_t n) {
  const double few = (double)(m < n ? m : n), many = (double)(m < n ? n : m);
  return few * few * (many + few / 3) + 8 * few * many;
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
  return rt_transport_potentials_room(m, n);
}

static tw_status potentials_kernel(const tw_call *call) {
  int64_t m, n;
  extents(tw_input_of(call->node, 0), &m, &n);
  const int64_t order = m + n, count = order > 0 ? tw_size_of(call->node) / order : 0;
  for (int64_t k = 0; k < count; k++)
    rt_transport_potentials(m, n, (const double *)call->in[0] + k * m * n, (const double *)call->in[1] + k * order,
                            (double *)call->out + k * order, call->scratch);
  return TW_OK;
}

static void potentials_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  int64_t m, n;
  extents(tw_input_of(node, 0), &m, &n);
  const long long rows = m, cols = n, order = m + n;
  const size_t room = tw_emit_work(e, potentials_scratch(node));
  tw_emit_line(e, "for (int64_t i = 0; i < %lld; i++)", (long long)tw_size_of(node) / order);
  tw_emit_line(e, "  rt_transport_potentials(%lld, %lld, %s + i * %lld, %s + i * %lld, %s + i * %lld, work + %zu);", rows, cols, in[0],
               rows * cols, in[1], order, out, order, room);
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
  return (double)tw_size_of(node) / (double)(m + n) * tw_transport_flops(m, n);
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
                                           .flops = potentials_flops,
                                           .emit = potentials_emit};

tw_expr tw_transport_potentials(tw_expr w, tw_expr rs) {
  if (tw_is_none(w) || tw_is_none(rs)) return TW_NONE;
  const tw_expr in[2] = {w, rs};
  return tw_node(w.graph, &transport_potentials, 2, in, NULL);
}
