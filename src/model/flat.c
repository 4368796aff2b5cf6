/* Flat problems: storage. */
#include "model/flat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int tw_scalar_arity_of(int op) {
  static const signed char arity[TW_S_COMMON + 1] = {
      [TW_S_ADD] = 2,         [TW_S_SUB] = 2,         [TW_S_MUL] = 2,          [TW_S_DIV] = 2,
      [TW_S_REM] = 2,         [TW_S_POW] = 2,         [TW_S_LESS] = 2,         [TW_S_MIN] = -1,
      [TW_S_MAX] = -1,        [TW_S_FLOOR] = 1,       [TW_S_CEIL] = 1,         [TW_S_ABS] = 1,
      [TW_S_NEG] = 1,         [TW_S_OR] = 2,          [TW_S_AND] = 2,          [TW_S_LT] = 2,
      [TW_S_LE] = 2,          [TW_S_EQ] = 2,          [TW_S_GE] = 2,           [TW_S_GT] = 2,
      [TW_S_NE] = 2,          [TW_S_NOT] = 1,         [TW_S_IF] = 3,           [TW_S_TANH] = 1,
      [TW_S_TAN] = 1,         [TW_S_SQRT] = 1,        [TW_S_SINH] = 1,         [TW_S_SIN] = 1,
      [TW_S_LOG10] = 1,       [TW_S_LOG] = 1,         [TW_S_EXP] = 1,          [TW_S_COSH] = 1,
      [TW_S_COS] = 1,         [TW_S_ATANH] = 1,       [TW_S_ATAN2] = 2,        [TW_S_ATAN] = 1,
      [TW_S_ASINH] = 1,       [TW_S_ASIN] = 1,        [TW_S_ACOSH] = 1,        [TW_S_ACOS] = 1,
      [TW_S_SUM] = -1,        [TW_S_INTDIV] = 2,      [TW_S_PRECISION] = 2,    [TW_S_ROUND] = 2,
      [TW_S_TRUNC] = 2,       [TW_S_COUNT] = -1,      [TW_S_NUMBEROF] = -1,    [TW_S_NUMBEROF_TEXT] = -1,
      [TW_S_ATLEAST] = 2,     [TW_S_ATMOST] = 2,      [TW_S_PIECEWISE] = -1,   [TW_S_IF_TEXT] = 3,
      [TW_S_EXACTLY] = 2,     [TW_S_NOT_ATLEAST] = 2, [TW_S_NOT_ATMOST] = 2,   [TW_S_NOT_EXACTLY] = 2,
      [TW_S_ALL] = -1,        [TW_S_ANY] = -1,        [TW_S_IMPLIES] = 3,      [TW_S_IFF] = 2,
      [TW_S_ALLDIFF] = -1,    [TW_S_SOMESAME] = -1,   [TW_S_POW_CONSTANT] = 2, [TW_S_SQUARE] = 1,
      [TW_S_CONSTANT_POW] = 2};
  return op >= 0 && op <= TW_S_COMMON && arity[op] != 0 ? arity[op] : TW_S_UNKNOWN;
}

bool tw_scalar_is_sum(int op) {
  return op == TW_S_ADD || op == TW_S_SUB || op == TW_S_NEG || op == TW_S_SUM;
}

tw_flat *tw_flat_new(void) {
  tw_flat *flat = calloc(1, sizeof *flat);
  if (flat == NULL) return NULL;
  flat->arena = tw_arena_new();
  flat->objective = -1;
  if (flat->arena != NULL) return flat;
  free(flat);
  return NULL;
}

void tw_flat_free(tw_flat *flat) {
  if (flat == NULL) return;
  free(flat->lower);
  free(flat->upper);
  free(flat->start);
  free(flat->kind);
  free(flat->row_lower);
  free(flat->row_upper);
  free(flat->row_start);
  free(flat->column);
  free(flat->row);
  free(flat->body);
  free(flat->common);
  free(flat->node);
  free(flat->operand);
  free(flat->linear);
  free(flat->quadratic);
  tw_arena_free(flat->arena);
  free(flat);
}

/* ------------------------------------------------------------------ variables and rows */

/* `items` with room for `count` of `size` bytes; NULL, with `items` untouched, when out of memory. */
static void *resized(tw_flat *flat, void *items, int64_t count, size_t size) {
  const bool fits = !flat->failed && (uint64_t)count <= SIZE_MAX / 2 / size;
  void *grown = fits ? realloc(items, (size_t)(count > 0 ? count : 1) * size) : NULL;
  if (grown == NULL) flat->failed = true;
  return grown;
}

static bool size_numbers(tw_flat *f, double **x, int64_t from, int64_t to, double value) {
  double *grown = resized(f, *x, to, sizeof *grown);
  if (grown == NULL) return false;
  *x = grown;
  for (int64_t i = from; i < to; i++) grown[i] = value;
  return true;
}

static bool size_trees(tw_flat *f, int32_t **tree, int64_t from, int64_t to) {
  int32_t *grown = resized(f, *tree, to, sizeof *grown);
  if (grown == NULL) return false;
  *tree = grown;
  for (int64_t i = from; i < to; i++) grown[i] = -1;
  return true;
}

static bool size_names(tw_flat *f, const char ***names, int64_t from, int64_t to) {
  if (*names == NULL) return true;
  const char **grown = resized(f, *names, to, sizeof *grown);
  if (grown == NULL) return false;
  *names = grown;
  for (int64_t i = from; i < to; i++) grown[i] = NULL;
  return true;
}

static bool size_kinds(tw_flat *f, int64_t from, int64_t to) {
  tw_var_kind *grown = resized(f, f->kind, to, sizeof *grown);
  if (grown == NULL) return false;
  f->kind = grown;
  for (int64_t i = from; i < to; i++) grown[i] = TW_CONTINUOUS;
  return true;
}

static bool size_columns(tw_flat *f, int64_t n) {
  if (n <= f->n && f->lower != NULL) return true;
  if (!size_numbers(f, &f->lower, f->n, n, -INFINITY) || !size_numbers(f, &f->upper, f->n, n, INFINITY) ||
      !size_numbers(f, &f->start, f->n, n, NAN) || !size_kinds(f, f->n, n) || !size_names(f, &f->column, f->n, n))
    return false;
  f->n = n;
  return true;
}

static bool size_rows(tw_flat *f, int64_t m) {
  if (m <= f->m && f->body != NULL) return true;
  if (!size_numbers(f, &f->row_lower, f->m, m, -INFINITY) || !size_numbers(f, &f->row_upper, f->m, m, INFINITY) ||
      !size_numbers(f, &f->row_start, f->m, m, NAN) || !size_trees(f, &f->body, f->m, m) || !size_names(f, &f->row, f->m, m))
    return false;
  f->m = m;
  return true;
}

bool tw_flat_size(tw_flat *f, int64_t n, int64_t m, int64_t n_common) {
  if (!size_columns(f, n) || !size_rows(f, m)) return false;
  if (n_common > f->n_common) {
    if (!size_trees(f, &f->common, f->n_common, n_common)) return false;
    f->n_common = n_common;
  }
  return true;
}

const char *tw_flat_name(tw_flat *flat, const char *name, size_t length) {
  char *copy = flat->failed ? NULL : tw_arena_alloc(flat->arena, length + 1, 1);
  if (copy == NULL) flat->failed = true;
  if (copy != NULL) memcpy(copy, name, length);
  return copy;
}

/* ------------------------------------------------------------------ terms */

void tw_flat_linear(tw_flat *f, int64_t row, int64_t col, double value) {
  if (f->failed || value == 0) return;
  tw_linear_term *grown = tw_grow(f->linear, &f->linear_capacity, f->n_linear + 1, sizeof *grown);
  if (grown == NULL) {
    f->failed = true;
    return;
  }
  f->linear = grown;
  f->linear[f->n_linear++] = (tw_linear_term){row, col, value};
}

void tw_flat_quadratic(tw_flat *f, int64_t row, int64_t i, int64_t j, double value) {
  if (f->failed || value == 0) return;
  tw_quadratic_term *grown = tw_grow(f->quadratic, &f->quadratic_capacity, f->n_quadratic + 1, sizeof *grown);
  if (grown == NULL) {
    f->failed = true;
    return;
  }
  f->quadratic = grown;
  f->quadratic[f->n_quadratic++] = (tw_quadratic_term){row, i, j, value};
}

/* ------------------------------------------------------------------ trees */

static int32_t add(tw_flat *f, tw_tree node) {
  if (!f->failed && f->n_nodes < INT32_MAX) {
    tw_tree *grown = tw_grow(f->node, &f->node_capacity, f->n_nodes + 1, sizeof *grown);
    if (grown != NULL) {
      f->node = grown;
      f->node[f->n_nodes] = node;
      return (int32_t)f->n_nodes++;
    }
  }
  f->failed = true;
  return -1;
}

int32_t tw_flat_number(tw_flat *f, double value) {
  return add(f, (tw_tree){.op = TW_S_NUMBER, .is.number = value});
}

int32_t tw_flat_variable(tw_flat *f, int64_t index) {
  return add(f, (tw_tree){.op = TW_S_VARIABLE, .is.index = index});
}

int32_t tw_flat_common(tw_flat *f, int64_t index) {
  return add(f, (tw_tree){.op = TW_S_COMMON, .is.index = index});
}

static bool is_number(const tw_flat *f, int32_t node) {
  return f->node[node].op == TW_S_NUMBER;
}

/* One of three kinds of power, by where numbers stand. */
static int power_of(const tw_flat *f, const int32_t *operands) {
  if (is_number(f, operands[1])) return f->node[operands[1]].is.number == 2 ? TW_S_SQUARE : TW_S_POW_CONSTANT;
  return is_number(f, operands[0]) ? TW_S_CONSTANT_POW : TW_S_POW;
}

int32_t tw_flat_node(tw_flat *f, int op, int32_t count, const int32_t *operands) {
  for (int32_t k = 0; k < count; k++)
    if (operands[k] < 0) return -1;
  if (op == TW_S_POW || op == TW_S_POW_CONSTANT || op == TW_S_CONSTANT_POW) {
    op = power_of(f, operands);
    if (op == TW_S_SQUARE) count = 1;
  }
  int32_t *grown = f->failed ? NULL : tw_grow(f->operand, &f->operand_capacity, f->n_operands + (size_t)count, sizeof *grown);
  if (grown == NULL) {
    f->failed = true;
    return -1;
  }
  f->operand = grown;
  tw_tree node = {.op = (int16_t)op, .count = count, .is.first = (int64_t)f->n_operands};
  for (int32_t k = 0; k < count; k++) {
    const tw_tree *child = &f->node[operands[k]];
    const int32_t depth = child->depth + !(tw_scalar_is_sum(op) && tw_scalar_is_sum(child->op));
    if (depth > node.depth) node.depth = depth;
    f->operand[f->n_operands++] = operands[k];
  }
  return add(f, node);
}

static int by_row(const void *a, const void *b) {
  const tw_quadratic_term *x = a, *y = b;
  return x->row < y->row ? -1 : x->row > y->row;
}

/* q x_i x_j */
static int32_t product_of(tw_flat *f, const tw_quadratic_term *q) {
  const int32_t i = tw_flat_variable(f, q->i);
  const int32_t product =
      q->i == q->j ? tw_flat_node(f, TW_S_SQUARE, 1, &i) : tw_flat_node(f, TW_S_MUL, 2, (int32_t[]){i, tw_flat_variable(f, q->j)});
  return q->value == 1 ? product : tw_flat_node(f, TW_S_MUL, 2, (int32_t[]){tw_flat_number(f, q->value), product});
}

void tw_flat_open_quadratic(tw_flat *f) {
  int32_t *summand = f->failed ? NULL : tw_alloc(f->n_quadratic + 1, sizeof *summand);
  f->failed |= summand == NULL;
  if (!f->failed && f->n_quadratic > 0) qsort(f->quadratic, f->n_quadratic, sizeof *f->quadratic, by_row);
  for (size_t k = 0, next; !f->failed && k < f->n_quadratic; k = next) {
    const int64_t row = f->quadratic[k].row;
    int32_t *body = row < 0 ? &f->objective : &f->body[row], count = 0;
    if (*body >= 0) summand[count++] = *body;
    for (next = k; next < f->n_quadratic && f->quadratic[next].row == row; next++) summand[count++] = product_of(f, &f->quadratic[next]);
    *body = count == 1 ? summand[0] : tw_flat_node(f, TW_S_SUM, count, summand);
  }
  f->n_quadratic = 0;
  free(summand);
}

/* ------------------------------------------------------------------ semi-continuous variables */

static const char *name_of(tw_flat *f, const char *name, const char *suffix) {
  tw_text text = {0};
  tw_text_printf(&text, "%s%s", name, suffix);
  f->failed |= text.failed;
  const char *own = f->failed ? NULL : tw_flat_name(f, text.data, text.length);
  tw_text_free(&text);
  return own;
}

/* A binary y with l y <= x <= u y. Where l <= 0 <= u it is l <= x <= u. */
tw_status tw_flat_semicontinuous(tw_flat *f, int64_t j) {
  const double low = f->lower[j], high = f->upper[j];
  if (!(low > 0)) return TW_OK;
  if (!isfinite(high)) return TW_ERR_UNSUPPORTED;
  const int64_t y = f->n, row = f->m;
  if (!tw_flat_size(f, y + 1, row + 2, 0)) return TW_ERR_MEMORY;
  if (f->column != NULL) f->column[y] = name_of(f, f->column[j], "_on");
  if (f->row != NULL && f->column != NULL) {
    f->row[row] = f->column[y];
    f->row[row + 1] = name_of(f, f->column[j], "_off");
  }
  f->lower[j] = f->lower[y] = 0;
  f->upper[y] = 1;
  f->kind[y] = TW_BINARY;
  f->row_lower[row] = 0;     /* x - l y >= 0 */
  f->row_upper[row + 1] = 0; /* x - u y <= 0 */
  for (int k = 0; k < 2; k++) {
    tw_flat_linear(f, row + k, j, 1);
    tw_flat_linear(f, row + k, y, k == 0 ? -low : -high);
  }
  return f->failed ? TW_ERR_MEMORY : TW_OK;
}
