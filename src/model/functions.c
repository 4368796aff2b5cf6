/* The table of built-in functions, and how calls fit their parameters. */
#include "model/functions.h"

#include <talweg/loss.h>

#include <string.h>

static tw_expr trace(tw_expr x) {
  return tw_trace(x);
}

#define ELEMENTWISE(name, build, doc)                                                                        \
  { name, "x", "v", tw_function_elementwise, build, NULL, doc }
#define REDUCTION(name, build, doc)                                                                          \
  { name, "x, axis=all", "vi", tw_function_reduction, NULL, build, doc }
#define ALONG(name, axis, doc)                                                                               \
  { name, "x, axis=" axis, "vi", tw_function_along, NULL, NULL, doc }
#define MATRIX(name, build, doc)                                                                             \
  { name, "A", "v", tw_function_matrix, build, NULL, doc }
#define REGULARIZER(name, parameters, roles, doc)                                                            \
  { name, parameters, roles, tw_function_regularizer, NULL, NULL, doc }
#define FUNCTION(name, parameters, roles, build, doc)                                                        \
  { name, parameters, roles, tw_function_##build, NULL, NULL, doc }

static const tw_function table[] = {
    ELEMENTWISE("exp", tw_exp, "e^x"),
    ELEMENTWISE("expm1", tw_expm1, "e^x - 1, exact near 0"),
    ELEMENTWISE("log", tw_log, "natural logarithm"),
    ELEMENTWISE("log1p", tw_log1p, "log(1 + x), exact near 0"),
    ELEMENTWISE("sqrt", tw_sqrt, "square root"),
    ELEMENTWISE("abs", tw_abs, "absolute value; derivative 0 at 0"),
    ELEMENTWISE("sign", tw_sign, "-1, 0 or 1"),
    ELEMENTWISE("square", tw_square, "x^2"),
    ELEMENTWISE("floor", tw_floor, "largest integer <= x"),
    ELEMENTWISE("ceil", tw_ceil, "smallest integer >= x"),
    ELEMENTWISE("round", tw_round, "nearest integer, halves to the even one"),
    ELEMENTWISE("sin", tw_sin, "sine"),
    ELEMENTWISE("cos", tw_cos, "cosine"),
    ELEMENTWISE("tan", tw_tan, "tangent"),
    ELEMENTWISE("asin", tw_asin, "inverse sine"),
    ELEMENTWISE("acos", tw_acos, "inverse cosine"),
    ELEMENTWISE("atan", tw_atan, "inverse tangent"),
    ELEMENTWISE("sinh", tw_sinh, "hyperbolic sine"),
    ELEMENTWISE("cosh", tw_cosh, "hyperbolic cosine"),
    ELEMENTWISE("tanh", tw_tanh, "hyperbolic tangent"),
    ELEMENTWISE("sigmoid", tw_sigmoid, "1 / (1 + e^-x)"),
    ELEMENTWISE("softplus", tw_softplus, "log(1 + e^x)"),
    ELEMENTWISE("relu", tw_relu, "max(x, 0); derivative 0 at 0"),
    ELEMENTWISE("erf", tw_erf, "error function"),
    ELEMENTWISE("lgamma", tw_lgamma, "log |gamma(x)|"),
    ELEMENTWISE("digamma", tw_digamma, "derivative of lgamma"),
    ELEMENTWISE("logistic", tw_loss_logistic, "log(1 + e^-x): the logistic loss of a margin"),
    ELEMENTWISE("hinge", tw_loss_hinge, "max(1 - x, 0): the hinge loss of a margin"),
    ELEMENTWISE("perceptron", tw_loss_perceptron, "max(-x, 0): the perceptron loss of a margin"),
    ELEMENTWISE("sparse_plus", tw_sparse_plus, "0 below -1, (x + 1)^2 / 4, x above 1: of -margins the sparsemax loss"),
    ELEMENTWISE("sparse_sigmoid", tw_sparse_sigmoid, "0 below -1, (x + 1) / 2, 1 above 1"),
    FUNCTION("huber", "r, delta=1", "vv", huber, "r^2/2 where |r| <= delta, else delta (|r| - delta/2)"),
    FUNCTION("max", "x.., axis=all", "vi", extreme,
             "largest element of one array; element by element of several"),
    FUNCTION("min", "x.., axis=all", "vi", extreme,
             "smallest element of one array; element by element of several"),
    FUNCTION("where", "c, x, y", "vvv", where, "x where c holds, else y"),
    REDUCTION("sum", tw_sum, "sum"),
    REDUCTION("mean", tw_mean, "mean"),
    REDUCTION("prod", tw_prod, "product"),
    REDUCTION("norm", tw_norm, "Euclidean (Frobenius) norm; derivative 0 at 0"),
    REDUCTION("logsumexp", tw_logsumexp, "log of the sum of exponentials, without overflow"),
    FUNCTION("dot", "a, b", "vv", dot, "sum of a * b"),
    FUNCTION("argmax", "x, axis=all", "vi", position, "position of the largest element, the first of equals"),
    FUNCTION("argmin", "x, axis=all", "vi", position,
             "position of the smallest element, the first of equals"),
    ALONG("cumsum", "all", "running sum; of the elements in order without axis"),
    ALONG("cumprod", "all", "running product"),
    ALONG("sort", "-1", "ascending along an axis, the last without one"),
    ALONG("argsort", "-1", "positions that sort along an axis, the last without one"),
    ALONG("softmax", "-1", "e^x over its sum along an axis, the last without one"),
    ALONG("sparsemax", "-1", "the nearest point of the simplex along an axis, the last without one"),
    FUNCTION("isotonic", "y", "v", ordered, "the nearest ascending numbers along the last axis"),
    FUNCTION("soft_rank", "x, epsilon", "vv", ordered, "ranks 1 .. n along the last axis, smoothed by epsilon"),
    FUNCTION("soft_sort", "x, epsilon", "vv", ordered, "ascending along the last axis, smoothed by epsilon"),
    FUNCTION("project", "x, set", "vd", project, "the point of the set nearest to x; the set as after `in`: simplex, ball(2)"),
    FUNCTION("kl_project", "x, set", "vd", project, "the point of the set nearest to e^x in the Kullback-Leibler divergence"),
    FUNCTION("prox", "x, eta, regularizer, set=all", "vvdd", prox,
             "argmin over z of the set of eta r(z) + |z - x|^2 / 2; r as l1, l1(weights), elastic_net(0.5)"),
    FUNCTION("zeros", "shape..", "s", filled, "an array of zeros; extents or sets, or one [..] of them"),
    FUNCTION("ones", "shape..", "s", filled, "an array of ones"),
    FUNCTION("eye", "n, m=n", "ii", eye, "ones on the diagonal"),
    FUNCTION("normal", "key, shape..", "is", random, "standard normal numbers, a pure function of the key"),
    FUNCTION("uniform", "key, shape..", "is", random,
             "uniform numbers in [0, 1), a pure function of the key"),
    FUNCTION("reshape", "x, shape..", "vs", reshape,
             "the same elements in another shape; one extent may be -1"),
    FUNCTION("concat", "x.., axis=0", "pi", join, "arrays one after the other along an axis"),
    FUNCTION("stack", "x.., axis=0", "pi", join, "arrays of one shape along a new axis"),
    FUNCTION("transpose", "x", "v", transpose, "axes in reverse order; also x' and x.T"),
    MATRIX("diag", tw_diag, "diagonal matrix of a vector, diagonal of a matrix"),
    MATRIX("trace", trace, "sum of the diagonal"),
    MATRIX("inv", tw_inverse, "inverse"),
    MATRIX("det", tw_det, "determinant"),
    MATRIX("logdet", tw_logdet, "log |det A|"),
    MATRIX("lambda_max", tw_lambda_max, "largest eigenvalue of the symmetric matrix in the lower triangle"),
    MATRIX("lambda_min", tw_lambda_min, "least eigenvalue of the symmetric matrix in the lower triangle"),
    MATRIX("cholesky", tw_cholesky, "lower triangular L with A = L L'"),
    FUNCTION("solve", "A, b", "vv", solve, "x with A x = b"),
    FUNCTION("size", "x, axis=all", "qi", extent,
             "number of elements of an array or set, or extent of an axis"),
    FUNCTION("rows", "x", "q", extent, "extent of the first axis"),
    FUNCTION("cols", "x", "q", extent, "extent of the second axis"),
    FUNCTION("cross_entropy", "logits, labels", "vn", multiclass,
             "mean over rows of logsumexp(logits) - logits[label]; labels are 0, 1, .."),
    FUNCTION("multiclass_sparsemax", "scores, labels", "vn", multiclass, "mean over rows of the sparsemax loss"),
    FUNCTION("multiclass_hinge", "scores, labels", "vn", multiclass,
             "mean over rows of max(scores + 1, but for the label's) - scores[label]"),
    FUNCTION("multiclass_perceptron", "scores, labels", "vn", multiclass, "mean over rows of max(scores) - scores[label]"),
    REGULARIZER("l1", "x, weights=1", "vv", "sum of weights * |x|"),
    REGULARIZER("l2sq", "x", "v", "sum of x^2"),
    REGULARIZER("group_l2", "x, groups", "vn",
                "sum of the norms of groups; groups numbers each element's group 0, 1, .."),
    REGULARIZER("nuclear", "X", "v", "sum of singular values"),
    REGULARIZER("elastic_net", "x, r", "vv", "sum |x| + r/2 sum x^2"),
    REGULARIZER("linf", "x", "v", "largest |x|"),
    FUNCTION("grad", "e, x", "vv", derivative, "derivative of a number, in the shape of x"),
    FUNCTION("jacobian", "e, x", "vv", derivative, "derivative, in the shape of e followed by that of x"),
    FUNCTION("hessian", "e, x", "vv", derivative, "second derivative of a number, twice the shape of x"),
    FUNCTION("perturbed", "e, x, key, sigma=0.1, samples=1000", "vvivi", perturbed,
             "mean of e at x + sigma Z, Z of Gumbel's distribution, differentiated by its density"),
    FUNCTION("csv", "file, columns=all", "tt", file,
             "numbers of a csv file; columns by name, a..b for a range"),
    FUNCTION("npy", "file", "t", file, "an array of an npy file"),
    {NULL, NULL, "", NULL, NULL, NULL, NULL},
};

const tw_function *tw_function_table(void) {
  return table;
}

const tw_function *tw_function_find(const char *name) {
  for (const tw_function *f = table; f->name; f++)
    if (strcmp(f->name, name) == 0) return f;
  return NULL;
}

/* ------------------------------------------------------------------ parameters */

/* Start of the k-th parameter in "x, axis=all"; NULL beyond the last. */
static const char *parameter(const tw_function *f, int k) {
  const char *p = f->parameters;
  for (; p && k > 0; k--) {
    p = strstr(p, ", ");
    if (p) p += 2;
  }
  return p;
}

const char *tw_function_parameter_name(const tw_function *f, int k, size_t *length) {
  const char *p = parameter(f, k);
  if (p) *length = strcspn(p, "=,.");
  return p;
}

bool tw_function_optional(const tw_function *f, int k) {
  const char *p = parameter(f, k);
  return p && p[strcspn(p, "=,")] == '=';
}

bool tw_function_variadic(const tw_function *f, int k) {
  const char *p = parameter(f, k);
  return p && p[strcspn(p, ".,=")] == '.';
}

int tw_function_parameter(const tw_function *f, const char *keyword, int positional) {
  size_t length;
  const char *name;
  for (int k = 0; (name = tw_function_parameter_name(f, k, &length)); k++) {
    bool named = keyword && strlen(keyword) == length && memcmp(keyword, name, length) == 0;
    bool placed = !keyword && (k == positional || (k < positional && tw_function_variadic(f, k)));
    if (named || placed) return k;
  }
  return -1;
}
