/* A solution for people. */
#include "front/command.h"
#include "front/ranging.h"
#include "front/table.h"

#include <math.h>
#include <string.h>

enum { CONSTRAINT_ROWS = 8 };

static void put_heading(tw_text *text, const tw_solution *s, const char *title) {
  const tw_result *r = &s->result;
  char name[128];
  snprintf(name, sizeof name, "%s", tw_status_word(r->outcome));
  if (name[0] >= 'a' && name[0] <= 'z') name[0] = (char)(name[0] - 'a' + 'A');
  tw_text_printf(text, "%s: %s (%s) by %s in %lld iteration%s, %.3g s\n", name, title, s->class_name, r->method,
                 (long long)r->iterations, r->iterations == 1 ? "" : "s", r->seconds);
  if (r->outcome != TW_SOLVED) tw_text_printf(text, "%s\n", r->message);
}

static void put_objective(tw_text *text, const tw_solution *s) {
  const tw_goal goal = tw_problem_goal(s->problem);
  if (goal != TW_GOAL_MINIMIZE && goal != TW_GOAL_MAXIMIZE) return;
  const char *name = tw_problem_objective_name(s->problem);
  const bool named = name != NULL && strcmp(name, "objective") != 0;
  const bool solved = s->result.outcome == TW_SOLVED;
  tw_text_printf(text, "\n%s", !solved ? "Objective" : goal == TW_GOAL_MAXIMIZE ? "Maximum" : "Minimum");
  tw_text_printf(text, "%s%s = %.12g\n", !named ? "" : solved ? " of " : " ", named ? name : "", s->objective);
  if (isfinite(s->bound))
    tw_text_printf(text, "Bound = %.12g, gap %.2g\n", s->bound, tw_gap(s->result.f, s->result.bound, &s->result.optimality));
}

static void put_arrays(tw_text *text, const tw_solution *s, const tw_model *model) {
  const bool ray = s->result.certified && s->result.outcome == TW_UNBOUNDED;
  tw_text_puts(text, ray ? "\nVariables, along a direction in which the objective has no end\n" : "\nVariables\n");
  for (int i = 0; i < tw_problem_variables(s->problem); i++)
    tw_table_array(text, tw_problem_variable_at(s->problem, i)->name, &s->variables[i], model);
  if (tw_problem_reports(s->problem) == 0) return;
  tw_text_puts(text, "\nReports\n");
  for (int i = 0; i < tw_problem_reports(s->problem); i++)
    tw_table_array(text, tw_problem_report_name(s->problem, i), &s->reports[i], model);
}

/* ------------------------------------------------------------------ constraints */

static double flat(const tw_array *array, int64_t entry) {
  return ((const double *)array->data)[entry];
}

/* Rows for one constraint at the end of the table; false when there is no room. */
static bool add_constraint(tw_table *table, const tw_solution *s, int i, const tw_model *model) {
  const tw_constraint *c = tw_problem_constraint_at(s->problem, i);
  int64_t entry[CONSTRAINT_ROWS];
  const int shown = tw_table_shown(c->size, CONSTRAINT_ROWS, entry);
  if (table->rows + shown > TW_TABLE_ROWS) return false;
  for (int k = 0; k < shown; k++) {
    char cell[TW_CELL] = "...";
    const int row = table->rows;
    if (entry[k] >= 0) tw_table_entry(model, c->name, tw_shape_of(c->expr), entry[k], cell);
    tw_table_put(table, row, 0, cell);
    if (entry[k] < 0) continue;
    tw_table_number(flat(&s->constraints[i], entry[k]), TW_F64, cell);
    tw_table_put(table, row, 1, cell);
    if (s->duals[i].data == NULL) continue;
    tw_table_number(flat(&s->duals[i], entry[k]), TW_F64, cell);
    tw_table_put(table, row, 2, cell);
  }
  return true;
}

static void put_constraints(tw_text *text, const tw_solution *s, const tw_model *model) {
  const int count = tw_problem_constraints(s->problem);
  if (count == 0) return;
  tw_table table = {0};
  tw_table_put(&table, 0, 0, "");
  tw_table_put(&table, 0, 1, "value");
  if (s->dual != NULL) tw_table_put(&table, 0, 2, "dual");
  int added = 0;
  while (added < count && add_constraint(&table, s, added, model)) added++;
  const bool proof = s->result.certified && s->result.outcome == TW_INFEASIBLE;
  tw_text_puts(text, proof ? "\nConstraints, with multipliers that prove the contradiction\n" : "\nConstraints\n");
  tw_table_print(&table, text);
  if (added < count) tw_text_printf(text, "  ... %d more constraints\n", count - added);
}

/* ------------------------------------------------------------------ the rest */

/* Only where some bound presses. */
static void put_reduced_costs(tw_text *text, const tw_solution *s, const tw_model *model) {
  double scale = 0, largest = 0;
  const int64_t n = tw_problem_size(s->problem);
  for (int i = 0; s->dual != NULL && i < s->result.m; i++) scale = fmax(scale, fabs(s->dual[i]));
  for (int64_t k = 0; s->reduced_costs != NULL && k < n; k++) largest = fmax(largest, fabs(s->reduced_cost[k]));
  if (!(largest > 1e-7 * fmax(1, scale))) return;
  tw_text_puts(text, "\nReduced costs\n");
  for (int i = 0; i < tw_problem_variables(s->problem); i++)
    tw_table_array(text, tw_problem_variable_at(s->problem, i)->name, &s->reduced_costs[i], model);
}

static const char *const kinds[] = {[TW_DERIVATIVE_REGULAR] = "",
                                    [TW_DERIVATIVE_ONE_SIDED] = "one-sided",
                                    [TW_DERIVATIVE_LEAST_NORM] = "not unique",
                                    [TW_DERIVATIVE_NONE] = "none"};

static void put_sensitivities(tw_text *text, const tw_solution *s, const tw_model *model) {
  for (int k = 0; k < s->n_sensitivities; k++) {
    const tw_solution_sensitivity *d = &s->sensitivity[k];
    tw_text_printf(text, "\nSensitivity to %s\n", d->parameter);
    tw_table_array(text, "objective", &d->objective, NULL);
    for (int i = 0; i < tw_problem_variables(s->problem); i++)
      tw_table_array(text, tw_problem_variable_at(s->problem, i)->name, &d->variables[i], model);
    if (d->evidence.kind != TW_DERIVATIVE_REGULAR) tw_text_printf(text, "  %s: %s\n", kinds[d->evidence.kind], d->evidence.message);
  }
}

static void put_optimality(tw_text *text, const tw_solution *s) {
  const tw_optimality *o = &s->result.optimality;
  const tw_counts *c = &s->result.counts;
  tw_text_printf(text, "\nOptimality: stationarity %.2g", o->stationarity * s->result.scale);
  if (!isnan(o->feasibility)) tw_text_printf(text, ", feasibility %.2g", o->feasibility);
  if (!isnan(o->complementarity)) tw_text_printf(text, ", complementarity %.2g", o->complementarity * s->result.scale);
  const struct {
    const char *name;
    int64_t count;
  } rows[] = {{"values", c->value},       {"gradients", c->gradient},   {"Hessian products", c->hvp},
              {"residuals", c->residual}, {"Jacobians", c->jacobian},   {"projections", c->project},
              {"constraints", c->constraints}};
  const char *separator = "\nEvaluations: ";
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (rows[i].count == 0) continue;
    tw_text_printf(text, "%s%lld %s", separator, (long long)rows[i].count, rows[i].name);
    separator = ", ";
  }
  tw_text_puts(text, "\n");
}

static void put_evidence(tw_text *text, const tw_solution *s) {
  const tw_evidence e = tw_solution_evidence(s);
  if (e.solves == 0 && s->n_sensitivities == 0) return;
  tw_text_printf(text, "Implicit derivatives: inner residual %.1e, linear residual %.1e, condition %.1e",
                 e.inner_residual, e.linear_residual, e.condition);
  if (isfinite(e.complementarity_gap)) tw_text_printf(text, ", strict complementarity %.1e", e.complementarity_gap);
  if (e.derivative_error > 0) tw_text_printf(text, ", derivative error %.1e", e.derivative_error);
  if (!e.reliable) tw_text_printf(text, "\nNot reliable: %s", e.message);
  tw_text_puts(text, "\n");
}

void tw_solution_text(tw_text *text, const tw_solution *s, const tw_model *model, const char *title) {
  if (!text || !s) return;
  put_heading(text, s, title);
  put_objective(text, s);
  put_arrays(text, s, model);
  put_constraints(text, s, model);
  put_reduced_costs(text, s, model);
  put_sensitivities(text, s, model);
  if (s->ranges != NULL) tw_ranging_text(text, s->ranges, model);
  put_optimality(text, s);
  put_evidence(text, s);
}
