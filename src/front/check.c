/* talweg check: reads a model, names its class, tests its derivatives. Solves nothing. */
#include "front/command.h"
#include "front/inspect.h"
#include "front/model_file.h"

#include "method/options.h"
#include "problem/oracle.h"

#include <math.h>
#include <stdlib.h>

enum { CHECKED_UNKNOWNS = 2000 }; /* derivatives of larger problems cost too many evaluations */

static const double AGREEMENT = 1e-5; /* of derivatives with central differences */

typedef struct check_fields {
  const char *model, *method;
  tw_words sets;
  bool plan;
} check_fields;

/* ------------------------------------------------------------------ what was stated */

static void print_shape(FILE *out, tw_expr e) {
  const tw_shape shape = tw_shape_of(e);
  char text[TW_SHAPE_TEXT];
  if (shape.rank > 0) fprintf(out, "%s", tw_shape_text(&shape, text));
}

static void print_variables(const tw_problem *p, FILE *out) {
  static const char *const kind[] = {"", " integer", " binary"};
  for (int i = 0; i < tw_problem_variables(p); i++) {
    const tw_variable *v = tw_problem_variable_at(p, i);
    fprintf(out, "  var     %s", v->name);
    print_shape(out, v->expr);
    fputs(v->kinds != NULL ? ", some integer" : kind[v->kind], out);
    if (v->domain.kind != NULL) fprintf(out, " in %s", v->domain.kind->name);
    if (!tw_is_none(v->lower) || !tw_is_none(v->upper)) fputs(", bounded", out);
    fputc('\n', out);
  }
}

static void print_statements(const tw_problem *p, FILE *out) {
  static const char *const goal[] = {"", "minimize", "maximize", "root", "fixed point"};
  for (int i = 0; i < tw_problem_parameters(p); i++) {
    fprintf(out, "  param   %s", tw_problem_parameter_at(p, i)->name);
    print_shape(out, tw_problem_parameter_at(p, i)->expr);
    fputc('\n', out);
  }
  print_variables(p, out);
  const char *name = tw_problem_objective_name(p);
  if (tw_problem_goal(p) != TW_GOAL_NONE)
    fprintf(out, "  goal    %s %s\n", goal[tw_problem_goal(p)], name != NULL ? name : "");
  for (int i = 0; i < tw_problem_constraints(p); i++) {
    const tw_constraint *c = tw_problem_constraint_at(p, i);
    const bool equality = !tw_is_none(c->lower) && tw_same(c->lower, c->upper);
    fprintf(out, "  subject %s", c->name);
    print_shape(out, c->expr);
    fputs(equality ? ", equality\n" : "\n", out);
  }
}

/* ------------------------------------------------------------------ derivatives */

/* A point near the start, off the symmetric places where derivatives vanish and kinks sit; within the bounds. */
static tw_status nearby_point(const tw_oracle *o, double *x, tw_error *error) {
  const size_t n = (size_t)o->n;
  double *noise = tw_alloc(n, sizeof *noise);
  if (noise == NULL) return tw_fail(error, TW_ERR_MEMORY, "out of memory for the derivative check");
  tw_status status = o->start != NULL ? o->start(o->context, x, error) : TW_OK;
  tw_random_uniform_fill(1, 0, n, noise);
  for (size_t i = 0; i < n && status == TW_OK; i++) {
    x[i] += (0.02 + 0.06 * noise[i]) * fmax(1, fabs(x[i])) * (i % 2 == 0 ? 1 : -1);
    if ((o->offers & TW_BOUNDS) == 0) continue;
    const double width = o->upper[i] - o->lower[i];
    const double inset = isfinite(width) ? 0.05 * width : 0.05 * fmax(1, fabs(x[i]));
    x[i] = fmin(fmax(x[i], o->lower[i] + inset), o->upper[i] - inset);
  }
  free(noise);
  return status;
}

static tw_status check_derivatives(const tw_oracle *o, FILE *out, tw_error *error) {
  if (o->n > CHECKED_UNKNOWNS) {
    fprintf(out, "  derivatives not tested: more than %d unknowns\n", CHECKED_UNKNOWNS);
    return TW_OK;
  }
  double *x = tw_alloc((size_t)o->n, sizeof *x), worst = 0;
  char where[160] = "";
  tw_status status = x != NULL ? nearby_point(o, x, error) : tw_fail(error, TW_ERR_MEMORY, "out of memory");
  if (status == TW_OK) status = tw_oracle_check(o, x, &worst, where, sizeof where, error);
  free(x);
  if (status != TW_OK) return status;
  if (!(worst <= AGREEMENT))
    return tw_fail(error, TW_ERR_NUMERIC, "derivatives disagree with differences by %.2g near the start: %s", worst, where);
  fprintf(out, "  derivatives agree with differences to %.1e\n", worst);
  return TW_OK;
}

/* ------------------------------------------------------------------ plans */

static tw_status print_plan(const char *spec, const tw_oracle *o, FILE *out, tw_error *error) {
  tw_text text = {0};
  const tw_method *method;
  tw_held_matrix held[TW_MATRICES];
  int n = 0;
  tw_status status = tw_spec_method(spec, &method, error);
  if (status == TW_OK) status = tw_method_held(method, o, held, &n, error);
  const bool conic = status == TW_OK && method->needs & TW_CONIC;
  if (conic) status = tw_oracle_describe_conic(o, &text, error);
  if (status == TW_OK && n == 0 && !conic) tw_text_printf(&text, "  %s holds no matrix of derivatives: products only\n", method->name);
  if (status == TW_OK) status = tw_oracle_describe(o, n, held, &text, error);
  if (status == TW_OK) fprintf(out, "\n%s", text.data != NULL ? text.data : "");
  tw_text_free(&text);
  return status;
}

/* ------------------------------------------------------------------ the command */

/* Whether the method can do what the problem demands. */
static tw_status match(const char *spec, const tw_oracle *oracle, tw_error *error) {
  const tw_method *method = NULL;
  const tw_status status = tw_spec_method(spec, &method, error);
  return status == TW_OK ? tw_method_match(method, oracle, error) : status;
}

static tw_status check(const check_fields *f, tw_model *model, const tw_console *console, tw_error *error) {
  FILE *out = console->out;
  const tw_problem *p = tw_model_problem(model);
  tw_class cls;
  tw_oracle oracle = {0};
  const char *method = NULL;
  char why[TW_MESSAGE_MAX];
  fprintf(out, "%s\n", tw_model_file_title(model, f->model));
  print_statements(p, out);
  tw_status status = tw_model_file_method(model, f->model, f->method, &cls, &method, why, error);
  if (status != TW_OK) return status;
  fprintf(out, "\n  class   %s%s, %lld unknowns, %lld constraint rows\n", cls.name,
          !cls.convex ? "" : cls.integer ? " (convex relaxation)" : " (convex)",
          (long long)tw_problem_size(p), (long long)tw_problem_rows(p));
  fprintf(out, "  method  %s\n", why);
  status = tw_oracle_from_problem(&oracle, p, &cls, error);
  if (status == TW_OK) status = match(method, &oracle, error);
  if (status == TW_OK && oracle.exec != NULL) oracle.exec(oracle.context, &(tw_exec){.stop = console->stop});
  status = tw_model_file_blame(status, f->model, error);
  if (status == TW_OK) status = tw_model_inspect(model, &oracle, error);
  if (status == TW_OK) status = tw_model_file_blame(check_derivatives(&oracle, out, error), f->model, error);
  if (status == TW_OK && f->plan) status = tw_model_file_blame(print_plan(method, &oracle, out, error), f->model, error);
  tw_oracle_release(&oracle);
  return status;
}

static int run(const void *fields, const tw_console *console) {
  const check_fields *f = fields;
  tw_model *model = NULL;
  tw_error error = {0};
  tw_status status = tw_model_file_open(&model, f->model, &f->sets, console, &error);
  if (status == TW_OK) status = check(f, model, console, &error);
  tw_model_free(model);
  if (status == TW_OK) return TW_EXIT_SOLVED;
  tw_print_error(console, false, &error);
  return TW_EXIT_INPUT;
}

static const tw_argument arguments[] = {
    {.name = "MODEL", .kind = TW_ARGUMENT_TEXT, .offset = offsetof(check_fields, model), .required = true,
     .doc = "the model, a .tw, .nl, .mps or .lp file"},
    {.name = "--set", .placeholder = "NAME=VALUE", .kind = TW_ARGUMENT_TEXTS, .offset = offsetof(check_fields, sets),
     .doc = "another value for a param"},
    {.name = "--method", .placeholder = "NAME[:opt=val,..]", .kind = TW_ARGUMENT_TEXT, .offset = offsetof(check_fields, method),
     .doc = "the method that would be asked for"},
    {.name = "--plan", .kind = TW_ARGUMENT_FLAG, .offset = offsetof(check_fields, plan),
     .doc = "print how derivatives are held, and the planned steps: flops, bytes, buffers, peak memory"},
    {.name = NULL}};

const tw_verb tw_verb_check = {.name = "check",
                               .summary = "Reads a model, names its class and default method, tests its derivatives.",
                               .arguments = arguments,
                               .bytes = sizeof(check_fields),
                               .run = run};
