/* Blocks of variables that meet in products: see tw_blocks.
 *
 * A variable W of p rows is cut into its rows when all that the smooth part reads of it are products X e(W), X fixed and row k of
 * e(W) a function of row k of W, and terms that are sums over the rows of W; and when its prox deals with each row by itself. */
#include "graph/node.h"
#include "graph/ops/matmul.h"
#include "graph/ops/ops.h"
#include "problem/block_set.h"

#include <stdlib.h>
#include <string.h>

static tw_expr unknown(const tw_block_set *s, int i) {
  return s->kit->input[TW_GROUP_X][i];
}

static bool reads_only(const tw_block_set *s, tw_expr e, int variable) {
  for (int i = 0; i < s->kit->count[TW_GROUP_X]; i++) {
    tw_expr x = unknown(s, i);
    if (i != variable && tw_depends(e, 1, &x)) return false;
  }
  return true;
}

/* The row of e in terms of the block's own input; TW_NONE when it reads more of the variables. */
static tw_expr row_in_block(const tw_block_set *s, tw_expr row, int variable) {
  bool rest;
  tw_expr own = tw_replace_row(row, unknown(s, variable), s->k, s->part[variable].block, &rest);
  return rest || !reads_only(s, own, -1) ? TW_NONE : own;
}

/* ------------------------------------------------------------------ products */

/* The variable that e depends on, -1: none, -2: several. */
static int only_variable(const tw_block_set *s, tw_expr e) {
  int found = -1;
  for (int i = 0; i < s->kit->count[TW_GROUP_X]; i++) {
    tw_expr x = unknown(s, i);
    if (!tw_depends(e, 1, &x)) continue;
    if (found >= 0) return -2;
    found = i;
  }
  return found;
}

/* node = op(A) e(W), or e(w) op(A) with a vector e(w), with A fixed. */
static bool is_product(const tw_block_set *s, tw_expr node, tw_product_of_rows *out) {
  const tw_matmul_attr *attr = tw_attr_of(node);
  tw_expr a = tw_input_of(node, 0), b = tw_input_of(node, 1);
  const int of_a = only_variable(s, a), of_b = only_variable(s, b);
  const bool left = of_a == -1 && of_b >= 0, right = of_b == -1 && of_a >= 0 && tw_shape_of(a).rank == 1;
  if (!left && !right) return false;
  tw_expr fixed = left ? a : b, moving = left ? b : a;
  const int variable = left ? of_b : of_a;
  const tw_shape shape = tw_shape_of(moving), of = tw_shape_of(unknown(s, variable));
  if (tw_shape_of(fixed).rank != 2 || shape.rank > 2 || (shape.rank == 2 && attr->tb)) return false;
  if (!s->part[variable].rows || shape.dim[0] != of.dim[0]) return false;
  const bool stored = left ? attr->ta : !attr->tb; /* rows of the fixed matrix are what a row of W is multiplied with */
  tw_expr row = row_in_block(s, tw_row(moving, s->k), variable);
  if (tw_is_none(row)) return false;
  *out = (tw_product_of_rows){.variable = variable,
                              .node = node,
                              .row = row,
                              .columns = stored ? fixed : tw_matrix_transpose(fixed),
                              .same = tw_same(row, s->part[variable].block),
                              .m = tw_shape_of(node).dim[0],
                              .width = shape.rank == 2 ? shape.dim[1] : 1};
  out->z = tw_input(node.graph, "z", TW_F64, tw_shape_of(node));
  return true;
}

static tw_status find_products(tw_block_set *s, tw_error *error) {
  int32_t *order, count;
  tw_graph *graph = s->kit->problem->graph;
  tw_expr smooth = s->kit->cls.smooth;
  s->products = 0;
  if (!tw_walk(graph, 1, &smooth, &order, &count)) return tw_graph_check(graph, error);
  for (int32_t i = 0; i < count && s->products < TW_PRODUCTS_MOST; i++) {
    tw_expr node = tw_at(graph, order[i]);
    if (tw_op_of(node) == &tw_op_matmul && is_product(s, node, &s->product[s->products])) s->products++;
  }
  free(order);
  return tw_graph_check(graph, error);
}

/* ------------------------------------------------------------------ terms */

/* Sorts one term of the smooth part, in which products are inputs; false: *refused has to be one block. */
static bool sort_term(tw_block_set *s, const tw_term *term, int n_inputs, const tw_expr *inputs, int *refused) {
  int reader = -1, readers = 0;
  for (int i = 0; i < s->kit->count[TW_GROUP_X]; i++) {
    tw_expr x = unknown(s, i);
    if (s->part[i].rows && tw_depends(term->body, 1, &x)) reader = i, readers++;
  }
  tw_expr row = TW_NONE;
  int64_t rows;
  if (readers == 0) {
    tw_expr value = tw_reshape(tw_term_value(term), TW_SCALAR);
    s->outer = tw_is_none(s->outer) ? value : tw_add(s->outer, value);
    return true;
  }
  *refused = reader;
  if (readers > 1 || !tw_summands(term->body, s->k, &rows, &row) || rows != tw_shape_of(unknown(s, reader)).dim[0]) return false;
  row = row_in_block(s, row, reader);
  if (tw_is_none(row) || tw_depends(row, n_inputs, inputs)) return false;
  const tw_term own = {term->scale, term->weight, row};
  tw_expr value = tw_reshape(tw_term_value(&own), TW_SCALAR), *sum = &s->part[reader].own;
  *sum = tw_is_none(*sum) ? value : tw_add(*sum, value);
  return true;
}

/* The smooth part with products as inputs, cut into what belongs to blocks and the rest. */
static tw_status sort_terms(tw_block_set *s, bool *fits, int *refused, tw_error *error) {
  tw_graph *graph = s->kit->problem->graph;
  const int n = s->kit->count[TW_GROUP_X];
  tw_expr from[TW_PRODUCTS_MOST], z[TW_PRODUCTS_MOST], smooth = tw_reshape(s->kit->cls.smooth, TW_SCALAR);
  tw_expr *inputs = calloc((size_t)(n + s->products) + 1, sizeof *inputs);
  if (!inputs) return tw_fail(error, TW_ERR_MEMORY, "oracle: out of memory");
  for (int j = 0; j < s->products; j++) from[j] = s->product[j].node, z[j] = inputs[n + j] = s->product[j].z;
  for (int i = 0; i < n; i++) inputs[i] = unknown(s, i), s->part[i].own = TW_NONE;
  s->outer = TW_NONE;
  tw_facts facts = {.graph = graph, .problem = s->kit->problem, .m = n + s->products, .inputs = inputs};
  tw_terms terms = {0};
  *fits = true;
  if (s->products > 0) tw_substitute(1, &smooth, s->products, from, z, &smooth);
  if (tw_facts_open(&facts, 1, &smooth) && tw_terms_split(&facts, smooth, &terms))
    for (size_t i = 0; *fits && i < terms.count; i++) *fits = sort_term(s, &terms.term[i], s->products, inputs + n, refused);
  tw_terms_free(&terms);
  tw_facts_close(&facts);
  free(inputs);
  if (tw_is_none(s->outer)) s->outer = tw_scalar(graph, 0);
  return tw_graph_check(graph, error);
}

/* ------------------------------------------------------------------ which variables are cut */

static bool has_product(const tw_block_set *s, int variable) {
  for (int j = 0; j < s->products; j++)
    if (s->product[j].variable == variable) return true;
  return false;
}

static void consider(tw_block_set *s, int i) {
  tw_block_part *part = &s->part[i];
  const tw_shape shape = tw_shape_of(unknown(s, i));
  tw_graph *graph = s->kit->problem->graph;
  part->prox = tw_kit_prox(s->kit, i);
  part->block = unknown(s, i);
  part->rows = shape.rank > 0 && shape.rank <= 2 && shape.dim[0] > 1 && tw_size_of(unknown(s, i)) > 0;
  if (!part->rows) return;
  part->block = tw_input(graph, "block", TW_F64, shape.rank == 2 ? TW_SHAPE(shape.dim[1]) : TW_SCALAR);
  tw_expr row = row_in_block(s, tw_row(part->prox, s->k), i);
  part->rows = !tw_is_none(row);
  if (part->rows)
    part->row_prox = row;
  else
    part->block = unknown(s, i);
}

static tw_status decide(tw_block_set *s, tw_error *error) {
  const int n = s->kit->count[TW_GROUP_X];
  for (int i = 0; i < n; i++) consider(s, i);
  for (bool fits = false; !fits;) { /* each time round one variable less */
    int refused = -1;
    tw_status status = find_products(s, error);
    for (int i = 0; i < n && refused < 0; i++)
      if (s->part[i].rows && !has_product(s, i)) refused = i;
    if (status == TW_OK && refused < 0) status = sort_terms(s, &fits, &refused, error);
    if (status != TW_OK) return status;
    if (!fits && refused < 0) return tw_fail(error, TW_ERR_NUMERIC, "oracle: no blocks found");
    if (!fits) s->part[refused].rows = false, s->part[refused].block = unknown(s, refused);
  }
  return TW_OK;
}

static tw_status lay_out(tw_block_set *s, tw_error *error) {
  const tw_problem *p = s->kit->problem;
  const int n = s->kit->count[TW_GROUP_X];
  int64_t count = 0, longest = 0, n_z = 0;
  for (int j = 0; j < s->products; j++) s->product[j].at = n_z, n_z += tw_size_of(s->product[j].node);
  for (int i = 0; i < n; i++) {
    const tw_variable *v = p->variables.item[i];
    tw_block_part *part = &s->part[i];
    part->count = part->rows ? tw_shape_of(v->expr).dim[0] : 1;
    part->size = v->size / part->count;
    part->first = count;
    part->at = part->rows ? -1 : n_z;
    if (!part->rows) n_z += v->size;
    count += part->count;
    if (part->size > longest) longest = part->size;
  }
  s->start = tw_alloc((size_t)count, sizeof *s->start);
  s->size = tw_alloc((size_t)count, sizeof *s->size);
  s->of = tw_alloc((size_t)count, sizeof *s->of);
  if (!s->start || !s->size || !s->of) return tw_fail(error, TW_ERR_MEMORY, "oracle: out of memory");
  for (int i = 0; i < n; i++)
    for (int64_t k = 0; k < s->part[i].count; k++) {
      const int64_t at = s->part[i].first + k;
      s->start[at] = ((const tw_variable *)p->variables.item[i])->offset + k * s->part[i].size;
      s->size[at] = s->part[i].size;
      s->of[at] = i;
    }
  s->blocks = (tw_blocks){.context = s, .count = count, .longest = longest, .n_z = n_z, .start = s->start, .size = s->size};
  return TW_OK;
}

static tw_status derive(tw_block_set *s, tw_error *error) {
  s->k = tw_input(s->kit->problem->graph, "row", TW_I64, TW_SCALAR);
  tw_status status = decide(s, error);
  if (status == TW_OK) status = lay_out(s, error);
  return status == TW_OK ? tw_block_set_compile(s, error) : status;
}

tw_status tw_block_set_new(tw_block_set **out, const tw_kit *kit, const tw_exec *exec, void *const *parameters, tw_error *error) {
  *out = NULL;
  tw_block_set *s = calloc(1, sizeof *s);
  if (s) s->part = calloc((size_t)kit->count[TW_GROUP_X] + 1, sizeof *s->part);
  if (!s || !s->part) {
    free(s);
    return tw_fail(error, TW_ERR_MEMORY, "oracle: out of memory");
  }
  s->kit = kit;
  s->exec = exec;
  s->parameters = parameters;
  tw_graph_lock(kit->problem->graph);
  const tw_status status = derive(s, error);
  tw_graph_unlock(kit->problem->graph);
  if (status == TW_OK)
    *out = s;
  else
    tw_block_set_free(s);
  return status;
}
