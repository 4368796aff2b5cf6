/* Atoms: convex and concave functions as cones. Of a node e with operand(s) u, t is a new unknown with t >= e (t <= e where e is
 * concave), which any use that respects the composition rules presses against e. */
#include "graph/ops/reduce.h"
#include "problem/conic.h"

#include <math.h>
#include <stdlib.h>

enum { ARGUMENTS = 2, ATOMS_MOST = 20000 };

typedef struct atom {
  tw_expr (*build)(tw_conic_build *b, const struct atom *atom); /* what stands for e; NULL: e is linear in its operands */
  tw_expr e;
  int n;
  tw_expr arg[ARGUMENTS]; /* the expressions whose images it is built from; with `build` NULL unused */
  double power;
} atom;

static tw_expr scalar(const tw_conic_build *b, double value) {
  return tw_scalar(b->graph, value);
}

static tw_expr unknown_like(tw_conic_build *b, tw_expr e) {
  return tw_conic_unknown(b, tw_shape_of(e));
}

static void nonneg(tw_conic_build *b, tw_expr rows) {
  tw_conic_add(b, TW_CONE_NONNEG, 0, 0, rows);
}

/* y exp(x / y) <= z */
static void exponential(tw_conic_build *b, tw_expr x, tw_expr y, tw_expr z) {
  tw_conic_add_each(b, TW_CONE_EXP, 0, 3, (tw_expr[]){x, y, z});
}

/* x^a y^(1-a) >= |z| */
static void power(tw_conic_build *b, double a, tw_expr x, tw_expr y, tw_expr z) {
  tw_conic_add_each(b, TW_CONE_POWER, a, 3, (tw_expr[]){x, y, z});
}

/* x y >= z^2, x, y >= 0:  |(x - y, 2z)| <= x + y */
static void product(tw_conic_build *b, tw_expr x, tw_expr y, tw_expr z) {
  tw_conic_add_each(b, TW_CONE_SECOND_ORDER, 0, 3, (tw_expr[]){tw_add(x, y), tw_sub(x, y), tw_scale(z, 2)});
}

/* ------------------------------------------------------------------ piecewise linear */

static tw_expr build_abs(tw_conic_build *b, const atom *a) {
  const tw_expr u = tw_conic_image(b, a->arg[0]), t = unknown_like(b, a->e);
  nonneg(b, tw_sub(t, u));
  nonneg(b, tw_add(t, u));
  return t;
}

static tw_expr build_relu(tw_conic_build *b, const atom *a) {
  const tw_expr u = tw_conic_image(b, a->arg[0]), t = unknown_like(b, a->e);
  nonneg(b, t);
  nonneg(b, tw_sub(t, u));
  return t;
}

static tw_expr build_extremum(tw_conic_build *b, const atom *a) {
  const tw_expr t = unknown_like(b, a->e);
  const bool max = tw_op_of(a->e) == &tw_op_maximum;
  for (int i = 0; i < 2; i++) {
    const tw_expr u = tw_conic_image(b, a->arg[i]);
    nonneg(b, max ? tw_sub(t, u) : tw_sub(u, t));
  }
  return t;
}

static tw_expr build_reduced_extremum(tw_conic_build *b, const atom *a) {
  const tw_expr u = tw_conic_image(b, a->arg[0]), t = unknown_like(b, a->e), all = tw_reduce_restore(a->e, t);
  nonneg(b, tw_op_of(a->e) == &tw_op_reduce_max ? tw_sub(all, u) : tw_sub(u, all));
  return t;
}

/* ------------------------------------------------------------------ second order */

/* Elements of u that one reduced element sees, as rows of a matrix. */
static tw_expr reduced_rows(tw_expr e, tw_expr u) {
  const tw_extents x = tw_reduce_extents(e);
  const tw_expr cube = tw_reshape(u, TW_SHAPE(x.outer, x.middle, x.inner));
  return tw_reshape(tw_transpose(cube, (int[]){0, 2, 1}), TW_SHAPE(x.outer * x.inner, x.middle));
}

static tw_expr build_norm(tw_conic_build *b, const atom *a) {
  const tw_expr u = tw_conic_image(b, a->arg[0]), t = unknown_like(b, a->e), rows = reduced_rows(a->e, u);
  if (tw_is_none(rows)) return rows;
  const tw_expr both[2] = {tw_reshape(t, TW_SHAPE(tw_size_of(t), 1)), rows};
  tw_conic_add(b, TW_CONE_SECOND_ORDER, 1 + tw_shape_of(rows).dim[1], 0, tw_concat(2, both, 1));
  return t;
}

static tw_expr build_square(tw_conic_build *b, const atom *a) {
  const tw_expr u = tw_conic_image(b, a->arg[0]), t = unknown_like(b, a->e);
  product(b, t, scalar(b, 1), u);
  return t;
}

static tw_expr build_inner_product(tw_conic_build *b, const atom *a) {
  const tw_expr t = unknown_like(b, a->e);
  tw_conic_add_squares(b, t, tw_conic_image(b, a->arg[0]));
  return t;
}

static tw_expr build_sqrt(tw_conic_build *b, const atom *a) {
  const tw_expr u = tw_conic_image(b, a->arg[0]), t = unknown_like(b, a->e);
  product(b, u, scalar(b, 1), t);
  return t;
}

/* 1/u, u > 0: t u >= 1. Below 0, where it is concave: (-t) (-u) >= 1. */
static tw_expr build_reciprocal(tw_conic_build *b, const atom *a) {
  const tw_expr u = tw_conic_image(b, a->arg[0]), t = unknown_like(b, a->e);
  const bool convex = tw_fact_of(&b->facts, a->e).curvature == TW_CURV_CONVEX;
  product(b, convex ? t : tw_neg(t), convex ? u : tw_neg(u), scalar(b, 1));
  return t;
}

/* u^2 / v, element-wise, or sum u^2 / v. */
static tw_expr build_ratio(tw_conic_build *b, const atom *a) {
  const tw_expr u = tw_conic_image(b, a->arg[0]), v = tw_conic_image(b, a->arg[1]), t = unknown_like(b, a->e);
  if (tw_op_of(tw_input_of(a->e, 0)) == &tw_op_square) {
    product(b, t, v, u);
    return t;
  }
  const tw_expr s = tw_reshape(t, TW_SHAPE(1)), w = tw_reshape(v, TW_SHAPE(1));
  const tw_expr rows[3] = {tw_add(s, w), tw_sub(s, w), tw_scale(tw_ravel(u), 2)};
  tw_conic_add(b, TW_CONE_SECOND_ORDER, 0, 0, tw_concat(3, rows, 0));
  return t;
}

/* ------------------------------------------------------------------ exponentials */

static tw_expr build_exp(tw_conic_build *b, const atom *a) {
  const tw_expr u = tw_conic_image(b, a->arg[0]), t = unknown_like(b, a->e), one = scalar(b, 1);
  exponential(b, u, one, tw_op_of(a->e) == &tw_op_expm1 ? tw_add(t, one) : t);
  return t;
}

/* c^u = exp(u log c) */
static tw_expr build_exp_of_base(tw_conic_build *b, const atom *a) {
  const tw_expr u = tw_conic_image(b, a->arg[0]), t = unknown_like(b, a->e);
  exponential(b, tw_scale(u, log(a->power)), scalar(b, 1), t);
  return t;
}

static tw_expr build_log(tw_conic_build *b, const atom *a) {
  const tw_expr u = tw_conic_image(b, a->arg[0]), t = unknown_like(b, a->e), one = scalar(b, 1);
  exponential(b, t, one, tw_op_of(a->e) == &tw_op_log1p ? tw_add(u, one) : u);
  return t;
}

/* log(1 + e^u) <= t:  exp(u - t) + exp(-t) <= 1 */
static tw_expr build_softplus(tw_conic_build *b, const atom *a) {
  const tw_expr u = tw_conic_image(b, a->arg[0]), t = unknown_like(b, a->e), one = scalar(b, 1);
  const tw_expr p = unknown_like(b, a->e), q = unknown_like(b, a->e);
  exponential(b, tw_sub(u, t), one, p);
  exponential(b, tw_neg(t), one, q);
  nonneg(b, tw_sub(one, tw_add(p, q)));
  return t;
}

static tw_expr build_cosh(tw_conic_build *b, const atom *a) {
  const tw_expr u = tw_conic_image(b, a->arg[0]), t = unknown_like(b, a->e), one = scalar(b, 1);
  const tw_expr p = unknown_like(b, a->e), q = unknown_like(b, a->e);
  exponential(b, u, one, p);
  exponential(b, tw_neg(u), one, q);
  nonneg(b, tw_sub(tw_scale(t, 2), tw_add(p, q)));
  return t;
}

/* log sum exp u <= t:  sum exp(u - t) <= 1 */
static tw_expr build_logsumexp(tw_conic_build *b, const atom *a) {
  const tw_expr u = tw_conic_image(b, a->arg[0]), t = unknown_like(b, a->e), one = scalar(b, 1);
  const tw_expr p = unknown_like(b, a->arg[0]);
  exponential(b, tw_sub(u, tw_reduce_restore(a->e, t)), one, p);
  nonneg(b, tw_sub(one, tw_reduce_node(&tw_op_sum, p, tw_reduce_axes(a->e))));
  return t;
}

/* u log(u / v) <= t:  u exp(-t / u) <= v;  v = 1: u log u */
static tw_expr build_entropy(tw_conic_build *b, const atom *a) {
  const tw_expr u = tw_conic_image(b, a->arg[0]), t = unknown_like(b, a->e);
  const tw_expr v = a->n == 2 ? tw_conic_image(b, a->arg[1]) : scalar(b, 1);
  exponential(b, tw_neg(t), u, v);
  return t;
}

/* ------------------------------------------------------------------ powers: u^p */

/* u is never negative by the rules, and so are bounds of it from above, or p is even. */
static tw_expr build_power(tw_conic_build *b, const atom *a) {
  const tw_expr u = tw_conic_image(b, a->arg[0]), t = unknown_like(b, a->e), one = scalar(b, 1);
  const double p = a->power;
  if (p == 2)
    product(b, t, one, u);
  else if (p > 1) /* t^(1/p) >= |u| */
    power(b, 1 / p, t, one, u);
  else if (p > 0) /* u^p >= |t| */
    power(b, p, u, one, t);
  else /* t^(1/(1-p)) u^(-p/(1-p)) >= 1 */
    power(b, 1 / (1 - p), t, u, one);
  return t;
}

/* ------------------------------------------------------------------ matrices */

static tw_expr build_log_det(tw_conic_build *b, const atom *a) {
  return tw_conic_log_det(b, tw_conic_image(b, a->arg[0]));
}

static tw_expr build_eigenvalue(tw_conic_build *b, const atom *a) {
  return tw_conic_extreme_eigenvalue(b, tw_conic_image(b, a->arg[0]), tw_op_of(a->e) == &tw_op_reduce_max);
}

/* ------------------------------------------------------------------ regularizers */

static tw_expr build_regularizer(tw_conic_build *b, const atom *a) {
  tw_expr x, param[TW_REGULARIZER_PARAMS];
  const tw_regularizer_kind *kind = tw_regularizer_of(a->e, &x, param);
  if (kind == tw_regularizer_find("nuclear")) return tw_conic_nuclear(b, tw_conic_image(b, x));
  if (kind == tw_regularizer_find("group_l2")) return tw_conic_group_norms(b, tw_conic_image(b, x), param[0]);
  return tw_conic_image(b, a->arg[0]);
}

/* ------------------------------------------------------------------ which atom a node is */

static atom one(tw_expr (*build)(tw_conic_build *, const atom *), tw_expr e, tw_expr arg, double p) {
  return (atom){.build = build, .e = e, .n = 1, .arg = {arg}, .power = p};
}

static atom two(tw_expr (*build)(tw_conic_build *, const atom *), tw_expr e, tw_expr u, tw_expr v) {
  return (atom){.build = build, .e = e, .n = 2, .arg = {u, v}};
}

static atom match_pow(const tw_facts *facts, tw_expr e) {
  const tw_expr u = tw_input_of(e, 0), exponent = tw_input_of(e, 1);
  double c;
  if (tw_fixed(facts, u) && tw_constant_value(u, &c)) return one(build_exp_of_base, e, exponent, c);
  if (!tw_constant_value(exponent, &c)) return (atom){.n = -1};
  return one(build_power, e, u, c);
}

static atom match_product(tw_expr e) {
  for (int i = 0; i < 2; i++) {
    const tw_expr a = tw_input_of(e, i), o = tw_input_of(e, 1 - i), inside = tw_op_of(o) == &tw_op_log ? tw_input_of(o, 0) : TW_NONE;
    if (tw_op_of(a) == &tw_op_square && tw_same(tw_input_of(a, 0), o)) return one(build_power, e, o, 3);
    if (tw_is_none(inside)) continue;
    if (tw_same(inside, a)) return one(build_entropy, e, a, 0);
    if (tw_op_of(inside) == &tw_op_div && tw_same(tw_input_of(inside, 0), a)) return two(build_entropy, e, a, tw_input_of(inside, 1));
  }
  return (atom){.n = -1};
}

static atom match_div(tw_expr e) {
  const tw_expr a = tw_input_of(e, 0);
  const tw_expr squares = tw_op_of(a) == &tw_op_sum ? tw_input_of(a, 0) : a;
  if (tw_op_of(squares) == &tw_op_square) return two(build_ratio, e, tw_squared(squares), tw_input_of(e, 1));
  return (atom){.n = -1};
}

static const struct function {
  const tw_op *op;
  tw_expr (*build)(tw_conic_build *, const atom *);
} functions[] = {{&tw_op_abs, build_abs},
                 {&tw_op_relu, build_relu},
                 {&tw_op_reduce_max, build_reduced_extremum},
                 {&tw_op_reduce_min, build_reduced_extremum},
                 {&tw_op_norm, build_norm},
                 {&tw_op_logdet, build_log_det},
                 {&tw_op_sqrt, build_sqrt},
                 {&tw_op_exp, build_exp},
                 {&tw_op_expm1, build_exp},
                 {&tw_op_log, build_log},
                 {&tw_op_log1p, build_log},
                 {&tw_op_softplus, build_softplus},
                 {&tw_op_cosh, build_cosh},
                 {&tw_op_logsumexp, build_logsumexp}};

static bool is_linear(const tw_facts *facts, tw_expr e) {
  const tw_op *op = tw_op_of(e);
  const tw_expr a = tw_input_of(e, 0), b = tw_input_of(e, 1);
  if (op == &tw_op_mul || op == &tw_op_matmul) return tw_fixed(facts, a) || tw_fixed(facts, b);
  if (op == &tw_op_div) return tw_fixed(facts, b);
  static const tw_op *const movers[] = {&tw_op_add,        &tw_op_sub,        &tw_op_neg,   &tw_op_sum,     &tw_op_cumsum,
                                        &tw_op_reshape,    &tw_op_transpose,  &tw_op_slice, &tw_op_slice_view, &tw_op_unslice,
                                        &tw_op_broadcast,  &tw_op_concat,     &tw_op_diag,  &tw_op_diag_embed, &tw_op_tril,
                                        &tw_op_triu,       &tw_op_take,       &tw_op_scatter_add, &tw_op_take_along,
                                        &tw_op_scatter_along, &tw_op_where,   &tw_op_cast,  &tw_op_conv, &tw_op_conv_input,
                                        &tw_op_conv_weight};
  for (size_t i = 0; i < sizeof movers / sizeof *movers; i++)
    if (movers[i] == op) return true;
  return false;
}

/* n = -1: none. */
static atom match(const tw_facts *facts, tw_expr e) {
  const tw_op *op = tw_op_of(e);
  const tw_expr a = tw_input_of(e, 0), b = tw_input_of(e, 1);
  if (tw_regularizer_of(e, NULL, NULL)) return one(build_regularizer, e, a, 0);
  if (is_linear(facts, e)) return (atom){.e = e};
  const tw_expr matrix = op == &tw_op_reduce_max || op == &tw_op_reduce_min ? tw_spectrum_of(a) : TW_NONE;
  if (!tw_is_none(matrix)) return one(build_eigenvalue, e, matrix, 0);
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
    if (functions[i].op == op) return one(functions[i].build, e, a, 0);
  if (op == &tw_op_square) return one(build_square, e, a, 2);
  if (op == &tw_op_maximum || op == &tw_op_minimum) return two(build_extremum, e, a, b);
  if (op == &tw_op_pow) return match_pow(facts, e);
  if (op == &tw_op_mul) return match_product(e);
  if (op == &tw_op_matmul && tw_same(a, b)) return one(build_inner_product, e, a, 0);
  if (op == &tw_op_reciprocal)
    return tw_op_of(a) == &tw_op_square ? one(build_power, e, tw_input_of(a, 0), -2) : one(build_reciprocal, e, a, 0);
  if (op == &tw_op_div && tw_fixed(facts, a)) /* c / u = c (1 / u) */
    return one(NULL, e, b, 0);
  if (op == &tw_op_div) return match_div(e);
  return (atom){.n = -1};
}

/* c / u */
static tw_expr build_quotient(tw_conic_build *b, tw_expr e) {
  const tw_expr u = tw_input_of(e, 1), t = unknown_like(b, u), image = tw_conic_image(b, u);
  const bool convex = tw_fact_of(&b->facts, u).sign & TW_SIGN_NONNEG;
  product(b, convex ? t : tw_neg(t), convex ? image : tw_neg(image), scalar(b, 1));
  return tw_mul(tw_input_of(e, 0), t);
}

/* ------------------------------------------------------------------ the walk */

static bool affine(const tw_facts *facts, tw_expr e) {
  return tw_fact_of(facts, e).curvature == TW_CURV_AFFINE;
}

static tw_status refuse(tw_conic_build *b, tw_expr e, const char *why) {
  char name[200];
  tw_conic_describe(e, name, sizeof name);
  return tw_conic_refuse(b, TW_ERR_UNSUPPORTED, "%s: %s", name, why);
}

/* The operands that must be replaced before e: those of an atom, or all. */
static void need_operands(const atom *a, tw_expr e, unsigned char *needed, const tw_facts *facts) {
  const bool linear = a->n == 0;
  const int n = linear ? tw_arity_of(e) : a->n;
  for (int i = 0; i < n; i++) {
    const tw_expr operand = linear ? tw_input_of(e, i) : a->arg[i];
    if (!affine(facts, operand)) needed[operand.id] = 1;
  }
}

/* Special regularizers are built from their operand, not from their value. */
static void need_regularized(const atom *a, unsigned char *needed, const tw_facts *facts) {
  tw_expr x;
  const tw_regularizer_kind *kind = tw_regularizer_of(a->e, &x, NULL);
  const bool special = kind == tw_regularizer_find("nuclear") || kind == tw_regularizer_find("group_l2");
  const tw_expr operand = special ? x : a->arg[0];
  if (!affine(facts, operand)) needed[operand.id] = 1;
}

/* What is needed, from the terms down (operands are older than their users). */
static tw_status mark(tw_conic_build *b, unsigned char *needed) {
  for (size_t i = 0; i < b->terms; i++)
    if (!affine(&b->facts, b->term[i])) needed[b->term[i].id] = 1;
  for (int32_t id = b->facts.limit; id-- > 0;) {
    if (!needed[id]) continue;
    const tw_expr e = {b->graph, id};
    const atom a = match(&b->facts, e);
    if (tw_fact_of(&b->facts, e).curvature == TW_CURV_UNKNOWN) return refuse(b, e,
        "its curvature is not known by the rules of disciplined convex programming");
    if (a.n < 0) return refuse(b, e, "no cone stands for this function");
    if (a.build == build_regularizer)
      need_regularized(&a, needed, &b->facts);
    else
      need_operands(&a, e, needed, &b->facts);
  }
  return TW_OK;
}

tw_status tw_conic_replace_atoms(tw_conic_build *b) {
  unsigned char *needed = calloc((size_t)b->facts.limit + 1, 1);
  if (!needed) return tw_conic_refuse(b, TW_ERR_MEMORY, "out of memory");
  tw_status status = mark(b, needed);
  size_t count = 0;
  for (int32_t id = 0; id < b->facts.limit && status == TW_OK; id++) {
    if (!needed[id]) continue;
    const tw_expr e = {b->graph, id};
    const atom a = match(&b->facts, e);
    if (a.n == 0) continue;
    if (++count > ATOMS_MOST) status = tw_conic_refuse(b, TW_ERR_UNSUPPORTED, "more than %d functions to replace", ATOMS_MOST);
    tw_conic_replace(b, e, a.build ? a.build(b, &a) : build_quotient(b, e));
    if (status == TW_OK) status = b->status != TW_OK ? b->status : tw_graph_status(b->graph);
  }
  free(needed);
  return status;
}
