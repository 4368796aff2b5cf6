/* Builder: var, with its bounds, start, set and kind of number. */
#include "model/builder.h"

#include <string.h>

/* What is being declared. */
typedef struct declaration {
  tw_builder *b;
  const tw_statement *s;
  tw_symbol *symbol;
  tw_shape shape;
  tw_expr x, lower, upper;
} declaration;

static bool table_value(const declaration *d, const tw_ast *node, tw_value *value) {
  tw_array array;
  if (!tw_build_table(d->b, node, d->s->name, &d->shape, d->symbol->value.axis, &array)) return false;
  *value = tw_value_of(tw_constant(d->b->graph, &array));
  tw_array_free(&array);
  return tw_build_check(d->b, tw_build_begin(node));
}

/* A bound, start or parameter of a set: free of the problem's variables. NONE when `node` is NULL. */
static bool read_attribute(const declaration *d, const tw_ast *node, const char *what, bool broadcasts,
                           tw_expr *out) {
  tw_value value;
  *out = TW_NONE;
  if (!node) return true;
  bool table = node->kind == TW_AST_TABLE;
  if (!(table ? table_value(d, node, &value) : tw_build_indexed(d->b, d->s, &d->shape, node, &value)))
    return false;
  if (tw_build_on_variables(d->b, value.expr))
    return tw_build_fail(
        d->b, tw_build_begin(node), TW_ERR_ARGUMENT,
        "%s depends on a variable, expected params and numbers; state a constraint instead: subject to ..",
        what);
  value.expr = tw_build_real(value.expr);
  if (broadcasts && !tw_build_broadcast(d->b, tw_build_begin(node), what, &value, &d->shape)) return false;
  *out = value.expr;
  return tw_build_check(d->b, tw_build_begin(node));
}

/* Bounds that cross whatever the params; others are found when they have values. */
static bool check_bounds(const declaration *d) {
  double low, high;
  if (tw_is_none(d->lower) || tw_is_none(d->upper)) return true;
  if (!tw_constant_value(d->lower, &low) || !tw_constant_value(d->upper, &high) || low <= high) return true;
  return tw_build_fail(d->b, tw_build_begin(d->s->upper), TW_ERR_INFEASIBLE,
                       "the lower bound %.10g is above the upper bound %.10g", low, high);
}

/* ------------------------------------------------------------------ in SET */

static bool read_set_parameter(void *context, const tw_ast *node, tw_expr *out) {
  return read_attribute(context, node, "the parameter of a domain", false, out);
}

static bool read_domain(const declaration *d) {
  const tw_ast *node = d->s->domain;
  const tw_parameter_reader reader = {read_set_parameter, (void *)(uintptr_t)d};
  tw_domain domain;
  if (!tw_build_domain(d->b, node, &d->shape, &reader, &domain)) return false;
  tw_problem_domain(d->b->site->problem, d->x, domain);
  tw_domain_within(d->b->graph, domain, d->shape, d->lower, d->upper); /* fails where they do not go together */
  return tw_build_check(d->b, tw_build_begin(node));
}

/* ------------------------------------------------------------------ integer, binary */

static bool read_number(const declaration *d) {
  tw_builder *b = d->b;
  const tw_ast *domain = d->s->domain;
  const tw_index_set *set;
  bool binary = d->s->number == TW_VAR_BINARY;
  if (b->site->block)
    return tw_build_fail(b, d->symbol->place, TW_ERR_UNSUPPORTED,
                         "an integer variable in a nested problem, whose solution would have no derivatives; "
                         "expected real ones");
  tw_problem_kind(b->site->problem, d->x, binary ? TW_BINARY : TW_INTEGER);
  if (!domain) return true;
  if (binary)
    return tw_build_fail(b, tw_build_begin(domain), TW_ERR_ARGUMENT,
                         "a binary variable is 0 or 1, expected no other set");
  if (!tw_build_set(b, domain, &set)) return false;
  if (set->kind != TW_SET_RANGE || set->count == 0)
    return tw_build_fail(b, tw_build_begin(domain), TW_ERR_ARGUMENT,
                         "expected a range of integers that is not empty: integer in 0..10");
  tw_problem_bounds(b->site->problem, d->x, tw_scalar(b->graph, (double)set->first),
                    tw_scalar(b->graph, (double)(set->first + set->count - 1)));
  return tw_build_check(b, tw_build_begin(domain));
}

bool tw_build_var(tw_builder *b, const tw_statement *s) {
  declaration d = {.b = b, .s = s};
  tw_expr start;
  if (!tw_build_declare(b, s, TW_SYMBOL_VAR, &d.symbol)) return false;
  if (!tw_build_shape(b, s, &d.shape, d.symbol->value.axis)) return false;
  tw_problem *p = b->site->problem;
  d.x = d.symbol->value.expr = tw_problem_variable(p, s->name, d.shape);
  d.symbol->value.varies = true;
  if (!tw_build_check(b, d.symbol->place)) return false;
  if (!read_attribute(&d, s->lower, "a lower bound", true, &d.lower) ||
      !read_attribute(&d, s->upper, "an upper bound", true, &d.upper) ||
      !read_attribute(&d, s->start, "a start", true, &start))
    return false;
  if (!check_bounds(&d)) return false;
  tw_problem_bounds(p, d.x, d.lower, d.upper);
  if (!tw_is_none(start)) tw_problem_start(p, d.x, start);
  if (!tw_build_check(b, d.symbol->place)) return false;
  if (s->number ? !read_number(&d) : s->domain && !read_domain(&d)) return false;
  return tw_build_reach(b, d.x) && (tw_scope_add(b->scope, d.symbol) || tw_build_memory(b, d.symbol->place));
}
