#include "blocks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double BACK = 2.5, ARMIJO = 0.1;

tw_status block_descent_open(block_descent *s, const operators *o, loss_kind loss, double rho, uint64_t seed, tw_error *error) {
  const int64_t n = o->data->n, d = o->data->d, p = o->set->p;
  *s = (block_descent){.o = o, .loss = loss, .rho = rho, .window = (int64_t)ceil(8 * sqrt((double)p)), .key = tw_key_split(seed, 7)};
  s->matrix = tw_alloc((size_t)(d * d + p + s->window + 6 * d + 4 * n), sizeof(double));
  if (!s->matrix) return tw_fail(error, TW_ERR_MEMORY, "out of memory for block coordinate descent");
  s->length = s->matrix + d * d;
  s->recent = s->length + p;
  s->grad = s->recent + s->window;
  s->move = s->grad + 2 * d;
  s->linear = s->move + 2 * d;
  s->fu = s->linear + 2 * d;
  s->g = s->fu + n;
  s->f = s->g + n;
  s->trial = s->f + n;
  for (int64_t i = 0; i < p; i++) s->length[i] = 1 / rho;
  product(true, false, d, d, n, o->data->x, o->data->x, s->matrix);
  for (int64_t j = 0; j < d; j++) s->matrix[j * d + j] += 1;
  return tw_factor_dense(&s->c, TW_FACTOR_CHOLESKY, d, d, s->matrix, error);
}

void block_descent_close(block_descent *s) {
  tw_factor_free(s->c);
  free(s->matrix);
  *s = (block_descent){0};
}

/* out = C x */
static void apply_c(const block_descent *s, const double *x, double *out) {
  const int64_t d = s->o->data->d;
  for (int64_t j = 0; j < d; j++) out[j] = dot(d, s->matrix + j * d, x);
}

/* g_x = X'D_i grad L, of the loss at fu. */
static void loss_part(const block_descent *s, int64_t i, double *gx) {
  const design *a = s->o->data;
  const double *mask = mask_of(s->o, i);
  loss_gradient(s->loss, a->n, a->y, s->fu, s->g);
  for (int64_t k = 0; k < a->n; k++) s->g[k] *= mask[k];
  product(true, false, a->d, 1, a->n, a->x, s->g, gx);
}

/* The direction for pattern i in move, f = D_i X (d_v - d_w); returns grad'C^-1 grad. *linear and *square: the quadratic's change is
 * rho (t linear + t^2 square / 2). */
static tw_status direction(block_descent *s, int64_t i, const double *m, const double *u, double *slope, double *linear, double *square,
                           tw_error *error) {
  const design *a = s->o->data;
  const int64_t d = a->d, half = s->o->set->p * d;
  const double *mask = mask_of(s->o, i);
  loss_part(s, i, s->grad);
  for (int64_t side = 0; side < 2; side++) {
    double *l = s->linear + side * d;
    apply_c(s, u + side * half + i * d, l);
    for (int64_t j = 0; j < d; j++) l[j] -= m[side * half + i * d + j];
  }
  for (int64_t j = 0; j < d; j++) {
    const double g = s->grad[j];
    s->grad[j] = g + s->rho * s->linear[j];
    s->grad[d + j] = -g + s->rho * s->linear[d + j];
  }
  const tw_status status = tw_factor_solve(s->c, false, 2, s->grad, s->move, error);
  if (status != TW_OK) return status;
  *slope = *square = dot(2 * d, s->grad, s->move); /* d'C d = grad'C^-1 grad */
  for (int64_t j = 0; j < 2 * d; j++) s->move[j] = -s->move[j];
  *linear = dot(2 * d, s->linear, s->move);
  for (int64_t k = 0; k < a->n; k++) s->f[k] = mask[k] * (dot(d, a->x + k * d, s->move) - dot(d, a->x + k * d, s->move + d));
  return TW_OK;
}

/* One step; *fall: by how much phi fell. */
static tw_status step(block_descent *s, const double *m, double *u, double *loss, double *fall, tw_error *error) {
  const design *a = s->o->data;
  const int64_t p = s->o->set->p, d = a->d, i = tw_random_integer(s->key, s->drawn++, 0, p);
  double slope, linear, square;
  const tw_status status = direction(s, i, m, u, &slope, &linear, &square, error);
  *fall = 0;
  if (status != TW_OK) return status;
  double t = BACK * s->length[i];
  for (int shrinks = 0; shrinks < 60 && slope > 0; shrinks++, t /= BACK) {
    for (int64_t k = 0; k < a->n; k++) s->trial[k] = s->fu[k] + t * s->f[k];
    const double after = loss_value(s->loss, a->n, a->y, s->trial, NULL),
                 change = after - *loss + s->rho * (t * linear + 0.5 * t * t * square);
    if (!(change <= -ARMIJO * t * slope)) continue;
    for (int64_t j = 0; j < d; j++) {
      u[i * d + j] += t * s->move[j];
      u[(p + i) * d + j] += t * s->move[d + j];
    }
    memcpy(s->fu, s->trial, (size_t)a->n * sizeof *s->fu);
    *loss = after;
    *fall = -change;
    s->length[i] = t;
    return TW_OK;
  }
  return TW_OK;
}

tw_status block_descent_solve(block_descent *s, const double *m, double threshold, double *u, tw_error *error) {
  const int64_t p = s->o->set->p;
  apply_f(s->o, u, s->fu);
  double loss = loss_value(s->loss, s->o->data->n, s->o->data->y, s->fu, NULL), sum = 0;
  const double enough = threshold * loss * (double)s->window;
  memset(s->recent, 0, (size_t)s->window * sizeof *s->recent);
  tw_status status = TW_OK;
  for (int64_t k = 0; k < 200 * p && status == TW_OK; k++) {
    double fall;
    status = step(s, m, u, &loss, &fall, error);
    s->steps++;
    s->recent[k % s->window] = fall;
    if (k + 1 < s->window) continue;
    sum = 0;
    for (int64_t j = 0; j < s->window; j++) sum += s->recent[j];
    if (sum <= enough) break;
  }
  return status;
}
