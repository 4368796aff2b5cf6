/* talweg explain: why a model has no feasible point. */
#include "front/command.h"
#include "front/inspect.h"
#include "front/model_file.h"
#include "front/names.h"

#include "method/explain.h"

#include <math.h>
#include <stdlib.h>

typedef struct explain_fields {
  const char *model;
  tw_words sets;
  double time_limit;
  int64_t threads;
  bool json;
} explain_fields;

typedef struct session {
  const explain_fields *f;
  const tw_console *console;
  tw_model *model;
  const tw_problem *p;
  tw_oracle oracle;
  tw_explanation found;
} session;

/* ------------------------------------------------------------------ output */

static void put_member(const session *s, const tw_member *x, tw_text *text) {
  const char *where = tw_entry_where(s->model, x->row, x->index);
  tw_text_puts(text, x->row ? "  row    " : "  bound  ");
  tw_entry_name(s->model, x->row, x->index, text);
  tw_text_printf(text, " %s %.10g", x->lower && x->upper ? "==" : x->lower ? ">=" : "<=", x->limit + 0.0);
  if (where != NULL) tw_text_printf(text, "   %s", where);
  tw_text_puts(text, "\n");
}

static const char *verdict_name(tw_explain_verdict verdict) {
  return verdict == TW_EXPLAIN_INFEASIBLE ? "infeasible" : verdict == TW_EXPLAIN_FEASIBLE ? "feasible" : "undecided";
}

static void put_text(const session *s, tw_text *text) {
  const tw_explanation *e = &s->found;
  static const char *const heading[] = {"Undecided", "Feasible", "Infeasible"};
  tw_text_printf(text, "%s: %s\n%s\n", heading[e->verdict], tw_model_file_title(s->model, s->f->model), e->message);
  if (e->members == 0) return;
  if (e->members == 1)
    tw_text_puts(text, "\nThis cannot hold\n");
  else
    tw_text_printf(text, "\nThese %lld cannot hold together%s\n", (long long)e->members,
                   e->irreducible ? "; without any one of them the others can" : "");
  for (int64_t k = 0; k < e->members; k++) put_member(s, &e->member[k], text);
}

static void put_json_member(const session *s, const tw_member *x, tw_text *text) {
  tw_text name = {0};
  tw_entry_name(s->model, x->row, x->index, &name);
  tw_text_printf(text, "{\"kind\":\"%s\",\"name\":", x->row ? "row" : "bound");
  tw_text_json_string(text, name.data != NULL ? name.data : "");
  tw_text_printf(text, ",\"side\":\"%s\",\"limit\":", x->lower && x->upper ? "both" : x->lower ? "lower" : "upper");
  tw_text_json_number(text, x->limit);
  const char *where = tw_entry_where(s->model, x->row, x->index);
  if (where != NULL) tw_text_puts(text, ",\"where\":"), tw_text_json_string(text, where);
  tw_text_puts(text, "}");
  text->failed |= name.failed;
  tw_text_free(&name);
}

static void put_json(const session *s, tw_text *text) {
  const tw_explanation *e = &s->found;
  tw_text_printf(text, "{\"status\":\"%s\",\"subset\":[", verdict_name(e->verdict));
  for (int64_t k = 0; k < e->members; k++) {
    if (k > 0) tw_text_puts(text, ",");
    put_json_member(s, &e->member[k], text);
  }
  tw_text_printf(text, "],\"irreducible\":%s,\"integrality\":%s,\"local\":%s,\"residual\":", e->irreducible ? "true" : "false",
                 e->integral ? "true" : "false", e->local ? "true" : "false");
  tw_text_json_number(text, e->residual);
  tw_text_printf(text, ",\"tests\":%lld,\"message\":", (long long)e->tests);
  tw_text_json_string(text, e->message);
  tw_text_puts(text, "}\n");
}

/* ------------------------------------------------------------------ the command */

/* The bounds of a variable where they cross, from its expressions. */
static tw_status cross_bounds(session *s, const tw_variable *v, tw_error *error) {
  const int n = tw_problem_parameters(s->p);
  tw_expr *in = tw_alloc((size_t)n, sizeof *in);
  const void **value = tw_alloc((size_t)n, sizeof *value);
  double *bound = tw_alloc(2 * (size_t)v->size, sizeof *bound);
  tw_fn *fn = NULL;
  tw_work *work = NULL;
  const tw_shape shape = tw_shape_of(v->expr);
  const tw_expr out[2] = {tw_broadcast(v->lower, shape), tw_broadcast(v->upper, shape)};
  tw_status status = in && value && bound ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "out of memory for bounds");
  for (int j = 0; j < n && status == TW_OK; j++)
    in[j] = tw_problem_parameter_at(s->p, j)->expr, value[j] = tw_problem_parameter_at(s->p, j)->value.data;
  if (status == TW_OK) status = tw_fn_new(&fn, n, in, 2, out, NULL, error);
  if (status == TW_OK) status = tw_work_new(&work, fn, error);
  if (status == TW_OK) status = tw_fn_call(fn, work, value, (void *[]){bound, bound + v->size}, 0, error);
  for (int64_t k = 0; k < v->size && status == TW_OK; k++) {
    if (!(bound[k] > bound[v->size + k]) || s->found.crossing++ > 0) continue;
    s->found.member[s->found.members++] = (tw_member){false, v->offset + k, true, false, bound[k]};
    s->found.member[s->found.members++] = (tw_member){false, v->offset + k, false, true, bound[v->size + k]};
  }
  tw_work_free(work);
  tw_fn_free(fn);
  free(in), free(value), free(bound);
  return status;
}

/* Bounds that cross make no set: the problem was refused for them. */
static tw_status find_crossing(session *s, tw_error *error) {
  tw_error refusal = *error;
  tw_graph_clear(tw_problem_graph(s->p));
  s->found = (tw_explanation){
      .verdict = TW_EXPLAIN_INFEASIBLE, .irreducible = true, .residual = NAN, .member = tw_alloc(2, sizeof(tw_member))};
  if (s->found.member == NULL) return tw_fail(error, TW_ERR_MEMORY, "out of memory for bounds");
  for (int i = 0; i < tw_problem_variables(s->p); i++) {
    const tw_variable *v = tw_problem_variable_at(s->p, i);
    if (tw_is_none(v->lower) || tw_is_none(v->upper)) continue;
    const tw_status status = cross_bounds(s, v, error);
    if (status != TW_OK) return status;
  }
  int at = snprintf(s->found.message, sizeof s->found.message, "limits cross");
  if (s->found.crossing > 1)
    snprintf(s->found.message + at, sizeof s->found.message - (size_t)at, "; so do %lld more", (long long)s->found.crossing - 1);
  return s->found.members > 0 ? TW_OK : tw_fail(error, refusal.status, "%s: %s", s->f->model, refusal.message);
}

static tw_status open_problem(session *s, tw_error *error) {
  tw_class cls;
  tw_status status = tw_model_file_open(&s->model, s->f->model, &s->f->sets, s->console, error);
  if (status != TW_OK) return status;
  s->p = tw_model_problem(s->model);
  const tw_goal goal = tw_problem_goal(s->p);
  if (goal == TW_GOAL_ROOT || goal == TW_GOAL_FIXPOINT)
    return tw_fail(error, TW_ERR_UNSUPPORTED, "%s: equations and fixed points have no limits to choose among, expected subject to",
                   s->f->model);
  status = tw_classify(s->p, &cls, error);
  if (status == TW_ERR_INFEASIBLE) return find_crossing(s, error);
  if (status == TW_OK) status = tw_oracle_from_problem(&s->oracle, s->p, &cls, error);
  if (status != TW_OK) return tw_model_file_blame(status, s->f->model, error);
  status = tw_model_inspect(s->model, &s->oracle, error);
  return status == TW_ERR_INFEASIBLE ? TW_OK : status; /* limits that cross are an explanation */
}

static tw_status explain(session *s, tw_error *error) {
  tw_text text = {0};
  tw_status status = open_problem(s, error);
  if (status != TW_OK) return status;
  const tw_exec exec = {
      .threads = (int)s->f->threads, .stop = s->console->stop, .deadline = s->f->time_limit > 0 ? tw_now() + s->f->time_limit : 0};
  if (s->oracle.exec != NULL) s->oracle.exec(s->oracle.context, &exec);
  if (s->found.members == 0) status = tw_model_file_blame(tw_explain(&s->oracle, &exec, &s->found, error), s->f->model, error);
  if (status != TW_OK) return status;
  (s->f->json ? put_json : put_text)(s, &text);
  if (text.failed) status = tw_fail(error, TW_ERR_MEMORY, "out of memory for the output");
  if (status == TW_OK) fwrite(text.data, 1, text.length, s->console->out);
  tw_text_free(&text);
  return status;
}

static int run(const void *fields, const tw_console *console) {
  session s = {.f = fields, .console = console};
  tw_error error = {0};
  int code = TW_EXIT_STOPPED;
  if (explain(&s, &error) != TW_OK)
    code = tw_print_error(console, s.f->json, &error);
  else if (s.found.verdict != TW_EXPLAIN_UNDECIDED)
    code = s.found.verdict == TW_EXPLAIN_FEASIBLE ? TW_EXIT_SOLVED : TW_EXIT_NO_OPTIMUM;
  tw_explanation_free(&s.found);
  tw_oracle_release(&s.oracle);
  tw_model_free(s.model);
  return code;
}

static const tw_argument arguments[] = {{.name = "MODEL",
                                         .kind = TW_ARGUMENT_TEXT,
                                         .offset = offsetof(explain_fields, model),
                                         .required = true,
                                         .doc = "the model, a .tw, .nl, .mps or .lp file"},
                                        {.name = "--set",
                                         .placeholder = "NAME=VALUE",
                                         .kind = TW_ARGUMENT_TEXTS,
                                         .offset = offsetof(explain_fields, sets),
                                         .doc = "another value for a param"},
                                        {.name = "--time-limit",
                                         .placeholder = "SECONDS",
                                         .kind = TW_ARGUMENT_REAL,
                                         .offset = offsetof(explain_fields, time_limit),
                                         .low = 1e-9,
                                         .high = 1e15,
                                         .doc = "end the search after this time"},
                                        {.name = "--threads",
                                         .placeholder = "N",
                                         .kind = TW_ARGUMENT_INTEGER,
                                         .offset = offsetof(explain_fields, threads),
                                         .high = 4096,
                                         .doc = "threads at most; 0: all cores"},
                                        {.name = "--json",
                                         .kind = TW_ARGUMENT_FLAG,
                                         .offset = offsetof(explain_fields, json),
                                         .doc = "print the explanation as one JSON object"},
                                        {.name = NULL}};

const tw_verb tw_verb_explain = {.name = "explain",
                                 .summary = "Why a model is infeasible: limits that cannot hold together, as few as possible.",
                                 .arguments = arguments,
                                 .bytes = sizeof(explain_fields),
                                 .run = run};
