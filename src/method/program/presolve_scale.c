/* Scaling of a reduced program by powers of two; see presolve.h. */
#include "method/program/presolve.h"

enum { GEOMETRIC = 4, RUIZ = 8 };

typedef struct extremes {
  double *least, *most;
} extremes;

static void see(extremes *e, int64_t k, double a) {
  if (a == 0) return;
  e->least[k] = fmin(e->least[k], a);
  e->most[k] = fmax(e->most[k], a);
}

/* Least and largest entries of the scaled columns (n, of P and A) and rows (m). */
static void survey(const tw_presolve *s, extremes *column, extremes *row) {
  const tw_qp *qp = &s->reduced;
  const double *c = s->column_scale, *r = s->row_scale;
  for (int64_t j = 0; j < qp->n; j++) column->least[j] = INFINITY, column->most[j] = 0;
  for (int64_t i = 0; i < qp->m; i++) row->least[i] = INFINITY, row->most[i] = 0;
  for (int64_t j = 0; j < qp->n; j++) {
    for (int64_t k = qp->p.start[j]; k < qp->p.start[j + 1]; k++) {
      const double a = fabs(qp->p.value[k]) * c[j] * c[qp->p.row[k]];
      see(column, j, a), see(column, qp->p.row[k], a);
    }
    for (int64_t k = qp->a.start[j]; k < qp->a.start[j + 1]; k++) {
      const double a = fabs(qp->a.value[k]) * c[j] * r[qp->a.row[k]];
      see(column, j, a), see(row, qp->a.row[k], a);
    }
  }
}

/* scale /= sqrt(least most), or sqrt(most). */
static void divide(int64_t n, const extremes *e, bool geometric, double *scale) {
  for (int64_t k = 0; k < n; k++)
    if (e->most[k] > 0) scale[k] /= sqrt(geometric ? sqrt(e->most[k]) * sqrt(e->least[k]) : e->most[k]);
}

static double power_of_two(double a) {
  int exponent;
  frexp(a, &exponent);
  return ldexp(1, exponent < -300 ? -300 : exponent > 300 ? 300 : exponent);
}

static void scale_matrices(tw_presolve *s) {
  tw_qp *qp = &s->reduced;
  const double *c = s->column_scale, *r = s->row_scale;
  for (int64_t j = 0; j < qp->n; j++) {
    for (int64_t k = qp->p.start[j]; k < qp->p.start[j + 1]; k++) qp->p.value[k] *= s->cost_scale * c[j] * c[qp->p.row[k]];
    for (int64_t k = qp->a.start[j]; k < qp->a.start[j + 1]; k++) qp->a.value[k] *= c[j] * r[qp->a.row[k]];
    qp->q[j] *= s->cost_scale * c[j];
    qp->lower[j] /= c[j], qp->upper[j] /= c[j];
  }
  for (int64_t i = 0; i < qp->m; i++) qp->row_lower[i] *= r[i], qp->row_upper[i] *= r[i];
  qp->constant *= s->cost_scale;
}

/* sigma: the largest of q and P becomes about 1. */
static double cost_scale(const tw_presolve *s) {
  const tw_qp *qp = &s->reduced;
  const double *c = s->column_scale;
  double most = 0;
  for (int64_t j = 0; j < qp->n; j++) {
    most = fmax(most, fabs(qp->q[j]) * c[j]);
    for (int64_t k = qp->p.start[j]; k < qp->p.start[j + 1]; k++) most = fmax(most, fabs(qp->p.value[k]) * c[j] * c[qp->p.row[k]]);
  }
  return most > 0 ? 1 / power_of_two(most) : 1;
}

tw_status tw_presolve_scale(tw_presolve *s, tw_error *error) {
  const tw_qp *qp = &s->reduced;
  const int64_t n = qp->n, m = qp->m;
  double *work = tw_alloc((size_t)(2 * n + 2 * m), sizeof *work);
  if (!work) return tw_fail(error, TW_ERR_MEMORY, "presolve: out of memory");
  extremes column = {work, work + n}, row = {work + 2 * n, work + 2 * n + m};
  const int geometric = tw_qp_is_linear(qp) ? GEOMETRIC : 0;
  for (int pass = 0; pass < geometric + RUIZ; pass++) {
    survey(s, &column, &row);
    divide(n, &column, pass < geometric, s->column_scale);
    divide(m, &row, pass < geometric, s->row_scale);
  }
  for (int64_t j = 0; j < n; j++) s->column_scale[j] = power_of_two(s->column_scale[j]);
  for (int64_t i = 0; i < m; i++) s->row_scale[i] = power_of_two(s->row_scale[i]);
  s->cost_scale = cost_scale(s);
  scale_matrices(s);
  free(work);
  return TW_OK;
}
