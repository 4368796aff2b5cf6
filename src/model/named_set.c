/* Builder: sets and regularizers by name, with arguments: simplex, ball(2), elastic_net(0.5). */
#include "model/builder.h"

#include <string.h>

static const char *name_of(const tw_ast *node) {
  return node->kind == TW_AST_CALL || node->kind == TW_AST_NAME ? node->text : NULL;
}

/* "unknown set `simplx`, did you mean `simplex`?; expected one of .." */
static bool unknown(tw_builder *b, const tw_ast *node, const char *what, const tw_nearest *nearest, tw_text *names) {
  char hint[96];
  tw_build_fail(b, tw_build_begin(node), TW_ERR_NAME, "unknown %s `%.64s`%s; expected one of %s", what, node->text,
                tw_nearest_text(nearest, hint), names->data ? names->data : "those of the library");
  tw_text_free(names);
  return false;
}

static void offer(tw_nearest *nearest, tw_text *names, const char *name) {
  tw_nearest_offer(nearest, name);
  tw_text_printf(names, "%s%s", names->data ? ", " : "", name);
}

static bool unknown_domain(tw_builder *b, const tw_ast *node) {
  tw_nearest nearest = tw_nearest_start(node->text);
  tw_text names = {0};
  for (const tw_domain_kind *const *k = tw_domain_kinds(); *k; k++) offer(&nearest, &names, (*k)->name);
  return unknown(b, node, "set", &nearest, &names);
}

/* A set of the language is a set of integers or labels, no domain of real numbers. */
static bool misplaced_set(tw_builder *b, const tw_ast *node) {
  const tw_symbol *symbol = node->kind == TW_AST_NAME ? tw_scope_find(b->scope, node->text) : NULL;
  const bool set = node->kind == TW_AST_RANGE || node->kind == TW_AST_LIST || (symbol && symbol->kind == TW_SYMBOL_SET);
  return tw_build_fail(b, tw_build_begin(node), TW_ERR_ARGUMENT,
                       set ? "a set of integers, expected `integer in ..`, or bounds: >= low <= high"
                           : "expected a domain such as simplex, ball(2) or box(0, 1)");
}

static bool read_parameters(tw_builder *b, const tw_ast *node, const char *name, const char *usage, int least, int most,
                            const tw_parameter_reader *reader, int *n, tw_expr *params) {
  *n = node->kind == TW_AST_CALL ? node->n : 0;
  if (*n < least || *n > most)
    return tw_build_fail(b, tw_build_begin(node), TW_ERR_ARGUMENT, "%d argument%s, expected %s(%s)", *n, *n == 1 ? "" : "s", name, usage);
  for (int k = 0; k < *n; k++) {
    if (node->label[k])
      return tw_build_fail(b, tw_build_begin(node->child[k]), TW_ERR_ARGUMENT, "no argument `%.48s`, expected %s(%s)", node->label[k], name,
                           usage);
    if (!reader->read(reader->context, node->child[k], &params[k])) return false;
  }
  return true;
}

bool tw_build_domain(tw_builder *b, const tw_ast *node, const tw_shape *shape, const tw_parameter_reader *reader, tw_domain *out) {
  const char *name = name_of(node);
  const tw_domain_kind *kind = name ? tw_domain_find(name) : NULL;
  tw_expr param[TW_DOMAIN_PARAMS] = {TW_NONE};
  int n;
  if (!kind && (!name || (node->kind == TW_AST_NAME && tw_scope_find(b->scope, name)))) return misplaced_set(b, node);
  if (!kind) return unknown_domain(b, node);
  if (!read_parameters(b, node, kind->name, kind->params, kind->min_params, kind->max_params, reader, &n, param)) return false;
  *out = tw_domain_make(b->graph, kind, *shape, n, param);
  return tw_build_check(b, tw_build_begin(node));
}

bool tw_build_regularizer(tw_builder *b, const tw_ast *node, const tw_parameter_reader *reader, const tw_regularizer_kind **kind, int *n,
                          tw_expr params[TW_REGULARIZER_PARAMS]) {
  const char *name = name_of(node);
  if (!name)
    return tw_build_fail(b, tw_build_begin(node), TW_ERR_ARGUMENT, "expected a regularizer such as l1, l2sq or elastic_net(0.5)");
  *kind = tw_regularizer_find(name);
  if (*kind) return read_parameters(b, node, name, (*kind)->params, (*kind)->min_params, (*kind)->max_params, reader, n, params);
  tw_nearest nearest = tw_nearest_start(name);
  tw_text names = {0};
  for (const tw_regularizer_kind *const *k = tw_regularizer_kinds(); *k; k++) offer(&nearest, &names, (*k)->name);
  return unknown(b, node, "regularizer", &nearest, &names);
}
