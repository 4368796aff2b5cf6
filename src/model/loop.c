/* Builder: loops over index sets. `e for i in S, j in T if c` runs one iteration number k over the box S x T:
 * i stands at position floor(k / |T|) of S, j at k mod |T|. A set that depends on an index is boxed by its
 * extreme bounds and turned into conditions. Conditions on indices and constants alone are decided here,
 * once: k then runs over the table of the combinations that hold. Others stay in the loop, as
 * tw_index_loop.condition. */
#include "model/builder.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_CONDITIONS = 64 };
static const int64_t MAX_TABLE = 10000000; /* combinations that are tried one by one */
static const int64_t ITERATIONS = 4;       /* of nested loops, for each element that an array may have */

typedef struct opening {
  tw_builder *b;
  tw_index_loop *loop;
  tw_place place;
  tw_ast *const *set;          /* as written */
  bool dependent[TW_MAX_RANK]; /* bounds depend on an index */
  const tw_ast *condition[MAX_CONDITIONS];
  int conditions;
} opening;

/* ------------------------------------------------------------------ sets */

/* The smallest first and largest last element of a range whose bounds depend on indices. */
static bool bound_box(opening *o, const tw_ast *bound, bool upper, int64_t *value) {
  tw_value v;
  int64_t low, high;
  bool exact;
  if (!tw_build_array(o->b, bound, &v)) return false;
  if (v.varies) return tw_build_not_constant(o->b, bound, "the bound of a range");
  if (!v.looped) return tw_build_integer(o->b, bound, "the bound of a range", value);
  if (!tw_affine_bounds(v.affine, &low, &high, &exact))
    return tw_build_fail(
        o->b, tw_build_begin(bound), TW_ERR_UNSUPPORTED,
        "the bound of a range depends on an index in a way that is not followed, expected a sum of "
        "indices and integers; write a larger range with a condition: for .. if ..");
  *value = upper ? high : low;
  return true;
}

static bool depends_on_index(opening *o, const tw_ast *node, bool *depends) {
  tw_value v;
  *depends = false;
  if (node->kind != TW_AST_RANGE) return true;
  for (int k = 0; k < 2; k++) {
    if (!tw_build_array(o->b, node->child[k], &v)) return false;
    *depends |= v.looped;
  }
  return true;
}

static bool open_set(opening *o, int i) {
  const tw_ast *node = o->set[i];
  bool depends;
  int64_t first, last;
  if (!depends_on_index(o, node, &depends)) return false;
  if (!depends) return tw_build_set(o->b, node, &o->loop->set[i]);
  if (!bound_box(o, node->child[0], false, &first) || !bound_box(o, node->child[1], true, &last))
    return false;
  o->dependent[i] = true;
  o->loop->set[i] = tw_index_set_range(o->b->arena, "", first, last < first ? 0 : last - first + 1);
  return o->loop->set[i] || tw_build_memory(o->b, tw_ast_place(node));
}

/* ------------------------------------------------------------------ indices */

/* What an index stands for, given its position. */
static void set_position(tw_builder *b, tw_symbol *symbol, tw_expr position) {
  const tw_index_set *set = symbol->set;
  symbol->position = position;
  symbol->value = tw_value_of(position);
  symbol->value.looped = true;
  symbol->value.index = symbol;
  if (set->kind == TW_SET_LABELS) {
    symbol->value.kind = TW_VALUE_LABEL;
    symbol->value.set = set;
  } else if (set->kind == TW_SET_RANGE) {
    if (set->first) symbol->value.expr = tw_add(position, tw_integer(b->graph, set->first));
    symbol->value.affine = tw_affine_index(b->arena, symbol);
  } else {
    tw_array view = tw_array_view((void *)(uintptr_t)set->integer, TW_I64, TW_SHAPE(set->count));
    symbol->value.expr = tw_take(tw_constant(b->graph, &view), 1, &position);
  }
}

/* Positions of all indices at iteration `k` of the box. */
static void set_positions(opening *o, tw_expr k) {
  tw_index_loop *loop = o->loop;
  int64_t inner = 1; /* combinations of the indices to the right */
  for (int i = loop->n - 1; i >= 0; i--) {
    int64_t count = loop->set[i]->count;
    tw_expr position = inner > 1 ? tw_idiv(k, tw_integer(o->b->graph, inner)) : k;
    if (i > 0) position = tw_mod(position, tw_integer(o->b->graph, count > 0 ? count : 1));
    set_position(o->b, &loop->symbol[i], position);
    inner *= count > 0 ? count : 1;
  }
}

static bool declare_index(opening *o, int i, const char *name) {
  tw_symbol *symbol = &o->loop->symbol[i];
  const tw_index_set *set = o->loop->set[i];
  *symbol = (tw_symbol){.kind = TW_SYMBOL_INDEX, .name = name, .place = o->place, .set = set};
  symbol->low = set->first;
  symbol->high = set->first + set->count - 1;
  symbol->exact = !o->dependent[i] && set->kind == TW_SET_RANGE;
  /* Later sets see it through its affine form alone; the iteration number comes when all sets are known. */
  set_position(o->b, symbol, o->loop->k);
  if (!name) return true; /* a set without a name for its index */
  if (tw_scope_find_here(&o->loop->scope, name))
    return tw_build_fail(o->b, o->place, TW_ERR_NAME,
                         "the index `%.64s` comes twice, expected different names", name);
  return tw_scope_add(&o->loop->scope, symbol) || tw_build_memory(o->b, o->place);
}

/* ------------------------------------------------------------------ conditions */

static bool add_conditions(opening *o, const tw_ast *filter) {
  bool conjunction = filter->kind == TW_AST_LOGIC && filter->link[0].op == TW_TOKEN_AND;
  if (conjunction && o->conditions + filter->n <= MAX_CONDITIONS) {
    for (int k = 0; k < filter->n; k++)
      if (!add_conditions(o, filter->child[k])) return false;
    return true;
  }
  if (o->conditions == MAX_CONDITIONS)
    return tw_build_fail(o->b, tw_ast_place(filter), TW_ERR_UNSUPPORTED, "more than %d conditions",
                         MAX_CONDITIONS);
  o->condition[o->conditions++] = filter;
  return true;
}

static tw_expr both(tw_expr a, tw_expr b) {
  return tw_is_none(a) ? b : tw_is_none(b) ? a : tw_and(a, b);
}

/* Whether the loops around this one decide a condition too. */
static bool on_outer_loops(const tw_builder *b, tw_expr e) {
  int outer = b->n_loops - 1;
  return outer > 0 && !tw_is_none(e) && tw_depends(e, outer, b->loops);
}

/* first <= index <= last of a dependent range, at the current positions. */
static bool range_condition(opening *o, int i, tw_expr *condition) {
  tw_value first, last;
  const tw_ast *node = o->set[i];
  if (!tw_build_array(o->b, node->child[0], &first) || !tw_build_array(o->b, node->child[1], &last))
    return false;
  tw_expr index = o->loop->symbol[i].value.expr;
  *condition = both(first.looped ? tw_ge(index, first.expr) : TW_NONE,
                    last.looped ? tw_le(index, last.expr) : TW_NONE);
  return tw_build_check(o->b, tw_ast_place(node));
}

/* Splits all conditions at the current positions into those this loop alone decides and the rest. */
static bool build_conditions(opening *o, tw_expr *own, tw_expr *rest, bool *varies) {
  *own = *rest = TW_NONE;
  *varies = false;
  for (int i = 0; i < o->loop->n; i++) {
    tw_expr condition = TW_NONE;
    if (o->dependent[i] && !range_condition(o, i, &condition)) return false;
    tw_expr *side = on_outer_loops(o->b, condition) ? rest : own;
    *side = both(*side, condition);
  }
  for (int k = 0; k < o->conditions; k++) {
    tw_value value;
    tw_expr before = o->b->guard; /* later conditions are only of interest where the earlier ones hold */
    if (!tw_is_none(*own)) tw_build_push_guard(o->b, *own);
    bool built = tw_build_array(o->b, o->condition[k], &value);
    o->b->guard = before;
    if (!built) return false;
    if (tw_value_rank(&value) > 0)
      return tw_build_fail(o->b, tw_build_begin(o->condition[k]), TW_ERR_SHAPE,
                           "a condition that is an array, expected one truth value");
    tw_expr truth = tw_build_truth(value.expr);
    tw_expr *side = value.varies || on_outer_loops(o->b, truth) ? rest : own;
    *side = both(*side, truth);
    *varies |= value.varies;
  }
  return tw_build_check(o->b, o->place);
}

/* The iterations of the box where a condition on its indices holds. */
static bool accepted(opening *o, tw_expr condition, int64_t **table, int64_t *n) {
  tw_ast node = {.kind = TW_AST_STRING,
                 .source = o->place.source,
                 .begin = o->place.at,
                 .end = o->place.at,
                 .at = o->place.at};
  tw_value all = tw_value_of(tw_loop_stack(o->loop->k, o->loop->count, condition));
  tw_array truth;
  *n = 0;
  *table = NULL;
  if (!tw_build_evaluate(o->b, &node, &all, &truth)) return false;
  const unsigned char *holds = truth.data; /* bool is a byte */
  *table = tw_alloc((size_t)o->loop->count, sizeof **table);
  for (int64_t k = 0; *table && k < o->loop->count; k++)
    if (holds[k]) (*table)[(*n)++] = k;
  tw_array_free(&truth);
  return *table || tw_build_memory(o->b, o->place);
}

static void loosen(tw_index_loop *loop) {
  for (int i = 0; i < loop->n; i++) loop->symbol[i].exact = false;
}

/* Lets k run over the accepted combinations alone. */
static bool filter_by_table(opening *o, tw_expr own) {
  int64_t *table, n, box = o->loop->count;
  if (!accepted(o, own, &table, &n)) return false;
  if (n < box) {
    tw_array view = tw_array_view(table, TW_I64, TW_SHAPE(n));
    o->loop->count = n;
    o->loop->filtered = true;
    if (n > 0) set_positions(o, tw_take(tw_constant(o->b->graph, &view), 1, &o->loop->k));
    loosen(o->loop);
  }
  free(table);
  return tw_build_check(o->b, o->place);
}

static bool apply_conditions(opening *o) {
  tw_index_loop *loop = o->loop;
  tw_expr own, rest;
  bool varies;
  if (!build_conditions(o, &own, &rest, &varies)) return false;
  bool tabled = !tw_is_none(own) && loop->count <= MAX_TABLE && loop->count <= o->b->max_elements;
  if (tabled) {
    if (!filter_by_table(o, own)) return false;
    if (!tw_is_none(rest) && !build_conditions(o, &own, &rest, &varies))
      return false; /* at the new positions */
  } else {
    rest = both(own, rest);
  }
  loop->condition = rest;
  loop->varies = varies;
  if (tw_is_none(rest)) return true;
  loop->filtered = true;
  loosen(loop);
  tw_build_push_guard(o->b, rest);
  return tw_build_check(o->b, o->place);
}

/* ------------------------------------------------------------------ opening and closing */

static bool enter(tw_builder *b, tw_index_loop *loop, tw_place place) {
  if (b->n_loops == b->loops_capacity) {
    int capacity = b->loops_capacity ? 2 * b->loops_capacity : 8;
    tw_expr *grown = tw_build_alloc(b, (size_t)capacity, sizeof *grown);
    if (!grown) return false;
    for (int k = 0; k < b->n_loops; k++) grown[k] = b->loops[k];
    b->loops = grown;
    b->loops_capacity = capacity;
  }
  loop->k = tw_input(b->graph, NULL, TW_I64, TW_SCALAR);
  b->loops[b->n_loops++] = loop->k;
  loop->scope = (tw_scope){.outer = b->scope};
  b->scope = &loop->scope;
  return tw_build_check(b, place);
}

/* The combinations of all indices so far, those of the loops around included: what a solver would spend on
 * every evaluation. */
static bool count_combinations(opening *o, const tw_index_set *set) {
  tw_index_loop *loop = o->loop;
  int64_t most = ITERATIONS * o->b->max_elements, around = loop->around ? loop->around->iterations : 1;
  bool fits = !__builtin_mul_overflow(loop->count, set->count, &loop->count) &&
              !__builtin_mul_overflow(loop->count, around, &loop->iterations) && loop->iterations <= most;
  return fits || tw_build_fail(o->b, o->place, TW_ERR_RANGE,
                               "more than %lld combinations of indices, expected fewer", (long long)most);
}

bool tw_index_loop_open(tw_builder *b, int n, const char *const *name, tw_ast *const *set,
                        const tw_ast *filter, tw_place place, tw_index_loop *loop) {
  opening o = {.b = b, .loop = loop, .place = place, .set = set};
  *loop =
      (tw_index_loop){.n = n, .count = 1, .condition = TW_NONE, .guard = b->guard, .around = b->innermost};
  loop->set = tw_build_alloc(b, (size_t)n, sizeof *loop->set);
  loop->symbol = tw_build_alloc(b, (size_t)n, sizeof *loop->symbol);
  if (!loop->set || !loop->symbol || !enter(b, loop, place)) return false;
  if (n > TW_MAX_RANK)
    return tw_build_fail(b, place, TW_ERR_SHAPE, "%d indices, expected at most %d", n, TW_MAX_RANK);
  for (int i = 0; i < n; i++) {
    if (!open_set(&o, i) || !declare_index(&o, i, name[i])) return false;
    if (!count_combinations(&o, loop->set[i])) return false;
  }
  set_positions(&o, loop->k);
  if (filter && !add_conditions(&o, filter)) return false;
  if (!tw_build_check(b, place) || !apply_conditions(&o)) return false;
  b->innermost = loop;
  return true;
}

void tw_index_loop_close(tw_builder *b, tw_index_loop *loop) {
  if (b->scope != &loop->scope) return; /* it never opened */
  b->scope = loop->scope.outer;
  b->guard = loop->guard;
  b->innermost = loop->around;
  b->n_loops--;
}

bool tw_index_loop_array(tw_builder *b, const tw_index_loop *loop, tw_place place, const tw_value *body,
                         tw_value *out) {
  tw_shape inner = tw_value_shape(body), shape = {0};
  if (!tw_is_none(loop->condition))
    return tw_build_fail(
        b, place, TW_ERR_UNSUPPORTED,
        "which elements there are depends on variables, parameters or outer indices, expected a "
        "condition on the indices here alone");
  int lead = loop->filtered ? 1 : loop->n;
  if (lead + inner.rank > TW_MAX_RANK)
    return tw_build_fail(b, place, TW_ERR_SHAPE, "an array of %d axes, expected at most %d",
                         lead + inner.rank, TW_MAX_RANK);
  *out = tw_value_of(tw_loop_stack(loop->k, loop->count, body->expr));
  for (int i = 0; i < lead; i++) {
    shape.dim[shape.rank++] = loop->filtered ? loop->count : loop->set[i]->count;
    if (!loop->filtered) out->axis[i] = loop->set[i];
  }
  for (int i = 0; i < inner.rank; i++) {
    out->axis[shape.rank] = body->axis[i];
    shape.dim[shape.rank++] = inner.dim[i];
  }
  if (!tw_build_size(b, place, &shape)) return false;
  if (lead != 1) out->expr = tw_reshape(out->expr, shape);
  tw_value_taint(out, body);
  out->looped = b->n_loops > 1 && tw_depends(out->expr, b->n_loops - 1, b->loops);
  return tw_build_check(b, place);
}
