/* Polygamma functions psi_n(x), the n-th derivatives of digamma = psi_0; a family closed under
 * differentiation. */
#include "graph/ops/elementwise.h"

#include <math.h>

#define ORDER_MAX 40
#define PI 3.14159265358979323846

typedef struct polygamma_attr {
  int64_t order;
} polygamma_attr;

static double factorial(int n) {
  double product = 1;
  for (int k = 2; k <= n; k++) product *= k;
  return product;
}

/* The n-th derivative of cot(pi x): with c = cot(pi x) it is pi^n P_n(c), P_0 = c, P_(k+1) = -(1 + c^2) P_k'.
 */
static double cotangent_derivative(int n, double x) {
  double p[ORDER_MAX + 2] = {0, 1}, q[ORDER_MAX + 2];
  const double c = 1 / tan(PI * (x - rint(x)));
  for (int k = 0; k < n; k++) {
    for (int j = 0; j <= k + 2; j++) q[j] = 0;
    for (int j = 1; j <= k + 1; j++) {
      q[j - 1] -= j * p[j];
      q[j + 1] -= j * p[j];
    }
    for (int j = 0; j <= k + 2; j++) p[j] = q[j];
  }
  double value = p[n + 1];
  for (int j = n; j >= 0; j--) value = value * c + p[j];
  return value * pow(PI, n);
}

/* For x >= 12 + n, by the asymptotic series (Abramowitz & Stegun 1964, 6.3.18 and 6.4.11) with Bernoulli
 * numbers B_2k: psi_0(x) ~ log x - 1/(2x) - sum B_2k / (2k x^2k), psi_n(x) ~ (-1)^(n-1) (n-1)!/x^n [1 +
 * n/(2x) + sum B_2k (2k+n-1)! / ((2k)! (n-1)!) / x^2k]. */
static double asymptotic(int n, double x) {
  static const double bernoulli[] = {1.0 / 6,       -1.0 / 30,       1.0 / 42,      -1.0 / 30,
                                     5.0 / 66,      -691.0 / 2730,   7.0 / 6,       -3617.0 / 510,
                                     43867.0 / 798, -174611.0 / 330, 854513.0 / 138};
  const int terms = (int)(sizeof bernoulli / sizeof *bernoulli);
  double sum = 0;
  for (int k = terms; k >= 1; k--) {
    double factor = bernoulli[k - 1];
    if (n == 0) factor /= 2 * k;
    for (int j = 1; j < n; j++) factor *= (2.0 * k + j) / j;
    sum = (sum + factor) / (x * x);
  }
  if (n == 0) return log(x) - 0.5 / x - sum;
  return (n % 2 ? 1 : -1) * factorial(n - 1) / pow(x, n) * (1 + 0.5 * n / x + sum);
}

/* psi_n(x) = psi_n(x + 1) - (-1)^n n! / x^(n+1) raises x to the series; below 0 the reflection
 * psi_n(x) = (-1)^n psi_n(1 - x) - pi d^n/dx^n cot(pi x). Poles: NaN for even n, +inf for odd. */
static double polygamma(int n, double x) {
  if (x <= 0 && x == rint(x)) return n % 2 && x > -INFINITY ? INFINITY : NAN;
  if (x < 0) {
    const double reflected = polygamma(n, 1 - x);
    return (n % 2 ? -reflected : reflected) - PI * cotangent_derivative(n, x);
  }
  double sum = 0;
  const double step = n % 2 ? factorial(n) : -factorial(n);
  for (; x < 12 + n; x += 1) sum += step / pow(x, n + 1);
  return sum + asymptotic(n, x);
}

static int order_of(tw_expr node) {
  return (int)((const polygamma_attr *)tw_attr_of(node))->order;
}

static tw_expr polygamma_build(tw_expr x, int64_t order) {
  const polygamma_attr attr = {order};
  if (!tw_operands("polygamma", 1, &x)) return TW_NONE;
  if (tw_dtype_get(tw_dtype_of(x))->kind != TW_KIND_FLOAT) x = tw_cast(x, TW_F64);
  return tw_node(x.graph, &tw_op_polygamma, 1, &x, &attr);
}

static bool polygamma_infer(const tw_args *args, tw_type *type) {
  const int64_t order = ((const polygamma_attr *)args->attr)->order;
  if (order >= 0 && order <= ORDER_MAX) return tw_infer_float(args, type);
  tw_graph_fail(args->graph, TW_ERR_RANGE, "polygamma: order %lld is not in 0..%d", (long long)order,
                ORDER_MAX);
  return false;
}

static tw_status polygamma_kernel(const tw_call *call) {
  const int n = order_of(call->node);
  const int64_t size = tw_size_of(call->node);
  if (tw_dtype_of(call->node) == TW_F64)
    for (int64_t i = 0; i < size; i++)
      ((double *)call->out)[i] = polygamma(n, ((const double *)call->in[0])[i]);
  else
    for (int64_t i = 0; i < size; i++)
      ((float *)call->out)[i] = (float)polygamma(n, ((const float *)call->in[0])[i]);
  return TW_OK;
}

static tw_expr polygamma_partial(tw_expr node, int i) {
  return polygamma_build(tw_input_of(node, i), order_of(node) + 1);
}

static double polygamma_flops(tw_expr node) {
  return 100 * tw_flops_of_size(node);
}

static tw_expr polygamma_example(tw_graph *graph, tw_dtype dtype, int variant) {
  if (variant > 2) return TW_NONE;
  return polygamma_build(tw_input(graph, "x", dtype, TW_SHAPE(2, 3)), variant);
}

const tw_op tw_op_polygamma = {.name = "polygamma",
                               .summary = "n-th derivative of digamma",
                               .flags = TW_OP_ELEMENTWISE,
                               .arity = 1,
                               .attr_bytes = sizeof(polygamma_attr),
                               .infer = polygamma_infer,
                               .simplify = tw_simplify_broadcast,
                               .kernel = polygamma_kernel,
                               .partial = polygamma_partial,
                               .flops = polygamma_flops,
                               .example = polygamma_example,
                               .low = 0.4,
                               .high = 4};

tw_expr tw_digamma(tw_expr x) {
  return polygamma_build(x, 0);
}
