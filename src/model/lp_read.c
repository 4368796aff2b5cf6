/* LP files: objective, rows, bounds, kinds of variables. */
#include "model/lp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct reader {
  tw_lp_scan scan;
  tw_lp_token token; /* the present one */
  tw_flat *flat;
  tw_map *columns, *rows; /* names; a column's to 1 + its number */
  bool *semi;
  size_t semi_capacity;
  const char *file;
  tw_error *error;
} reader;

static bool fail(reader *r, tw_status status, const char *format, ...) TW_PRINTF(3, 4);
static bool fail(reader *r, tw_status status, const char *format, ...) {
  tw_error own;
  va_list args;
  va_start(args, format);
  tw_fail_v(&own, status, format, args);
  va_end(args);
  tw_fail(r->error, status, "%s:%lld: %s", r->file, (long long)r->token.line, own.message);
  return false;
}

static bool out_of_memory(reader *r) {
  return fail(r, TW_ERR_MEMORY, "out of memory reading the file");
}

static bool unexpected(reader *r, const char *expected) {
  if (r->token.kind == TW_LP_END) return fail(r, TW_ERR_PARSE, "the file ends, expected %s", expected);
  return fail(r, TW_ERR_PARSE, "'%.*s', expected %s", (int)(r->token.length > 40 ? 40 : r->token.length), r->token.at, expected);
}

static void next(reader *r) {
  r->token = tw_lp_next(&r->scan);
}
static bool is_sign(const reader *r, char sign) {
  return r->token.kind == TW_LP_SIGN && r->token.sign == sign;
}

/* ------------------------------------------------------------------ variables */

/* The variable that the present name means; made when it is not there. */
static bool take_column(reader *r, int64_t *j) {
  tw_flat *f = r->flat;
  const char *name = tw_flat_name(f, r->token.at, r->token.length);
  if (name == NULL) return out_of_memory(r);
  const uintptr_t known = (uintptr_t)tw_map_get(r->columns, name);
  *j = (int64_t)known - 1;
  if (known == 0) {
    *j = f->n;
    bool *semi = tw_grow(r->semi, &r->semi_capacity, (size_t)f->n + 1, sizeof *semi);
    if (semi != NULL) r->semi = semi;
    if (semi == NULL || !tw_flat_size(f, *j + 1, f->m, 0) || !tw_map_set(r->columns, name, (void *)(uintptr_t)(*j + 1)))
      return out_of_memory(r);
    f->column[*j] = name;
    f->lower[*j] = 0;
    semi[*j] = false;
  }
  next(r);
  return true;
}

/* ------------------------------------------------------------------ expressions */

/* Signs and a number before a variable: *stated says whether there was a number. */
static bool take_factor(reader *r, double *factor, bool *stated) {
  *factor = 1;
  *stated = false;
  while (is_sign(r, '+') || is_sign(r, '-')) {
    if (r->token.sign == '-') *factor = -*factor;
    next(r);
  }
  if (r->token.kind != TW_LP_NUMBER) return true;
  *factor *= r->token.number;
  *stated = true;
  next(r);
  return true;
}

/* x ^ 2 or x * y, with its factor. */
static bool take_product(reader *r, int64_t row, double factor) {
  int64_t i, j;
  if (r->token.kind != TW_LP_NAME) return unexpected(r, "a variable");
  if (!take_column(r, &i)) return false;
  j = i;
  if (is_sign(r, '^')) {
    next(r);
    if (r->token.kind != TW_LP_NUMBER || r->token.number != 2) return unexpected(r, "the exponent 2");
    next(r);
  } else if (is_sign(r, '*')) {
    next(r);
    if (r->token.kind != TW_LP_NAME) return unexpected(r, "a variable");
    if (!take_column(r, &j)) return false;
  } else {
    return unexpected(r, "^ 2 or * and a variable");
  }
  tw_flat_quadratic(r->flat, row, i, j, factor);
  return true;
}

/* [ .. ], of the objective / 2. */
static bool take_quadratic(reader *r, int64_t row, double sign) {
  double factor;
  bool stated;
  const size_t first = r->flat->n_quadratic;
  next(r);
  while (!is_sign(r, ']')) {
    if (!take_factor(r, &factor, &stated)) return false;
    if (is_sign(r, '*')) next(r);
    if (!isfinite(factor)) return fail(r, TW_ERR_DATA, "a quadratic coefficient is not finite");
    if (!take_product(r, row, sign * factor)) return false;
  }
  next(r);
  if (!is_sign(r, '/')) return row >= 0 || unexpected(r, "/ 2 behind the quadratic terms of the objective");
  next(r);
  if (r->token.kind != TW_LP_NUMBER || r->token.number != 2) return unexpected(r, "2");
  for (size_t k = first; k < r->flat->n_quadratic; k++) r->flat->quadratic[k].value /= 2;
  next(r);
  return true;
}

/* A linear and quadratic expression into a row; its numbers into *constant. Terms behind the first begin with a sign. */
static bool take_expression(reader *r, int64_t row, double *constant) {
  double factor;
  bool stated;
  *constant = 0;
  for (bool first = true;
       is_sign(r, '+') || is_sign(r, '-') || (first && (r->token.kind == TW_LP_NAME || r->token.kind == TW_LP_NUMBER || is_sign(r, '[')));
       first = false) {
    int64_t j;
    if (!take_factor(r, &factor, &stated)) return false;
    if (is_sign(r, '[')) {
      if (!take_quadratic(r, row, factor)) return false;
      continue;
    }
    if (stated && is_sign(r, '*')) next(r);
    if (r->token.kind != TW_LP_NAME) {
      if (!stated) return unexpected(r, "a variable or a number");
      *constant += factor;
      continue;
    }
    if (!isfinite(factor)) return fail(r, TW_ERR_DATA, "a coefficient is not finite");
    if (!take_column(r, &j)) return false;
    tw_flat_linear(r->flat, row, j, factor);
  }
  return true;
}

/* NAME: before an expression; *name NULL: there is none. */
static bool take_label(reader *r, const char **name) {
  *name = NULL;
  if (r->token.kind != TW_LP_NAME) return true;
  const tw_lp_scan before = r->scan;
  const tw_lp_token word = r->token;
  next(r);
  if (!is_sign(r, ':')) {
    r->scan = before;
    r->token = word;
    return true;
  }
  next(r);
  *name = tw_flat_name(r->flat, word.at, word.length);
  return *name != NULL || out_of_memory(r);
}

/* ------------------------------------------------------------------ sections */

static bool read_objective(reader *r, bool maximize) {
  const char *name;
  r->flat->maximize = maximize;
  r->flat->has_objective = true;
  next(r);
  if (!take_label(r, &name) || !take_expression(r, -1, &r->flat->constant)) return false;
  r->flat->objective_name = name;
  return true;
}

/* lower <= upper after a relation between a value and what it limits. */
static void limit(char relation, double value, bool value_first, double *lower, double *upper) {
  const bool above = (relation == '<') == value_first; /* value <= . or . >= value */
  if (relation == '=')
    *lower = *upper = value;
  else if (above)
    *lower = value;
  else
    *upper = value;
}

static bool take_number(reader *r, double *value) {
  bool stated;
  if (!take_factor(r, value, &stated)) return false;
  return stated || unexpected(r, "a number");
}

/* Behind a limit nothing is added or multiplied in the same line. */
static bool take_limit(reader *r, double *value) {
  const int64_t line = r->token.line;
  if (!take_number(r, value)) return false;
  return r->token.kind != TW_LP_SIGN || r->token.line != line || unexpected(r, "nothing behind the number");
}

static bool name_row(reader *r, int64_t row, const char *name) {
  char own[32];
  snprintf(own, sizeof own, "c%lld", (long long)row + 1);
  if (name == NULL) name = tw_flat_name(r->flat, own, strlen(own));
  if (name == NULL) return out_of_memory(r);
  if (tw_map_get(r->rows, name) != NULL) return fail(r, TW_ERR_PARSE, "row '%.100s' is stated twice", name);
  r->flat->row[row] = name;
  return tw_map_set(r->rows, name, r) || out_of_memory(r);
}

/* [number relation] expression relation number */
static bool read_row(reader *r) {
  tw_flat *f = r->flat;
  const int64_t row = f->m;
  const char *name;
  double constant, low = -INFINITY, high = INFINITY, value;
  if (!take_label(r, &name)) return false;
  if (!tw_flat_size(f, f->n, row + 1, 0)) return out_of_memory(r);
  const size_t linear = f->n_linear, quadratic = f->n_quadratic;
  if (!name_row(r, row, name) || !take_expression(r, row, &constant)) return false;
  if (r->token.kind != TW_LP_RELATION) return unexpected(r, "<=, >= or =");
  char relation = r->token.sign;
  next(r);
  if (f->n_linear == linear && f->n_quadratic == quadratic) { /* what came first is a limit */
    limit(relation, constant, true, &low, &high);
    if (!take_expression(r, row, &constant)) return false;
    if (r->token.kind == TW_LP_RELATION) {
      relation = r->token.sign;
      next(r);
      if (!take_limit(r, &value)) return false;
      limit(relation, value, false, &low, &high);
    }
  } else {
    if (!take_limit(r, &value)) return false;
    limit(relation, value, false, &low, &high);
  }
  f->row_lower[row] = low - constant;
  f->row_upper[row] = high - constant;
  return true;
}

/* x free; [number relation] x [relation number] */
static bool read_bound(reader *r) {
  int64_t j;
  double value = 0, low = NAN, high = NAN;
  if (r->token.kind != TW_LP_NAME) {
    if (!take_number(r, &value)) return false;
    if (r->token.kind != TW_LP_RELATION) return unexpected(r, "<=, >= or =");
    limit(r->token.sign, value, true, &low, &high);
    next(r);
  }
  if (r->token.kind != TW_LP_NAME) return unexpected(r, "a variable");
  if (!take_column(r, &j)) return false;
  if (r->token.kind == TW_LP_RELATION) {
    const char relation = r->token.sign;
    next(r);
    if (!take_number(r, &value)) return false;
    limit(relation, value, false, &low, &high);
  } else if (r->token.kind == TW_LP_NAME && r->token.length == 4 && strncmp(r->token.at, "free", 4) == 0) {
    low = -INFINITY;
    high = INFINITY;
    next(r);
  } else if (isnan(low) && isnan(high)) {
    return unexpected(r, "<=, >=, = or free");
  }
  if (!isnan(low)) r->flat->lower[j] = low <= -1e30 ? -INFINITY : low;
  if (!isnan(high)) r->flat->upper[j] = high >= 1e30 ? INFINITY : high;
  return true;
}

static bool read_kind(reader *r, tw_lp_section section) {
  int64_t j;
  if (r->token.kind != TW_LP_NAME) return unexpected(r, "a variable");
  if (!take_column(r, &j)) return false;
  tw_flat *f = r->flat;
  if (section == TW_LP_SEMI) {
    r->semi[j] = true;
    return true;
  }
  f->kind[j] = section == TW_LP_BINARY ? TW_BINARY : TW_INTEGER;
  if (section != TW_LP_BINARY) return true;
  f->lower[j] = 0;
  f->upper[j] = 1;
  return true;
}

static bool read_lines(reader *r, tw_lp_section section) {
  next(r);
  while (r->token.kind != TW_LP_SECTION && r->token.kind != TW_LP_END) {
    const bool good = section == TW_LP_ROWS ? read_row(r) : section == TW_LP_BOUNDS ? read_bound(r) : read_kind(r, section);
    if (!good) return false;
  }
  return true;
}

/* ------------------------------------------------------------------ the file */

static bool read_section(reader *r) {
  switch (r->token.section) {
  case TW_LP_MAXIMIZE:
  case TW_LP_MINIMIZE:
    if (r->flat->has_objective) return fail(r, TW_ERR_PARSE, "a second objective");
    return read_objective(r, r->token.section == TW_LP_MAXIMIZE);
  case TW_LP_OTHER: return fail(r, TW_ERR_UNSUPPORTED, "section '%.*s', which no method handles", (int)r->token.length, r->token.at);
  default:
    if (!r->flat->has_objective) return unexpected(r, "maximize or minimize");
    return read_lines(r, r->token.section);
  }
}

static bool read_all(reader *r) {
  for (next(r); r->token.kind != TW_LP_END;) {
    if (r->token.kind != TW_LP_SECTION) return unexpected(r, r->flat->has_objective ? "a section" : "maximize or minimize");
    if (r->token.section == TW_LP_LAST) break;
    if (!read_section(r)) return false;
  }
  if (r->token.kind != TW_LP_SECTION) return unexpected(r, "end");
  tw_flat *f = r->flat;
  if (f->n == 0) return fail(r, TW_ERR_PARSE, "the file has no variables");
  for (int64_t j = 0, n = f->n; j < n; j++) {
    if (!r->semi[j]) continue;
    const tw_status status = tw_flat_semicontinuous(f, j);
    if (status == TW_ERR_UNSUPPORTED)
      return fail(r, status, "variable '%.100s' is semi-continuous without an upper bound, which no method handles", f->column[j]);
    if (status != TW_OK) return out_of_memory(r);
  }
  f->algebraic = f->m;
  return !f->failed || out_of_memory(r);
}

tw_status tw_lp_parse(tw_flat **out, const char *data, size_t bytes, const char *name, tw_error *error) {
  tw_error own = {.status = TW_OK};
  reader r = {.scan = {.at = data, .end = data + bytes, .line = 1, .fresh = true},
              .flat = tw_flat_new(),
              .columns = tw_map_new(),
              .rows = tw_map_new(),
              .file = name,
              .error = &own};
  *out = NULL;
  bool good = r.flat != NULL && r.columns != NULL && r.rows != NULL && tw_flat_size(r.flat, 0, 0, 0);
  if (good) {
    r.flat->column = malloc(sizeof *r.flat->column);
    r.flat->row = malloc(sizeof *r.flat->row);
    good = r.flat->column != NULL && r.flat->row != NULL;
  }
  good = good ? read_all(&r) : out_of_memory(&r);
  tw_map_free(r.columns);
  tw_map_free(r.rows);
  free(r.semi);
  if (good)
    *out = r.flat;
  else
    tw_flat_free(r.flat);
  return good ? TW_OK : tw_fail(error, own.status, "%s", own.message);
}
