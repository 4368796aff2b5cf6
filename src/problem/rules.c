/* The rule of every op: degree, curvature and sign of its result from those of its operands. */
#include "graph/ops/loop.h"
#include "graph/ops/ops.h"
#include "problem/facts.h"

#include <math.h>

typedef tw_fact rule(const tw_facts *facts, tw_expr e, const tw_fact *in);

static const tw_fact unknown = {TW_NONLINEAR, TW_CURV_UNKNOWN, 0};

/* ------------------------------------------------------------------ the calculus */

static unsigned char flip_sign(unsigned sign) {
  return (unsigned char)((sign & 1) << 1 | (sign & 2) >> 1);
}

static tw_curvature flip(tw_curvature c) {
  return c == TW_CURV_CONVEX ? TW_CURV_CONCAVE : c == TW_CURV_CONCAVE ? TW_CURV_CONVEX : c;
}

/* Curvature of a sum, and of arrays side by side. */
static unsigned char join(unsigned a, unsigned b) {
  if (a == b || b == TW_CURV_AFFINE) return (unsigned char)a;
  return a == TW_CURV_AFFINE ? (unsigned char)b : TW_CURV_UNKNOWN;
}

static unsigned char larger(unsigned a, unsigned b) {
  return (unsigned char)(a > b ? a : b);
}

static unsigned char product_sign(unsigned a, unsigned b) {
  unsigned same = (a & b & 1) | ((a & b & 2) >> 1), opposite = ((a & 1) && (b & 2)) || ((a & 2) && (b & 1));
  return (unsigned char)(same | opposite << 1);
}

static unsigned char product_degree(unsigned a, unsigned b) {
  return (unsigned char)(a + b > TW_QUADRATIC ? TW_NONLINEAR : a + b);
}

static tw_fact negated(tw_fact f) {
  return (tw_fact){f.degree, (unsigned char)flip((tw_curvature)f.curvature), flip_sign(f.sign)};
}

/* The operand times factors of one sign, summed or not. */
static tw_fact scaled(tw_fact f, unsigned sign) {
  tw_fact out = {f.degree, TW_CURV_AFFINE, product_sign(f.sign, sign)};
  if (f.curvature == TW_CURV_AFFINE) return out;
  out.curvature = TW_CURV_UNKNOWN;
  if (sign & TW_SIGN_NONNEG) out.curvature = f.curvature;
  if (sign == TW_SIGN_NONPOS) out.curvature = (unsigned char)flip((tw_curvature)f.curvature);
  return out;
}

/* What a function of one variable is; a convex function of an operand is convex where it grows and the operand is convex, where
 * it falls and the operand is concave, or where the operand is affine. */
typedef enum tw_growth { ANY, GROWS, FALLS, BY_SIGN /* falls below 0, grows above */ } tw_growth;
typedef struct tw_profile {
  tw_curvature curvature;
  tw_growth growth;
  unsigned char sign; /* of the value, wherever it is */
} tw_profile;

static unsigned char compose(tw_profile f, tw_fact in) {
  if (f.curvature == TW_CURV_UNKNOWN) return TW_CURV_UNKNOWN;
  if (in.curvature == TW_CURV_AFFINE) return (unsigned char)f.curvature;
  tw_growth growth = f.growth;
  if (growth == BY_SIGN) growth = in.sign & TW_SIGN_NONNEG ? GROWS : in.sign & TW_SIGN_NONPOS ? FALLS : ANY;
  if (growth == GROWS && in.curvature == f.curvature) return (unsigned char)f.curvature;
  if (growth == FALLS && in.curvature == flip(f.curvature)) return (unsigned char)f.curvature;
  return TW_CURV_UNKNOWN;
}

/* ------------------------------------------------------------------ functions of one operand */

static const struct function {
  const tw_op *op;
  tw_profile profile;
} functions[] = {
    {&tw_op_abs, {TW_CURV_CONVEX, BY_SIGN, TW_SIGN_NONNEG}},
    {&tw_op_norm, {TW_CURV_CONVEX, BY_SIGN, TW_SIGN_NONNEG}},
    {&tw_op_exp, {TW_CURV_CONVEX, GROWS, TW_SIGN_NONNEG}},
    {&tw_op_expm1, {TW_CURV_CONVEX, GROWS, 0}},
    {&tw_op_softplus, {TW_CURV_CONVEX, GROWS, TW_SIGN_NONNEG}},
    {&tw_op_relu, {TW_CURV_CONVEX, GROWS, TW_SIGN_NONNEG}},
    {&tw_op_logsumexp, {TW_CURV_CONVEX, GROWS, 0}},
    {&tw_op_reduce_max, {TW_CURV_CONVEX, GROWS, 0}},
    {&tw_op_reduce_min, {TW_CURV_CONCAVE, GROWS, 0}},
    {&tw_op_cosh, {TW_CURV_CONVEX, BY_SIGN, TW_SIGN_NONNEG}},
    {&tw_op_log, {TW_CURV_CONCAVE, GROWS, 0}},
    {&tw_op_log1p, {TW_CURV_CONCAVE, GROWS, 0}},
    {&tw_op_sqrt, {TW_CURV_CONCAVE, GROWS, TW_SIGN_NONNEG}},
    {&tw_op_sigmoid, {TW_CURV_UNKNOWN, ANY, TW_SIGN_NONNEG}},
    {&tw_op_softmax, {TW_CURV_UNKNOWN, ANY, TW_SIGN_NONNEG}},
};

/* The result of maxima and of sums of exponentials keeps a sign of its operand. */
static tw_fact by_profile(tw_profile profile, tw_fact in, unsigned sign) {
  return (tw_fact){in.degree == TW_CONSTANT ? TW_CONSTANT : TW_NONLINEAR, compose(profile, in),
                   (unsigned char)(profile.sign | sign)};
}

static tw_fact function_rule(const tw_facts *facts, tw_expr e, const tw_fact *in) {
  (void)facts;
  const tw_op *op = tw_op_of(e);
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    if (functions[i].op != op) continue;
    bool keeps = op == &tw_op_reduce_max || op == &tw_op_reduce_min || op == &tw_op_expm1 || op == &tw_op_log1p;
    return by_profile(functions[i].profile, in[0], keeps ? in[0].sign : 0);
  }
  return unknown;
}

/* The largest eigenvalue of an affine symmetric matrix is convex, the least concave. */
static tw_fact reduced_extremum_rule(const tw_facts *facts, tw_expr e, const tw_fact *in) {
  const tw_expr matrix = tw_spectrum_of(tw_input_of(e, 0));
  if (tw_is_none(matrix) || tw_fact_of(facts, matrix).curvature != TW_CURV_AFFINE) return function_rule(facts, e, in);
  return (tw_fact){TW_NONLINEAR, tw_op_of(e) == &tw_op_reduce_max ? TW_CURV_CONVEX : TW_CURV_CONCAVE, 0};
}

/* log det of an affine matrix is concave where that is positive semidefinite. */
static tw_fact log_det_rule(const tw_facts *facts, tw_expr e, const tw_fact *in) {
  if (in[0].curvature != TW_CURV_AFFINE || !tw_is_psd(facts, tw_input_of(e, 0))) return unknown;
  return (tw_fact){TW_NONLINEAR, TW_CURV_CONCAVE, 0};
}

/* The degree is twice that of what is squared, which is x for the square of |x|. */
static tw_fact square_rule(const tw_facts *facts, tw_expr e, const tw_fact *in) {
  tw_fact out = by_profile((tw_profile){TW_CURV_CONVEX, BY_SIGN, TW_SIGN_NONNEG}, in[0], 0);
  unsigned char degree = tw_fact_of(facts, tw_squared(e)).degree;
  out.degree = product_degree(degree, degree);
  if (in[0].sign == TW_SIGN_ZERO) out.sign = TW_SIGN_ZERO;
  return out;
}

/* 1/x: convex and falling above 0, concave and falling below. */
static tw_fact reciprocal_of(tw_fact in) {
  tw_profile profile = {TW_CURV_UNKNOWN, FALLS, 0};
  if (in.sign == TW_SIGN_NONNEG) profile = (tw_profile){TW_CURV_CONVEX, FALLS, TW_SIGN_NONNEG};
  if (in.sign == TW_SIGN_NONPOS) profile = (tw_profile){TW_CURV_CONCAVE, FALLS, TW_SIGN_NONPOS};
  return by_profile(profile, in, 0);
}

/* 1/x^2 is convex on either side of 0. */
static tw_fact reciprocal_rule(const tw_facts *facts, tw_expr e, const tw_fact *in) {
  tw_expr a = tw_input_of(e, 0);
  tw_fact base = tw_op_of(a) == &tw_op_square ? tw_fact_of(facts, tw_input_of(a, 0)) : unknown;
  if (base.sign != TW_SIGN_NONNEG && base.sign != TW_SIGN_NONPOS) return reciprocal_of(in[0]);
  return by_profile((tw_profile){TW_CURV_CONVEX, base.sign == TW_SIGN_NONNEG ? FALLS : GROWS, TW_SIGN_NONNEG},
                    base, 0);
}

/* x^c, and c^x = exp(x log c) for c > 0. Even integers c are 2, 4, ..; other c ask for x >= 0. */
static tw_fact pow_rule(const tw_facts *facts, tw_expr e, const tw_fact *in) {
  (void)facts;
  double c;
  if (in[0].degree == TW_CONSTANT && in[1].degree == TW_CONSTANT) {
    tw_fact out = in[0];
    out.sign &= TW_SIGN_NONNEG;
    return out;
  }
  if (in[0].degree == TW_CONSTANT && tw_constant_value(tw_input_of(e, 0), &c) && c > 0)
    return by_profile((tw_profile){TW_CURV_CONVEX, c >= 1 ? GROWS : FALLS, TW_SIGN_NONNEG}, in[1], 0);
  if (!tw_constant_value(tw_input_of(e, 1), &c)) return unknown;
  if (c >= 2 && fmod(c, 2) == 0) return by_profile((tw_profile){TW_CURV_CONVEX, BY_SIGN, TW_SIGN_NONNEG}, in[0], 0);
  if (!(in[0].sign & TW_SIGN_NONNEG)) return unknown;
  tw_profile profile = {c >= 1 || c < 0 ? TW_CURV_CONVEX : TW_CURV_CONCAVE, c < 0 ? FALLS : GROWS, TW_SIGN_NONNEG};
  return by_profile(profile, in[0], 0);
}

/* ------------------------------------------------------------------ linear ops */

/* Elements moved, repeated and added: everything but the degree is that of all operands together. */
static tw_fact moved_rule(const tw_facts *facts, tw_expr e, const tw_fact *in) {
  (void)facts;
  tw_fact out = {TW_CONSTANT, TW_CURV_AFFINE, TW_SIGN_ZERO};
  for (int i = 0; i < tw_arity_of(e); i++)
    out = (tw_fact){larger(out.degree, in[i].degree), join(out.curvature, in[i].curvature), out.sign & in[i].sign};
  return out;
}

/* The first operand moved to places that the others tell. */
static tw_fact indexed_rule(const tw_facts *facts, tw_expr e, const tw_fact *in) {
  (void)facts;
  for (int i = 1; i < tw_arity_of(e); i++)
    if (in[i].degree != TW_CONSTANT) return (tw_fact){TW_NONLINEAR, TW_CURV_UNKNOWN, in[0].sign};
  return in[0];
}

/* Values, the last operand, added up at places that the others tell. */
static tw_fact scatter_rule(const tw_facts *facts, tw_expr e, const tw_fact *in) {
  (void)facts;
  const int last = tw_arity_of(e) - 1;
  for (int i = 0; i < last; i++)
    if (in[i].degree != TW_CONSTANT) return (tw_fact){TW_NONLINEAR, TW_CURV_UNKNOWN, in[last].sign};
  return in[last];
}

/* Its value is the operand's, its derivative is not: no degree or curvature holds for both. */
static tw_fact stop_rule(const tw_facts *facts, tw_expr e, const tw_fact *in) {
  (void)facts, (void)e;
  return (tw_fact){TW_NONLINEAR, TW_CURV_UNKNOWN, in[0].sign};
}

/* Rounding to integers is no linear map. */
static tw_fact cast_rule(const tw_facts *facts, tw_expr e, const tw_fact *in) {
  bool from_real = tw_dtype_get(tw_dtype_of(tw_input_of(e, 0)))->kind == TW_KIND_FLOAT;
  bool to_real = tw_dtype_get(tw_dtype_of(e))->kind == TW_KIND_FLOAT;
  return from_real && !to_real ? unknown : moved_rule(facts, e, in);
}

static tw_fact neg_rule(const tw_facts *facts, tw_expr e, const tw_fact *in) {
  (void)facts, (void)e;
  return negated(in[0]);
}

static tw_fact sub_rule(const tw_facts *facts, tw_expr e, const tw_fact *in) {
  tw_fact both[2] = {in[0], negated(in[1])};
  return moved_rule(facts, e, both);
}

/* Solves with a fixed matrix (the operands before the last) are linear in the right-hand side, with factors of any sign. */
static tw_fact solve_rule(const tw_facts *facts, tw_expr e, const tw_fact *in) {
  (void)facts;
  int last = tw_arity_of(e) - 1;
  for (int i = 0; i < last; i++)
    if (in[i].degree != TW_CONSTANT) return unknown;
  return scaled(in[last], 0);
}

static tw_fact where_rule(const tw_facts *facts, tw_expr e, const tw_fact *in) {
  (void)facts, (void)e;
  unsigned char sign = in[1].sign & in[2].sign;
  if (in[0].degree != TW_CONSTANT) return (tw_fact){TW_NONLINEAR, TW_CURV_UNKNOWN, sign};
  return (tw_fact){larger(in[1].degree, in[2].degree), join(in[1].curvature, in[2].curvature), sign};
}

static tw_fact extremum_rule(const tw_facts *facts, tw_expr e, const tw_fact *in) {
  tw_fact both = moved_rule(facts, e, in);
  bool max = tw_op_of(e) == &tw_op_maximum;
  unsigned char side = max ? TW_SIGN_NONNEG : TW_SIGN_NONPOS; /* one operand on this side suffices */
  tw_fact out = by_profile((tw_profile){max ? TW_CURV_CONVEX : TW_CURV_CONCAVE, GROWS, 0}, both, both.sign);
  out.sign |= (in[0].sign | in[1].sign) & side;
  return out;
}

/* ------------------------------------------------------------------ products */

/* x^2 x is convex above 0 and concave below. */
static tw_profile cube_of(tw_fact base) {
  tw_curvature curvature = base.sign == TW_SIGN_NONNEG   ? TW_CURV_CONVEX
                           : base.sign == TW_SIGN_NONPOS ? TW_CURV_CONCAVE
                                                         : TW_CURV_UNKNOWN;
  return (tw_profile){curvature, GROWS, base.sign};
}

static bool is_cube(tw_expr a, tw_expr b) {
  return tw_op_of(a) == &tw_op_square && tw_same(tw_input_of(a, 0), b);
}

/* x log x is convex where it is defined. */
static bool is_entropy(tw_expr a, tw_expr b, tw_fact fa) {
  return fa.curvature == TW_CURV_AFFINE && tw_op_of(b) == &tw_op_log && tw_same(tw_input_of(b, 0), a);
}

/* x log(x / y), the relative entropy, is convex in both. */
static bool is_relative_entropy(const tw_facts *facts, tw_expr a, tw_expr b, tw_fact fa) {
  const tw_expr inside = tw_op_of(b) == &tw_op_log ? tw_input_of(b, 0) : TW_NONE;
  return fa.curvature == TW_CURV_AFFINE && !tw_is_none(inside) && tw_op_of(inside) == &tw_op_div &&
         tw_same(tw_input_of(inside, 0), a) && tw_fact_of(facts, tw_input_of(inside, 1)).curvature == TW_CURV_AFFINE;
}

static tw_fact product_rule(const tw_facts *facts, tw_expr e, const tw_fact *in) {
  tw_expr a = tw_input_of(e, 0), b = tw_input_of(e, 1);
  for (int i = 0; i < 2; i++) {
    if (in[i].degree != TW_CONSTANT) continue;
    tw_fact other = in[1 - i];
    unsigned sign = in[i].sign;
    bool asks = other.degree != TW_CONSTANT && other.curvature != TW_CURV_AFFINE && other.curvature != TW_CURV_UNKNOWN;
    return scaled(other, asks ? tw_sign_of(facts, i == 0 ? a : b) : sign);
  }
  tw_fact out = {product_degree(in[0].degree, in[1].degree), TW_CURV_UNKNOWN, product_sign(in[0].sign, in[1].sign)};
  for (int i = 0; tw_op_of(e) == &tw_op_mul && i < 2; i++)
    if (is_cube(i ? b : a, i ? a : b)) return by_profile(cube_of(in[1 - i]), in[1 - i], 0);
  if (tw_op_of(e) == &tw_op_mul && (is_entropy(a, b, in[0]) || is_entropy(b, a, in[1]))) out.curvature = TW_CURV_CONVEX;
  const bool relative = is_relative_entropy(facts, a, b, in[0]) || is_relative_entropy(facts, b, a, in[1]);
  if (tw_op_of(e) == &tw_op_mul && relative) out.curvature = TW_CURV_CONVEX;
  if (tw_op_of(e) == &tw_op_matmul && tw_same(a, b) && tw_shape_of(a).rank == 1) return square_rule(facts, e, in);
  return out;
}

/* x^2 / y and sum x^2 / y are convex where y > 0; they fall in y. */
static bool is_square_over_linear(const tw_facts *facts, tw_expr a, tw_expr b, tw_fact fb) {
  const bool all = tw_op_of(a) == &tw_op_sum && tw_size_of(a) == 1 && tw_size_of(b) == 1;
  const tw_expr square = all ? tw_input_of(a, 0) : a;
  return tw_op_of(square) == &tw_op_square && (fb.curvature == TW_CURV_AFFINE || fb.curvature == TW_CURV_CONCAVE) &&
         (fb.sign & TW_SIGN_NONNEG) && tw_fact_of(facts, tw_squared(square)).curvature == TW_CURV_AFFINE;
}

static tw_fact div_rule(const tw_facts *facts, tw_expr e, const tw_fact *in) {
  tw_expr a = tw_input_of(e, 0), b = tw_input_of(e, 1);
  if (in[1].degree == TW_CONSTANT) {
    bool asks = in[0].degree != TW_CONSTANT && in[0].curvature != TW_CURV_AFFINE;
    return scaled(in[0], asks ? tw_sign_of(facts, b) : in[1].sign);
  }
  if (in[0].degree == TW_CONSTANT) {
    tw_fact out = scaled(reciprocal_of(in[1]), tw_sign_of(facts, a));
    out.degree = TW_NONLINEAR;
    return out;
  }
  const bool convex = is_square_over_linear(facts, a, b, in[1]);
  return (tw_fact){TW_NONLINEAR, convex ? TW_CURV_CONVEX : TW_CURV_UNKNOWN, product_sign(in[0].sign, in[1].sign)};
}

/* ------------------------------------------------------------------ loops and regularizers */

/* The body's facts with those of the captured values for its params; sums, stacks and scattered sums keep them. */
static tw_fact loop_rule(const tw_facts *facts, tw_expr e, const tw_fact *in) {
  enum { FEW = 64 };
  const tw_loop_attr *loop = tw_attr_of(e);
  tw_fact params[FEW], out = {TW_CONSTANT, TW_CURV_AFFINE, TW_SIGN_ZERO};
  if (loop->body->n_params > FEW) return unknown;
  params[0] = (tw_fact){TW_CONSTANT, TW_CURV_AFFINE, TW_SIGN_NONNEG};
  for (int i = 1; i < loop->body->n_params; i++) params[i] = in[i - 1];
  tw_facts body = {.graph = facts->graph, .n_params = loop->body->n_params, .params = params};
  if (!tw_facts_open(&body, loop->body->n_outputs, loop->body->outputs)) out = unknown;
  for (int64_t r = 0; r < loop->n_results && body.fact; r++) {
    const tw_loop_result *result = &loop->result[r];
    tw_fact value = tw_fact_of(&body, loop->body->outputs[result->first]);
    for (int64_t i = 1; i <= result->n_index; i++)
      if (!tw_fixed(&body, loop->body->outputs[result->first + i])) value = unknown;
    out = (tw_fact){larger(out.degree, value.degree), join(out.curvature, value.curvature), out.sign & value.sign};
  }
  tw_facts_close(&body);
  return out;
}

/* All regularizers are convex and never negative; the degree is that of the value. */
static tw_fact regularizer_fact(tw_expr e, const tw_fact *in) {
  tw_fact out = in[0];
  bool fixed = true;
  for (int i = 2; i < tw_arity_of(e); i++) fixed &= in[i].degree == TW_CONSTANT;
  if (fixed && in[1].curvature == TW_CURV_AFFINE) out.curvature = TW_CURV_CONVEX;
  out.sign |= TW_SIGN_NONNEG;
  return out;
}

/* ------------------------------------------------------------------ the table */

/* The sign of a parameter of an open problem; its values are all the same. */
static unsigned char sign_of_parameter(const tw_problem *p, tw_expr e) {
  for (int i = 0; i < p->parameters.count; i++) {
    const tw_parameter *parameter = p->parameters.item[i];
    if (!tw_same(parameter->expr, e)) continue;
    const double *v = parameter->value.data;
    if (parameter->value.dtype != TW_F64 || tw_size_of(e) == 0) return 0;
    return (unsigned char)((*v >= 0) | (*v <= 0) << 1);
  }
  return 0;
}

static tw_fact leaf_fact(const tw_facts *facts, tw_expr e) {
  double value;
  if (facts->problem && facts->problem->open && tw_is_input(e))
    return (tw_fact){TW_CONSTANT, TW_CURV_AFFINE, sign_of_parameter(facts->problem, e)};
  if (tw_op_of(e) == &tw_op_param) {
    int64_t k = ((const tw_param_attr *)tw_attr_of(e))->k;
    if (k < facts->n_params) return facts->params[k];
  }
  tw_fact out = {TW_CONSTANT, TW_CURV_AFFINE, tw_op_of(e) == &tw_op_iota ? TW_SIGN_NONNEG : 0};
  if (tw_constant_value(e, &value)) out.sign = (unsigned char)((value >= 0) | (value <= 0) << 1);
  return out;
}

static const struct entry {
  const tw_op *op;
  rule *rule;
} rules[] = {
    {&tw_op_add, moved_rule},          {&tw_op_sub, sub_rule},
    {&tw_op_mul, product_rule},        {&tw_op_matmul, product_rule},
    {&tw_op_conv, product_rule},       {&tw_op_conv_input, product_rule},
    {&tw_op_conv_weight, product_rule},
    {&tw_op_div, div_rule},            {&tw_op_neg, neg_rule},
    {&tw_op_square, square_rule},      {&tw_op_pow, pow_rule},
    {&tw_op_reciprocal, reciprocal_rule}, {&tw_op_where, where_rule},
    {&tw_op_maximum, extremum_rule},   {&tw_op_minimum, extremum_rule},
    {&tw_op_sum, moved_rule},          {&tw_op_cumsum, moved_rule},
    {&tw_op_cast, cast_rule},          {&tw_op_stop_gradient, stop_rule},
    {&tw_op_reshape, moved_rule},      {&tw_op_transpose, moved_rule},
    {&tw_op_broadcast, moved_rule},    {&tw_op_slice, moved_rule},
    {&tw_op_slice_view, moved_rule},   {&tw_op_unslice, moved_rule},
    {&tw_op_concat, moved_rule},       {&tw_op_diag, moved_rule},
    {&tw_op_diag_embed, moved_rule},   {&tw_op_tril, moved_rule},
    {&tw_op_triu, moved_rule},         {&tw_op_take, indexed_rule},
    {&tw_op_scatter_add, scatter_rule}, {&tw_op_take_along, indexed_rule},
    {&tw_op_scatter_along, indexed_rule}, {&tw_op_cholesky_solve, solve_rule},
    {&tw_op_triangular_solve, solve_rule}, {&tw_op_linear_solve, solve_rule},
    {&tw_op_reduce_max, reduced_extremum_rule}, {&tw_op_reduce_min, reduced_extremum_rule},
    {&tw_op_logdet, log_det_rule},     {&tw_op_loop, loop_rule},
};

static rule *rule_of(const tw_op *op) {
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
    if (rules[i].op == op) return rules[i].rule;
  return function_rule;
}

tw_fact tw_fact_by_rule(const tw_facts *facts, tw_expr e, const tw_fact *in) {
  int n = tw_arity_of(e);
  if (n == 0) return leaf_fact(facts, e);
  bool fixed = true;
  for (int i = 0; i < n; i++) fixed &= in[i].degree == TW_CONSTANT;
  tw_fact out = tw_regularizer_of(e, NULL, NULL) ? regularizer_fact(e, in) : rule_of(tw_op_of(e))(facts, e, in);
  if (fixed) {
    out.degree = TW_CONSTANT;
    out.curvature = TW_CURV_AFFINE;
  }
  return out;
}
