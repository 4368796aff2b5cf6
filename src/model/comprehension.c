/* Builder: sum, prod, min, max, mean and [..] over index sets. */
#include "model/builder.h"

#include <math.h>
#include <string.h>

typedef struct reduction {
  const char *name; /* NULL: an array */
  bool (*build)(tw_builder *b, const tw_ast *node, const tw_index_loop *loop, const tw_value *body,
                tw_value *out);
} reduction;

/* The body where the loop's condition holds, else what leaves the reduction as it is. */
static tw_expr masked(const tw_index_loop *loop, tw_expr body, double neutral) {
  if (tw_is_none(loop->condition)) return body;
  return tw_where(loop->condition, body, tw_cast(tw_scalar(body.graph, neutral), tw_dtype_of(body)));
}

/* Numbers, so that truth values can be counted. */
static tw_expr countable(tw_expr body) {
  return tw_dtype_of(body) == TW_BOOL ? tw_cast(body, TW_I64) : body;
}

static bool build_sum(tw_builder *b, const tw_ast *node, const tw_index_loop *loop, const tw_value *body,
                      tw_value *out) {
  *out = *body;
  out->expr = tw_loop_sum(loop->k, loop->count, masked(loop, countable(body->expr), 0));
  return tw_build_check(b, tw_ast_place(node));
}

static bool fail_empty(tw_builder *b, const tw_ast *node) {
  return tw_build_fail(b, tw_ast_place(node), TW_ERR_RANGE,
                       "%s over no elements, expected a set that is not empty", node->text);
}

static bool build_mean(tw_builder *b, const tw_ast *node, const tw_index_loop *loop, const tw_value *body,
                       tw_value *out) {
  if (loop->count == 0) return fail_empty(b, node);
  if (!build_sum(b, node, loop, body, out)) return false;
  tw_expr count = tw_is_none(loop->condition)
                      ? tw_scalar(b->graph, (double)loop->count)
                      : tw_loop_sum(loop->k, loop->count, tw_cast(loop->condition, TW_F64));
  out->expr = tw_div(out->expr, count);
  return tw_build_check(b, tw_ast_place(node));
}

/* Reductions that the graph has over arrays alone. */
static bool stack_and_reduce(tw_builder *b, const tw_ast *node, const tw_index_loop *loop,
                             const tw_value *body, double neutral, tw_expr (*reduce)(tw_expr, unsigned, bool),
                             tw_value *out) {
  tw_expr e = countable(body->expr);
  if (!tw_is_none(loop->condition) && isinf(neutral)) e = tw_cast(e, TW_F64);
  *out = *body;
  out->expr = reduce(tw_loop_stack(loop->k, loop->count, masked(loop, e, neutral)), 1u, false);
  return tw_build_check(b, tw_ast_place(node));
}

static bool build_prod(tw_builder *b, const tw_ast *node, const tw_index_loop *loop, const tw_value *body,
                       tw_value *out) {
  return stack_and_reduce(b, node, loop, body, 1, tw_prod, out);
}

static bool build_min(tw_builder *b, const tw_ast *node, const tw_index_loop *loop, const tw_value *body,
                      tw_value *out) {
  if (loop->count == 0) return fail_empty(b, node);
  return stack_and_reduce(b, node, loop, body, HUGE_VAL, tw_reduce_min, out);
}

static bool build_max(tw_builder *b, const tw_ast *node, const tw_index_loop *loop, const tw_value *body,
                      tw_value *out) {
  if (loop->count == 0) return fail_empty(b, node);
  return stack_and_reduce(b, node, loop, body, -HUGE_VAL, tw_reduce_max, out);
}

static bool build_list(tw_builder *b, const tw_ast *node, const tw_index_loop *loop, const tw_value *body,
                       tw_value *out) {
  return tw_index_loop_array(b, loop, tw_ast_place(node), body, out);
}

static const reduction reductions[] = {
    {"sum", build_sum}, {"mean", build_mean}, {"prod", build_prod}, {"min", build_min}, {"max", build_max},
};

static const reduction *find_reduction(const char *name) {
  static const reduction list = {NULL, build_list};
  if (!name) return &list;
  for (size_t k = 0; k < sizeof reductions / sizeof reductions[0]; k++)
    if (strcmp(reductions[k].name, name) == 0) return &reductions[k];
  return NULL;
}

bool tw_build_comprehension(tw_builder *b, const tw_ast *node, tw_value *out) {
  const reduction *r = find_reduction(node->text);
  if (!r && tw_function_find(node->text))
    return tw_build_fail(
        b, tw_ast_place(node), TW_ERR_ARGUMENT,
        "%.64s does not run over sets, expected sum, mean, prod, min or max; or an array: %.64s([.. for ..])",
        node->text, node->text);
  if (!r)
    return tw_build_fail(b, tw_ast_place(node), TW_ERR_NAME,
                         "unknown function `%.64s`, expected sum, mean, prod, min or max", node->text);
  tw_index_loop loop;
  tw_value body;
  int n = node->n - 2; /* without body and filter */
  bool good = tw_index_loop_open(b, n, node->label + 1, node->child + 1, node->child[node->n - 1],
                                 tw_ast_place(node), &loop) &&
              tw_build_array(b, node->child[0], &body);
  if (good) {
    body.index = NULL;
    body.affine = NULL;
    good = r->build(b, node, &loop, &body, out);
  }
  if (good) {
    int outer = b->n_loops - 1;
    out->varies |= loop.varies;
    out->looped = outer > 0 && tw_depends(out->expr, outer, b->loops);
  }
  tw_index_loop_close(b, &loop);
  return good;
}
