/* The child run on a presolved problem, and the way back of what it finds; see presolved.h. */
#include "method/program/presolved.h"

#include "linear/csc.h"
#include "method/program/nlp.h"
#include "method/program/qp_certify.h"
#include "method/program/qp_session.h"

enum { OPEN_OR_PLAIN, TAKEN, PLAIN }; /* the number that is saved */
static const char NAME[] = "presolved";
static const double LOOSER = 100; /* than in the reduced program may the errors be in the program itself */

typedef struct presolved {
  tw_run *run;
  bool program;      /* all of it is linear or quadratic */
  bool integer;      /* and has integer variables: no multipliers prove anything */
  tw_qp qp;          /* the program, or the linear rows */
  int64_t *row;      /* these rows' places; of a program NULL */
  tw_presolve pre;
  tw_smaller smaller; /* where it is no program */
  tw_oracle oracle;
  double *x, *y, *z, *outside, *work; /* n, qp.m, n, n, 2 n + qp.m */
} presolved;

/* ------------------------------------------------------------------ opening */

static void close_all(presolved *p) {
  if (!p) return;
  tw_oracle_release(&p->oracle);
  tw_smaller_close(&p->smaller);
  tw_presolve_close(&p->pre);
  tw_qp_free(&p->qp);
  free(p->row), free(p->x);
  free(p);
}

static tw_status take_problem(presolved *p, bool *any) {
  const tw_oracle *o = p->run->oracle;
  p->program = (o->offers & TW_QP) != 0;
  p->integer = o->kinds != NULL;
  *any = p->program || !p->integer;
  if (!*any) return TW_OK;
  if (p->program) return tw_qp_open(&p->qp, o, p->run->error);
  return tw_linear_rows(&p->qp, &p->row, o, any, p->run->error);
}

static tw_status reduce(presolved *p) {
  tw_presolve_rules rules = {.integer = p->integer};
  bool *held = NULL;
  if (!p->program) {
    if (!(rules.held = held = tw_alloc((size_t)p->qp.n, sizeof *held)))
      return tw_fail(p->run->error, TW_ERR_MEMORY, "presolve: out of memory");
    for (int64_t j = 0; j < p->qp.n; j++) held[j] = true;
  }
  const tw_status status = tw_presolve_reduce(&p->pre, &p->qp, &rules, p->run->error);
  free(held);
  return status;
}

/* Variables that are stated as fixed gain nothing alone. */
static bool is_smaller(const presolved *p) {
  int64_t fixed = 0;
  for (int64_t j = 0; j < p->qp.n; j++) fixed += p->qp.lower[j] == p->qp.upper[j];
  return p->pre.reduced.m < p->qp.m || p->pre.reduced.n < p->qp.n - fixed;
}

static tw_status state_smaller(presolved *p) {
  tw_error *error = p->run->error;
  if (!p->program) return tw_smaller_open(&p->smaller, p->run, &p->pre, p->row, &p->oracle);
  return tw_qp_oracle(&p->oracle, &p->pre.reduced, (p->run->oracle->offers & TW_CONVEX) != 0, error);
}

/* *out NULL: nothing is gained. */
static tw_status open_new(presolved **out, tw_run *run) {
  presolved *p = *out = tw_alloc(1, sizeof *p);
  bool any = false;
  if (!p) return tw_fail(run->error, TW_ERR_MEMORY, "presolve: out of memory");
  p->run = run;
  tw_status status = take_problem(p, &any);
  if (status == TW_OK && any) status = reduce(p);
  const size_t n = (size_t)run->n, m = (size_t)p->qp.m;
  any = status == TW_OK && any && (p->pre.found == TW_INFEASIBLE || (p->pre.found == TW_RUNNING && is_smaller(p)));
  if (any && !(p->x = tw_alloc(5 * n + 2 * m, sizeof *p->x))) status = tw_fail(run->error, TW_ERR_MEMORY, "presolve: out of memory");
  if (any && status == TW_OK) {
    p->z = p->x + n, p->outside = p->z + n, p->work = p->outside + n, p->y = p->work + 2 * n + m;
    if (p->pre.found == TW_RUNNING && p->pre.reduced.n > 0) status = state_smaller(p);
  }
  if (status == TW_OK && any) return TW_OK;
  close_all(p);
  *out = NULL;
  return status;
}

/* ------------------------------------------------------------------ the way back */

/* x of the child in the terms of the problem. */
static void bring_point(presolved *p, const double *x) {
  tw_run *run = p->run;
  if (p->program) {
    tw_presolve_point(&p->pre, x, run->x);
    return;
  }
  for (int64_t j = 0; j < run->n; j++) run->x[j] = p->smaller.place[j] < 0 ? p->smaller.x[j] : x[p->smaller.place[j]];
}

/* Those of rows that are left. */
static void bring_known_multipliers(presolved *p, const double *y) {
  vec_zero(p->run->oracle->m, p->run->dual);
  for (int64_t i = 0; i < p->smaller.m; i++) p->run->dual[p->smaller.row[i]] = y[i];
}

/* Multipliers of all rows at run->x, of those (y) that are left. Linear rows that went get theirs from the gradient of the rest. */
static tw_status bring_multipliers(presolved *p, const double *x, const double *y) {
  tw_run *run = p->run;
  if (p->program) {
    tw_presolve_multipliers(&p->pre, y, NULL, p->y, p->z);
    if (run->dual) vec_copy(p->qp.m, p->y, run->dual);
    return TW_OK;
  }
  const presolve_layer *layer = &p->pre.layer[0];
  bring_known_multipliers(p, y);
  for (int64_t i = 0; i < p->qp.m; i++) run->dual[p->row[i]] = 0;
  TW_TRY(tw_smaller_outside(&p->smaller, run->x, run->dual, p->outside));
  for (int64_t i = 0; i < layer->left.m; i++) p->y[i] = y[p->smaller.row_place[p->row[layer->row[i]]]];
  vec_copy(layer->left.m, p->y, p->work);
  tw_presolve_point(&p->pre, x, p->x);
  tw_presolve_multipliers(&p->pre, p->work, p->outside, p->y, p->z);
  for (int64_t i = 0; i < p->qp.m; i++) run->dual[p->row[i]] = p->y[i];
  return TW_OK;
}

/* ------------------------------------------------------------------ ends */

/* The method does without from here on, from the point that there is. */
static tw_status go_back(presolved *p) {
  tw_run *run = p->run;
  double *number = tw_run_vector(run, NAME, 1);
  if (!number) return TW_ERR_MEMORY;
  *number = PLAIN;
  close_all(p);
  run->local = NULL;
  tw_run_child_end(run, NAME);
  return run->method->init(run);
}

/* Multipliers of the linear rows, checked in the problem's own numbers. */
static bool proves_infeasible(presolved *p, const double *y) {
  tw_run *run = p->run;
  double margin;
  tw_presolve_restore_farkas(&p->pre, y, NULL, p->y, p->z);
  if (!tw_qp_farkas(&p->qp, p->y, p->z, p->work, &margin)) return false;
  if (run->dual) vec_zero(run->oracle->m, run->dual);
  for (int64_t i = 0; i < p->qp.m; i++) run->dual[p->row ? p->row[i] : i] = p->y[i];
  run->certified = true;
  return true;
}

/* The same of a direction along which the objective falls. */
static bool proves_unbounded(presolved *p, const double *x) {
  double margin;
  tw_presolve_ray(&p->pre, x, p->x);
  if (!tw_qp_ray(&p->qp, p->x, p->work, &margin)) return false;
  vec_copy(p->qp.n, p->x, p->run->x);
  p->run->certified = true;
  return true;
}

/* A program's errors are measured again, where small multipliers may have become large. */
static bool holds_in_program(presolved *p, const tw_run *child) {
  tw_run *run = p->run;
  const tw_optimality e = tw_qp_optimality(&p->qp, run->x, p->y, NULL, p->work);
  const double here = tw_qp_relative(&p->qp, run->x, run->f, &e);
  const double there = child ? tw_qp_relative(&p->pre.reduced, child->x, child->f, &child->optimality) : 0;
  run->optimality = e;
  return here <= LOOSER * fmax(there, 0.1 * tw_run_tolerance(run));
}

static tw_status end_solved(presolved *p, const tw_run *child) {
  TW_TRY(bring_multipliers(p, child->x, child->dual));
  if (p->program && !p->integer && !holds_in_program(p, child)) return go_back(p);
  return tw_run_end(p->run, TW_SOLVED, "%s", tw_run_message(child));
}

/* What else a child may end with. Of a program, failures and what is not proven are left to the method on the program itself. */
static tw_status end_otherwise(presolved *p, const tw_run *child, tw_outcome outcome) {
  if (tw_outcome_is_stop(outcome)) return bring_multipliers(p, child->x, child->dual);
  if (outcome == TW_INFEASIBLE && child->certified && p->program && proves_infeasible(p, child->dual))
    return tw_run_end(p->run, TW_INFEASIBLE, "%s", tw_run_message(child));
  if (outcome == TW_UNBOUNDED && child->certified && p->program && proves_unbounded(p, child->x))
    return tw_run_end(p->run, TW_UNBOUNDED, "%s", tw_run_message(child));
  return p->program && !(p->integer && outcome == TW_INFEASIBLE) ? go_back(p) : tw_run_end(p->run, outcome, "%s", tw_run_message(child));
}

/* After the child's start (begin) or a step. */
static tw_status follow(presolved *p, tw_run *child, bool begin) {
  tw_run *run = p->run;
  const tw_outcome outcome = child->driver->outcome;
  bring_point(p, child->x);
  run->f = p->program ? tw_qp_objective(&p->qp, run->x) : child->f;
  run->optimality = child->optimality;
  run->scale = child->scale;
  run->size = child->size;
  run->bound = child->bound;
  const bool counted = begin || outcome == TW_RUNNING || outcome == TW_SOLVED || tw_outcome_is_stop(outcome);
  run->iteration = child->iteration - (counted && !begin && child->iteration > run->iteration);
  if (outcome == TW_RUNNING && p->program) return bring_multipliers(p, child->x, child->dual);
  if (outcome == TW_RUNNING) {
    bring_known_multipliers(p, child->dual);
    return TW_OK;
  }
  return outcome == TW_SOLVED ? end_solved(p, child) : end_otherwise(p, child, outcome);
}

/* No column is left. */
static tw_status end_at_once(presolved *p) {
  tw_run *run = p->run;
  vec_copy(run->n, run->x, p->outside);
  tw_presolve_restore(&p->pre, p->work, p->work, run->x, p->y, p->z);
  if (run->dual) vec_copy(p->qp.m, p->y, run->dual);
  run->f = tw_qp_objective(&p->qp, run->x);
  run->size = vec_norm_inf(run->n, p->qp.q);
  const bool holds = holds_in_program(p, NULL) || p->integer;
  if (p->integer) run->bound = run->f, run->optimality = (tw_optimality){0, run->optimality.feasibility, NAN};
  if (holds)
    return tw_run_end(run, TW_SOLVED, "presolve left nothing: stationarity %.2g, violation %.2g",
                               run->optimality.stationarity, run->optimality.feasibility);
  vec_copy(run->n, p->outside, run->x);
  return go_back(p);
}

/* ------------------------------------------------------------------ the child */

/* The method with the options of the run, but for presolve. */
static tw_status write_spec(const tw_run *run, tw_text *spec) {
  const tw_driver *d = run->driver;
  tw_text_printf(spec, "%s:presolve=false,tol=%.17g,max_iter=%lld", run->method->name, d->tol, (long long)d->max_iter);
  for (int i = 0; i < tw_options_count(run->method); i++) {
    const tw_option *o = &run->method->options[i];
    const bool own = strcmp(o->name, "presolve") == 0 || strcmp(o->name, "tol") == 0 || strcmp(o->name, "max_iter") == 0;
    if (own || !d->given[i]) continue;
    const char *choice = o->choices;
    for (int k = 0; o->type == TW_OPTION_CHOICE && k < (int)d->option[i]; k++) choice = strchr(choice, '|') + 1;
    if (o->type == TW_OPTION_CHOICE)
      tw_text_printf(spec, ",%s=%.*s", o->name, (int)strcspn(choice, "|"), choice);
    else
      tw_text_printf(spec, ",%s=%.17g", o->name, d->option[i]);
  }
  return spec->failed ? tw_fail(run->error, TW_ERR_MEMORY, "presolve: out of memory") : TW_OK;
}

static void push_start(presolved *p, double *x, double *y) {
  const tw_run *run = p->run;
  if (p->program) {
    vec_zero(p->qp.m, p->y);
    if (run->dual) vec_copy(p->qp.m, run->dual, p->y);
    tw_presolve_push(&p->pre, run->x, p->y, x, y);
    return;
  }
  for (int64_t j = 0; j < p->smaller.n; j++) x[j] = run->x[p->smaller.column[j]];
  for (int64_t i = 0; i < p->smaller.m; i++) y[i] = run->dual[p->smaller.row[i]];
}

/* A run that is gone on with may have other limits than the one that was saved, and its child has those of the run. */
static void share_limits(const tw_run *run, tw_driver *child) {
  child->max_iter = run->driver->max_iter;
  child->tol = run->driver->tol;
  child->option[tw_options_index(run->method, "tol")] = child->tol;
  child->option[tw_options_index(run->method, "max_iter")] = (double)child->max_iter;
  if (child->outcome == TW_STOPPED_ITERATIONS) child->outcome = TW_RUNNING;
}

static tw_status find_child(presolved *p, tw_run **child) {
  tw_text spec = {0};
  const size_t n = (size_t)p->oracle.n, m = (size_t)p->oracle.m;
  double *x = tw_alloc(n + m, sizeof *x);
  tw_status status = x ? write_spec(p->run, &spec) : tw_fail(p->run->error, TW_ERR_MEMORY, "presolve: out of memory");
  if (status == TW_OK) {
    push_start(p, x, x + n);
    status = tw_run_child_at(p->run, NAME, &p->oracle, spec.data, x, x + n, child);
    if (status == TW_OK) share_limits(p->run, (*child)->driver);
  }
  tw_text_free(&spec);
  free(x);
  return status;
}

/* ------------------------------------------------------------------ for the methods */

bool tw_presolved_is(tw_run *run) {
  if (!tw_run_flag(run, "presolve")) return false;
  const double *number = tw_run_vector(run, NAME, 1);
  return number && *number == TAKEN;
}

tw_status tw_presolved_init(tw_run *run, bool *taken) {
  *taken = false;
  if (!tw_run_flag(run, "presolve")) return TW_OK;
  double *number = tw_run_vector(run, NAME, 1);
  if (!number) return TW_ERR_MEMORY;
  if (*number == PLAIN || !(run->oracle->offers & TW_VALUE)) return TW_OK;
  TW_TRY(tw_nlp_check_rows(run));
  presolved *p;
  TW_TRY(open_new(&p, run));
  if (!p) return TW_OK;
  *taken = true;
  run->local = p, *number = TAKEN;
  if (p->pre.found == TW_INFEASIBLE) {
    run->f = 0;
    if (!p->integer && proves_infeasible(p, NULL))
      return tw_run_end(run, TW_INFEASIBLE, "the constraints contradict each other: presolve has multipliers that prove it");
    return go_back(p);
  }
  if (p->pre.reduced.n == 0) return p->program ? end_at_once(p) : go_back(p);
  tw_run *child;
  TW_TRY(find_child(p, &child));
  return follow(p, child, true);
}

tw_status tw_presolved_step(tw_run *run) {
  presolved *p = run->local;
  tw_run *child;
  if (!p) {
    TW_TRY(open_new(&p, run));
    if (!p) return tw_fail(run->error, TW_ERR_ARGUMENT, "the saved run was on a presolved problem, and this problem has none");
    run->local = p;
  }
  TW_TRY(find_child(p, &child));
  tw_run_child_step(child);
  return follow(p, child, false);
}

static bool same_matrix(const tw_csc *a, const tw_csc *b) {
  return csc_same_pattern(a, b) && memcmp(a->value, b->value, (size_t)csc_count(a) * sizeof *a->value) == 0;
}

static bool same_reduction(const presolved *a, const presolved *b) {
  return a && b && a->program && b->program && b->pre.found == TW_RUNNING && a->pre.reduced.n == b->pre.reduced.n &&
         a->pre.reduced.m == b->pre.reduced.m && b->pre.reduced.n > 0 && same_matrix(&a->pre.reduced.a, &b->pre.reduced.a) &&
         same_matrix(&a->pre.reduced.p, &b->pre.reduced.p);
}

tw_status tw_presolved_restart(tw_run *run) {
  presolved *old = run->local, *p;
  tw_run *child;
  TW_TRY(tw_nlp_check_rows(run));
  TW_TRY(open_new(&p, run));
  if (!same_reduction(old, p)) {
    close_all(p);
    return go_back(old);
  }
  run->local = p;
  const tw_status status = find_child(p, &child);
  close_all(old); /* the child has another oracle now */
  TW_TRY(status);
  TW_TRY(tw_driver_restart(child->driver, run->error));
  return follow(p, child, true);
}

bool tw_presolved_finish(tw_run *run) {
  if (!tw_presolved_is(run)) return false;
  close_all(run->local);
  run->local = NULL;
  return true;
}
