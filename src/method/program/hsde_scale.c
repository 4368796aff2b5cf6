/* Equilibration of a conic problem, and how well a point solves it. */
#include "method/program/hsde.h"

#include "linear/csc.h"

static const double FURTHER = 1e3;

/* ------------------------------------------------------------------ equilibration */

static double safe_root(double size) {
  return size > 0 ? 1 / sqrt(fmin(fmax(size, 1e-8), 1e8)) : 1;
}

/* One factor for all rows of a cone that scaling would bend: the geometric middle of what they ask for, by the largest. */
static void level_cones(const tw_conic *c, double *size) {
  int64_t start = 0;
  for (int64_t i = 0; i < c->cones; start += c->cone[i].rows, i++) {
    const tw_cone_kind kind = c->cone[i].kind;
    if (kind == TW_CONE_ZERO || kind == TW_CONE_NONNEG) continue;
    double largest = 0;
    for (int64_t k = 0; k < c->cone[i].rows; k++) largest = fmax(largest, size[start + k]);
    for (int64_t k = 0; k < c->cone[i].rows; k++) size[start + k] = largest;
  }
}

/* Rows and columns of [P, A'; A, 0] divided by the roots of their largest entries (Ruiz, 2001). */
static void pass(tw_conic_scaled *s, double *row, double *col) {
  vec_zero(s->m, row);
  vec_zero(s->n, col);
  for (int64_t j = 0; j < s->n; j++) {
    for (int64_t k = s->a.start[j]; k < s->a.start[j + 1]; k++) {
      const double size = fabs(s->a.value[k]);
      row[s->a.row[k]] = fmax(row[s->a.row[k]], size);
      col[j] = fmax(col[j], size);
    }
    for (int64_t k = s->p.start[j]; k < s->p.start[j + 1]; k++) {
      const double size = fabs(s->p.value[k]);
      col[s->p.row[k]] = fmax(col[s->p.row[k]], size);
      col[j] = fmax(col[j], size);
    }
  }
  level_cones(&s->raw, row);
  for (int64_t i = 0; i < s->m; i++) row[i] = safe_root(row[i]), s->d[i] *= row[i];
  for (int64_t j = 0; j < s->n; j++) col[j] = safe_root(col[j]), s->e[j] *= col[j];
  for (int64_t j = 0; j < s->n; j++) {
    for (int64_t k = s->a.start[j]; k < s->a.start[j + 1]; k++) s->a.value[k] *= row[s->a.row[k]] * col[j];
    for (int64_t k = s->p.start[j]; k < s->p.start[j + 1]; k++) s->p.value[k] *= col[s->p.row[k]] * col[j];
  }
}

void tw_conic_rescale(tw_conic_scaled *s, double sigma, double rho) {
  s->sigma = sigma, s->rho = rho;
  for (int64_t j = 0; j < s->n; j++) {
    s->c[j] = rho * s->e[j] * s->raw.c[j];
    for (int64_t k = s->p.start[j]; k < s->p.start[j + 1]; k++)
      s->p.value[k] = rho / sigma * s->e[s->p.row[k]] * s->raw.p.value[k] * s->e[j];
  }
  for (int64_t i = 0; i < s->m; i++) s->b[i] = sigma * s->d[i] * s->raw.b[i];
}

/* max |d_i b_i| */
static double scaled_size(int64_t m, const double *b, const double *d) {
  double most = 0;
  for (int64_t i = 0; i < m; i++) most = fmax(most, fabs(d[i] * b[i]));
  return most;
}

/* The size of x is that of b, or, where P says so, of P^-1 c, at most FURTHER times as large: sigma is one over it. rho then makes the
 * larger of c~ and P~ one. */
static void choose_units(tw_conic_scaled *s) {
  const double b = scaled_size(s->m, s->raw.b, s->d), c = scaled_size(s->n, s->raw.c, s->e);
  const double p = vec_norm_inf(csc_count(&s->p), s->p.value), stationary = p > 0 ? c / p : 0;
  const double x = b > 0 ? fmax(b, fmin(stationary, FURTHER * b)) : stationary, sigma = x > 0 ? 1 / x : 1, slope = fmax(c, p / sigma);
  tw_conic_rescale(s, sigma, slope > 0 ? 1 / slope : 1);
}

tw_status tw_conic_scale(tw_conic_scaled *out, tw_conic *raw, int passes, tw_error *error) {
  *out = (tw_conic_scaled){.raw = *raw, .n = raw->n, .m = raw->m, .sigma = 1, .rho = 1};
  *raw = (tw_conic){0};
  const int64_t n = out->n, m = out->m;
  TW_TRY(csc_copy(&out->p, &out->raw.p, error));
  TW_TRY(csc_copy(&out->a, &out->raw.a, error));
  out->c = tw_alloc((size_t)n, sizeof(double)), out->e = tw_alloc((size_t)n, sizeof(double));
  out->b = tw_alloc((size_t)m, sizeof(double)), out->d = tw_alloc((size_t)m, sizeof(double));
  double *work = tw_alloc((size_t)(n + m), sizeof *work);
  if (!out->c || !out->e || !out->b || !out->d || !work) {
    free(work);
    return tw_fail(error, TW_ERR_MEMORY, "out of memory for a conic problem");
  }
  for (int64_t j = 0; j < n; j++) out->e[j] = 1;
  for (int64_t i = 0; i < m; i++) out->d[i] = 1;
  for (int k = 0; k < passes; k++) pass(out, work, work + m);
  if (passes > 0) choose_units(out);
  if (passes == 0) tw_conic_rescale(out, 1, 1);
  free(work);
  return TW_OK;
}

void tw_conic_scaled_free(tw_conic_scaled *s) {
  tw_conic_free(&s->raw);
  tw_csc_free(&s->p);
  tw_csc_free(&s->a);
  free(s->c), free(s->b), free(s->d), free(s->e);
  *s = (tw_conic_scaled){0};
}

/* ------------------------------------------------------------------ judging */

tw_conic_error tw_conic_judge(const tw_conic *c, const double *x, const double *y, const double *s, double *work) {
  const int64_t n = c->n, m = c->m;
  double *px = work, *ax = work + n;
  tw_conic_error e = {0};
  vec_zero(n, px);
  csc_add_symmetric(&c->p, 1, x, px);
  const double curvature = vec_dot(n, x, px), cx = vec_dot(n, c->c, x), by = vec_dot(m, c->b, y);
  e.dual_scale = fmax(fmax(1, vec_norm_inf(n, px)), vec_norm_inf(n, c->c));
  for (int64_t j = 0; j < n; j++) {
    double sum = 0;
    for (int64_t k = c->a.start[j]; k < c->a.start[j + 1]; k++) sum += c->a.value[k] * y[c->a.row[k]];
    e.dual_scale = fmax(e.dual_scale, fabs(sum));
    e.dual = fmax(e.dual, fabs(px[j] + sum + c->c[j]));
  }
  vec_zero(m, ax);
  csc_add(&c->a, 1, x, ax);
  e.primal_scale = fmax(fmax(1, vec_norm_inf(m, ax)), fmax(vec_norm_inf(m, s), vec_norm_inf(m, c->b)));
  for (int64_t i = 0; i < m; i++) e.primal = fmax(e.primal, fabs(ax[i] + s[i] - c->b[i]));
  e.gap = fabs(curvature + cx + by);
  e.gap_scale = fmax(fmax(1, curvature), fmax(fabs(cx), fabs(by)));
  e.objective = curvature / 2 + cx + c->constant;
  return e;
}
