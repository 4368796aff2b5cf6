/* Closing a nested problem: what it states becomes a function of its variables and of what it captures. */
#include "implicit/custom.h"

#include "problem/facts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Outputs of the statement while they are collected. */
typedef struct collector {
  tw_expr *e;
  int n;
} collector;

static int collect(collector *c, tw_expr e) {
  if (tw_is_none(e)) return -1;
  c->e[c->n] = e;
  return c->n++;
}

static tw_status oom(tw_error *error) { return tw_fail(error, TW_ERR_MEMORY, "out of memory closing a nested problem"); }

static void *take(tw_graph *graph, int n, size_t size) {
  return tw_arena_alloc(tw_graph_arena(graph), (size_t)(n + 1) * size, sizeof(void *));
}

static bool allocate(tw_nested *nested) {
  tw_graph *g = nested->graph;
  int v = nested->n_variables, c = nested->n_constraints;
  nested->variable = take(g, v, sizeof *nested->variable);
  nested->constraint = take(g, c, sizeof *nested->constraint);
  nested->domain = take(g, v, sizeof *nested->domain);
  int **per_variable[] = {&nested->lower, &nested->upper, &nested->start, &nested->map, &nested->domain_param};
  int **per_constraint[] = {&nested->c_expr, &nested->c_lower, &nested->c_upper};
  bool ok = nested->variable && nested->constraint && nested->domain;
  for (size_t i = 0; i < sizeof per_variable / sizeof *per_variable; i++)
    ok = (*per_variable[i] = take(g, v, sizeof(int))) && ok;
  for (size_t i = 0; i < sizeof per_constraint / sizeof *per_constraint; i++)
    ok = (*per_constraint[i] = take(g, c, sizeof(int))) && ok;
  return ok;
}

/* In the sense of minimisation. */
static tw_expr objective_of(const tw_problem *p) {
  tw_expr f = tw_problem_objective(p);
  return tw_problem_goal(p) == TW_GOAL_MAXIMIZE ? tw_neg(f) : f;
}

static void collect_statement(tw_nested *nested, const tw_problem *p, collector *out) {
  tw_goal goal = nested->goal;
  nested->objective = goal == TW_GOAL_MINIMIZE || goal == TW_GOAL_MAXIMIZE ? collect(out, objective_of(p)) : -1;
  for (int i = 0; i < nested->n_constraints; i++) {
    const tw_constraint *c = tw_problem_constraint_at(p, i);
    nested->c_expr[i] = collect(out, c->expr);
    nested->c_lower[i] = collect(out, c->lower);
    nested->c_upper[i] = tw_same(c->lower, c->upper) ? nested->c_lower[i] : collect(out, c->upper);
  }
  for (int i = 0; i < nested->n_variables; i++) {
    const tw_variable *v = tw_problem_variable_at(p, i);
    /* Bounds beside a set cut it. */
    const tw_domain set = v->domain.kind ? tw_problem_set(p, i) : v->domain;
    nested->lower[i] = set.kind ? -1 : collect(out, v->lower);
    nested->upper[i] = set.kind ? -1 : collect(out, v->upper);
    nested->start[i] = collect(out, v->start);
    nested->map[i] = goal == TW_GOAL_FIXPOINT ? collect(out, tw_problem_map(p, i)) : -1;
    nested->domain[i] = set.kind;
    nested->domain_param[i] = out->n;
    for (int k = 0; set.kind && k < set.kind->max_params; k++) collect(out, set.param[k]);
  }
}

static tw_status copy_parts(tw_nested *nested, const tw_problem *p, tw_expr *bound, tw_error *error) {
  tw_arena *arena = tw_graph_arena(nested->graph);
  for (int i = 0; i < nested->n_variables; i++) {
    const tw_variable *v = tw_problem_variable_at(p, i);
    if (v->kind != TW_CONTINUOUS)
      return tw_fail(error, TW_ERR_UNSUPPORTED, "%s: variable %s is integer; a nested problem needs continuous variables",
                     nested->word, v->name);
    bound[i] = v->expr;
    nested->variable[i] = (tw_part){tw_arena_strdup(arena, v->name), tw_shape_of(v->expr), v->offset, v->size};
    if (!nested->variable[i].name) return oom(error);
  }
  for (int i = 0; i < nested->n_constraints; i++) {
    const tw_constraint *c = tw_problem_constraint_at(p, i);
    nested->constraint[i] = (tw_part){tw_arena_strdup(arena, c->name ? c->name : ""), tw_shape_of(c->expr), c->offset, c->size};
    if (!nested->constraint[i].name) return oom(error);
  }
  return TW_OK;
}

static const char *word_for(tw_goal goal) {
  switch (goal) {
  case TW_GOAL_MAXIMIZE: return "argmax";
  case TW_GOAL_ROOT: return "root";
  case TW_GOAL_FIXPOINT: return "fixpoint";
  default: return "argmin";
  }
}

static tw_status close_statement(tw_nested *nested, const tw_problem *p, tw_error *error) {
  int v = nested->n_variables;
  collector out = {.e = calloc((size_t)(1 + 3 * nested->n_constraints + v * (4 + TW_DOMAIN_PARAMS)) + 1, sizeof *out.e)};
  tw_expr *bound = calloc((size_t)v + 1, sizeof *bound);
  tw_status status = out.e && bound ? copy_parts(nested, p, bound, error) : oom(error);
  if (status == TW_OK) {
    collect_statement(nested, p, &out);
    status = tw_graph_check(nested->graph, error);
  }
  if (status == TW_OK) {
    nested->statement = tw_body_close(nested->graph, v, bound, out.n, out.e, &nested->n_theta, &nested->theta);
    if (!nested->statement) status = tw_graph_check(nested->graph, error);
  }
  free(out.e);
  free(bound);
  return status;
}

static const tw_nested *fill(tw_nested *nested, const tw_problem *p, const tw_class *cls, int n_stated, tw_error *error) {
  nested->goal = tw_problem_goal(p);
  nested->word = word_for(nested->goal);
  nested->n_variables = tw_problem_variables(p);
  nested->n_stated = n_stated;
  nested->n_constraints = tw_problem_constraints(p);
  nested->n = tw_problem_size(p);
  nested->m = nested->goal == TW_GOAL_ROOT ? 0 : tw_problem_rows(p);
  if (!allocate(nested)) {
    oom(error);
    return NULL;
  }
  if (close_statement(nested, p, error) != TW_OK) return NULL;
  return tw_nested_condition(nested, cls, error) == TW_OK ? nested : NULL;
}

static tw_nested *begin(const tw_problem *p, const char *method, tw_class *cls, tw_error *error) {
  tw_graph *graph = tw_problem_graph(p);
  if (tw_graph_check(graph, error) != TW_OK) return NULL;
  if (tw_problem_goal(p) == TW_GOAL_NONE || tw_problem_variables(p) == 0) {
    tw_fail(error, TW_ERR_ARGUMENT, "nested problem: states %s",
            tw_problem_variables(p) == 0 ? "no variable" : "nothing to minimize, maximize or solve");
    return NULL;
  }
  tw_nested *nested = tw_arena_alloc(tw_graph_arena(graph), sizeof *nested, sizeof(void *));
  if (!nested) {
    oom(error);
    return NULL;
  }
  nested->graph = graph;
  if (tw_nested_choose(tw_graph_arena(graph), method, &nested->choice, error) != TW_OK) return NULL;
  nested->method = nested->choice.method;
  return tw_classify(p, cls, error) == TW_OK ? nested : NULL;
}

/* Signs of captured parameters are those of their present values, where they decide whether the problem is convex. */
static tw_problem *as_rows(const tw_problem *p, tw_class *cls) {
  if (cls->convex || !p->around) return tw_kinks_as_rows(p, cls);
  tw_problem known = *p;
  known.parameters = p->around->parameters;
  return tw_classify(&known, cls, NULL) == TW_OK ? tw_kinks_as_rows(&known, cls) : NULL;
}

const tw_nested *tw_nested_close(const tw_problem *p, const char *method, tw_error *error) {
  if (!p) {
    tw_fail(error, TW_ERR_ARGUMENT, "the nested problem is NULL");
    return NULL;
  }
  tw_class cls, marked_cls;
  tw_problem marked, *rows = NULL;
  tw_nested *nested = begin(p, method, &cls, error);
  if (!nested) return NULL;
  const int n_stated = tw_problem_variables(p);
  const bool optimum = cls.kinks && !tw_is_none(p->objective), free_choice = !nested->method && nested->choice.mode == TW_MODE_IMPLICIT;
  if (optimum && !cls.constrained && tw_kinks_as_l1(p, &marked, &marked_cls)) p = &marked, cls = marked_cls;
  else if (optimum && free_choice) rows = as_rows(p, &cls);
  const tw_nested *closed = fill(nested, rows ? rows : p, &cls, n_stated, error);
  tw_problem_free(rows);
  return closed;
}

const tw_nested *tw_nested_close_as_stated(const tw_problem *p, tw_error *error) {
  tw_class cls;
  tw_nested *nested = begin(p, NULL, &cls, error);
  return nested ? fill(nested, p, &cls, tw_problem_variables(p), error) : NULL;
}

int tw_nested_variables(const tw_nested *nested) { return nested ? nested->n_stated : 0; }
const char *tw_nested_variable_name(const tw_nested *nested, int variable) {
  return nested && variable >= 0 && variable < nested->n_variables ? nested->variable[variable].name : "";
}

tw_expr tw_nested_variable(tw_expr solution, const tw_nested *nested, int variable) {
  if (!nested || variable < 0 || variable >= nested->n_variables)
    return tw_graph_fail(solution.graph, TW_ERR_ARGUMENT, "no nested problem with a variable number %d", variable);
  const tw_part *v = &nested->variable[variable];
  return tw_reshape(tw_slice(solution, 0, v->offset, v->size, 1), v->shape);
}

void tw_nested_args(const tw_nested *nested, tw_expr z, const tw_expr *theta, tw_expr *args) {
  for (int i = 0; i < nested->n_variables; i++) args[i] = tw_nested_variable(z, nested, i);
  for (int j = 0; j < nested->n_theta; j++) args[nested->n_variables + j] = theta[j];
  args[nested->n_variables + nested->n_theta] = tw_slice(z, 0, nested->n, nested->m, 1);
}

tw_expr tw_flatten(tw_graph *graph, int n, const tw_expr *e) {
  if (n == 0) return tw_fill(graph, TW_F64, TW_SHAPE(0), 0);
  tw_expr *flat = calloc((size_t)n, sizeof *flat);
  if (!flat) return tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory flattening variables");
  for (int i = 0; i < n; i++) flat[i] = tw_ravel(e[i]);
  tw_expr all = n == 1 ? flat[0] : tw_concat(n, flat, 0);
  free(flat);
  return all;
}

/* ------------------------------------------------------------------ the problem again, with theta as parameters */

static tw_expr output(const tw_expr *out, int i) { return i < 0 ? TW_NONE : out[i]; }

static void restate(const tw_nested *nested, tw_problem *p, const tw_expr *variable, const tw_expr *out) {
  for (int i = 0; i < nested->n_variables; i++) {
    if (nested->lower[i] >= 0 || nested->upper[i] >= 0)
      tw_problem_bounds(p, variable[i], output(out, nested->lower[i]), output(out, nested->upper[i]));
    if (nested->start[i] >= 0) tw_problem_start(p, variable[i], out[nested->start[i]]);
    if (nested->map[i] >= 0) tw_problem_fixpoint(p, variable[i], out[nested->map[i]]);
    if (nested->domain[i])
      tw_problem_domain(p, variable[i],
                        tw_domain_make(nested->graph, nested->domain[i], nested->variable[i].shape,
                                       nested->domain[i]->max_params, out + nested->domain_param[i]));
  }
  for (int i = 0; i < nested->n_constraints; i++)
    tw_problem_subject(p, nested->constraint[i].name, out[nested->c_expr[i]], output(out, nested->c_lower[i]),
                       output(out, nested->c_upper[i]));
  if (nested->objective >= 0) tw_problem_minimize(p, NULL, out[nested->objective]);
  if (nested->goal == TW_GOAL_ROOT) tw_problem_root(p);
}

/* What is classified before the value is known: a number of its sign, NaN when that is not known either. */
static double stand_in(tw_expr theta) {
  tw_facts facts = {.graph = theta.graph};
  unsigned sign = tw_facts_open(&facts, 1, &theta) ? tw_fact_of(&facts, theta).sign : 0;
  tw_facts_close(&facts);
  return sign == TW_SIGN_NONNEG ? 1 : sign == TW_SIGN_NONPOS ? -1 : sign == TW_SIGN_ZERO ? 0 : (double)NAN;
}

static tw_expr add_theta(tw_problem *p, int j, tw_expr like, tw_error *error) {
  char name[32];
  snprintf(name, sizeof name, "theta%d", j);
  tw_array unknown;
  if (tw_array_new(&unknown, tw_dtype_of(like), tw_shape_of(like), error) != TW_OK) return TW_NONE;
  const int64_t size = unknown.dtype == TW_F64 ? tw_size_of(like) : 0;
  const double value = size > 0 ? stand_in(like) : 0;
  for (int64_t i = 0; i < size; i++) ((double *)unknown.data)[i] = value;
  tw_expr e = tw_problem_parameter(p, name, &unknown);
  tw_array_free(&unknown);
  return e;
}

tw_problem *tw_nested_instance(const tw_nested *nested, tw_error *error) {
  tw_graph *graph = nested->graph;
  int n = nested->n_variables + nested->n_theta;
  tw_problem *p = tw_problem_new(graph);
  tw_expr *args = calloc((size_t)n + 1, sizeof *args);
  tw_expr *out = calloc((size_t)nested->statement->n_outputs + 1, sizeof *out);
  bool ok = p && args && out;
  if (!ok) oom(error);
  for (int i = 0; ok && i < nested->n_variables; i++)
    args[i] = tw_problem_variable(p, nested->variable[i].name, nested->variable[i].shape);
  for (int j = 0; ok && j < nested->n_theta; j++) {
    args[nested->n_variables + j] = add_theta(p, j, nested->theta[j], error);
    ok = !tw_is_none(args[nested->n_variables + j]);
  }
  if (ok && tw_body_inline(nested->statement, args, out) == TW_OK) restate(nested, p, args, out);
  if (ok) ok = tw_graph_check(graph, error) == TW_OK;
  free(args);
  free(out);
  if (ok) return p;
  tw_problem_free(p);
  return NULL;
}

bool tw_op_is_nested(const tw_op *op) {
  return op == &tw_op_argmin || op == &tw_op_optimal_value || op == &tw_op_implicit_solve || op == &tw_op_custom || op == &tw_op_attested;
}
