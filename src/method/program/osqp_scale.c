/* Equilibration of a program (Ruiz 2001, modified as in OSQP, section 5.1), its scaled vectors, and the KKT matrix with its factor. */
#include "method/program/osqp.h"

static const double LEAST_NORM = 1e-4, LARGEST_NORM = 1e4; /* norms below count as 1, above as this */
static const double LEAST_RHO = 1e-6, LARGEST_RHO = 1e6, EQUALITY_RHO = 1e3;

/* ------------------------------------------------------------------ scales */

static double inverse_root(double norm) {
  return norm < LEAST_NORM ? 1 : 1 / sqrt(fmin(norm, LARGEST_NORM));
}

/* |column j of P~|_inf for all j. */
static void column_norms_p(const tw_osqp *s, double *norm) {
  const tw_csc *p = &s->qp.p;
  const double c = s->number[OSQP_C];
  vec_zero(s->n, norm);
  for (int64_t j = 0; j < s->n; j++)
    for (int64_t k = p->start[j]; k < p->start[j + 1]; k++) {
      const int64_t i = p->row[k];
      const double v = fabs(c * s->d[i] * p->value[k] * s->d[j]);
      norm[i] = fmax(norm[i], v), norm[j] = fmax(norm[j], v);
    }
}

static void norms_a(const tw_osqp *s, double *column, double *row) {
  const tw_csc *a = &s->qp.a;
  vec_zero(s->m, row);
  for (int64_t j = 0; j < s->n; j++)
    for (int64_t k = a->start[j]; k < a->start[j + 1]; k++) {
      const int64_t i = a->row[k];
      const double v = fabs(s->e[i] * a->value[k] * s->d[j]);
      column[j] = fmax(column[j], v), row[i] = fmax(row[i], v);
    }
}

static bool is_bounded(const tw_qp *qp, int64_t j) {
  return qp->lower[j] > -INFINITY || qp->upper[j] < INFINITY;
}

/* c makes the larger of the mean norm of P's columns and |q| one. */
static void scale_cost(tw_osqp *s, double *norm) {
  double mean = 0, linear = 0;
  column_norms_p(s, norm);
  for (int64_t j = 0; j < s->n; j++) mean += norm[j] / (double)s->n;
  for (int64_t j = 0; j < s->n; j++) linear = fmax(linear, fabs(s->number[OSQP_C] * s->d[j] * s->qp.q[j]));
  const double largest = fmax(mean, linear);
  s->number[OSQP_C] *= largest < LEAST_NORM ? 1 : 1 / fmin(largest, LARGEST_NORM);
}

void osqp_equilibrate(tw_osqp *s, int64_t iterations) {
  double *column = s->right, *row = s->right + s->n;
  for (int64_t j = 0; j < s->n; j++) s->d[j] = 1;
  for (int64_t i = 0; i < s->m; i++) s->e[i] = 1;
  s->number[OSQP_C] = 1;
  for (int64_t k = 0; k < iterations; k++) {
    column_norms_p(s, column);
    norms_a(s, column, row);
    for (int64_t j = 0; j < s->n; j++) s->d[j] *= inverse_root(is_bounded(&s->qp, j) ? fmax(1, column[j]) : column[j]);
    for (int64_t i = 0; i < s->m; i++) s->e[i] *= inverse_root(row[i]);
    scale_cost(s, column);
  }
}

/* ------------------------------------------------------------------ the scaled program */

static double weight(double rho, double l, double u) {
  if (l == -INFINITY && u == INFINITY) return LEAST_RHO;
  return l == u ? fmin(LARGEST_RHO, EQUALITY_RHO * rho) : rho;
}

void osqp_rescale(tw_osqp *s) {
  const tw_qp *qp = &s->qp;
  const double c = s->number[OSQP_C], rho = s->number[OSQP_RHO];
  for (int64_t j = 0; j < s->n; j++) {
    const int64_t i = s->m + j;
    s->q[j] = c * s->d[j] * qp->q[j];
    s->lower[i] = qp->lower[j] / s->d[j], s->upper[i] = qp->upper[j] / s->d[j];
    s->rho[i] = is_bounded(qp, j) ? weight(rho, qp->lower[j], qp->upper[j]) : 0;
  }
  for (int64_t i = 0; i < s->m; i++) {
    s->lower[i] = s->e[i] * qp->row_lower[i], s->upper[i] = s->e[i] * qp->row_upper[i];
    s->rho[i] = weight(rho, qp->row_lower[i], qp->row_upper[i]);
  }
}

/* ------------------------------------------------------------------ the KKT matrix */

/* Columns 0 .. n-1: the diagonal, P below it, A; columns n .. n+m-1: the diagonal. */
static tw_status lay_out(tw_osqp *s) {
  const tw_csc *p = &s->qp.p, *a = &s->qp.a;
  int64_t count = s->n + s->m + a->start[s->n];
  for (int64_t j = 0; j < s->n; j++)
    for (int64_t k = p->start[j]; k < p->start[j + 1]; k++) count += p->row[k] != j;
  TW_TRY(csc_new(&s->k, s->n + s->m, s->n + s->m, count, s->run->error));
  int64_t at = 0;
  for (int64_t j = 0; j < s->n; j++) {
    s->k.row[at++] = j;
    for (int64_t k = p->start[j]; k < p->start[j + 1]; k++)
      if (p->row[k] != j) s->k.row[at++] = p->row[k];
    for (int64_t k = a->start[j]; k < a->start[j + 1]; k++) s->k.row[at++] = s->n + a->row[k];
    s->k.start[j + 1] = at;
  }
  for (int64_t i = s->n; i < s->n + s->m; i++) s->k.row[at++] = i, s->k.start[i + 1] = at;
  return TW_OK;
}

static void set_values(tw_osqp *s) {
  const tw_csc *p = &s->qp.p, *a = &s->qp.a;
  const double c = s->number[OSQP_C];
  for (int64_t j = 0; j < s->n; j++) {
    double *at = s->k.value + s->k.start[j], *diagonal = at++;
    *diagonal = s->sigma + s->rho[s->m + j];
    for (int64_t k = p->start[j]; k < p->start[j + 1]; k++) {
      const double v = c * s->d[p->row[k]] * p->value[k] * s->d[j];
      if (p->row[k] == j)
        *diagonal += v;
      else
        *at++ = v;
    }
    for (int64_t k = a->start[j]; k < a->start[j + 1]; k++) *at++ = s->e[a->row[k]] * a->value[k] * s->d[j];
  }
  for (int64_t i = 0; i < s->m; i++) s->k.value[s->k.start[s->n + i]] = -1 / s->rho[i];
}

/* d, e, rho and c are those the factor was made for; they are from here on. */
static bool take_made(tw_osqp *s) {
  const struct part {
    const double *from;
    int64_t n;
  } parts[] = {{s->d, s->n}, {s->e, s->m}, {s->rho, s->m + s->n}, {&s->number[OSQP_C], 1}};
  bool same = true;
  double *to = s->made;
  for (int k = 0; k < 4; to += parts[k++].n) {
    same = same && memcmp(to, parts[k].from, (size_t)parts[k].n * sizeof *to) == 0;
    vec_copy(parts[k].n, parts[k].from, to);
  }
  return same;
}

tw_status osqp_factor(tw_osqp *s) {
  if (take_made(s) && s->factor) return TW_OK;
  if (!s->k.start) TW_TRY(lay_out(s));
  set_values(s);
  if (s->factor) return tw_factor_update(s->factor, &s->k, s->run->error);
  TW_TRY(tw_factor_csc(&s->factor, TW_FACTOR_LDLT, &s->k, s->run->error));
  tw_factor_refinement(s->factor, 0);
  return TW_OK;
}
