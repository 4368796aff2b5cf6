/* The segments of a .nl file. */
#include "model/nl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct reader {
  tw_nl_scan scan;
  tw_nl_header header;
  tw_flat *flat;
  int64_t objective, algebraic; /* which objective is wanted, from 0; rows that are no logical ones */
  bool has_bounds, has_limits;
} reader;

static bool out_of_memory(reader *r) {
  tw_fail(r->scan.error, TW_ERR_MEMORY, "%s: out of memory reading the file", r->scan.name);
  return false;
}

/* ------------------------------------------------------------------ trees */

static bool read_body(reader *r) {
  int64_t row;
  if (!tw_nl_integer(&r->scan, "the number of a constraint", 0, r->algebraic - 1, &row)) return false;
  if (r->flat->body[row] >= 0) return tw_nl_fail(&r->scan, "constraint C%lld is stated twice", (long long)row);
  return tw_nl_end_line(&r->scan) && tw_nl_expression(&r->scan, r->flat, &r->flat->body[row]);
}

static bool read_objective(reader *r) {
  int64_t index, sense;
  int32_t tree;
  if (!tw_nl_integer(&r->scan, "the number of an objective", 0, r->header.objectives - 1, &index) ||
      !tw_nl_integer(&r->scan, "the sense of an objective", 0, 1, &sense) || !tw_nl_end_line(&r->scan) ||
      !tw_nl_expression(&r->scan, r->flat, &tree))
    return false;
  if (index != r->objective) return true;
  r->flat->has_objective = true;
  r->flat->maximize = sense == 1;
  r->flat->objective = tree;
  return true;
}

/* V i k t: k linear terms, then the rest of common expression i; the sum is one tree. */
static bool read_common(reader *r) {
  tw_flat *f = r->flat;
  int64_t index, terms, ignored;
  if (!tw_nl_integer(&r->scan, "the number of a common expression", f->n, f->n + f->n_common - 1, &index) ||
      !tw_nl_integer(&r->scan, "the number of linear terms", 0, f->n + f->n_common, &terms) ||
      !tw_nl_integer(&r->scan, "the place of a common expression", 0, INT32_MAX, &ignored))
    return false;
  if (f->common[index - f->n] >= 0) return tw_nl_fail(&r->scan, "common expression V%lld is stated twice", (long long)index);
  if (!tw_nl_end_line(&r->scan)) return false;
  if (terms > r->scan.end - r->scan.at) return tw_nl_fail(&r->scan, "%lld linear terms, more than the file holds", (long long)terms);
  int32_t *summand = tw_alloc((size_t)terms + 1, sizeof *summand);
  bool good = summand != NULL || out_of_memory(r);
  for (int64_t k = 0; good && k < terms; k++) {
    int64_t col = 0;
    double value = 0;
    good = tw_nl_integer(&r->scan, "the number of a variable", 0, f->n + f->n_common - 1, &col) &&
           tw_nl_real(&r->scan, "a coefficient", &value) && tw_nl_end_line(&r->scan);
    if (!good) break;
    if (col >= f->n && f->common[col - f->n] < 0)
      good = tw_nl_fail(&r->scan, "common expression v%lld is used before its segment V%lld", (long long)col, (long long)col);
    if (!good) break;
    const int32_t factor[2] = {tw_flat_number(f, value), col < f->n ? tw_flat_variable(f, col) : tw_flat_common(f, col - f->n)};
    summand[k] = tw_flat_node(f, TW_S_MUL, 2, factor);
  }
  good = good && tw_nl_expression(&r->scan, f, &summand[terms]);
  if (good) f->common[index - f->n] = terms == 0 ? summand[0] : tw_flat_node(f, TW_S_SUM, (int32_t)terms + 1, summand);
  free(summand);
  return good && (!f->failed || out_of_memory(r));
}

/* ------------------------------------------------------------------ logical constraints */

static bool add_row(reader *r, int32_t body, double lower, double upper) {
  tw_flat *f = r->flat;
  const int64_t row = f->m;
  if (body < 0 || row >= INT32_MAX || !tw_flat_size(f, f->n, row + 1, f->n_common)) return out_of_memory(r);
  f->body[row] = body;
  f->row_lower[row] = lower;
  f->row_upper[row] = upper;
  return true;
}

/* What must hold: conjunctions of comparisons become rows; what has no such form becomes a row whose value, 0 or 1, is 1. */
static bool require(reader *r, int32_t tree) {
  tw_flat *f = r->flat;
  int32_t few[64], *stack = tw_alloc(f->n_nodes, sizeof *stack);
  size_t waiting = 0;
  bool good = stack != NULL || out_of_memory(r);
  if (good) stack[waiting++] = tree;
  while (good && waiting > 0) {
    const int32_t node = stack[--waiting];
    const tw_tree s = f->node[node];
    if (s.op == TW_S_AND || s.op == TW_S_ALL) {
      for (int32_t k = s.count; k-- > 0;) stack[waiting++] = f->operand[s.is.first + k];
      continue;
    }
    const bool compares = s.op == TW_S_LE || s.op == TW_S_GE || s.op == TW_S_EQ;
    if (compares) {
      memcpy(few, f->operand + s.is.first, 2 * sizeof *few);
      const int32_t difference = tw_flat_node(f, TW_S_SUB, 2, few);
      good = add_row(r, difference, s.op == TW_S_LE ? -INFINITY : 0, s.op == TW_S_GE ? INFINITY : 0);
    } else {
      good = add_row(r, tw_flat_node(f, TW_S_NOT, 1, (int32_t[]){node}), 0, 0);
    }
  }
  free(stack);
  return good;
}

static bool read_logical(reader *r) {
  int64_t index;
  int32_t tree;
  return tw_nl_integer(&r->scan, "the number of a logical constraint", 0, r->header.logical - 1, &index) && tw_nl_end_line(&r->scan) &&
         tw_nl_expression(&r->scan, r->flat, &tree) && require(r, tree);
}

/* ------------------------------------------------------------------ bounds and starts */

/* 0 l u, 1 u, 2 l, 3, 4 c: l <= . <= u; of rows also 5 k i: complements variable i. */
static bool read_limits(reader *r, const char *what, int64_t count, double *lower, double *upper) {
  if (!tw_nl_end_line(&r->scan)) return false;
  for (int64_t i = 0; i < count; i++) {
    const char key = tw_nl_key(&r->scan);
    bool good = true;
    lower[i] = -INFINITY;
    upper[i] = INFINITY;
    if (key == '0' || key == '2' || key == '4') good = tw_nl_real(&r->scan, what, &lower[i]);
    if (good && (key == '0' || key == '1')) good = tw_nl_real(&r->scan, what, &upper[i]);
    if (key == '4') upper[i] = lower[i];
    if (key == '5')
      return tw_nl_unsupported(&r->scan, "%s %lld is a complementarity condition, which no method handles", what, (long long)i);
    if (key < '0' || key > '5')
      return tw_nl_fail(&r->scan, "%s %lld begins with '%c', expected 0 to 4", what, (long long)i, key > ' ' ? key : '?');
    if (!good || !tw_nl_end_line(&r->scan)) return false;
    if (isnan(lower[i]) || isnan(upper[i])) return tw_nl_fail(&r->scan, "%s %lld is NaN", what, (long long)i);
  }
  return true;
}

static bool read_starts(reader *r, const char *what, int64_t length, double *start) {
  int64_t count, index;
  double value = 0;
  if (!tw_nl_integer(&r->scan, "the number of initial values", 0, length, &count) || !tw_nl_end_line(&r->scan)) return false;
  for (int64_t k = 0; k < count; k++) {
    if (!tw_nl_integer(&r->scan, what, 0, length - 1, &index) || !tw_nl_real(&r->scan, "an initial value", &value) ||
        !tw_nl_end_line(&r->scan))
      return false;
    start[index] = value;
  }
  return true;
}

/* ------------------------------------------------------------------ linear parts */

/* Column counts, running totals with 'k': only their plausibility is looked at, since J segments hold the entries. */
static bool read_columns(reader *r, bool running) {
  const int64_t n = r->flat->n;
  int64_t count, value, last = 0, total = 0;
  if (!tw_nl_integer(&r->scan, "the number of column counts", n - 1, n - 1, &count) || !tw_nl_end_line(&r->scan)) return false;
  for (int64_t k = 0; k < count; k++) {
    if (!tw_nl_integer(&r->scan, "a column count", running ? last : 0, r->header.jacobian, &value) || !tw_nl_end_line(&r->scan))
      return false;
    last = value;
    total = running ? value : total + value;
  }
  if (total > r->header.jacobian)
    return tw_nl_fail(&r->scan, "columns hold %lld entries, the header says %lld", (long long)total, (long long)r->header.jacobian);
  return true;
}

/* J i k and G i k: k terms of row or objective i. */
static bool read_linear(reader *r, bool objective) {
  int64_t row = 0, terms = 0, col = 0;
  double value = 0;
  if (!tw_nl_integer(&r->scan, objective ? "the number of an objective" : "the number of a constraint", 0,
                     (objective ? r->header.objectives : r->algebraic) - 1, &row) ||
      !tw_nl_integer(&r->scan, "the number of linear terms", 0, r->flat->n, &terms) || !tw_nl_end_line(&r->scan))
    return false;
  for (int64_t k = 0; k < terms; k++) {
    if (!tw_nl_integer(&r->scan, "the number of a variable", 0, r->flat->n - 1, &col) || !tw_nl_real(&r->scan, "a coefficient", &value) ||
        !tw_nl_end_line(&r->scan))
      return false;
    if (!isfinite(value)) return tw_nl_fail(&r->scan, "a coefficient is not finite");
    if (!objective || row == r->objective) tw_flat_linear(r->flat, objective ? -1 : row, col, value);
  }
  return true;
}

/* ------------------------------------------------------------------ suffixes and functions */

/* S kind count name: values about variables, rows, objectives or the problem. None of them changes what is asked, but those
 * that state special ordered sets. */
static bool read_suffix(reader *r) {
  int64_t kind, count, index;
  char name[128];
  double value = 0;
  if (!tw_nl_integer(&r->scan, "the kind of a suffix", 0, 15, &kind)) return false;
  const int64_t length[4] = {r->flat->n, r->algebraic + r->header.logical, r->header.objectives, 1};
  if (!tw_nl_integer(&r->scan, "the number of values of a suffix", 0, length[kind & 3], &count) ||
      !tw_nl_word(&r->scan, "the name of a suffix", name, sizeof name) || !tw_nl_end_line(&r->scan))
    return false;
  if (strcmp(name, "sosno") == 0) return tw_nl_unsupported(&r->scan, "suffix sosno states special ordered sets, which no method handles");
  for (int64_t k = 0; k < count; k++) {
    int64_t whole;
    if (!tw_nl_integer(&r->scan, "a position in a suffix", 0, length[kind & 3] - 1, &index) ||
        !((kind & 4) != 0 ? tw_nl_real(&r->scan, "a value of a suffix", &value)
                          : tw_nl_integer(&r->scan, "a value of a suffix", INT32_MIN, INT32_MAX, &whole)) ||
        !tw_nl_end_line(&r->scan))
      return false;
  }
  return true;
}

static bool read_function(reader *r) {
  int64_t index, type, arguments;
  char name[128];
  if (!tw_nl_integer(&r->scan, "the number of a function", 0, r->header.functions - 1, &index) ||
      !tw_nl_integer(&r->scan, "the type of a function", 0, 1, &type) ||
      !tw_nl_integer(&r->scan, "the number of arguments", INT32_MIN, INT32_MAX, &arguments) ||
      !tw_nl_word(&r->scan, "the name of a function", name, sizeof name))
    return false;
  return tw_nl_unsupported(&r->scan, "the model calls the imported function %s, which cannot be loaded", name);
}

/* ------------------------------------------------------------------ the file */

static bool read_segment(reader *r, char key) {
  tw_flat *f = r->flat;
  switch (key) {
  case 'C': return read_body(r);
  case 'O': return read_objective(r);
  case 'V': return read_common(r);
  case 'L': return read_logical(r);
  case 'F': return read_function(r);
  case 'S': return read_suffix(r);
  case 'b': r->has_bounds = true; return read_limits(r, "the bound of variable", f->n, f->lower, f->upper);
  case 'r': r->has_limits = true; return read_limits(r, "the limit of constraint", r->algebraic, f->row_lower, f->row_upper);
  case 'x': return read_starts(r, "the number of a variable", f->n, f->start);
  case 'd': return read_starts(r, "the number of a constraint", r->algebraic, f->row_start);
  case 'k':
  case 'K': return read_columns(r, key == 'k');
  case 'J':
  case 'G': return read_linear(r, key == 'G');
  default: return tw_nl_fail(&r->scan, "a segment begins with '%c', expected one of C L V O d x r b k K J G S F", key > ' ' ? key : '?');
  }
}

static bool finish(reader *r) {
  if (r->flat->failed) return out_of_memory(r);
  if (!r->has_bounds) return tw_nl_fail(&r->scan, "the file ends without bounds of the variables (segment b)");
  if (r->algebraic > 0 && !r->has_limits) return tw_nl_fail(&r->scan, "the file ends without limits of the constraints (segment r)");
  tw_nl_kinds(&r->header, r->flat);
  r->flat->algebraic = r->algebraic;
  r->flat->n_options = r->header.n_options;
  memcpy(r->flat->option, r->header.option, sizeof r->header.option);
  r->flat->option_tolerance = r->header.tolerance;
  if (r->header.title[0] != '\0') r->flat->title = tw_flat_name(r->flat, r->header.title, strlen(r->header.title));
  return !r->flat->failed || out_of_memory(r);
}

tw_status tw_nl_parse(tw_flat *flat, const char *data, size_t bytes, const char *name, int64_t objective, tw_error *error) {
  tw_error own = {.status = TW_OK};
  reader r = {.flat = flat, .scan = {.name = name, .begin = data, .at = data, .end = data + bytes, .line = 1, .error = &own}};
  bool good = tw_nl_read_header(&r.scan, &r.header);
  const int64_t objectives = r.header.objectives;
  if (good && objective > 0 && objective > objectives)
    good = tw_nl_fail(&r.scan, "objective %lld is asked for, the model has %lld", (long long)objective, (long long)objectives);
  r.objective = objective > 0 ? objective - 1 : 0;
  r.algebraic = r.header.m;
  int64_t common = 0;
  for (int k = 0; k < 5; k++) common += r.header.common[k];
  if (good) good = tw_flat_size(flat, r.header.n, r.header.m, common) || out_of_memory(&r);
  for (char key; good && (key = tw_nl_key(&r.scan)) != '\0';) good = read_segment(&r, key);
  if (good) good = finish(&r);
  return good ? TW_OK : tw_fail(error, own.status, "%s", own.message);
}
