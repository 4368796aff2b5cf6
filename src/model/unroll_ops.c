/* The ops of the graph, element by element. */
#include "model/unroll.h"

#include "graph/ops/cumulate.h"
#include "graph/ops/loop.h"
#include "graph/ops/matmul.h"
#include "graph/transform/reduction.h"
#include "graph/transform/sparse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ scalars, simplified */

static int32_t tree_at(tw_unroll *u, const tw_elements *a, int64_t k) {
  return a->number != NULL ? tw_flat_number(u->flat, a->number[k]) : a->node[k];
}

static bool is_number(const tw_unroll *u, int32_t node, double *value) {
  if (node < 0 || u->flat->node[node].op != TW_S_NUMBER) return false;
  *value = u->flat->node[node].is.number;
  return true;
}

static int32_t make(tw_unroll *u, int op, int32_t a, int32_t b) {
  double x = 0, y = 0;
  const bool known_a = is_number(u, a, &x), known_b = is_number(u, b, &y);
  switch (op) {
  case TW_S_ADD:
    if (known_a && known_b) return tw_flat_number(u->flat, x + y);
    if (known_a && x == 0) return b;
    if (known_b && y == 0) return a;
    break;
  case TW_S_SUB:
    if (known_a && known_b) return tw_flat_number(u->flat, x - y);
    if (known_b && y == 0) return a;
    break;
  case TW_S_MUL:
    if (known_a && known_b) return tw_flat_number(u->flat, x * y);
    if ((known_a && x == 0) || (known_b && y == 0)) return tw_flat_number(u->flat, 0);
    if (known_a && x == 1) return b;
    if (known_b && y == 1) return a;
    break;
  case TW_S_DIV:
    if (known_a && known_b) return tw_flat_number(u->flat, x / y);
    if (known_b && y == 1) return a;
    break;
  default: break;
  }
  return tw_flat_node(u->flat, op, 2, (int32_t[]){a, b});
}

static int32_t make_one(tw_unroll *u, int op, int32_t a) {
  double x;
  if (is_number(u, a, &x) && (op == TW_S_NEG || op == TW_S_SQUARE)) return tw_flat_number(u->flat, op == TW_S_NEG ? -x : x * x);
  return tw_flat_node(u->flat, op, 1, &a);
}

/* A sum without zeros, with numbers added up. `term` is used up. */
static int32_t make_sum(tw_unroll *u, int32_t *term, int64_t count) {
  int32_t kept = 0;
  double constant = 0, value;
  for (int64_t k = 0; k < count; k++) {
    if (is_number(u, term[k], &value))
      constant += value;
    else
      term[kept++] = term[k];
  }
  if (constant != 0 || kept == 0) {
    if (kept == count) return tw_flat_node(u->flat, TW_S_SUM, kept, term);
    term[kept++] = tw_flat_number(u->flat, constant);
  }
  return kept == 1 ? term[0] : tw_flat_node(u->flat, TW_S_SUM, kept, term);
}

/* ------------------------------------------------------------------ element-wise */

static const struct scalar_op {
  const tw_op *op;
  int scalar;
} scalar_ops[] = {
    {&tw_op_neg, TW_S_NEG},     {&tw_op_abs, TW_S_ABS},     {&tw_op_square, TW_S_SQUARE}, {&tw_op_floor, TW_S_FLOOR},
    {&tw_op_ceil, TW_S_CEIL},   {&tw_op_not, TW_S_NOT},     {&tw_op_sqrt, TW_S_SQRT},     {&tw_op_exp, TW_S_EXP},
    {&tw_op_log, TW_S_LOG},     {&tw_op_sin, TW_S_SIN},     {&tw_op_cos, TW_S_COS},       {&tw_op_tan, TW_S_TAN},
    {&tw_op_asin, TW_S_ASIN},   {&tw_op_acos, TW_S_ACOS},   {&tw_op_atan, TW_S_ATAN},     {&tw_op_sinh, TW_S_SINH},
    {&tw_op_cosh, TW_S_COSH},   {&tw_op_tanh, TW_S_TANH},   {&tw_op_add, TW_S_ADD},       {&tw_op_sub, TW_S_SUB},
    {&tw_op_mul, TW_S_MUL},     {&tw_op_div, TW_S_DIV},     {&tw_op_pow, TW_S_POW},       {&tw_op_atan2, TW_S_ATAN2},
    {&tw_op_minimum, TW_S_MIN}, {&tw_op_maximum, TW_S_MAX}, {&tw_op_eq, TW_S_EQ},         {&tw_op_ne, TW_S_NE},
    {&tw_op_lt, TW_S_LT},       {&tw_op_le, TW_S_LE},       {&tw_op_and, TW_S_AND},       {&tw_op_or, TW_S_OR},
    {&tw_op_where, TW_S_IF},    {&tw_op_round, TW_S_ROUND}, {&tw_op_cast, TW_S_SUM},
    {&tw_op_reciprocal, TW_S_DIV},
};

/* Where in operand `from` the elements of an array of shape `to` come from. */
static int64_t *broadcast_positions(tw_unroll *u, tw_shape from, tw_shape to) {
  const int64_t size = tw_shape_size(&to);
  int64_t *at = tw_alloc((size_t)size, sizeof *at), stride[TW_MAX_RANK] = {0}, step = 1;
  if (at == NULL) tw_unroll_fail(u, TW_ERR_MEMORY, "out of memory for positions");
  for (int axis = from.rank - 1; axis >= 0; axis--) {
    stride[axis + to.rank - from.rank] = from.dim[axis] > 1 ? step : 0;
    step *= from.dim[axis];
  }
  for (int64_t k = 0; at != NULL && k < size; k++) {
    int64_t left = k;
    for (int axis = to.rank - 1; axis >= 0; axis--) {
      at[k] += left % to.dim[axis] * stride[axis];
      left /= to.dim[axis];
    }
  }
  return at;
}

static int32_t combine(tw_unroll *u, int op, int n, const int32_t *a) {
  double known;
  if (op == TW_S_SUM) return a[0]; /* a cast: truth values are 0 and 1 */
  if (op == TW_S_DIV && n == 1) return make(u, op, tw_flat_number(u->flat, 1), a[0]);
  if (op == TW_S_ROUND) return tw_flat_node(u->flat, op, 2, (int32_t[]){a[0], tw_flat_number(u->flat, 0)});
  if (op == TW_S_IF) return is_number(u, a[0], &known) ? a[known != 0 ? 1 : 2] : tw_flat_node(u->flat, op, 3, a);
  return n == 1 ? make_one(u, op, a[0]) : make(u, op, a[0], a[1]);
}

static bool unroll_elementwise(tw_unroll *u, tw_expr e, int op, const tw_elements *const *in, tw_elements *out) {
  const int n = tw_arity_of(e);
  const tw_shape to = tw_shape_of(e);
  int64_t *at[3] = {NULL, NULL, NULL};
  bool good = true;
  for (int i = 0; i < n && good; i++) good = (at[i] = broadcast_positions(u, tw_shape_of(tw_input_of(e, i)), to)) != NULL;
  for (int64_t k = 0; good && k < out->size; k++) {
    int32_t operand[3];
    for (int i = 0; i < n; i++) operand[i] = tree_at(u, in[i], at[i][k]);
    out->node[k] = combine(u, op, n, operand);
  }
  for (int i = 0; i < n; i++) free(at[i]);
  return good;
}

/* ------------------------------------------------------------------ moves and look-ups */

/* first, first + 1, .. in a shape. */
static tw_expr numbered(tw_graph *graph, tw_shape shape, int64_t first) {
  return tw_reshape(tw_add(tw_iota(graph, TW_I64, tw_shape_size(&shape)), tw_integer(graph, first)), shape);
}

/* The op run on numbered elements says where its own come from: 0 nowhere, else 1 + the place in all operands. */
static bool unroll_move(tw_unroll *u, tw_expr e, const tw_elements *const *in, tw_elements *out) {
  const int n = tw_arity_of(e);
  tw_expr few[16], *numbers = n <= 16 ? few : tw_alloc((size_t)n, sizeof *numbers);
  int64_t first = 1;
  if (numbers == NULL) return tw_unroll_fail(u, TW_ERR_MEMORY, "out of memory unrolling an expression");
  for (int i = 0; i < n; i++) {
    numbers[i] = numbered(u->graph, tw_shape_of(tw_input_of(e, i)), first);
    first += in[i]->size;
  }
  int64_t *from = tw_unroll_positions(u, tw_node(u->graph, tw_op_of(e), n, numbers, tw_attr_of(e)));
  for (int64_t k = 0; from != NULL && k < out->size; k++) {
    int64_t p = from[k] - 1;
    int i = 0;
    while (p >= 0 && p >= in[i]->size) p -= in[i++]->size;
    out->node[k] = p < 0 ? tw_flat_number(u->flat, 0) : tree_at(u, in[i], p);
  }
  if (numbers != few) free(numbers);
  const bool good = from != NULL;
  free(from);
  return good;
}

static bool all_known(tw_unroll *u, tw_expr e, const tw_elements *const *in, int from, int to) {
  for (int i = from; i < to; i++)
    if (in[i]->number == NULL)
      return tw_unroll_fail(u, TW_ERR_UNSUPPORTED, "%s at positions that depend on variables has no scalar form", tw_op_of(e)->name);
  return true;
}

/* Operand 0 at places that the others tell. */
static bool unroll_take(tw_unroll *u, tw_expr e, const tw_elements *const *in, tw_elements *out) {
  const int n = tw_arity_of(e);
  tw_expr operand[TW_MAX_RANK + 2];
  if (!all_known(u, e, in, 1, n)) return false;
  for (int i = 0; i < n; i++) operand[i] = tw_input_of(e, i);
  operand[0] = numbered(u->graph, tw_shape_of(operand[0]), 0);
  int64_t *from = tw_unroll_positions(u, tw_node(u->graph, tw_op_of(e), n, operand, tw_attr_of(e)));
  for (int64_t k = 0; from != NULL && k < out->size; k++) out->node[k] = tree_at(u, in[0], from[k]);
  const bool good = from != NULL;
  free(from);
  return good;
}

/* Terms with the same target become one sum: `target` of each term, -1 for none. */
static bool add_up(tw_unroll *u, int64_t count, const int64_t *target, const int32_t *term, tw_elements *out) {
  int64_t *begin = tw_alloc((size_t)out->size + 2, sizeof *begin);
  int32_t *sorted = tw_alloc((size_t)count, sizeof *sorted);
  bool good = begin != NULL && sorted != NULL;
  if (!good) tw_unroll_fail(u, TW_ERR_MEMORY, "out of memory for a sum");
  for (int64_t k = 0; good && k < count; k++) begin[target[k] + 2]++;
  for (int64_t t = 0; good && t < out->size; t++) begin[t + 2] += begin[t + 1];
  for (int64_t k = 0; good && k < count; k++) sorted[begin[target[k] + 1]++] = term[k];
  for (int64_t t = 0; good && t < out->size; t++) out->node[t] = make_sum(u, sorted + begin[t], begin[t + 1] - begin[t]);
  free(begin);
  free(sorted);
  return good;
}

static bool unroll_scatter(tw_unroll *u, tw_expr e, const tw_elements *const *in, tw_elements *out) {
  const int n = tw_arity_of(e) - 1;
  tw_expr index[TW_MAX_RANK + 1];
  if (!all_known(u, e, in, 0, n)) return false;
  for (int i = 0; i < n; i++) index[i] = tw_input_of(e, i);
  int64_t *target = tw_unroll_positions(u, tw_take(numbered(u->graph, tw_shape_of(e), 0), n, index));
  int32_t *term = target != NULL ? tw_alloc((size_t)in[n]->size, sizeof *term) : NULL;
  bool good = term != NULL;
  for (int64_t k = 0; good && k < in[n]->size; k++) term[k] = tree_at(u, in[n], k);
  good = good && add_up(u, in[n]->size, target, term, out);
  free(target);
  free(term);
  return good;
}

/* ------------------------------------------------------------------ reductions and products */

static int32_t reduce(tw_unroll *u, const tw_op *op, int32_t *term, int64_t count) {
  if (op == &tw_op_sum) return make_sum(u, term, count);
  if (count == 1) return term[0];
  if (op == &tw_op_reduce_max || op == &tw_op_reduce_min)
    return tw_flat_node(u->flat, op == &tw_op_reduce_max ? TW_S_MAX : TW_S_MIN, (int32_t)count, term);
  int32_t product = count > 0 ? term[0] : tw_flat_number(u->flat, 1);
  for (int64_t k = 1; k < count; k++) product = make(u, TW_S_MUL, product, term[k]);
  return product;
}

static bool unroll_reduction(tw_unroll *u, tw_expr e, const tw_elements *const *in, tw_elements *out) {
  const tw_extents x = tw_reduction_extents(e);
  int32_t *term = tw_alloc((size_t)x.middle, sizeof *term);
  if (term == NULL) return tw_unroll_fail(u, TW_ERR_MEMORY, "out of memory for a sum");
  for (int64_t k = 0; k < out->size; k++) {
    const int64_t outer = k / x.inner, inner = k % x.inner;
    for (int64_t q = 0; q < x.middle; q++) term[q] = tree_at(u, in[0], (outer * x.middle + q) * x.inner + inner);
    out->node[k] = reduce(u, tw_op_of(e), term, x.middle);
  }
  free(term);
  return true;
}

/* c_ij = sum_q a_iq b_qj, for stacks of matrices that broadcast. */
static bool unroll_matmul(tw_unroll *u, tw_expr e, const tw_elements *const *in, tw_elements *out) {
  const tw_matmul_attr *attr = tw_attr_of(e);
  const tw_shape a = tw_shape_of(tw_input_of(e, 0)), b = tw_shape_of(tw_input_of(e, 1));
  const tw_matmul_extents x = tw_matmul_extents_of(&a, &b, attr);
  const tw_matrices stack = tw_matrices_make(&a, a.rank < 2 ? 1 : 2, &b, b.rank < 2 ? 1 : 2);
  const int64_t m = a.rank < 2 ? 1 : x.m, n = b.rank < 2 ? 1 : x.n;
  int32_t *term = tw_alloc((size_t)x.k_a, sizeof *term);
  if (term == NULL) return tw_unroll_fail(u, TW_ERR_MEMORY, "out of memory for a product");
  for (int64_t k = 0; k < out->size; k++) {
    const int64_t i = k / n % m, j = k % n;
    int64_t matrix[2];
    tw_matrices_at(&stack, k / (m * n), matrix);
    for (int64_t q = 0; q < x.k_a; q++) {
      const int64_t left = a.rank == 1 ? q : matrix[0] * m * x.k_a + (attr->ta ? q * m + i : i * x.k_a + q);
      const int64_t right = b.rank == 1 ? q : matrix[1] * n * x.k_a + (attr->tb ? j * x.k_a + q : q * n + j);
      term[q] = make(u, TW_S_MUL, tree_at(u, in[0], left), tree_at(u, in[1], right));
    }
    out->node[k] = make_sum(u, term, x.k_a);
  }
  free(term);
  return true;
}

/* Running sums and products share what comes before. */
static bool unroll_running(tw_unroll *u, tw_expr e, const tw_elements *const *in, tw_elements *out) {
  const tw_lanes lanes = tw_lanes_of(e);
  const tw_extents x = lanes.extents;
  const int op = tw_op_of(e) == &tw_op_cumsum ? TW_S_ADD : TW_S_MUL;
  for (int64_t outer = 0; outer < x.outer; outer++)
    for (int64_t inner = 0; inner < x.inner; inner++)
      for (int64_t q = 0; q < x.middle; q++) {
        const int64_t base = outer * x.middle * x.inner + inner + lanes.first, at = base + q * lanes.step;
        const int32_t own = tree_at(u, in[0], at);
        out->node[at] = q == 0 ? own : make(u, op, out->node[at - lanes.step], own);
      }
  return true;
}

/* ------------------------------------------------------------------ the table */

bool tw_unroll_node(tw_unroll *u, tw_expr e, const tw_elements *const *in, tw_elements *out) {
  const tw_op *op = tw_op_of(e);
  for (size_t i = 0; i < sizeof scalar_ops / sizeof *scalar_ops; i++)
    if (scalar_ops[i].op == op) return unroll_elementwise(u, e, scalar_ops[i].scalar, in, out);
  if (tw_is_move(e)) return unroll_move(u, e, in, out);
  if (op == &tw_op_take || op == &tw_op_take_along) return unroll_take(u, e, in, out);
  if (op == &tw_op_scatter_add) return unroll_scatter(u, e, in, out);
  if (op == &tw_op_sum || op == &tw_op_prod || op == &tw_op_reduce_max || op == &tw_op_reduce_min) return unroll_reduction(u, e, in, out);
  if (op == &tw_op_matmul) return unroll_matmul(u, e, in, out);
  if (op == &tw_op_cumsum || op == &tw_op_cumprod) return unroll_running(u, e, in, out);
  return tw_unroll_fail(u, TW_ERR_UNSUPPORTED, "%s has no scalar form: .nl files have no operator for it", op->name);
}
