/* Expressions of .nl files: operators before their operands, read with a stack of those that wait for more. */
#include "model/nl.h"

#include <stdlib.h>

typedef struct waiting {
  int op;
  int64_t left; /* operands to come */
  size_t first; /* of those there are, in `value` */
} waiting;

typedef struct reader {
  tw_nl_scan *scan;
  tw_flat *flat;
  waiting *open;
  int32_t *value;
  size_t n_open, open_capacity, n_values, value_capacity;
} reader;

static bool out_of_memory(reader *r) {
  tw_fail(r->scan->error, TW_ERR_MEMORY, "%s: out of memory for an expression", r->scan->name);
  return false;
}

static bool push_value(reader *r, int32_t node) {
  int32_t *grown = node < 0 ? NULL : tw_grow(r->value, &r->value_capacity, r->n_values + 1, sizeof *grown);
  if (grown == NULL) return out_of_memory(r);
  r->value = grown;
  r->value[r->n_values++] = node;
  return true;
}

static bool push_open(reader *r, int op, int64_t operands) {
  waiting *grown = tw_grow(r->open, &r->open_capacity, r->n_open + 1, sizeof *grown);
  if (grown == NULL) return out_of_memory(r);
  r->open = grown;
  r->open[r->n_open++] = (waiting){op, operands, r->n_values};
  return true;
}

/* ------------------------------------------------------------------ leaves and operators */

static bool read_variable(reader *r) {
  const tw_flat *f = r->flat;
  int64_t index;
  if (!tw_nl_integer(r->scan, "the number of a variable", 0, f->n + f->n_common - 1, &index)) return false;
  if (index >= f->n && f->common[index - f->n] < 0)
    return tw_nl_fail(r->scan, "common expression v%lld is used before its segment V%lld", (long long)index, (long long)index);
  if (!tw_nl_end_line(r->scan)) return false;
  return push_value(r, index < f->n ? tw_flat_variable(r->flat, index) : tw_flat_common(r->flat, index - f->n));
}

static bool read_number(reader *r, char key, double *value) {
  int64_t whole = 0;
  bool good;
  if (key == 'n')
    good = tw_nl_real(r->scan, "a number", value);
  else if (key == 's')
    good = tw_nl_short(r->scan, "a short integer", value);
  else {
    good = tw_nl_integer(r->scan, "an integer", INT32_MIN, INT32_MAX, &whole);
    *value = (double)whole;
  }
  if (good && *value != *value) return tw_nl_fail(r->scan, "a number is NaN");
  return good && tw_nl_end_line(r->scan);
}

/* o64, the number of slopes, then slope, breakpoint, .., slope, and the variable: the argument comes first in the tree. */
static bool read_piecewise(reader *r) {
  int64_t slopes;
  if (!tw_nl_integer(r->scan, "the number of slopes", 2, INT32_MAX / 4, &slopes) || !tw_nl_end_line(r->scan)) return false;
  const size_t first = r->n_values;
  if (!push_value(r, 0)) return false; /* the argument's place */
  for (int64_t k = 0; k < 2 * slopes - 1; k++) {
    double value = 0;
    const char key = tw_nl_key(r->scan);
    if (key != 'n' && key != 's' && key != 'l')
      return tw_nl_fail(r->scan, "'%c' in a piecewise-linear term, expected a number", key > ' ' ? key : '?');
    if (!read_number(r, key, &value) || !push_value(r, tw_flat_number(r->flat, value))) return false;
    const bool breakpoint = k % 2 == 1 && k >= 3;
    if (breakpoint && !(value >= r->flat->node[r->value[first + (size_t)k - 1]].is.number))
      return tw_nl_fail(r->scan, "breakpoint %.17g of a piecewise-linear term is below the one before", value);
  }
  if (tw_nl_key(r->scan) != 'v') return tw_nl_fail(r->scan, "no variable behind the slopes of a piecewise-linear term");
  if (!read_variable(r)) return false;
  r->value[first] = r->value[--r->n_values];
  const int32_t node = tw_flat_node(r->flat, TW_S_PIECEWISE, (int32_t)(r->n_values - first), r->value + first);
  r->n_values = first;
  return push_value(r, node);
}

static bool read_operator(reader *r) {
  int64_t op, operands;
  if (!tw_nl_integer(r->scan, "an operator", 0, TW_S_COMMON, &op)) return false;
  operands = tw_scalar_arity_of((int)op);
  if (op == TW_S_NUMBEROF_TEXT || op == TW_S_IF_TEXT)
    return tw_nl_unsupported(r->scan, "operator o%d works on text, which no method handles", (int)op);
  if (op >= TW_S_CALL || operands == TW_S_UNKNOWN) return tw_nl_fail(r->scan, "there is no operator o%d", (int)op);
  if (!tw_nl_end_line(r->scan)) return false;
  if (op == TW_S_PIECEWISE) return read_piecewise(r);
  if (operands == TW_S_LIST && (!tw_nl_integer(r->scan, "the number of operands", 1, INT32_MAX, &operands) || !tw_nl_end_line(r->scan)))
    return false;
  return push_open(r, (int)op, operands);
}

static bool read_item(reader *r) {
  const char key = tw_nl_key(r->scan);
  double value = 0;
  switch (key) {
  case 'v': return read_variable(r);
  case 'n':
  case 's':
  case 'l': return read_number(r, key, &value) && push_value(r, tw_flat_number(r->flat, value));
  case 'o': return read_operator(r);
  case 'f': return tw_nl_unsupported(r->scan, "the expression calls an imported function, which cannot be loaded");
  case 'h': return tw_nl_unsupported(r->scan, "the expression holds text, which no method handles");
  case '\0': return tw_nl_fail(r->scan, "the file ends within an expression");
  default: return tw_nl_fail(r->scan, "'%c' in an expression, expected v, n, s, l or o", key > ' ' ? key : '?');
  }
}

/* Operators that have all their operands become nodes. */
static bool close_full(reader *r) {
  while (r->n_open > 0 && r->open[r->n_open - 1].left == 0) {
    const waiting w = r->open[--r->n_open];
    const int32_t node = tw_flat_node(r->flat, w.op, (int32_t)(r->n_values - w.first), r->value + w.first);
    r->n_values = w.first;
    if (!push_value(r, node)) return false;
    if (r->flat->node[node].depth > TW_SCALAR_DEPTH)
      return tw_nl_fail(r->scan, "an expression is nested more than %d deep", TW_SCALAR_DEPTH);
    if (r->n_open > 0) r->open[r->n_open - 1].left--;
  }
  return true;
}

bool tw_nl_expression(tw_nl_scan *scan, tw_flat *flat, int32_t *tree) {
  reader r = {.scan = scan, .flat = flat};
  bool good = true;
  do {
    const size_t open = r.n_open;
    good = read_item(&r);
    if (good && r.n_open == open && open > 0) r.open[open - 1].left--;
    good = good && close_full(&r);
  } while (good && r.n_open > 0);
  if (good) *tree = r.value[0];
  free(r.open);
  free(r.value);
  return good;
}
