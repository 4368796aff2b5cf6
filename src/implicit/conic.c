/* Derivatives of solutions through the conic residual map; see conic.h. */
#include "implicit/conic.h"

#include "base/try.h"
#include "linear/csc.h"
#include "linear/vec.h"
#include "problem/conic.h"
#include "problem/conic_map.h"

#include <talweg/method.h>

#include <math.h>
#include <stdlib.h>

typedef struct session {
  const tw_problem *problem;
  tw_conic_form form;
  tw_expr tangent;      /* of theta */
  tw_fn *at, *along;    /* parameters -> values; parameters, tangent -> their derivatives */
  tw_conic conic;
  tw_conic_map map;
  double *values, *change, *z, *f, *dz; /* packed values and derivatives; n + m each */
  double *slack;
  tw_error *error;
} session;

static tw_status out_of_memory(tw_error *error) {
  return tw_fail(error, TW_ERR_MEMORY, "out of memory differentiating a conic problem");
}

/* ------------------------------------------------------------------ values of the form */

static int parts_of(const tw_conic_form *form, tw_expr out[3]) {
  out[0] = form->rows_at, out[1] = form->constant, out[2] = form->hessian_at;
  return tw_is_none(form->hessian_at) ? 2 : 3;
}

/* Parameters, and with `tangent` that of theta behind them -> the parts, one after the other. */
static tw_status call(const session *s, const tw_fn *fn, const double *tangent, double *out) {
  const int n = tw_problem_parameters(s->problem);
  const void **in = tw_alloc((size_t)n + 1, sizeof *in);
  tw_work *work = NULL;
  if (!in) return out_of_memory(s->error);
  for (int j = 0; j < n; j++) in[j] = tw_problem_parameter_at(s->problem, j)->value.data;
  in[n] = tangent;
  tw_expr part[3];
  void *at[3];
  const int parts = parts_of(&s->form, part);
  for (int i = 0; i < parts; out += tw_size_of(part[i]), i++) at[i] = out;
  tw_status status = tw_work_new(&work, fn, s->error);
  if (status == TW_OK) status = tw_fn_call(fn, work, in, at, 0, s->error);
  tw_work_free(work);
  free(in);
  return status;
}

static tw_status compile(session *s, tw_expr theta) {
  const int n = tw_problem_parameters(s->problem);
  tw_graph *graph = s->problem->graph;
  tw_expr *in = tw_alloc((size_t)n + 1, sizeof *in), part[3], change[3];
  if (!in) return out_of_memory(s->error);
  const int parts = parts_of(&s->form, part);
  for (int j = 0; j < n; j++) in[j] = tw_problem_parameter_at(s->problem, j)->expr;
  in[n] = s->tangent = tw_input(graph, "tangent", TW_F64, tw_shape_of(theta));
  tw_status status = tw_jvp(parts, part, 1, &theta, &s->tangent, change);
  for (int i = 0; i < parts && status == TW_OK; i++)
    if (tw_is_none(change[i])) change[i] = tw_zeros_like(part[i]);
  status = tw_graph_check(graph, s->error);
  if (status == TW_OK) status = tw_fn_new(&s->at, n, in, parts, part, NULL, s->error);
  if (status == TW_OK) status = tw_fn_new(&s->along, n + 1, in, parts, change, NULL, s->error);
  free(in);
  return status;
}

/* ------------------------------------------------------------------ the solution */

static tw_status solve(session *s) {
  tw_oracle oracle;
  tw_result result;
  const tw_solve_options options = {.method = "hsde", .tolerance = 1e-10, .max_iter = 20000};
  const int64_t n = s->conic.n, m = s->conic.m;
  TW_TRY(tw_oracle_from_conic(&oracle, &s->conic, s->error));
  tw_status status = tw_minimize(&oracle, NULL, &options, &result, s->error);
  if (status == TW_OK) {
    vec_copy(n, result.x, s->z);
    oracle.constraints(oracle.context, result.x, s->slack, s->error);
    for (int64_t i = 0; i < m; i++) s->z[n + i] = -result.dual[i] - s->slack[i];
    const double worst = fmax(result.optimality.stationarity, fmax(result.optimality.feasibility, result.optimality.complementarity));
    if (result.outcome != TW_SOLVED && !(worst < 1e-6))
      status = tw_fail(s->error, TW_ERR_NUMERIC, "the conic problem was not solved: %s", result.message);
    tw_result_free(&result);
  }
  tw_oracle_release(&oracle);
  return status;
}

static tw_status prepare(session *s, const tw_class *cls, tw_expr theta) {
  tw_graph_lock(s->problem->graph);
  tw_status status = tw_conic_form_make(&s->form, s->problem, cls, s->error);
  if (status == TW_OK) status = compile(s, theta);
  tw_graph_unlock(s->problem->graph);
  if (status != TW_OK) return status;
  const size_t values = (size_t)tw_conic_form_values(&s->form), size = (size_t)(s->form.n + s->form.m);
  s->values = tw_alloc(values, sizeof(double)), s->change = tw_alloc(values, sizeof(double));
  s->z = tw_alloc(size, sizeof(double)), s->f = tw_alloc(size, sizeof(double)), s->dz = tw_alloc(size, sizeof(double));
  s->slack = tw_alloc((size_t)s->form.m, sizeof(double));
  if (!s->values || !s->change || !s->z || !s->f || !s->dz || !s->slack) return out_of_memory(s->error);
  TW_TRY(call(s, s->at, NULL, s->values));
  TW_TRY(tw_conic_form_fill(&s->form, s->values, s->problem->size, &s->conic, s->error));
  TW_TRY(solve(s));
  const tw_conic *c = &s->conic;
  TW_TRY(tw_conic_map_open(&s->map, c->n, c->m, &c->p, &c->a, c->c, c->b, c->cones, c->cone, s->error));
  return tw_conic_map_at(&s->map, s->z, true, s->f, s->error); /* map.y is y from here on */
}

/* ------------------------------------------------------------------ one direction */

/* dF = (dP v + dA'y + dc, dA v - db); returns dL = dk + dc'v + v'dP v / 2 + y'(dA v - db), the change of the optimal value. */
static tw_status direction(session *s, double *f, double *dl) {
  tw_conic d;
  TW_TRY(tw_conic_form_fill(&s->form, s->change, s->problem->size, &d, s->error));
  const int64_t n = d.n, m = d.m;
  const double *v = s->z, *y = s->map.y;
  tw_csc_apply_transpose(&d.a, y, f);
  *dl = d.constant + vec_dot(n, v, d.c) + vec_dot(n, v, f) - vec_dot(m, y, d.b);
  for (int64_t j = 0; j < n; j++) f[j] += d.c[j];
  *dl -= vec_dot(n, v, f) / 2;
  csc_add_symmetric(&d.p, 1, v, f);
  *dl += vec_dot(n, v, f) / 2;
  tw_csc_apply(&d.a, v, f + n);
  for (int64_t i = 0; i < m; i++) f[n + i] -= d.b[i];
  tw_conic_free(&d);
  return TW_OK;
}

/* dz by LSQR and |J dz + dF| / |dF|. */
static tw_status differentiate(session *s, double *residual) {
  const int64_t size = s->conic.n + s->conic.m;
  const double norm = vec_norm(size, s->f);
  const tw_linop jacobian = tw_conic_map_linop(&s->map);
  const tw_linear_options options = {.rtol = 1e-13, .max_iter = 20 * size + 200};
  tw_linear_result result;
  vec_zero(size, s->dz);
  *residual = 0;
  if (norm == 0) return TW_OK;
  vec_scale(size, -1, s->f);
  TW_TRY(tw_lsqr(&jacobian, s->f, s->dz, &options, &result, s->error));
  double *left = tw_alloc((size_t)size, sizeof *left);
  if (!left) return out_of_memory(s->error);
  const tw_status status = jacobian.apply(jacobian.context, s->dz, left);
  vec_axpy(size, -1, s->f, left);
  *residual = vec_norm(size, left) / norm;
  free(left);
  return status;
}

/* |w - u| / |u| over the problem's variables, for a fixed u and w of least norm with J w = J u: above rounding, the null space of J
 * moves them and the solution is not isolated. */
static tw_status test_isolation(session *s, double *error) {
  const int64_t size = s->conic.n + s->conic.m;
  const tw_linop jacobian = tw_conic_map_linop(&s->map);
  double *u = tw_alloc((size_t)size, sizeof *u), worst, apart = 0, norm = 0;
  if (!u) return out_of_memory(s->error);
  tw_random_normal_fill(1, 0, (size_t)size, u);
  tw_status status = jacobian.apply(jacobian.context, u, s->f);
  vec_scale(size, -1, s->f);
  if (status == TW_OK) status = differentiate(s, &worst);
  for (int64_t j = 0; j < s->problem->size && status == TW_OK; j++) {
    const int64_t k = s->conic.column[j];
    apart = fmax(apart, fabs(s->dz[k] - u[k]));
    norm = fmax(norm, fabs(u[k]));
  }
  *error = apart / norm;
  free(u);
  return status;
}

static tw_status differentiate_all(session *s, tw_expr theta, double *df, double *dx, double *residual) {
  const int64_t size = tw_size_of(theta), n = s->problem->size;
  double *unit = tw_alloc((size_t)size, sizeof *unit);
  tw_status status = unit ? TW_OK : out_of_memory(s->error);
  *residual = 0;
  if (status == TW_OK) status = test_isolation(s, residual);
  for (int64_t t = 0; t < size && status == TW_OK; t++) {
    double worst;
    unit[t] = 1;
    status = call(s, s->along, unit, s->change);
    unit[t] = 0;
    if (status == TW_OK) status = direction(s, s->f, &df[t]);
    if (status == TW_OK) status = differentiate(s, &worst);
    if (status != TW_OK) break;
    *residual = fmax(*residual, worst);
    for (int64_t j = 0; j < n; j++) dx[j * size + t] = s->dz[s->conic.column[j]];
  }
  free(unit);
  return status;
}

tw_status tw_conic_sensitivity(const tw_problem *p, const tw_class *cls, tw_expr theta, double *df, double *dx, double *residual,
                               double *margin, tw_error *error) {
  session s = {.problem = p, .error = error};
  tw_status status = prepare(&s, cls, theta);
  if (status == TW_OK) status = differentiate_all(&s, theta, df, dx, residual);
  if (status == TW_OK) *margin = tw_cone_map_margin(s.map.dual);
  tw_conic_map_close(&s.map);
  tw_conic_free(&s.conic);
  tw_conic_form_free(&s.form);
  tw_fn_free(s.at);
  tw_fn_free(s.along);
  free(s.values), free(s.change), free(s.z), free(s.f), free(s.dz), free(s.slack);
  return status;
}
