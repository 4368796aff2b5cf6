/* Sparse derivatives of random expressions: values and patterns against dense derivatives. */
#include "graph/transform/sparsity.h"
#include "sparse.h"

/* ------------------------------------------------------------------ drawing */

typedef struct dice {
  uint64_t key, next;
} dice;

static int64_t roll(dice *d, int64_t sides) {
  return tw_random_integer(d->key, d->next++, 0, sides);
}

enum { POOL = 64, LARGEST = 40 };

typedef struct pool { /* expressions so far: vectors and matrices */
  tw_graph *graph;
  dice *dice;
  tw_expr e[POOL];
  int n;
} pool;

static tw_expr any(pool *p) {
  return p->e[roll(p->dice, p->n)];
}

static tw_expr some_integers(pool *p, int64_t n, int64_t below) {
  int64_t value[LARGEST];
  for (int64_t i = 0; i < n; i++) value[i] = roll(p->dice, below);
  tw_array view = tw_array_view(value, TW_I64, TW_SHAPE(n));
  return tw_constant(p->graph, &view);
}

/* A matrix of small numbers, more than half of them 0. */
static tw_expr some_matrix(pool *p, int64_t rows, int64_t cols) {
  double value[LARGEST * LARGEST];
  for (int64_t i = 0; i < rows * cols; i++)
    value[i] = roll(p->dice, 3) == 0 ? 0.1 * (double)(1 + roll(p->dice, 4)) : 0;
  tw_array view = tw_array_f64(value, TW_SHAPE(rows, cols));
  return tw_constant(p->graph, &view);
}

static tw_expr as_vector(tw_expr e) {
  return tw_ravel(e);
}

static int64_t pick_extent(pool *p, int64_t n) {
  return 1 + roll(p->dice, n < 6 ? n : 6);
}

/* ------------------------------------------------------------------ one step of many kinds */

static tw_expr unary(pool *p) {
  tw_expr x = any(p);
  switch (roll(p->dice, 6)) {
  case 0:
    return tw_sin(x);
  case 1:
    return tw_tanh(x);
  case 2:
    return tw_neg(x);
  case 3:
    return tw_square(tw_sin(x));
  case 4:
    return tw_scale(x, 0.5);
  default:
    return tw_sigmoid(x);
  }
}

/* Both as vectors of the shorter length, or one repeated. */
static tw_expr binary(pool *p) {
  tw_expr a = as_vector(any(p)), b = as_vector(any(p));
  int64_t n = tw_size_of(a) < tw_size_of(b) ? tw_size_of(a) : tw_size_of(b);
  a = tw_slice(a, 0, tw_size_of(a) - n, n, 1);
  b = roll(p->dice, 4) == 0 ? tw_slice(b, 0, 0, 1, 1) : tw_slice(b, 0, 0, n, 1);
  switch (roll(p->dice, 5)) {
  case 0:
    return tw_add(a, b);
  case 1:
    return tw_sub(a, b);
  case 2:
    return tw_div(a, tw_add(tw_square(b), tw_scalar(p->graph, 2)));
  default:
    return tw_mul(a, b);
  }
}

static tw_expr move(pool *p) {
  tw_expr x = any(p), v = as_vector(x);
  int64_t n = tw_size_of(v);
  switch (roll(p->dice, 8)) {
  case 0:
    return tw_slice(v, 0, n - 1, (n + 1) / 2, n > 2 ? -2 : -1);
  case 1:
    return n > 20 ? v : tw_concat(2, (tw_expr[]){v, tw_sin(v)}, 0);
  case 2:
    return n % 2 == 0 ? tw_reshape(v, TW_SHAPE(2, n / 2)) : v;
  case 3:
    return tw_transpose(x, NULL);
  case 4:
    return n > 13 ? v : tw_unslice(v, 0, 1, 3, 3 * n);
  case 5:
    return n > 5 ? v : tw_diag(v);
  case 6:
    return n > 10 ? v : tw_broadcast(v, TW_SHAPE(3, n));
  default:
    return tw_shape_of(x).rank == 2 ? tw_triu(x, 0) : v;
  }
}

static tw_expr look_up(pool *p) {
  tw_expr x = any(p);
  int64_t n = tw_shape_of(x).rank ? tw_shape_of(x).dim[0] : 1, count = pick_extent(p, 6);
  if (tw_shape_of(x).rank == 0) return x;
  tw_expr at = some_integers(p, count, n);
  if (roll(p->dice, 2)) return tw_take(x, 1, &at);
  tw_expr v = tw_slice(as_vector(x), 0, 0, 1, 1), many = tw_broadcast(v, TW_SHAPE(count));
  tw_expr to = some_integers(p, count, 8);
  return tw_scatter_add(p->graph, TW_SHAPE(8), 1, &to,
                        tw_mul(many, tw_add(tw_iota(p->graph, TW_F64, count), v)));
}

static tw_expr sum_up(pool *p) {
  tw_expr x = any(p), v = as_vector(x);
  int64_t n = tw_size_of(v);
  switch (roll(p->dice, 6)) {
  case 0:
    return tw_sum(x, 1u, false);
  case 1:
    return tw_shape_of(x).rank == 2 ? tw_sum(x, 2u, false) : tw_cumsum(x, 0, true);
  case 2:
    return tw_matmul(some_matrix(p, pick_extent(p, 8), n), v);
  case 3:
    return tw_reshape(tw_dot(v, v), TW_SHAPE(1));
  case 4:
    return tw_shape_of(x).rank == 2 ? tw_softmax(x, 1) : tw_matmul(v, some_matrix(p, n, 5));
  default:
    return tw_norm(tw_add(v, tw_scalar(p->graph, 3)), TW_ALL, true);
  }
}

/* Loops over look-ups at k + c, at random places, in matrices, with conditions on k and loops inside. */
static tw_expr loop(pool *p) {
  tw_graph *g = p->graph;
  tw_expr x = as_vector(any(p)), y = as_vector(any(p)), k = tw_input(g, "k", TW_I64, TW_SCALAR);
  int64_t n = tw_size_of(x), m = tw_size_of(y), shift = roll(p->dice, n), count = n - shift;
  tw_expr here = tw_add(k, tw_integer(g, shift)),
          there = tw_mod(tw_mul(k, tw_integer(g, 1 + roll(p->dice, 3))), tw_integer(g, m));
  if (roll(p->dice, 3) == 0) {
    tw_expr map = some_integers(p, count, m);
    there = tw_take(map, 1, &k);
  }
  tw_expr a = tw_take(x, 1, &here), b = tw_take(y, 1, &there), body = tw_mul(tw_sin(a), b);
  if (roll(p->dice, 3) == 0) body = tw_where(tw_lt(k, tw_integer(g, count / 2)), body, tw_square(a));
  if (roll(p->dice, 4) == 0) body = tw_where(tw_gt(b, tw_scalar(g, 0.5)), body, tw_scalar(g, 1));
  if (roll(p->dice, 3) == 0) {
    tw_expr j = tw_input(g, "j", TW_I64, TW_SCALAR), at = tw_mod(tw_add(j, k), tw_integer(g, n));
    body = tw_add(tw_scale(body, 2), tw_sin(tw_loop_sum(j, 2, tw_take(x, 1, &at))));
  }
  if (roll(p->dice, 3) == 0) body = tw_stack(2, (tw_expr[]){body, tw_mul(a, a)}, 0);
  tw_expr e = roll(p->dice, 3) == 0 ? tw_loop_sum(k, count, body) : tw_loop_stack(k, count, body);
  return tw_shape_of(e).rank == 0 ? tw_reshape(e, TW_SHAPE(1)) : e;
}

static void step(pool *p) {
  static tw_expr (*const kinds[])(pool *) = {unary, binary, move, look_up, sum_up, loop};
  tw_expr e = kinds[roll(p->dice, 6)](p);
  if (tw_graph_status(p->graph)) fail_msg("%s", tw_graph_message(p->graph));
  if (tw_size_of(e) > LARGEST || tw_size_of(e) == 0 || tw_shape_of(e).rank > 2) return;
  p->e[p->n++] = tw_shape_of(e).rank == 0 ? tw_reshape(e, TW_SHAPE(1)) : e;
}

/* ------------------------------------------------------------------ properties */

/* By whatever way the library chooses, or (`whole`) as if nothing parted into elements. */
static void differentiate(model *x, bool second, bool whole, int64_t ways[3]) {
  tw_sparse_derivative d = {.values = TW_NONE};
  int64_t zeros;
  char name[64];
  snprintf(name, sizeof name, "%s, %s%s", x->name, second ? "second" : "first", whole ? ", whole" : "");
  if (whole)
    assert_true((second ? tw_compressed_hessian : tw_compressed_jacobian)(x->e, x->m, x->in, &d));
  else
    assert_int_equal((second ? tw_sparse_hessian : tw_sparse_jacobian)(x->e, x->m, x->in, &d), TW_OK);
  ways[d.way]++;
  model named = *x;
  named.name = name;
  assert_well_formed(name, &d.pattern);
  compare_with_dense(&named, &d, dense_of(x, second ? gradient_of(x) : x->e), second, 3, &zeros);
  tw_sparse_derivative_free(&d);
}

static void random_expressions(void **state) {
  (void)state;
  int64_t ways[3] = {0};
  for (uint64_t seed = 0; seed < 400; seed++) {
    dice d = {tw_key_split(2024, seed), 0};
    char name[32];
    snprintf(name, sizeof name, "random %d", (int)seed);
    model x = {.name = name, .graph = tw_graph_new(), .low = -1, .high = 1};
    x.in[0] = tw_input(x.graph, "x", TW_F64, TW_SHAPE(6));
    x.in[1] = tw_input(x.graph, "Z", TW_F64, TW_SHAPE(3, 2));
    x.in[2] = tw_input(x.graph, "p", TW_F64, TW_SHAPE(4)); /* no derivative in it */
    x.m = 2;
    x.n = 3;
    pool p = {.graph = x.graph, .dice = &d, .e = {x.in[0], x.in[1], x.in[2]}, .n = 3};
    for (int i = 0; i < 3 + (int)(seed % 6); i++) step(&p);
    x.e = p.e[p.n - 1];
    for (int whole = 0; whole < 2; whole++) differentiate(&x, false, whole, ways);
    tw_expr weights = tw_sin(tw_iota(x.graph, TW_F64, tw_size_of(x.e)));
    x.e = tw_dot(weights, tw_ravel(x.e));
    for (int whole = 0; whole < 2; whole++) differentiate(&x, true, whole, ways);
    tw_graph_free(x.graph);
  }
  for (int way = 0; way < 3; way++) assert_true(ways[way] > 10);
}

/* Every op, and sum w e^2 over it. */
static void every_op(void **state) {
  (void)state;
  int64_t ways[3] = {0};
  for (const tw_op *const *op = tw_op_table(); *op; op++) {
    model x;
    if (!(*op)->example) continue;
    for (int variant = 0; open_example(&x, *op, variant); variant++) {
      if (is_real_expr(x.e) && x.m > 0 && flat_size(&x) < 200) {
        for (int whole = 0; whole < 2; whole++) differentiate(&x, false, whole, ways);
        tw_expr w = tw_reshape(tw_add(tw_iota(x.graph, TW_F64, tw_size_of(x.e)), tw_scalar(x.graph, 1)),
                               tw_shape_of(x.e));
        x.e = tw_sum(tw_mul(w, tw_square(x.e)), TW_ALL, false);
        for (int whole = 0; whole < 2; whole++) differentiate(&x, true, whole, ways);
      }
      tw_graph_free(x.graph);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_expressions),
      cmocka_unit_test(every_op),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
