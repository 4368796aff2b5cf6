/* Options of nested problems: read off a method string, which is left with what belongs to the method. */
#include "implicit/options.h"

#include "method/options.h"

#include <stdlib.h>
#include <string.h>

#define SOLVERS "auto|cg|minres|gmres|bicgstab|normal_cg|lu|cholesky|qr"
enum { DERIVATIVE, STEP, CHECKPOINTS, LINEAR, RIDGE, PRECONDITION, OPTIONS };
enum { UNROLLED_DEFAULT = 100, UNROLLED_MOST = 100000000 };

static const tw_option table[OPTIONS + 1] = {
    {"derivative", TW_OPTION_CHOICE, TW_MODE_IMPLICIT, 0, 2, "implicit|one_step|unrolled", "what is differentiated: the optimality "
     "condition, one iteration at the solution, or all iterations"},
    {"step", TW_OPTION_REAL, 0, 0, 1e300, NULL, "fixed step of the map that one_step and unrolled differentiate; 0: 1 / L"},
    {"checkpoints", TW_OPTION_INTEGER, 0, 0, 1e9, NULL, "states that reverse mode keeps of unrolled iterations; 0: by memory"},
    {"linear", TW_OPTION_CHOICE, TW_SOLVE_AUTO, 0, TW_SOLVE_QR, SOLVERS, "how the implicit linear system is solved"},
    {"ridge", TW_OPTION_REAL, 0, 0, 1e300, NULL, "added to the diagonal of the implicit linear system"},
    {"precondition", TW_OPTION_CHOICE, TW_PRECONDITION_AUTO, 0, TW_PRECONDITION_ILU0, "auto|none|jacobi|ic0|ilu0",
     "of iterative solves of the implicit linear system"},
    {NULL, TW_OPTION_REAL, 0, 0, 0, NULL, NULL}};

/* What the parser of options takes a table from. */
static const tw_method owner = {.name = "nested", .options = table};

const tw_option *tw_nested_options(void) { return table; }

const char *tw_solve_kind_name(tw_solve_kind kind) {
  static const char *const names[] = {"auto", "cg", "minres", "gmres", "bicgstab", "normal_cg", "lu", "cholesky", "qr"};
  return names[kind];
}

/* ------------------------------------------------------------------ parting the string */

static bool is_own(const tw_method *method, const char *at, size_t length) {
  char name[32];
  while (length > 0 && (*at == ' ' || *at == '\t')) at++, length--;
  while (length > 0 && (at[length - 1] == ' ' || at[length - 1] == '\t')) length--;
  if (length == 0 || length >= sizeof name) return false;
  memcpy(name, at, length);
  name[length] = '\0';
  return tw_options_index(&owner, name) >= 0 && (!method || tw_options_index(method, name) < 0);
}

static void append(tw_text *text, const char *name, size_t name_length, const char *item, size_t length) {
  if (text->length == 0) tw_text_printf(text, "%.*s:", (int)name_length, name);
  else tw_text_puts(text, ",");
  tw_text_printf(text, "%.*s", (int)length, item);
}

/* "name:a=1,b=2" into what is the method's and what is a nested problem's. */
static void part(const tw_method *method, const char *spec, tw_text *rest, tw_text *own) {
  const size_t name = strcspn(spec, ":");
  const char *at = spec[name] ? spec + name + 1 : spec + name;
  while (*at) {
    const size_t length = strcspn(at, ",");
    if (is_own(method, at, strcspn(at, "=,"))) append(own, owner.name, strlen(owner.name), at, length);
    else append(rest, spec, name, at, length);
    at += length + (at[length] == ',');
  }
  if (rest->length == 0) tw_text_printf(rest, "%.*s", (int)name, spec);
}

static bool is_auto(const char *spec) {
  const size_t length = strcspn(spec, ":");
  return length == 0 || (length == 4 && strncmp(spec, "auto", 4) == 0);
}

static void set_linear(const double *value, tw_linear_choice *out) {
  out->kind = (int64_t)value[LINEAR];
  out->precondition = (int64_t)value[PRECONDITION];
  out->ridge = value[RIDGE];
}

/* ------------------------------------------------------------------ reading */

static double own_option(const tw_method *method, const double *value, const char *name, double otherwise) {
  const int i = tw_options_index(method, name);
  return i < 0 ? otherwise : value[i];
}

/* What the method's map needs to know of its options. */
static tw_status read_method(tw_nested_choice *out, tw_error *error) {
  const tw_method *method = out->named;
  const size_t count = (size_t)tw_options_count(method) + 1;
  double *value = tw_alloc(count, sizeof *value);
  bool *given = tw_alloc(count, sizeof *given);
  tw_status status = value && given ? tw_options_parse(method, out->method, value, given, error)
                                    : tw_fail(error, TW_ERR_MEMORY, "out of memory for options");
  if (status == TW_OK) {
    const int limit = tw_options_index(method, "max_iter");
    const double iterations = limit >= 0 && given[limit] ? value[limit] : UNROLLED_DEFAULT;
    out->step = own_option(method, value, "step", out->step);
    out->mixing = own_option(method, value, "mixing", 1);
    out->accelerate = own_option(method, value, "accelerate", 0) == 1 && own_option(method, value, "variant", 0) == 0;
    if (iterations > UNROLLED_MOST && out->mode == TW_MODE_UNROLLED)
      status = tw_fail(error, TW_ERR_RANGE, "derivative=unrolled: max_iter=%.3g, expected at most %d", iterations, UNROLLED_MOST);
    else
      out->iterations = iterations < UNROLLED_MOST ? (int64_t)iterations : UNROLLED_MOST;
  }
  free(value);
  free(given);
  return status;
}

static tw_status choose(tw_arena *arena, const char *spec, tw_nested_choice *out, tw_text *rest, tw_text *own, tw_error *error) {
  double value[OPTIONS];
  bool given[OPTIONS];
  if (!is_auto(spec) && tw_spec_method(spec, &out->named, error) != TW_OK) return error ? error->status : TW_ERR_NAME;
  part(out->named, spec, rest, own);
  if (rest->failed || own->failed) return tw_fail(error, TW_ERR_MEMORY, "out of memory for options");
  tw_status status = tw_options_parse(&owner, own->length > 0 ? own->data : NULL, value, given, error);
  if (status != TW_OK) return status;
  out->mode = (tw_derivative_mode)value[DERIVATIVE];
  out->step = value[STEP];
  out->checkpoints = (int64_t)value[CHECKPOINTS];
  set_linear(value, &out->linear);
  if (!out->named) {
    if (strchr(rest->data, ':'))
      return tw_fail(error, TW_ERR_ARGUMENT, "'%.200s': the method is chosen by class; name it to give it options", spec);
    return TW_OK;
  }
  if (!(out->method = tw_arena_strdup(arena, rest->data))) return tw_fail(error, TW_ERR_MEMORY, "out of memory for options");
  return read_method(out, error);
}

tw_status tw_nested_choose(tw_arena *arena, const char *spec, tw_nested_choice *out, tw_error *error) {
  tw_text rest = {0}, own = {0};
  tw_error local = {TW_OK, ""};
  *out = (tw_nested_choice){.mixing = 1};
  if (!spec) return TW_OK;
  const tw_status status = choose(arena, spec, out, &rest, &own, &local);
  tw_text_free(&rest);
  tw_text_free(&own);
  return status == TW_OK ? TW_OK : tw_fail(error, status, "%s", local.message);
}

tw_status tw_linear_choose(const char *options, tw_linear_choice *out, tw_error *error) {
  double value[OPTIONS];
  bool given[OPTIONS];
  memset(out, 0, sizeof *out);
  if (!options) return TW_OK;
  tw_text spec = {0};
  tw_text_printf(&spec, "%s:%s", owner.name, options);
  tw_status status = spec.failed ? tw_fail(error, TW_ERR_MEMORY, "out of memory for options")
                                 : tw_options_parse(&owner, spec.data, value, given, error);
  tw_text_free(&spec);
  if (status == TW_OK && (given[DERIVATIVE] || given[STEP] || given[CHECKPOINTS]))
    status = tw_fail(error, TW_ERR_ARGUMENT, "'%.200s': expected the options linear, ridge and precondition", options);
  if (status == TW_OK) set_linear(value, out);
  return status;
}

tw_status tw_nested_check(const char *method, tw_goal goal, tw_error *error) {
  tw_nested_choice choice;
  tw_arena *arena = tw_arena_new();
  if (!arena) return tw_fail(error, TW_ERR_MEMORY, "out of memory for options");
  tw_status status = tw_nested_choose(arena, method, &choice, error);
  if (status == TW_OK && choice.method && goal != TW_GOAL_NONE) status = tw_spec_check(choice.method, goal, error);
  tw_arena_free(arena);
  return status;
}
