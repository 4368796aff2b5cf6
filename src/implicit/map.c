/* One iteration of a method as a function of its point: what one_step and unrolled differentiate. */
#include "implicit/condition.h"

#include <stdlib.h>
#include <string.h>

typedef tw_expr tw_map_rule(tw_condition *c, int i, tw_expr g, tw_expr eta);

typedef struct map_kind {
  const char *method;
  tw_map_rule *rule; /* of variable i; NULL: Newton's */
  bool sets, kinks;  /* knows sets and bounds, regularizers */
} map_kind;

/* x - eta grad f */
static tw_expr descent(tw_condition *c, int i, tw_expr g, tw_expr eta) { return tw_sub(c->param[i], tw_mul(eta, g)); }

static tw_expr within_bounds(const tw_condition *c, int i, tw_expr x) {
  const tw_expr lower = tw_condition_output(c, c->nested->lower[i]), upper = tw_condition_output(c, c->nested->upper[i]);
  if (!tw_is_none(lower)) x = tw_maximum(x, tw_cast(lower, TW_F64));
  if (!tw_is_none(upper)) x = tw_minimum(x, tw_cast(upper, TW_F64));
  return x;
}

static const tw_expr *domain_params(const tw_condition *c, int i) { return c->out + c->nested->domain_param[i]; }

/* prox_{eta g}(x - eta grad f), cut by a box; or the projection of x - eta grad f */
static tw_expr proximal(tw_condition *c, int i, tw_expr g, tw_expr eta) {
  const tw_domain_kind *kind = c->nested->domain[i];
  tw_expr u = descent(c, i, g, eta);
  if (tw_condition_is_penalized(c, i)) {
    const tw_penalty p = tw_condition_penalty(c, i);
    if (p.kind) u = p.kind->prox(u, tw_mul(eta, p.weight), p.param);
  }
  return kind ? kind->project(u, domain_params(c, i)) : within_bounds(c, i, u);
}

/* argmin_u eta <g, u> + D(u, x), Euclidean without a divergence */
static tw_expr mirror(tw_condition *c, int i, tw_expr g, tw_expr eta) {
  const tw_domain_kind *kind = c->nested->domain[i];
  if (kind && kind->mirror_step) return kind->mirror_step(c->param[i], g, eta, domain_params(c, i));
  return proximal(c, i, g, eta);
}

/* x + beta (T(x) - x) */
static tw_expr picard(tw_condition *c, int i, tw_expr g, tw_expr eta) {
  (void)g, (void)eta;
  tw_expr x = c->param[i], t = tw_broadcast(c->out[c->nested->map[i]], tw_shape_of(x));
  const double beta = c->nested->choice.mixing;
  return beta == 1 ? t : tw_add(x, tw_scale(tw_sub(t, x), beta));
}

static const map_kind kinds[] = {
    {"gd", descent, false, false},           {"proximal_gradient", proximal, true, true}, {"projected_gradient", proximal, true, false},
    {"mirror_descent", mirror, true, false}, {"picard", picard, false, false},            {"newton_cg", NULL, false, false},
    {"newton_root", NULL, false, false}};

/* ------------------------------------------------------------------ what fits */

static tw_status refuse(const tw_condition *c, tw_error *error) {
  const tw_nested_choice *choice = &c->nested->choice;
  tw_text names = {0};
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) tw_text_printf(&names, "%s%s", k ? ", " : "", kinds[k].method);
  const tw_status status =
      tw_fail(error, TW_ERR_UNSUPPORTED, "derivative=%s: %s%s has no map to differentiate; these have: %s",
              choice->mode == TW_MODE_UNROLLED ? "unrolled" : "one_step", choice->named ? "method " : "",
              choice->named ? choice->named->name : "the method chosen by class", names.failed ? "gd, .." : names.data);
  tw_text_free(&names);
  return status;
}

static const map_kind *find(const tw_nested_choice *choice) {
  for (size_t k = 0; choice->named && k < sizeof kinds / sizeof *kinds; k++)
    if (strcmp(kinds[k].method, choice->named->name) == 0) return &kinds[k];
  return NULL;
}

static tw_status check(const tw_condition *c, const map_kind *kind, tw_error *error) {
  const tw_nested *nested = c->nested;
  const char *what = nested->m > 0 ? "constraints" : NULL;
  for (int i = 0; i < nested->n_variables; i++) {
    const bool set = nested->domain[i] || nested->lower[i] >= 0 || nested->upper[i] >= 0;
    if (set && !kind->sets) what = "sets and bounds";
    if (tw_condition_is_penalized(c, i) && !kind->kinks) what = "regularizers with kinks";
  }
  return what ? tw_fail(error, TW_ERR_UNSUPPORTED, "method %s does not handle %s", kind->method, what) : TW_OK;
}

/* ------------------------------------------------------------------ building */

/* x - (dF)^-1 F, F the optimality condition */
static void newton(tw_condition *c, const tw_expr *params, tw_expr *next) {
  const tw_nested *nested = c->nested;
  tw_expr f = nested->condition->outputs[0];
  tw_expr step =
      tw_implicit_solve(c->graph, nested->linear, nested->n_variables + nested->n_theta + 1, params, f, TW_NONE, nested->symmetric);
  if (tw_is_none(step)) return;
  for (int i = 0; i < nested->n_variables; i++) next[i] = tw_sub(c->param[i], tw_nested_variable(step, nested, i));
}

static tw_expr smooth_gradient(const tw_condition *c, int i) {
  if (c->nested->objective < 0) return tw_zeros_like(c->param[i]);
  if (tw_condition_is_penalized(c, i)) {
    const tw_penalty p = tw_condition_penalty(c, i);
    if (p.kind) return tw_condition_smooth_gradient(c, i, &p);
  }
  return c->gradient[i];
}

/* (variables, theta, y, eta) -> one iteration, then the gradient of the smooth part. */
static const tw_body *iteration_of(tw_condition *c, tw_map_rule *rule) {
  const tw_nested *nested = c->nested;
  const int v = nested->n_variables, n = v + nested->n_theta + 1;
  const tw_body *body = NULL;
  tw_expr *params = calloc((size_t)n + 1, sizeof *params), *out = calloc(2 * (size_t)v + 1, sizeof *out);
  if (params && out) {
    if (nested->objective >= 0) tw_condition_lagrangian(c); /* of all entries: the condition has held some by now */
    memcpy(params, c->param, (size_t)n * sizeof *params);
    const tw_expr eta = params[n] = tw_param(c->graph, n, TW_F64, TW_SCALAR);
    for (int i = 0; i < v; i++) out[v + i] = smooth_gradient(c, i);
    if (rule)
      for (int i = 0; i < v && tw_graph_status(c->graph) == TW_OK; i++) out[i] = rule(c, i, out[v + i], eta);
    else
      newton(c, params, out);
    if (tw_graph_status(c->graph) == TW_OK) body = tw_body_make(c->graph, n + 1, params, 2 * v, out);
  } else {
    tw_graph_fail(c->graph, TW_ERR_MEMORY, "out of memory building the map of a method");
  }
  free(params), free(out);
  return body;
}

tw_status tw_condition_map(tw_condition *c, tw_error *error) {
  tw_nested *nested = c->nested;
  const map_kind *kind = find(&nested->choice);
  if (!kind) return refuse(c, error);
  const tw_status fits = check(c, kind, error);
  if (fits != TW_OK) return fits;
  nested->iteration = iteration_of(c, kind->rule);
  return tw_graph_check(c->graph, error);
}

const tw_body *tw_nested_proximal_map(const tw_nested *nested, const tw_class *cls) {
  tw_nested copy = *nested;
  const int n = nested->statement->n_params;
  tw_condition c = {.nested = &copy, .cls = cls, .graph = nested->graph, .out = nested->statement->outputs};
  const tw_body *body = NULL;
  c.param = calloc((size_t)n + 1, sizeof *c.param);
  c.gradient = calloc((size_t)nested->n_variables + 1, sizeof *c.gradient);
  if (c.param && c.gradient) {
    memcpy(c.param, nested->statement->params, (size_t)n * sizeof *c.param);
    c.y = c.param[n] = tw_param(c.graph, n, TW_F64, TW_SHAPE(nested->m));
    body = iteration_of(&c, proximal);
  } else {
    tw_graph_fail(c.graph, TW_ERR_MEMORY, "out of memory building the map of proximal gradients");
  }
  free(c.param), free(c.gradient);
  return body;
}
