#include "method/fixpoint/mixing.h"

#include "method/leastsq/damped.h"

static const double DEPENDENT = 1e-12; /* |part of a column orthogonal to newer ones| / |column| */

tw_status tw_mixing_open(tw_mixing *a, tw_run *run, int64_t history) {
  const int64_t n = run->n, m = history < n ? history : n;
  *a = (tw_mixing){.run = run, .n = n, .m = m};
  const tw_slot slots[] = {{"mixing.last_x", n, &a->last_x},
                           {"mixing.last_r", n, &a->last_r},
                           {"mixing.dx", n * m, &a->dx},
                           {"mixing.dr", n * m, &a->dr},
                           {"mixing.q", n * m, &a->q},
                           {"mixing.state", TW_MIXING_STATE, &a->state},
                           {NULL, 0, NULL}};
  return tw_fetch(run, slots);
}

void tw_mixing_clear(tw_mixing *a) {
  a->state[TW_MIXING_COUNT] = 0;
}

void tw_mixing_record(tw_mixing *a, const double *x, const double *r) {
  if (a->m == 0) return;
  double *s = a->state;
  s[TW_MIXING_NEWEST] = s[TW_MIXING_COUNT] == 0 ? 0 : (double)(((int64_t)s[TW_MIXING_NEWEST] + 1) % a->m);
  s[TW_MIXING_COUNT] = fmin((double)a->m, s[TW_MIXING_COUNT] + 1);
  vec_sub(a->n, x, a->last_x, a->dx + (int64_t)s[TW_MIXING_NEWEST] * a->n);
  vec_sub(a->n, r, a->last_r, a->dr + (int64_t)s[TW_MIXING_NEWEST] * a->n);
}

/* Thin QR of dR, newest first, by modified Gram-Schmidt done twice: q holds the orthonormal columns, triangle
 * (column-major, leading dimension m) R, chosen[j] the slot of column j. Returns the number of columns kept. */
static int64_t factor(const tw_mixing *a, double *triangle, int64_t *chosen) {
  const int64_t n = a->n, m = a->m, count = (int64_t)a->state[TW_MIXING_COUNT];
  int64_t kept = 0;
  for (int64_t age = 0; age < count; age++) {
    const int64_t slot = ((int64_t)a->state[TW_MIXING_NEWEST] - age + m) % m;
    double *column = a->q + kept * n, *coefficients = triangle + kept * m;
    vec_copy(n, a->dr + slot * n, column);
    vec_zero(m, coefficients);
    const double size = vec_norm(n, column);
    for (int pass = 0; pass < 2; pass++) {
      for (int64_t j = 0; j < kept; j++) {
        const double h = vec_dot(n, a->q + j * n, column);
        coefficients[j] += h;
        vec_axpy(n, -h, a->q + j * n, column);
      }
    }
    const double rest = vec_norm(n, column);
    if (!(rest > DEPENDENT * size)) continue;
    coefficients[kept] = rest;
    vec_scale(n, 1 / rest, column);
    chosen[kept++] = slot;
  }
  return kept;
}

tw_status tw_mixing_extrapolate(const tw_mixing *a, const double *x, const double *r, double beta, double ridge, double *out) {
  const int64_t m = a->m;
  vec_add(a->n, x, beta, r, out);
  if (a->state[TW_MIXING_COUNT] == 0) return TW_OK;
  const size_t size = (size_t)(m * m + 2 * m + 2 * m * (m + 1));
  double *triangle = tw_alloc(size, sizeof *triangle);
  int64_t *chosen = tw_alloc((size_t)m, sizeof *chosen);
  tw_status status = TW_ERR_MEMORY;
  if (triangle && chosen) {
    double *c = triangle + m * m, *gamma = c + m, *work = gamma + m;
    const int64_t kept = factor(a, triangle, chosen);
    double frobenius = 0;
    for (int64_t j = 0; j < kept; j++) {
      c[j] = -vec_dot(a->n, a->q + j * a->n, r);
      frobenius += vec_dot(j + 1, triangle + j * m, triangle + j * m);
    }
    status = kept == 0 ? TW_OK
                       : tw_damped_triangle(kept, kept, triangle, m, c, ridge * frobenius, gamma, work,
                                            a->run->error);
    for (int64_t j = 0; j < kept && status == TW_OK; j++) {
      vec_axpy(a->n, -gamma[j], a->dx + chosen[j] * a->n, out);
      vec_axpy(a->n, -beta * gamma[j], a->dr + chosen[j] * a->n, out);
    }
  } else {
    tw_fail(a->run->error, TW_ERR_MEMORY, "out of memory");
  }
  free(triangle);
  free(chosen);
  return status;
}
