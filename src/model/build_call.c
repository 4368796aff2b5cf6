/* Builder: calls. Arguments are matched to parameters by position or keyword and read by their roles. */
#include "model/builder.h"

#include <string.h>

/* "name(parameters)" */
static const char *signature(const tw_function *f, char text[96]) {
  snprintf(text, 96, "%s(%s)", f->name, f->parameters);
  return text;
}

static bool fail_arguments(tw_builder *b, const tw_ast *node, const tw_ast *at, const tw_function *f,
                           const char *what) {
  char text[96];
  return tw_build_fail(b, at ? tw_build_begin(at) : tw_ast_place(node), TW_ERR_ARGUMENT, "%s, expected %s",
                       what, signature(f, text));
}

static bool fail_unknown(tw_builder *b, const tw_ast *node) {
  char hint[96];
  tw_nearest nearest = tw_nearest_start(node->text);
  for (const tw_function *f = tw_function_table(); f->name; f++) tw_nearest_offer(&nearest, f->name);
  const tw_symbol *symbol = tw_scope_find(b->scope, node->text);
  if (symbol)
    return tw_build_fail(b, tw_ast_place(node), TW_ERR_NAME,
                         "`%.64s` is a %s, not a function; index it with [..]", node->text,
                         tw_symbol_kind_name(symbol->kind));
  return tw_build_fail(b, tw_ast_place(node), TW_ERR_NAME, "unknown function `%.64s`%s", node->text,
                       tw_nearest_text(&nearest, hint));
}

/* ------------------------------------------------------------------ shapes */

/* An extent or set; -1 stands for what the others leave. */
static bool read_extent(tw_builder *b, const tw_ast *node, tw_site *site) {
  int k = site->shape.rank;
  double value;
  bool whole;
  if (k == TW_MAX_RANK)
    return tw_build_fail(b, tw_build_begin(node), TW_ERR_SHAPE, "more than %d extents", TW_MAX_RANK);
  if (tw_build_plain_number(node, &value, &whole) && whole && value == -1)
    site->shape.dim[k] = -1;
  else if (!tw_build_axis(b, node, &site->axis[k], &site->shape.dim[k]))
    return false;
  site->shape.rank++;
  return true;
}

static bool read_shape(tw_builder *b, const tw_ast *node, tw_site *site) {
  if (node->kind != TW_AST_ARRAY) return read_extent(b, node, site);
  for (int k = 0; k < node->n; k++)
    if (!read_extent(b, node->child[k], site)) return false;
  return true;
}

/* ------------------------------------------------------------------ arguments */

static bool read_value(tw_builder *b, const tw_ast *node, char role, tw_value *value) {
  if (!tw_build_array(b, node, value)) return false;
  if (role == TW_ROLE_INDICES && !tw_value_constant(value))
    return tw_build_not_constant(b, node, "this argument");
  return true;
}

/* An array of which only the shape matters: for a set, any one over it. */
static bool read_extents(tw_builder *b, const tw_ast *node, tw_value *value) {
  const tw_symbol *symbol = node->kind == TW_AST_NAME ? tw_scope_find(b->scope, node->text) : NULL;
  if (!symbol || symbol->kind != TW_SYMBOL_SET) return tw_build_array(b, node, value);
  *value = tw_value_of(tw_fill(b->graph, TW_I64, TW_SHAPE(symbol->set->count), 0));
  return tw_build_check(b, tw_build_begin(node));
}

static bool read_argument(tw_builder *b, const tw_ast *node, int p, tw_site *site) {
  char role = site->function->roles[p];
  switch (role) {
  case TW_ROLE_EXTENT:
    return read_extents(b, node, &site->value[p]);
  case TW_ROLE_INTEGER:
    return tw_build_integer(b, node, "this argument", &site->integer[p]);
  case TW_ROLE_SHAPE:
    return read_shape(b, node, site);
  case TW_ROLE_NAMED:
    return true;
  case TW_ROLE_TEXT:
    if (node->kind == TW_AST_STRING) return true;
    return tw_build_fail(b, tw_build_begin(node), TW_ERR_ARGUMENT, "expected a string in double quotes here");
  default:
    return read_value(b, node, role, &site->value[p]);
  }
}

static bool read_part(tw_builder *b, const tw_ast *node, tw_site *site) {
  int k = site->n_rest++;
  site->rest[k] = node;
  return read_value(b, node, TW_ROLE_VALUE, &site->rest_value[k]);
}

/* One more argument of a `..` parameter. A shape, or what is to be joined, may come as one [..] instead. */
static bool read_rest(tw_builder *b, const tw_ast *call, const tw_ast *node, int p, tw_site *site) {
  char role = site->function->roles[p];
  const tw_ast *first = site->argument[p];
  if (!first) site->argument[p] = node;
  if (role == TW_ROLE_VALUE) return read_part(b, node, site);
  if (first && (node->kind == TW_AST_ARRAY || first->kind == TW_AST_ARRAY) && role == TW_ROLE_SHAPE)
    return fail_arguments(b, call, node, site->function, "something beside a list of extents");
  if (role == TW_ROLE_SHAPE) return read_shape(b, node, site);
  bool alone = call->n == 1 || call->label[1]; /* concat([a, b]) is concat(a, b) */
  if (node->kind != TW_AST_ARRAY || !alone) return read_part(b, node, site);
  for (int k = 0; k < node->n; k++)
    if (!read_part(b, node->child[k], site)) return false;
  return true;
}

static bool reserve_rest(tw_builder *b, const tw_ast *node, tw_site *site) {
  size_t most = (size_t)node->n + 1;
  if (node->n > 0 && node->child[0]->kind == TW_AST_ARRAY) most += (size_t)node->child[0]->n;
  site->rest = tw_build_alloc(b, most, sizeof *site->rest);
  site->rest_value = tw_build_alloc(b, most, sizeof *site->rest_value);
  return site->rest && site->rest_value;
}

static bool read_arguments(tw_builder *b, const tw_ast *node, tw_site *site) {
  const tw_function *f = site->function;
  for (int k = 0, positional = 0; k < node->n; k++) {
    const tw_ast *argument = node->child[k];
    char what[96];
    int p = tw_function_parameter(f, node->label[k], positional);
    positional += !node->label[k];
    if (p < 0 && node->label[k]) {
      snprintf(what, sizeof what, "no argument `%.48s`", node->label[k]);
      return fail_arguments(b, node, argument, f, what);
    }
    if (p < 0) return fail_arguments(b, node, argument, f, "too many arguments");
    if (tw_function_variadic(f, p)) {
      if (!read_rest(b, node, argument, p, site)) return false;
      continue;
    }
    if (site->argument[p]) return fail_arguments(b, node, argument, f, "an argument that is given already");
    site->argument[p] = argument;
    if (!read_argument(b, argument, p, site)) return false;
  }
  return true;
}

static bool check_arguments(tw_builder *b, const tw_ast *node, const tw_site *site) {
  const tw_function *f = site->function;
  size_t length;
  const char *name;
  for (int p = 0; (name = tw_function_parameter_name(f, p, &length)); p++) {
    if (site->argument[p] || tw_function_optional(f, p)) continue;
    char what[96];
    snprintf(what, sizeof what, "the argument `%.*s` is missing", (int)length, name);
    return fail_arguments(b, node, NULL, f, what);
  }
  return true;
}

bool tw_build_site(tw_builder *b, const tw_ast *node, tw_site *site) {
  *site = (tw_site){.node = node, .function = tw_function_find(node->text)};
  if (!site->function) return fail_unknown(b, node);
  return reserve_rest(b, node, site) && read_arguments(b, node, site) && check_arguments(b, node, site);
}

bool tw_build_call(tw_builder *b, const tw_ast *node, tw_value *out) {
  tw_site site;
  if (!tw_build_site(b, node, &site)) return false;
  tw_value result = {.kind = TW_VALUE_ARRAY, .expr = TW_NONE};
  if (!site.function->build(b, &site, &result) || !tw_build_check(b, tw_ast_place(node))) return false;
  for (int p = 0; p < TW_MAX_PARAMETERS && site.function->roles[p]; p++)
    if (site.function->roles[p] == TW_ROLE_VALUE && site.argument[p]) tw_value_taint(&result, &site.value[p]);
  for (int k = 0; k < site.n_rest; k++) tw_value_taint(&result, &site.rest_value[k]);
  *out = result;
  return true;
}
