/* Flat problems stated on a tw_problem: rows of one kind become one constraint over arrays. */
#include "model/reroll.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ kinds of rows */

enum { EQUAL, AT_MOST, AT_LEAST, BETWEEN, FREE, SENSES };

static const char *const group_name[TW_FLAT_GROUPS] = {"nonlinear_eq", "nonlinear_le", "nonlinear_ge", "nonlinear_range", "nonlinear_free",
                                                       "linear_eq",    "linear_le",    "linear_ge",    "linear_range",    "linear_free"};

static int sense_of(double lower, double upper) {
  if (lower == upper) return EQUAL;
  if (isfinite(lower) && isfinite(upper)) return BETWEEN;
  return isfinite(upper) || upper < 0 ? AT_MOST : isfinite(lower) || lower > 0 ? AT_LEAST : FREE;
}

/* A number, x_j, or a number times x_j. */
static bool is_linear(const tw_flat *f, int32_t node) {
  const tw_tree *s = &f->node[node];
  if (s->op != TW_S_MUL) return s->op == TW_S_NUMBER || s->op == TW_S_VARIABLE;
  const int a = f->node[f->operand[s->is.first]].op, b = f->node[f->operand[s->is.first + 1]].op;
  return (a == TW_S_NUMBER && (b == TW_S_NUMBER || b == TW_S_VARIABLE)) || (a == TW_S_VARIABLE && b == TW_S_NUMBER);
}

/* ------------------------------------------------------------------ parts of rows */

typedef struct part { /* a summand of a row's body */
  tw_summand summand;
  int64_t row;
} part;

typedef struct stater {
  const tw_flat *flat;
  tw_problem *problem;
  tw_graph *graph;
  tw_reroll reroll;
  tw_expr x;
  part *body; /* of all rows, by row */
  size_t n_body, body_capacity;
  int64_t *first;       /* m + 2: where a row's parts begin; the objective's (row -1) are the first */
  unsigned char *group; /* by row */
  tw_flat_rows *rows;
  tw_error *error;
} stater;

static tw_status out_of_memory(tw_error *error) {
  return tw_fail(error, TW_ERR_MEMORY, "out of memory stating the rows of a model");
}

static bool collect_row(stater *s, int64_t row, int32_t body) {
  tw_summand *list = NULL;
  size_t count = 0, capacity = 0;
  bool good = body < 0 || tw_reroll_collect(&s->reroll, body, &list, &count, &capacity);
  part *grown = good ? tw_grow(s->body, &s->body_capacity, s->n_body + count, sizeof *grown) : NULL;
  if (grown != NULL) s->body = grown;
  for (size_t k = 0; grown != NULL && k < count; k++) {
    const tw_tree *node = &s->flat->node[list[k].node];
    if (node->op == TW_S_NUMBER && node->is.number == 0) continue;
    grown[s->n_body++] = (part){list[k], row};
  }
  free(list);
  return grown != NULL;
}

/* The parts of all bodies, and which rows are nonlinear. */
static tw_status collect(stater *s) {
  const tw_flat *f = s->flat;
  s->first = tw_alloc((size_t)f->m + 2, sizeof *s->first);
  s->group = tw_alloc((size_t)f->m, 1);
  if (s->first == NULL || s->group == NULL) return out_of_memory(s->error);
  for (int64_t i = -1; i < f->m; i++) {
    s->first[i + 1] = (int64_t)s->n_body;
    if (!collect_row(s, i, i < 0 ? f->objective : f->body[i])) return out_of_memory(s->error);
  }
  s->first[f->m + 1] = (int64_t)s->n_body;
  for (int64_t i = 0; i < f->m; i++) {
    bool linear = true;
    for (int64_t k = s->first[i + 1]; linear && k < s->first[i + 2]; k++) linear = is_linear(f, s->body[k].summand.node);
    s->group[i] = (unsigned char)((linear ? SENSES : 0) + sense_of(f->row_lower[i], f->row_upper[i]));
  }
  for (size_t k = 0; k < f->n_quadratic; k++) {
    const int64_t row = f->quadratic[k].row;
    if (row >= 0 && s->group[row] >= SENSES) s->group[row] = (unsigned char)(s->group[row] - SENSES);
  }
  return TW_OK;
}

/* ------------------------------------------------------------------ values scattered to rows */

typedef struct sheaf { /* values of the rows of one group: added up where rows are met in order, else scattered at the end */
  tw_graph *graph;
  int64_t rows;
  tw_expr total; /* NONE: 0 */
  tw_expr *value;
  int64_t *row; /* of all values, one after the other */
  size_t n_values, n_rows, value_capacity, row_capacity;
  bool failed;
} sheaf;

static void add_total(sheaf *h, tw_expr e) {
  h->total = tw_is_none(h->total) ? e : tw_add(h->total, e);
}

/* e [count], whose elements belong to these rows. */
static void add_values(sheaf *h, tw_expr e, int64_t count, const int64_t *row) {
  if (count == 0 || h->failed) return;
  e = tw_broadcast(e, TW_SHAPE(count));
  const int64_t each = h->rows > 0 ? count / h->rows : 0;
  bool regular = each > 0 && each * h->rows == count;
  for (int64_t k = 0; regular && k < count; k++) regular = row[k] == k / each;
  if (regular) {
    add_total(h, each == 1 ? e : tw_sum(tw_reshape(e, TW_SHAPE(h->rows, each)), 2, false));
    return;
  }
  tw_expr *value = tw_grow(h->value, &h->value_capacity, h->n_values + 1, sizeof *value);
  if (value != NULL) h->value = value;
  int64_t *rows = tw_grow(h->row, &h->row_capacity, h->n_rows + (size_t)count, sizeof *rows);
  if (rows != NULL) h->row = rows;
  h->failed = value == NULL || rows == NULL;
  if (h->failed) return;
  value[h->n_values++] = e;
  memcpy(rows + h->n_rows, row, (size_t)count * sizeof *row);
  h->n_rows += (size_t)count;
}

/* The rows' values [rows]. */
static tw_expr tie(sheaf *h) {
  if (h->n_values > 0 && !h->failed) {
    const tw_expr index = tw_reroll_integers(h->graph, (int64_t)h->n_rows, h->row);
    const tw_expr all = h->n_values == 1 ? h->value[0] : tw_concat((int)h->n_values, h->value, 0);
    add_total(h, tw_scatter_add(h->graph, TW_SHAPE(h->rows), 1, &index, all));
  }
  free(h->value);
  free(h->row);
  if (h->failed) return tw_graph_fail(h->graph, TW_ERR_MEMORY, "out of memory stating the rows of a model");
  return tw_is_none(h->total) ? tw_fill(h->graph, TW_F64, TW_SHAPE(h->rows), 0) : h->total;
}

/* ------------------------------------------------------------------ the parts of a group */

static int by_shape(const void *a, const void *b) {
  const part *x = a, *y = b;
  if (x->summand.shape != y->summand.shape) return x->summand.shape < y->summand.shape ? -1 : 1;
  if (x->summand.sign != y->summand.sign) return x->summand.sign > y->summand.sign ? -1 : 1;
  if (x->row != y->row) return x->row < y->row ? -1 : 1;
  return x->summand.order < y->summand.order ? -1 : x->summand.order > y->summand.order;
}

/* Trees: those of one shape and sign together. `part.row` is the place in the group. */
static void add_trees(stater *s, sheaf *h, part *list, size_t count) {
  int32_t *node = tw_alloc(count, sizeof *node);
  int64_t *row = tw_alloc(count, sizeof *row);
  h->failed |= node == NULL || row == NULL;
  if (count > 0) qsort(list, count, sizeof *list, by_shape);
  for (size_t k = 0, next; !h->failed && k < count; k = next) {
    for (next = k; next < count && list[next].summand.shape == list[k].summand.shape && list[next].summand.sign == list[k].summand.sign;
         next++) {
      node[next - k] = list[next].summand.node;
      row[next - k] = list[next].row;
    }
    const tw_expr e = tw_scalar_real(tw_reroll_build(&s->reroll, node, (int64_t)(next - k)));
    h->failed |= s->reroll.failed;
    if (!tw_is_none(e)) add_values(h, list[k].summand.sign < 0 ? tw_neg(e) : e, (int64_t)(next - k), row);
  }
  free(node);
  free(row);
}

static int by_linear(const void *a, const void *b) {
  const tw_linear_term *x = a, *y = b;
  if (x->row != y->row) return x->row < y->row ? -1 : 1;
  return x->col < y->col ? -1 : x->col > y->col;
}

/* sum_j a_ij x_j as one product: coefficients times a gather of x. */
static void add_linear(stater *s, sheaf *h, tw_linear_term *term, size_t count) {
  int64_t *row = tw_alloc(count, sizeof *row), *col = tw_alloc(count, sizeof *col);
  double *value = tw_alloc(count, sizeof *value);
  h->failed |= row == NULL || col == NULL || value == NULL;
  if (!h->failed && count > 0) {
    qsort(term, count, sizeof *term, by_linear);
    for (size_t k = 0; k < count; k++) {
      row[k] = term[k].row;
      col[k] = term[k].col;
      value[k] = term[k].value;
    }
    const tw_expr a = tw_reroll_numbers(s->graph, (int64_t)count, value);
    add_values(h, tw_mul(a, tw_reroll_read(s->graph, s->x, (int64_t)count, col)), (int64_t)count, row);
  }
  free(row);
  free(col);
  free(value);
}

static int by_quadratic(const void *a, const void *b) {
  const tw_quadratic_term *x = a, *y = b;
  if ((x->i == x->j) != (y->i == y->j)) return x->i == x->j ? -1 : 1;
  if (x->row != y->row) return x->row < y->row ? -1 : 1;
  if (x->i != y->i) return x->i < y->i ? -1 : 1;
  return x->j < y->j ? -1 : x->j > y->j;
}

/* Squares first, then products. */
static void add_quadratic(stater *s, sheaf *h, tw_quadratic_term *term, size_t count) {
  int64_t *row = tw_alloc(count, sizeof *row), *i = tw_alloc(count, sizeof *i), *j = tw_alloc(count, sizeof *j);
  double *value = tw_alloc(count, sizeof *value);
  h->failed |= row == NULL || i == NULL || j == NULL || value == NULL;
  if (count > 0) qsort(term, count, sizeof *term, by_quadratic);
  for (size_t k = 0, next; !h->failed && k < count; k = next) {
    const bool square = term[k].i == term[k].j;
    for (next = k; next < count && (term[next].i == term[next].j) == square; next++) {
      row[next - k] = term[next].row;
      i[next - k] = term[next].i;
      j[next - k] = term[next].j;
      value[next - k] = term[next].value;
    }
    const int64_t n = (int64_t)(next - k);
    const tw_expr a = tw_reroll_read(s->graph, s->x, n, i);
    const tw_expr product = square ? tw_square(a) : tw_mul(a, tw_reroll_read(s->graph, s->x, n, j));
    add_values(h, tw_mul(tw_reroll_numbers(s->graph, n, value), product), n, row);
  }
  free(row);
  free(i);
  free(j);
  free(value);
}

/* ------------------------------------------------------------------ rows */

typedef struct terms { /* those of one group, with places in it for rows */
  part *tree;
  tw_linear_term *linear;
  tw_quadratic_term *quadratic;
  size_t n_trees, n_linear, n_quadratic;
} terms;

/* Whether a row belongs to the group; the objective to group -1, at place 0. */
static bool belongs(const stater *s, int64_t row, int group) {
  return row < 0 ? group < 0 : s->group[row] == group;
}

static int64_t place_of(const stater *s, int64_t row, int64_t offset) {
  return row < 0 ? 0 : s->rows->position[row] - offset;
}

static bool take_terms(const stater *s, int group, int64_t offset, terms *t) {
  const tw_flat *f = s->flat;
  *t = (terms){.tree = tw_alloc(s->n_body, sizeof *t->tree),
               .linear = tw_alloc(f->n_linear, sizeof *t->linear),
               .quadratic = tw_alloc(f->n_quadratic, sizeof *t->quadratic)};
  if (t->tree == NULL || t->linear == NULL || t->quadratic == NULL) return false;
  for (size_t k = 0; k < s->n_body; k++) {
    if (!belongs(s, s->body[k].row, group)) continue;
    t->tree[t->n_trees] = s->body[k];
    t->tree[t->n_trees++].row = place_of(s, s->body[k].row, offset);
  }
  for (size_t k = 0; k < f->n_linear; k++) {
    if (!belongs(s, f->linear[k].row, group)) continue;
    t->linear[t->n_linear] = f->linear[k];
    t->linear[t->n_linear++].row = place_of(s, f->linear[k].row, offset);
  }
  for (size_t k = 0; k < f->n_quadratic; k++) {
    if (!belongs(s, f->quadratic[k].row, group)) continue;
    t->quadratic[t->n_quadratic] = f->quadratic[k];
    t->quadratic[t->n_quadratic++].row = place_of(s, f->quadratic[k].row, offset);
  }
  return true;
}

/* The values [rows] of a group. */
static tw_expr values_of(stater *s, int group, int64_t offset, int64_t rows) {
  terms t;
  sheaf h = {.graph = s->graph, .rows = rows, .total = TW_NONE};
  h.failed = !take_terms(s, group, offset, &t);
  if (!h.failed) {
    add_trees(s, &h, t.tree, t.n_trees);
    add_quadratic(s, &h, t.quadratic, t.n_quadratic);
    add_linear(s, &h, t.linear, t.n_linear);
  }
  free(t.tree);
  free(t.linear);
  free(t.quadratic);
  return tie(&h);
}

static void state_group(stater *s, int group, int64_t offset, int64_t count, bool only) {
  const tw_flat *f = s->flat;
  double *bound = tw_alloc(2 * (size_t)count, sizeof *bound);
  if (bound == NULL) {
    tw_graph_fail(s->graph, TW_ERR_MEMORY, "out of memory for the limits of rows");
    return;
  }
  for (int64_t k = 0; k < count; k++) {
    bound[k] = f->row_lower[s->rows->row[offset + k]];
    bound[count + k] = f->row_upper[s->rows->row[offset + k]];
  }
  const int sense = group % SENSES;
  const tw_expr lower = sense == AT_MOST ? TW_NONE : tw_reroll_numbers(s->graph, count, bound);
  const tw_expr upper = sense == AT_LEAST ? TW_NONE : sense == EQUAL ? lower : tw_reroll_numbers(s->graph, count, bound + count);
  free(bound);
  tw_problem_subject(s->problem, only ? "c" : group_name[group], values_of(s, group, offset, count), lower, upper);
}

static tw_status state_rows(stater *s, tw_arena *arena) {
  const tw_flat *f = s->flat;
  int64_t count[TW_FLAT_GROUPS] = {0}, offset[TW_FLAT_GROUPS] = {0}, total = 0;
  const size_t bytes = ((size_t)f->m + 1) * sizeof(int64_t);
  s->rows->position = tw_arena_alloc(arena, bytes, sizeof(int64_t));
  s->rows->row = tw_arena_alloc(arena, bytes, sizeof(int64_t));
  if (s->rows->position == NULL || s->rows->row == NULL) return out_of_memory(s->error);
  for (int64_t i = 0; i < f->m; i++) count[s->group[i]]++;
  for (int g = 0; g < TW_FLAT_GROUPS; g++) {
    offset[g] = total;
    total += count[g];
    s->rows->n_groups += count[g] > 0;
    count[g] = 0;
  }
  for (int64_t i = 0; i < f->m; i++) {
    const int64_t at = offset[s->group[i]] + count[s->group[i]]++;
    s->rows->position[i] = at;
    s->rows->row[at] = i;
  }
  for (int g = 0; g < TW_FLAT_GROUPS; g++)
    if (count[g] > 0) state_group(s, g, offset[g], count[g], s->rows->n_groups == 1);
  return TW_OK;
}

/* ------------------------------------------------------------------ variables and objective */

/* The stated start, and 0 moved into the bounds where none is stated; NONE when none is. */
static tw_expr start_of(const stater *s) {
  const tw_flat *f = s->flat;
  bool any = false;
  double *start = tw_alloc((size_t)f->n, sizeof *start);
  if (start == NULL) return tw_graph_fail(s->graph, TW_ERR_MEMORY, "out of memory for a starting point");
  for (int64_t j = 0; j < f->n; j++) {
    any |= !isnan(f->start[j]);
    start[j] = isnan(f->start[j]) ? fmax(fmin(0, f->upper[j]), f->lower[j]) : f->start[j];
  }
  const tw_expr e = any ? tw_reroll_numbers(s->graph, f->n, start) : TW_NONE;
  free(start);
  return e;
}

static void state_variables(stater *s) {
  const tw_flat *f = s->flat;
  bool low = false, high = false;
  for (int64_t j = 0; j < f->n; j++) {
    low |= f->lower[j] > -INFINITY || isnan(f->lower[j]);
    high |= f->upper[j] < INFINITY || isnan(f->upper[j]);
  }
  s->x = tw_problem_variable(s->problem, "x", TW_SHAPE(f->n));
  tw_problem_kinds(s->problem, s->x, f->kind);
  tw_problem_bounds(s->problem, s->x, low ? tw_reroll_numbers(s->graph, f->n, f->lower) : TW_NONE,
                    high ? tw_reroll_numbers(s->graph, f->n, f->upper) : TW_NONE);
  const tw_expr start = start_of(s);
  if (!tw_is_none(start)) tw_problem_start(s->problem, s->x, start);
}

static void state_objective(stater *s) {
  const tw_flat *f = s->flat;
  if (!f->has_objective) return;
  tw_expr value = tw_reshape(values_of(s, -1, 0, 1), TW_SCALAR);
  if (f->constant != 0) value = tw_add(value, tw_scalar(s->graph, f->constant));
  (f->maximize ? tw_problem_maximize : tw_problem_minimize)(s->problem, f->objective_name, value);
}

tw_status tw_flat_state(const tw_flat *flat, tw_problem *problem, tw_arena *arena, tw_flat_rows *rows, tw_error *error) {
  stater s = {.flat = flat, .problem = problem, .graph = tw_problem_graph(problem), .rows = rows, .error = error};
  if (flat->failed) return out_of_memory(error);
  state_variables(&s);
  bool good = tw_reroll_open(&s.reroll, flat, s.graph, s.x);
  tw_status status = TW_OK;
  if (!good) status = s.reroll.failed ? out_of_memory(error) : tw_graph_check(s.graph, error);
  if (status == TW_OK) status = collect(&s);
  if (status == TW_OK) state_objective(&s);
  if (status == TW_OK) status = state_rows(&s, arena);
  if (status == TW_OK) status = tw_graph_check(s.graph, error);
  tw_reroll_close(&s.reroll);
  free(s.body);
  free(s.first);
  free(s.group);
  return status;
}
