/* Polishing (OSQP, section 4), with steps of the primal-dual active set method (Hintermueller, Ito & Kunisch 2002) after it. The limits
 * that the iterate presses on are held with equality, and
 *
 *   [ P_FF   A_RF' ] [ x_F ]   [ -q_F - P_FB x_B ]
 *   [ A_RF         ] [ y_R ] = [  b_R - A_RB x_B ]
 *
 * solved for the variables F that are not at a bound and the active rows R, equilibrated, with delta I and -delta I added for the factor
 * and taken away by iterative refinement. That begins at the iterate, so that of many solutions (dependent rows, a flat optimum) one near
 * it is found, whose multipliers have its signs. Reduced costs of the variables at bounds B follow. Limits whose multiplier has the wrong
 * sign are let go then, those that are violated held, and so on while that lessens the errors. */
#include "method/program/osqp.h"

static const double DELTA = 1e-7; /* of entries that are at most 1 */
enum { ROUNDS = 6 };

/* An upper limit is active where y > u - z, a lower one where -y > z - l: 1, -1, or 0. */
static int pressed(const tw_osqp *s, int64_t i) {
  if (s->rho[i] == 0) return 0;
  if (s->lower[i] == s->upper[i]) return s->y[i] < 0 ? -1 : 1;
  if (s->y[i] > s->upper[i] - s->z[i]) return 1;
  return -s->y[i] > s->z[i] - s->lower[i] ? -1 : 0;
}

double osqp_active_key(const tw_osqp *s) {
  uint64_t h = 0;
  for (int64_t i = 0; i < s->m + s->n; i++) h = (h ^ (uint64_t)(pressed(s, i) + 1)) * UINT64_C(0x9E3779B97F4A7C15), h ^= h >> 29;
  return (double)(h >> 12);
}

typedef struct reduced {
  tw_csc k;        /* lower triangle, with the diagonal's shifts */
  int64_t order, n_free;
  int64_t *place;    /* n + m: where a variable or row is, or -1 */
  int64_t *order_of; /* n + m: of elimination */
  int *side;         /* m + n: the limit that is held, or 0 */
  double *b, *v, *x; /* order; order; n: scaled x with the active bounds */
  double *s, *most;  /* order: the scales of the equilibrated matrix; scratch */
} reduced;

static void close_reduced(reduced *r) {
  tw_csc_free(&r->k);
  free(r->place), free(r->order_of), free(r->side);
  free(r->b), free(r->v), free(r->x), free(r->s), free(r->most);
}

static void place_all(const tw_osqp *s, reduced *r) {
  r->order = 0;
  for (int64_t j = 0; j < s->n; j++) r->place[j] = r->side[s->m + j] == 0 ? r->order++ : -1;
  r->n_free = r->order;
  for (int64_t i = 0; i < s->m; i++) r->place[s->n + i] = r->side[i] != 0 ? r->order++ : -1;
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
        const double own = j < s->n ? s->k.value[k] - s->sigma - s->rho[s->m + j] : 0;
        if (pass == 1) r->k.row[count] = r->place[i], r->k.value[count] = i != j ? s->k.value[k] : own;
        count++;
      }
      if (pass == 1) r->k.start[r->place[j] + 1] = count;
    }
  }
  return TW_OK;
}

static void reduce_right(const tw_osqp *s, reduced *r) {
  for (int64_t j = 0; j < s->n; j++) {
    const int at = r->side[s->m + j];
    r->x[j] = at == 0 ? 0 : at > 0 ? s->upper[s->m + j] : s->lower[s->m + j];
    if (at == 0) r->b[r->place[j]] = -s->q[j], r->v[r->place[j]] = s->x[j];
  }
  for (int64_t i = 0; i < s->m; i++) {
    const int64_t at = r->place[s->n + i];
    if (at >= 0) r->b[at] = r->side[i] > 0 ? s->upper[i] : s->lower[i], r->v[at] = s->y[i];
  }
  for (int64_t j = 0; j < s->n; j++)
    for (int64_t k = s->k.start[j]; k < s->k.start[j + 1]; k++) { /* entries between B and the rest */
      const int64_t i = s->k.row[k];
      if (r->place[j] < 0 && r->place[i] >= 0) r->b[r->place[i]] -= s->k.value[k] * r->x[j];
      if (r->place[j] >= 0 && r->place[i] < 0 && i < s->n) r->b[r->place[j]] -= s->k.value[k] * r->x[i];
    }
}

/* S K S and its shifts; S b and S^-1 v in the place of b and v. */
static void scale_and_shift(reduced *r) {
  csc_equilibrate(&r->k, r->s, r->most);
  for (int64_t j = 0; j < r->order; j++) {
    r->k.value[r->k.start[j]] += j < r->n_free ? DELTA : -DELTA;
    r->b[j] *= r->s[j], r->v[j] /= r->s[j];
  }
}

/* y = S K S x, without the shifts. */
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

/* In the order of elimination of the whole, which leaves no more entries here than there. */
static tw_status solve_reduced(const tw_osqp *s, reduced *r) {
  tw_factor *factor = NULL;
  int64_t count = 0;
  tw_factor_order(s->factor, r->order_of);
  for (int64_t k = 0; k < s->n + s->m; k++) {
    const int64_t at = r->place[r->order_of[k]];
    if (at >= 0) r->order_of[count++] = at;
  }
  scale_and_shift(r);
  TW_TRY(tw_factor_csc_ordered(&factor, TW_FACTOR_LDLT, &r->k, r->order_of, s->run->error));
  tw_factor_refinement(factor, 0);
  const tw_linop k = {r->order, r->order, TW_LINOP_SYMMETRIC, apply_reduced, NULL, r}, inverse = tw_factor_linop(factor);
  const tw_linear_options options = {.rtol = 1e-15};
  tw_linear_result result;
  const tw_status status = tw_refine(&k, &inverse, r->b, r->v, &options, &result, s->run->error);
  for (int64_t j = 0; j < r->order; j++) r->v[j] *= r->s[j];
  tw_factor_free(factor);
  return status;
}

/* The solution as a point in the program's units; reduced costs at bounds make the dual residual zero there. */
static void take_solution(tw_osqp *s, const reduced *r, osqp_point *p) {
  const tw_qp *qp = &s->qp;
  const double c = s->number[OSQP_C];
  for (int64_t j = 0; j < s->n; j++) {
    const int at = r->side[s->m + j];
    const double x = at > 0 ? qp->upper[j] : at < 0 ? qp->lower[j] : s->d[j] * r->v[r->place[j]];
    p->x[j] = fmin(fmax(x, qp->lower[j]), qp->upper[j]);
  }
  for (int64_t i = 0; i < s->m; i++) p->y[i] = r->side[i] == 0 ? 0 : s->e[i] * r->v[r->place[s->n + i]] / c;
  double *g = p->px;
  vec_copy(s->n, qp->q, g);
  tw_qp_add_p(qp, 1, p->x, g);
  tw_qp_add_at(qp, 1, p->y, g);
  for (int64_t j = 0; j < s->n; j++) p->z[j] = r->side[s->m + j] != 0 ? -g[j] : 0;
  vec_zero(s->m, p->ax);
  tw_qp_add_a(qp, 1, p->x, p->ax);
  for (int64_t i = 0; i < s->m; i++) p->row[i] = fmin(fmax(p->ax[i], qp->row_lower[i]), qp->row_upper[i]);
  osqp_judge(s, p, p->x);
}

/* v is what is limited, y its multiplier. */
static int next_side(int side, double v, double l, double u, double y) {
  if (side == 0) return v > u ? 1 : v < l ? -1 : 0;
  return l == u || y * side > 0 ? side : 0;
}

/* Whether any limit is let go or held. */
static bool change_sides(const tw_osqp *s, reduced *r, const osqp_point *p) {
  bool changed = false;
  for (int64_t i = 0; i < s->m + s->n; i++) {
    const int64_t j = i - s->m;
    const bool row = j < 0;
    if (!row && s->rho[i] == 0) continue;
    const double v = row ? s->e[i] * p->ax[i] : r->place[j] >= 0 ? r->v[r->place[j]] : 0;
    const double slack = 1e-12 * (1 + fabs(v));
    const int next = next_side(r->side[i], v, s->lower[i] - slack, s->upper[i] + slack, row ? p->y[i] : p->z[j]);
    const bool equal = s->lower[i] == s->upper[i];
    changed = changed || (!equal && next != r->side[i]);
    if (!equal) r->side[i] = next;
  }
  return changed;
}

static double largest_error(const osqp_point *p) {
  return fmax(fmax(p->primal / (1 + p->primal_scale), p->dual / (1 + p->dual_scale)),
              p->optimality.complementarity / (1 + p->value_scale));
}

static tw_status one_round(tw_osqp *s, reduced *r) {
  place_all(s, r);
  tw_csc_free(&r->k);
  vec_zero(s->n + s->m, r->b);
  if (r->order > 0) TW_TRY(reduce_matrix(s, r));
  reduce_right(s, r);
  if (r->order > 0) TW_TRY(solve_reduced(s, r));
  take_solution(s, r, &s->trial);
  return TW_OK;
}

static tw_status polish_rounds(tw_osqp *s, reduced *r, double enough, bool *better) {
  for (int64_t i = 0; i < s->m + s->n; i++) r->side[i] = pressed(s, i);
  double least = INFINITY;
  for (int round = 0; round < ROUNDS; round++) {
    TW_TRY(one_round(s, r));
    const double error = largest_error(&s->trial);
    const bool worth = error < least, change = change_sides(s, r, &s->trial);
    if (worth) {
      const osqp_point other = s->polished;
      s->polished = s->trial, s->trial = other;
      least = error;
      *better = least < largest_error(&s->at) || osqp_meets(&s->polished, enough);
    }
    if (!worth || !change || osqp_meets(&s->polished, enough)) break;
  }
  return TW_OK;
}

tw_status osqp_polish(tw_osqp *s, double enough, bool *better) {
  const size_t most = (size_t)(s->n + s->m);
  reduced r = {.place = tw_alloc(most, sizeof *r.place), .order_of = tw_alloc(most, sizeof *r.order_of),
               .side = tw_alloc(most, sizeof *r.side), .b = tw_alloc(most, sizeof *r.b),
               .v = tw_alloc(most, sizeof *r.v), .x = tw_alloc((size_t)s->n, sizeof *r.x), .s = tw_alloc(most, sizeof *r.s),
               .most = tw_alloc(most, sizeof *r.most)};
  *better = false;
  const tw_status status = r.place && r.order_of && r.side && r.b && r.v && r.x && r.s && r.most
                               ? polish_rounds(s, &r, enough, better)
                               : tw_fail(s->run->error, TW_ERR_MEMORY, "osqp: out of memory for polishing");
  close_reduced(&r);
  return status == TW_ERR_SINGULAR || status == TW_ERR_NUMERIC ? TW_OK : status;
}
