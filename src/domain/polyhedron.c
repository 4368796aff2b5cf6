/* Polyhedra {l <= A x <= u}: an op finds the rows that hold the nearest point (Goldfarb & Idnani, 1983). The nearest point itself is the
 * one on these rows, as an expression of x, A, l and u:
 *
 *   z = x - A_W+ (A_W x - b_W) */
#include "domain/kinds.h"
#include "domain/spectral.h"
#include "graph/emit/emit.h"
#include "graph/emit/runtime/polyhedron.h"
#include "graph/ops/build.h"

/* ------------------------------------------------------------------ the op: x [.., n], A [.., m, n], l, u [.., m] -> sides [.., m] */

static bool sides_infer(const tw_args *args, tw_type *type) {
  *type = (tw_type){TW_F64, tw_shape_of(args->in[2])};
  return true;
}

static void extents(tw_expr a, int64_t *m, int64_t *n) {
  const tw_shape shape = tw_shape_of(a);
  *m = shape.dim[shape.rank - 2], *n = shape.dim[shape.rank - 1];
}

static size_t sides_scratch(tw_expr node) {
  int64_t m, n;
  extents(tw_input_of(node, 1), &m, &n);
  return ((size_t)(n + m) + rt_active_room(n)) * sizeof(double);
}

static tw_status sides_kernel(const tw_call *call) {
  int64_t m, n, row;
  extents(tw_input_of(call->node, 1), &m, &n);
  for (int64_t k = 0; k * m < tw_size_of(call->node); k++) {
    const double *l = (const double *)call->in[2] + k * m, *u = (const double *)call->in[3] + k * m;
    switch (rt_polyhedron_sides(m, n, (const double *)call->in[0] + k * n, (const double *)call->in[1] + k * m * n, l, u,
                                (double *)call->out + k * m, call->scratch, &row)) {
    case 1:
      return tw_fail(call->error, TW_ERR_INFEASIBLE, "polyhedron: the limits of row %lld cross: %g and %g", (long long)row, l[row], u[row]);
    case 2:
      return tw_fail(call->error, TW_ERR_INFEASIBLE, "polyhedron: no point satisfies row %lld together with others", (long long)row);
    case 3:
      return tw_fail(call->error, TW_ERR_NUMERIC, "polyhedron: the rows that hold are not found");
    case 4:
      return tw_fail(call->error, TW_ERR_NUMERIC, "polyhedron: A holds NaN or infinity");
    default:
      break;
    }
  }
  return TW_OK;
}

static void sides_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  int64_t m, n;
  extents(tw_input_of(node, 1), &m, &n);
  const long long rows = m, cols = n;
  const size_t room = tw_emit_work(e, sides_scratch(node));
  tw_emit_open(e, "for (int64_t i = 0; i < %lld; i++)", (long long)tw_size_of(node) / rows);
  tw_emit_line(e, "int64_t row;");
  tw_emit_fail_if(e,
                  "rt_polyhedron_sides(%lld, %lld, %s + i * %lld, %s + i * %lld, %s + i * %lld, %s + i * %lld, %s + i * %lld, "
                  "work + %zu, &row)",
                  rows, cols, in[0], cols, in[1], rows * cols, in[2], rows, in[3], rows, out, rows, room);
  tw_emit_close(e);
}

/* Sides are constant around almost every point. */
static tw_expr sides_jvp(tw_expr node, const tw_expr *tangents) {
  (void)node, (void)tangents;
  return TW_NONE;
}

static void sides_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  (void)node, (void)cotangent, (void)cotangents;
}

static double sides_flops(tw_expr node) {
  int64_t m, n;
  extents(tw_input_of(node, 1), &m, &n);
  return (double)tw_size_of(node) * (double)n * (double)(m + n) * 4;
}

static const tw_op polyhedron_sides = {.name = "polyhedron_sides",
                                       .summary = "the rows of l <= A x <= u that hold the nearest point: -1 lower, 1 upper, 0 none",
                                       .arity = 4,
                                       .infer = sides_infer,
                                       .kernel = sides_kernel,
                                       .scratch = sides_scratch,
                                       .jvp = sides_jvp,
                                       .vjp = sides_vjp,
                                       .batch = tw_batch_leading,
                                       .flops = sides_flops,
                                       .emit = sides_emit};

/* ------------------------------------------------------------------ the set */

static tw_shape with_rows(tw_shape shape, int64_t m) {
  shape.dim[shape.rank - 1] = m;
  return shape;
}

static bool polyhedron_check(tw_graph *graph, tw_shape shape, int n, tw_expr *params) {
  (void)n;
  if (!tw_check_rank(graph, "polyhedron", shape, 1)) return false;
  const tw_shape matrix = tw_shape_of(params[0]);
  if (matrix.rank != 2 || matrix.dim[1] != shape.dim[shape.rank - 1] || matrix.dim[0] == 0) {
    char text[TW_SHAPE_TEXT];
    tw_graph_fail(graph, TW_ERR_SHAPE, "polyhedron: A has shape %s, expected [m, %lld] with m at least 1", tw_shape_text(&matrix, text),
                  (long long)shape.dim[shape.rank - 1]);
    return false;
  }
  const tw_shape rows = with_rows(shape, matrix.dim[0]);
  return tw_check_fits(graph, "polyhedron", "l", params[1], rows) && tw_check_fits(graph, "polyhedron", "u", params[2], rows) &&
         tw_check_ordered(graph, "polyhedron", params[1], params[2], rows);
}

static tw_expr polyhedron_project(tw_expr x, const tw_expr *params) {
  if (tw_is_none(x) || tw_is_none(params[0]) || tw_is_none(params[1]) || tw_is_none(params[2])) return TW_NONE;
  const tw_shape shape = tw_shape_of(x);
  const int64_t m = tw_shape_of(params[0]).dim[0], n = shape.dim[shape.rank - 1];
  const tw_shape rows = with_rows(shape, m), matrices = tw_shape_insert(rows, shape.rank, n);
  const tw_expr a = tw_broadcast(params[0], matrices), l = tw_broadcast(params[1], rows), u = tw_broadcast(params[2], rows);
  const tw_expr in[4] = {x, a, l, u}, side = tw_node(x.graph, &polyhedron_sides, 4, in, NULL);
  if (tw_is_none(side)) return side;
  const tw_expr zero = tw_scalar(x.graph, 0), held = tw_abs(side);
  const tw_expr b = tw_add(tw_where(tw_gt(side, zero), u, zero), tw_where(tw_lt(side, zero), l, zero));
  const tw_expr aw = tw_mul(a, tw_expand(held, -1)), over = tw_sub(tw_matmul(aw, tw_expand(x, -1)), tw_expand(b, -1));
  return tw_sub(x, tw_squeeze(tw_matmul(tw_pseudo_inverse(aw), over), -1));
}

const tw_domain_kind tw_domain_polyhedron = {.name = "polyhedron",
                                             .summary = "l <= A @ x <= u, each row",
                                             .params = "A, l, u",
                                             .min_params = 3,
                                             .max_params = 3,
                                             .convex = true,
                                             .polyhedral = true,
                                             .check = polyhedron_check,
                                             .project = polyhedron_project};
