/* Polishing (OSQP, section 4): the active set that the iterate presses on is held with equality, and
 *
 *   [ P_FF   A_RF' ] [ x_F ]   [ -q_F - P_FB x_B ]
 *   [ A_RF         ] [ y_R ] = [  b_R - A_RB x_B ]
 *
 * solved for the variables F that are not at a bound and the active rows R, scaled, with delta I and -delta I added for the factor and
 * taken away by iterative refinement. That begins at the iterate, so that of many solutions (dependent rows, a flat optimum) one near it
 * is found, whose multipliers have its signs. Reduced costs of the variables at bounds B follow. */
#include "method/program/osqp.h"

static const double DELTA = 1e-7;

/* An upper limit is active where y > u - z, a lower one where -y > z - l: 1, -1, or 0. */
static int side(const tw_osqp *s, int64_t i) {
  if (s->rho[i] == 0) return 0;
  if (s->lower[i] == s->upper[i]) return s->y[i] < 0 ? -1 : 1;
  if (s->y[i] > s->upper[i] - s->z[i]) return 1;
  return -s->y[i] > s->z[i] - s->lower[i] ? -1 : 0;
}

double osqp_active_key(const tw_osqp *s) {
  uint64_t h = 0;
  for (int64_t i = 0; i < s->m + s->n; i++) h = (h ^ (uint64_t)(side(s, i) + 1)) * UINT64_C(0x9E3779B97F4A7C15), h ^= h >> 29;
  return (double)(h >> 12);
}

typedef struct reduced {
  tw_csc k;        /* lower triangle, with the diagonal's shifts */
  int64_t order, n_free;
  int64_t *place;  /* n + m: where a variable or row is, or -1 */
  double *b, *v, *x; /* order; order; n: scaled x with the active bounds */
} reduced;

static void close_reduced(reduced *r) {
  tw_csc_free(&r->k);
  free(r->place);
  free(r->b), free(r->v), free(r->x);
}

static void place_all(const tw_osqp *s, reduced *r) {
  for (int64_t j = 0; j < s->n; j++) r->place[j] = side(s, s->m + j) == 0 ? r->order++ : -1;
  r->n_free = r->order;
  for (int64_t i = 0; i < s->m; i++) r->place[s->n + i] = side(s, i) != 0 ? r->order++ : -1;
}

/* K of the free variables and active rows out of the splitting's, whose diagonal is cleared of sigma and rho. */
static tw_status reduce_matrix(const tw_osqp *s, reduced *r) {
  int64_t count = 0;
  for (int pass = 0; pass < 2; pass++) {
    if (pass == 1) TW_TRY(csc_new(&r->k, r->order, r->order, count, s->run->error));
    count = 0;
    for (int64_t j = 0; j < s->n + s->m; j++) {
      if (r->place[j] < 0) continue;
      for (int64_t k = s->k.start[j]; k < s->k.start[j + 1]; k++) {
        const int64_t i = s->k.row[k];
        if (r->place[i] < 0) continue;
        const double own = j < s->n ? DELTA - s->sigma - s->rho[s->m + j] : 0;
        if (pass == 1) r->k.row[count] = r->place[i], r->k.value[count] = i != j ? s->k.value[k] : j < s->n ? s->k.value[k] + own : -DELTA;
        count++;
      }
      if (pass == 1) r->k.start[r->place[j] + 1] = count;
    }
  }
  return TW_OK;
}

static void reduce_right(const tw_osqp *s, reduced *r) {
  for (int64_t j = 0; j < s->n; j++) {
    const int at = side(s, s->m + j);
    r->x[j] = at == 0 ? 0 : at > 0 ? s->upper[s->m + j] : s->lower[s->m + j];
    if (at == 0) r->b[r->place[j]] = -s->q[j], r->v[r->place[j]] = s->x[j];
  }
  for (int64_t i = 0; i < s->m; i++) {
    const int64_t at = r->place[s->n + i];
    if (at >= 0) r->b[at] = side(s, i) > 0 ? s->upper[i] : s->lower[i], r->v[at] = s->y[i];
  }
  for (int64_t j = 0; j < s->n; j++)
    for (int64_t k = s->k.start[j]; k < s->k.start[j + 1]; k++) { /* entries between B and the rest */
      const int64_t i = s->k.row[k];
      if (r->place[j] < 0 && r->place[i] >= 0) r->b[r->place[i]] -= s->k.value[k] * r->x[j];
      if (r->place[j] >= 0 && r->place[i] < 0 && i < s->n) r->b[r->place[j]] -= s->k.value[k] * r->x[i];
    }
}

/* y = K x without the shifts. */
static tw_status apply_reduced(void *context, const double *x, double *y) {
  const reduced *r = context;
  for (int64_t j = 0; j < r->order; j++) y[j] = (j < r->n_free ? -DELTA : DELTA) * x[j];
  for (int64_t j = 0; j < r->order; j++)
    for (int64_t k = r->k.start[j]; k < r->k.start[j + 1]; k++) {
      const int64_t i = r->k.row[k];
      y[i] += r->k.value[k] * x[j];
      if (i != j) y[j] += r->k.value[k] * x[i];
    }
  return TW_OK;
}

static tw_status solve_reduced(const tw_osqp *s, reduced *r) {
  tw_factor *factor = NULL;
  TW_TRY(tw_factor_csc(&factor, TW_FACTOR_LDLT, &r->k, s->run->error));
  tw_factor_refinement(factor, 0);
  const tw_linop k = {r->order, r->order, TW_LINOP_SYMMETRIC, apply_reduced, NULL, r}, inverse = tw_factor_linop(factor);
  const tw_linear_options options = {.rtol = 1e-15};
  tw_linear_result result;
  const tw_status status = tw_refine(&k, &inverse, r->b, r->v, &options, &result, s->run->error);
  tw_factor_free(factor);
  return status;
}

/* The polished point in the program's units; reduced costs at bounds make the dual residual zero there. */
static void take_solution(tw_osqp *s, const reduced *r) {
  const tw_qp *qp = &s->qp;
  osqp_point *p = &s->polished;
  const double c = s->number[OSQP_C];
  for (int64_t j = 0; j < s->n; j++) {
    const int at = side(s, s->m + j);
    const double x = at > 0 ? qp->upper[j] : at < 0 ? qp->lower[j] : s->d[j] * r->v[r->place[j]];
    p->x[j] = fmin(fmax(x, qp->lower[j]), qp->upper[j]);
  }
  for (int64_t i = 0; i < s->m; i++) p->y[i] = r->place[s->n + i] < 0 ? 0 : s->e[i] * r->v[r->place[s->n + i]] / c;
  double *g = p->px;
  vec_copy(s->n, qp->q, g);
  tw_qp_add_p(qp, 1, p->x, g);
  tw_qp_add_at(qp, 1, p->y, g);
  for (int64_t j = 0; j < s->n; j++) p->z[j] = side(s, s->m + j) != 0 ? -g[j] : 0;
  vec_zero(s->m, p->ax);
  tw_qp_add_a(qp, 1, p->x, p->ax);
  for (int64_t i = 0; i < s->m; i++) p->row[i] = fmin(fmax(p->ax[i], qp->row_lower[i]), qp->row_upper[i]);
  osqp_judge(s, p, p->x);
}

static double largest_error(const osqp_point *p) {
  return fmax(fmax(p->primal / (1 + p->primal_scale), p->dual / (1 + p->dual_scale)),
              p->optimality.complementarity / (1 + p->value_scale));
}

tw_status osqp_polish(tw_osqp *s, bool *better) {
  reduced r = {.place = tw_alloc((size_t)(s->n + s->m), sizeof *r.place)};
  tw_status status = TW_OK;
  *better = false;
  if (r.place) place_all(s, &r);
  r.b = tw_alloc((size_t)r.order, sizeof *r.b), r.v = tw_alloc((size_t)r.order, sizeof *r.v), r.x = tw_alloc((size_t)s->n, sizeof *r.x);
  if (!r.place || !r.b || !r.v || !r.x) status = tw_fail(s->run->error, TW_ERR_MEMORY, "osqp: out of memory for polishing");
  if (status == TW_OK && r.order > 0) status = reduce_matrix(s, &r);
  if (status == TW_OK) reduce_right(s, &r);
  if (status == TW_OK && r.order > 0) status = solve_reduced(s, &r);
  if (status == TW_OK) {
    take_solution(s, &r);
    *better = largest_error(&s->polished) < largest_error(&s->at);
  }
  close_reduced(&r);
  return status == TW_ERR_SINGULAR || status == TW_ERR_NUMERIC ? TW_OK : status;
}
