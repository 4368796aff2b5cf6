/* Polyhedra {l <= A x <= u}: the rows that hold the nearest point, by the dual active-set method of Goldfarb & Idnani (1983) for
 * min |z - x|^2 / 2. The nearest point itself is the one on these rows, as an expression of x, A, l and u:
 *
 *   z = x - A_W+ (A_W x - b_W) */
#include "domain/kinds.h"
#include "domain/spectral.h"
#include "graph/ops/build.h"

#include <float.h>
#include <math.h>
#include <string.h>

static const double FEASIBLE = 1e-12, DEPENDENT = 1e-12, CROSSING = 1e-5; /* limits of an equality may cross by rounding */

/* One point under way. q rows are held: normals N (with the sign of their side), N = Q' R with orthonormal rows of Q. */
typedef struct search {
  int64_t m, n, q;
  const double *x, *a, *l, *u;
  double *z, *basis, *r, *y, *along, *coefficient, *direction, *norm; /* n, n n, n n, n, n, n, n, m */
  int64_t *held;                                                      /* n */
  double *side;                                                       /* m: -1, 0, 1 */
} search;

static size_t scratch_numbers(int64_t m, int64_t n) {
  return (size_t)(2 * n * n + 5 * n + m);
}

static search search_make(int64_t m, int64_t n, void *scratch) {
  double *at = scratch;
  search s = {.m = m, .n = n, .z = at, .basis = at + n};
  s.r = (at += n + n * n), s.y = (at += n * n), s.along = (at += n), s.coefficient = (at += n), s.direction = (at += n);
  s.norm = (at += n);
  s.held = (int64_t *)(void *)(at + m);
  return s;
}

static double dot(int64_t n, const double *x, const double *y) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += x[i] * y[i];
  return sum;
}

/* ------------------------------------------------------------------ the held rows */

/* along = Q n and direction = n - Q'Q n for n = sign a_row; twice, for orthogonality. Returns |direction| / |n|, 0 for a dependent row. */
static double split(search *s, int64_t row, double sign) {
  const int64_t n = s->n, q = s->q;
  double *along = s->along;
  for (int64_t i = 0; i < n; i++) s->direction[i] = sign * s->a[row * n + i];
  for (int64_t k = 0; k < q; k++) along[k] = 0;
  for (int turn = 0; turn < 2; turn++)
    for (int64_t k = 0; k < q; k++) {
      const double part = dot(n, s->basis + k * n, s->direction);
      along[k] += part;
      for (int64_t i = 0; i < n; i++) s->direction[i] -= part * s->basis[k * n + i];
    }
  const double left = sqrt(dot(n, s->direction, s->direction)) / s->norm[row];
  return left > DEPENDENT ? left : 0;
}

static void hold(search *s, int64_t row, double y) { /* after split */
  const int64_t n = s->n, q = s->q;
  const double length = sqrt(dot(n, s->direction, s->direction));
  for (int64_t k = 0; k < q; k++) s->r[k * n + q] = s->along[k];
  s->r[q * n + q] = length;
  for (int64_t i = 0; i < n; i++) s->basis[q * n + i] = s->direction[i] / length;
  s->held[q] = row, s->y[q] = y, s->q++;
}

static void solve_triangle(search *s) { /* coefficient = R^-1 along */
  memcpy(s->coefficient, s->along, (size_t)s->q * sizeof(double));
  for (int64_t k = s->q; k-- > 0;) {
    for (int64_t j = k + 1; j < s->q; j++) s->coefficient[k] -= s->r[k * s->n + j] * s->coefficient[j];
    s->coefficient[k] /= s->r[k * s->n + k];
  }
}

/* Lets go of the row at place k; the rows after it are taken in again. */
static void let_go(search *s, int64_t k) {
  const int64_t q = s->q;
  s->side[s->held[k]] = 0;
  s->q = k;
  for (int64_t j = k + 1; j < q; j++) {
    const int64_t row = s->held[j];
    const double y = s->y[j];
    split(s, row, s->side[row]);
    hold(s, row, y);
  }
}

/* ------------------------------------------------------------------ steps */

/* How far row i is violated, with the sign of the side that holds it; rows over their length. */
static double violation(const search *s, int64_t i) {
  if (s->norm[i] == 0) return 0 < s->l[i] ? -INFINITY : 0 > s->u[i] ? INFINITY : 0;
  const double v = dot(s->n, s->a + i * s->n, s->z), over = v - s->u[i], under = s->l[i] - v;
  return over > 0 ? over / s->norm[i] : under > 0 ? -under / s->norm[i] : 0;
}

static double size_of(const search *s, int64_t i) {
  const double b = fmax(isfinite(s->l[i]) ? fabs(s->l[i]) : 0, isfinite(s->u[i]) ? fabs(s->u[i]) : 0);
  double most = b / s->norm[i];
  for (int64_t k = 0; k < s->n; k++) most = fmax(most, fmax(fabs(s->z[k]), fabs(s->x[k])));
  return 1 + most;
}

/* The most violated row, equalities before others; -1: none is. */
static int64_t most_violated(const search *s) {
  int64_t worst = -1;
  double most = 0;
  for (int64_t i = 0; i < s->m; i++) {
    if (s->side[i] != 0) continue;
    const double v = fabs(violation(s, i));
    if (v == 0 || (s->norm[i] > 0 && v <= FEASIBLE * size_of(s, i))) continue;
    if (worst >= 0 && v <= most) continue;
    most = v, worst = i;
  }
  return worst;
}

/* The held inequality whose multiplier reaches 0 first when multipliers move along -coefficient. */
static int64_t first_to_go(const search *s, double *t) {
  int64_t first = -1;
  *t = INFINITY;
  for (int64_t k = 0; k < s->q; k++) {
    const int64_t row = s->held[k];
    if (s->l[row] == s->u[row] || !(s->coefficient[k] > 0)) continue;
    const double at = fmax(s->y[k], 0) / s->coefficient[k];
    if (at < *t) *t = at, first = k;
  }
  return first;
}

/* Row p, violated on the side `sign`, is brought to hold; false: no point satisfies it and the held rows. z moves along -direction, the
 * multipliers of the held rows along -R^-1 Q n; those that reach 0 are let go. */
static bool bring_in(search *s, int64_t p, double sign) {
  double y = 0;
  for (;;) {
    const double left = split(s, p, sign), over = sign * (dot(s->n, s->a + p * s->n, s->z) - (sign > 0 ? s->u[p] : s->l[p]));
    const double whole = left > 0 ? over / dot(s->n, s->direction, s->direction) : INFINITY;
    double part;
    solve_triangle(s);
    const int64_t go = first_to_go(s, &part);
    const double t = fmin(part, whole);
    if (!(t < INFINITY)) return false;
    for (int64_t k = 0; k < s->q; k++) s->y[k] -= t * s->coefficient[k];
    for (int64_t i = 0; left > 0 && i < s->n; i++) s->z[i] -= t * s->direction[i];
    y += t;
    if (whole <= part) break;
    let_go(s, go); /* fewer rows are held: this ends */
  }
  s->side[p] = sign;
  hold(s, p, y);
  return true;
}

static tw_status find_sides(search *s, tw_error *error) {
  const int64_t limit = 100 * (s->m + s->n + 1);
  memcpy(s->z, s->x, (size_t)s->n * sizeof *s->z);
  for (int64_t i = 0; i < s->m; i++)
    if (!(s->l[i] - s->u[i] <= CROSSING * fmax(1, fabs(s->u[i]))))
      return tw_fail(error, TW_ERR_INFEASIBLE, "polyhedron: the limits of row %lld cross: %g and %g", (long long)i, s->l[i], s->u[i]);
  for (int64_t i = 0; i < s->m; i++) s->side[i] = 0, s->norm[i] = sqrt(dot(s->n, s->a + i * s->n, s->a + i * s->n));
  for (int64_t k = 0; k < limit; k++) {
    const int64_t p = most_violated(s);
    if (p < 0) return TW_OK;
    if (s->norm[p] == 0 || !bring_in(s, p, violation(s, p) > 0 ? 1 : -1))
      return tw_fail(error, TW_ERR_INFEASIBLE, "polyhedron: no point satisfies row %lld together with others", (long long)p);
  }
  return tw_fail(error, TW_ERR_NUMERIC, "polyhedron: the rows that hold are not found in %lld steps", (long long)limit);
}

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
  return scratch_numbers(m, n) * sizeof(double) + (size_t)n * sizeof(int64_t);
}

static bool known(int64_t n, const double *x) {
  for (int64_t i = 0; i < n; i++)
    if (!isfinite(x[i])) return false;
  return true;
}

static tw_status sides_kernel(const tw_call *call) {
  int64_t m, n;
  extents(tw_input_of(call->node, 1), &m, &n);
  search s = search_make(m, n, call->scratch);
  for (int64_t k = 0; k * m < tw_size_of(call->node); k++) {
    s.x = (const double *)call->in[0] + k * n, s.a = (const double *)call->in[1] + k * m * n;
    s.l = (const double *)call->in[2] + k * m, s.u = (const double *)call->in[3] + k * m;
    s.side = (double *)call->out + k * m, s.q = 0;
    if (!known(m * n, s.a)) return tw_fail(call->error, TW_ERR_NUMERIC, "polyhedron: A holds NaN or infinity");
    for (int64_t i = 0; i < m; i++) s.side[i] = 0;
    const tw_status status = known(n, s.x) ? find_sides(&s, call->error) : TW_OK; /* NaN passes on */
    if (status != TW_OK) return status;
  }
  return TW_OK;
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
                                       .flops = sides_flops};

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
