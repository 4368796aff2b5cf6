/* Perturbed optimizers: y(theta) = E f(theta + sigma Z), by N draws u_n = theta + sigma Z_n that are held fixed while the density they come
 * from moves with theta and sigma:
 *
 *   y = (1/N) sum_n (f(u_n) - b) w_n + b,   w_n = p((u_n - theta) / sigma) / sigma^d, over its own value.
 *
 * The weights are 1, and their derivatives of every order are those of the density: the score-function formulas (Glynn, 1990;
 * Foerster et al., 2018). b = f(theta) is the control variate; it changes no expectation, since the weights have expectation 1. */
#include <talweg/loss.h>

#include "graph/ops/build.h"

#include <math.h>

static const double SIGMA = 0.1, LEAST_UNIFORM = 0x1p-54;

typedef struct draws {
  int64_t samples;
  tw_expr theta, sigma, noise, points; /* noise, points: [N, shape of theta] */
} draws;

/* -log density, up to a constant. */
static tw_expr nu(tw_noise noise, tw_expr z) {
  return noise == TW_NOISE_NORMAL ? tw_scale(tw_square(z), 0.5) : tw_add(z, tw_exp(tw_neg(z)));
}

static tw_expr sample(tw_noise noise, tw_expr key, tw_shape shape) {
  if (noise == TW_NOISE_NORMAL) return tw_normal(key, shape);
  const tw_expr u = tw_maximum(tw_uniform(key, shape), tw_scalar(key.graph, LEAST_UNIFORM));
  return tw_neg(tw_log(tw_neg(tw_log(u))));
}

static bool draw(tw_expr x, tw_expr f, tw_expr theta, tw_expr key, const tw_perturbation *p, draws *out) {
  if (tw_is_none(x) || tw_is_none(f) || tw_is_none(theta) || tw_is_none(key)) return false;
  const tw_shape shape = tw_shape_of(x), own = tw_shape_of(theta);
  out->samples = p->samples ? p->samples : 1000;
  if (!tw_is_input(x) || tw_dtype_of(x) != TW_F64 || !tw_shape_equal(&shape, &own) || out->samples < 0 || shape.rank == TW_MAX_RANK) {
    tw_graph_fail(x.graph, TW_ERR_ARGUMENT, "perturbed: expected an f64 input of theta's shape, of at most %d axes, and samples above 0",
                  TW_MAX_RANK - 1);
    return false;
  }
  out->theta = tw_cast(theta, TW_F64);
  out->sigma = tw_is_none(p->sigma) ? tw_scalar(x.graph, SIGMA) : tw_cast(p->sigma, TW_F64);
  out->noise = sample(p->noise, key, tw_shape_insert(shape, 0, out->samples));
  out->points = tw_add(tw_stop_gradient(out->theta), tw_mul(tw_stop_gradient(out->sigma), out->noise));
  return !tw_is_none(out->points);
}

/* The weights [N]. At the value of theta and sigma z is the noise itself, bit for bit. */
static tw_expr weights(const draws *d, tw_noise noise) {
  const tw_expr grown = tw_div(tw_stop_gradient(d->sigma), d->sigma);
  const tw_expr moved = tw_div(tw_sub(tw_stop_gradient(d->theta), d->theta), d->sigma);
  const tw_expr z = tw_add(tw_mul(d->noise, grown), moved);
  const tw_expr each = tw_reshape(tw_sub(nu(noise, d->noise), nu(noise, z)), TW_SHAPE(d->samples, tw_size_of(d->theta)));
  return tw_exp(tw_add(tw_sum(each, 2, false), tw_scale(tw_log(grown), (double)tw_size_of(d->theta))));
}

static tw_expr column_like(tw_expr weight, tw_expr y) {
  tw_shape shape = {.rank = tw_shape_of(y).rank};
  for (int k = 0; k < shape.rank; k++) shape.dim[k] = k == 0 ? tw_shape_of(y).dim[0] : 1;
  return tw_reshape(weight, shape);
}

/* f at all points, and the weighted mean. */
static tw_expr perturbed(tw_expr x, tw_expr f, const draws *d, const tw_perturbation *p, tw_expr *values) {
  const tw_expr here = tw_stop_gradient(d->theta);
  tw_expr base = TW_NONE;
  *values = TW_NONE;
  if (tw_batch(1, &f, 1, &x, &d->points, d->samples, values) != TW_OK) return TW_NONE;
  if (p->control_variate && tw_substitute(1, &f, 1, &x, &here, &base) != TW_OK) return TW_NONE;
  *values = tw_cast(*values, TW_F64);
  if (tw_is_none(*values)) return TW_NONE;
  const tw_expr apart = tw_is_none(base) ? *values : tw_sub(*values, base);
  const tw_expr mean = tw_mean(tw_mul(apart, column_like(weights(d, p->noise), *values)), 1, false);
  return tw_is_none(base) ? mean : tw_add(mean, base);
}

static const tw_perturbation defaults = {0};

tw_expr tw_perturbed_argmax(tw_expr x, tw_expr f, tw_expr theta, tw_expr key, const tw_perturbation *p) {
  draws d;
  tw_expr values;
  if (!p) p = &defaults;
  return draw(x, f, theta, key, p, &d) ? perturbed(x, f, &d, p, &values) : TW_NONE;
}

/* Danskin: the gradient of the mean of max <y, u_n> in theta is the mean of the argmax, in sigma the mean of <y_n, Z_n>. */
tw_expr tw_perturbed_max(tw_expr x, tw_expr argmax, tw_expr theta, tw_expr key, const tw_perturbation *p) {
  draws d;
  tw_expr values;
  if (!p) p = &defaults;
  if (!draw(x, argmax, theta, key, p, &d)) return TW_NONE;
  const tw_shape shape = tw_shape_of(x), own = tw_shape_of(argmax);
  if (!tw_shape_equal(&shape, &own))
    return tw_graph_fail(x.graph, TW_ERR_SHAPE, "perturbed_max: the argmax and x differ in shape");
  const tw_expr mean = perturbed(x, argmax, &d, p, &values);
  if (tw_is_none(mean)) return mean;
  const tw_expr points = tw_add(tw_stop_gradient(d.theta), tw_mul(d.sigma, d.noise));
  const tw_expr total = tw_sum(tw_mul(tw_stop_gradient(values), points), TW_ALL, false);
  return tw_with_gradient(tw_scale(total, 1 / (double)d.samples), d.theta, mean);
}
