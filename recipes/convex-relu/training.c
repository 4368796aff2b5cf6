#include "training.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* (X U')_+ alpha */
static tw_expr network(tw_expr x, tw_expr u, tw_expr alpha) { return tw_matmul(tw_relu(tw_matmul(x, tw_matrix_transpose(u))), alpha); }

static tw_expr loss_expression(loss_kind kind, tw_expr z, tw_expr y) {
  if (kind == LOSS_SQUARED) return tw_scale(tw_sum(tw_square(tw_sub(z, y)), TW_ALL, false), 0.5);
  const tw_expr margin = tw_mul(y, z);
  return tw_mean(kind == LOSS_HINGE ? tw_relu(tw_sub(tw_ones_like(margin), margin)) : tw_softplus(tw_neg(margin)), TW_ALL, false);
}

/* ------------------------------------------------------------------ Adam */

/* phi(U, alpha) and its gradient. */
static tw_status objective_with_gradient(compiled *c, const design *data, loss_kind loss, double beta, int64_t width, tw_error *error) {
  const tw_status status = compiled_graph(c, error);
  if (status != TW_OK) return status;
  const tw_expr in[2] = {tw_input(c->graph, "u", TW_F64, TW_SHAPE(width, data->d)), tw_input(c->graph, "alpha", TW_F64, TW_SHAPE(width))};
  const tw_expr x = constant_of(c->graph, data->x, TW_SHAPE(data->n, data->d)), y = constant_of(c->graph, data->y, TW_SHAPE(data->n));
  const tw_expr size = tw_add(tw_sum(tw_square(in[0]), TW_ALL, false), tw_sum(tw_square(in[1]), TW_ALL, false));
  const tw_expr phi = tw_add(loss_expression(loss, network(x, in[0], in[1]), y), tw_scale(size, 0.5 * beta));
  const tw_expr out[3] = {phi, tw_grad(phi, in[0]), tw_grad(phi, in[1])};
  return compiled_finish(c, 2, in, 3, out, error);
}

/* w -= rate m^ / (sqrt(v^) + 1e-8), m and v running means with 0.9 and 0.999. */
static void adam_step(int64_t n, int64_t t, double rate, const double *g, double *m, double *v, double *w) {
  const double first = 1 - pow(0.9, (double)t), second = 1 - pow(0.999, (double)t);
  for (int64_t i = 0; i < n; i++) {
    m[i] = 0.9 * m[i] + 0.1 * g[i];
    v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
    w[i] -= rate * (m[i] / first) / (sqrt(v[i] / second) + 1e-8);
  }
}

static tw_status descend(const compiled *c, const adam_options *o, int64_t d, double *room, double *objective, double *best,
                         tw_error *error) {
  const int64_t inner = o->width * d, n = inner + o->width;
  double *w = room, *g = w + n, *m = g + n, *v = m + n, phi;
  tw_random_normal_fill(tw_key_split(o->seed, 1), 0, (size_t)inner, w);
  tw_random_normal_fill(tw_key_split(o->seed, 2), 0, (size_t)o->width, w + inner);
  for (int64_t i = 0; i < n; i++) w[i] /= sqrt((double)(i < inner ? d : o->width));
  tw_status status = TW_OK;
  *objective = INFINITY;
  for (int64_t t = 1; t <= o->steps + 1 && status == TW_OK; t++) {
    status = compiled_call(c, (const void *[]){w, w + inner}, (void *[]){&phi, g, g + inner}, error);
    if (status == TW_OK && phi < *objective) {
      *objective = phi;
      memcpy(best, w, (size_t)n * sizeof *best);
    }
    if (t <= o->steps) adam_step(n, t, 0.5 * o->rate * (1 + cos(acos(-1) * (double)t / (double)o->steps)), g, m, v, w);
  }
  return status;
}

tw_status adam_train(const design *data, loss_kind loss, double beta, const adam_options *o, double *objective, net *f, tw_error *error) {
  const int64_t inner = o->width * data->d, n = inner + o->width;
  compiled c;
  double *room = tw_alloc((size_t)(5 * n), sizeof *room), *best = room + 4 * n;
  tw_status status = objective_with_gradient(&c, data, loss, beta, o->width, error);
  if (status == TW_OK && !room) status = tw_fail(error, TW_ERR_MEMORY, "out of memory for %lld neurons", (long long)o->width);
  if (status == TW_OK) status = descend(&c, o, data->d, room, objective, best, error);
  if (status == TW_OK && f) status = net_new(f, o->width, data->d, error);
  if (status == TW_OK && f) {
    memcpy(f->u, best, (size_t)inner * sizeof *best);
    memcpy(f->alpha, best + inner, (size_t)o->width * sizeof *best);
  }
  compiled_close(&c);
  free(room);
  return status;
}

/* ------------------------------------------------------------------ attacks */

/* Margins y f(x) and the gradient of their sum in x. */
static tw_status margins_with_gradient(compiled *c, const net *f, int64_t n, const double *y, tw_error *error) {
  const tw_status status = compiled_graph(c, error);
  if (status != TW_OK) return status;
  const tw_expr x = tw_input(c->graph, "x", TW_F64, TW_SHAPE(n, f->d)), u = constant_of(c->graph, f->u, TW_SHAPE(f->m, f->d));
  const tw_expr margin = tw_mul(constant_of(c->graph, y, TW_SHAPE(n)), network(x, u, constant_of(c->graph, f->alpha, TW_SHAPE(f->m))));
  const tw_expr out[2] = {margin, tw_grad(tw_sum(margin, TW_ALL, false), x)};
  return compiled_finish(c, 1, &x, 2, out, error);
}

/* delta -= length times the direction of unit p-norm along which g'delta falls most. */
static void descend_in_ball(double p, int64_t f, double length, const double *g, double *delta) {
  const double q = dual_exponent(p), norm = norm_of(q, f, g);
  int64_t largest = 0;
  if (norm == 0) return;
  for (int64_t j = 0; j < f; j++) largest = fabs(g[j]) > fabs(g[largest]) ? j : largest;
  for (int64_t j = 0; j < f; j++) {
    const double size = isinf(p) ? g[j] != 0 : p == 1 ? j == largest : pow(fabs(g[j]) / norm, q - 1);
    delta[j] -= length * copysign(size, g[j]);
  }
}

/* Onto the ball: entry by entry for p = infinity, along the ray otherwise. */
static void into_ball(double p, int64_t f, double eps, double *delta) {
  const double norm = isinf(p) ? 0 : norm_of(p, f, delta);
  for (int64_t j = 0; j < f; j++) delta[j] = isinf(p) ? fmin(fmax(delta[j], -eps), eps) : norm > eps ? delta[j] * (eps / norm) : delta[j];
}

static tw_status one_start(const compiled *c, int64_t n, int64_t d, int64_t f, const double *x, const attack_options *o, double *room,
                           double *margin, tw_error *error) {
  double *at = room, *g = at + n * d, *delta = g + n * d, *value = delta + n * f;
  tw_status status = TW_OK;
  for (int64_t t = 0; t <= o->steps && status == TW_OK; t++) {
    memcpy(at, x, (size_t)(n * d) * sizeof *at);
    for (int64_t k = 0; k < n; k++)
      for (int64_t j = 0; j < f; j++) at[k * d + j] += delta[k * f + j];
    status = compiled_call(c, (const void *[]){at}, (void *[]){value, g}, error);
    for (int64_t k = 0; k < n && status == TW_OK; k++) {
      margin[k] = fmin(margin[k], value[k]);
      descend_in_ball(o->p, f, 2.5 * o->eps / (double)o->steps, g + k * d, delta + k * f);
      into_ball(o->p, f, o->eps, delta + k * f);
    }
  }
  return status;
}

tw_status attack(const net *f, int64_t n, const double *x, const double *y, int64_t features, const attack_options *o, double *margin,
                 tw_error *error) {
  compiled c = {0};
  double *room = tw_alloc((size_t)(n * (2 * f->d + features + 1)), sizeof *room), *delta = room + 2 * n * f->d;
  tw_status status = room ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "out of memory for an attack");
  for (int64_t k = 0; k < n; k++) margin[k] = f->m ? INFINITY : 0;
  if (status == TW_OK && f->m) status = margins_with_gradient(&c, f, n, y, error);
  for (int64_t r = 0; r < o->restarts && f->m && status == TW_OK; r++) {
    tw_random_uniform_fill(tw_key_split(o->seed, (uint64_t)r), 0, (size_t)(n * features), delta);
    for (int64_t i = 0; i < n * features; i++) delta[i] = r ? o->eps * (2 * delta[i] - 1) : 0;
    for (int64_t k = 0; k < n; k++) into_ball(o->p, features, o->eps, delta + k * features);
    status = one_start(&c, n, f->d, features, x, o, room, margin, error);
  }
  compiled_close(&c);
  free(room);
  return status;
}
