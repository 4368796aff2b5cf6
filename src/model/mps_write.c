/* Writes free MPS files. Readers disagree on how a file says that it maximises (GLPK and CBC do not read OBJSENSE's usual form): such an
 * objective is written with its sign changed. */
#include "model/mps_write.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct writer {
  const tw_flat *flat;
  tw_text *out;
  double sense;                        /* -1: the objective is maximised */
  bool own_columns, own_rows;          /* names can be used */
  const tw_linear_term **term;         /* by column, then row */
  const tw_quadratic_term **quadratic; /* by row */
} writer;

/* ------------------------------------------------------------------ names */

/* One word each, all different. */
static bool usable(int64_t count, const char *const *name) {
  tw_map *map = name != NULL ? tw_map_new() : NULL;
  bool good = map != NULL;
  for (int64_t i = 0; good && i < count; i++)
    good = name[i] != NULL && name[i][0] != '\0' && strpbrk(name[i], " \t\r\n") == NULL && tw_map_get(map, name[i]) == NULL &&
           strcmp(name[i], "obj") != 0 && tw_map_set(map, name[i], map);
  tw_map_free(map);
  return good;
}

static void put_column(const writer *w, int64_t j) {
  if (w->own_columns)
    tw_text_puts(w->out, w->flat->column[j]);
  else
    tw_text_printf(w->out, "x%lld", (long long)j + 1);
}

static void put_row(const writer *w, int64_t i) {
  if (i < 0)
    tw_text_puts(w->out, "obj");
  else if (w->own_rows)
    tw_text_puts(w->out, w->flat->row[i]);
  else
    tw_text_printf(w->out, "c%lld", (long long)i + 1);
}

static void put_value(const writer *w, double value) {
  tw_text_puts(w->out, " ");
  tw_text_number(w->out, value);
  tw_text_puts(w->out, "\n");
}

/* ------------------------------------------------------------------ rows and columns */

/* E, L with a range where both limits are finite, L, G; N: free, which is left out. */
static char type_of(const tw_flat *f, int64_t i) {
  if (f->row_lower[i] == f->row_upper[i]) return 'E';
  if (f->row_upper[i] < INFINITY) return 'L';
  return f->row_lower[i] > -INFINITY ? 'G' : 'N';
}

static void put_rows(const writer *w) {
  tw_text_puts(w->out, "ROWS\n N obj\n");
  for (int64_t i = 0; i < w->flat->m; i++) {
    if (type_of(w->flat, i) == 'N') continue;
    tw_text_printf(w->out, " %c ", type_of(w->flat, i));
    put_row(w, i);
    tw_text_puts(w->out, "\n");
  }
}

static int by_column(const void *a, const void *b) {
  const tw_linear_term *x = *(const tw_linear_term *const *)a, *y = *(const tw_linear_term *const *)b;
  if (x->col != y->col) return x->col < y->col ? -1 : 1;
  return x->row < y->row ? -1 : x->row > y->row;
}

static void put_columns(const writer *w) {
  const tw_flat *f = w->flat;
  bool integer = false;
  size_t next = 0, markers = 0;
  tw_text_puts(w->out, "COLUMNS\n");
  for (int64_t j = 0; j < f->n; j++) {
    if ((f->kind[j] != TW_CONTINUOUS) != integer) {
      integer = !integer;
      tw_text_printf(w->out, " M%zu 'MARKER' %s\n", markers++, integer ? "'INTORG'" : "'INTEND'");
    }
    bool any = false;
    while (next < f->n_linear && w->term[next]->col == j) {
      const int64_t row = w->term[next]->row;
      double value = 0;
      for (; next < f->n_linear && w->term[next]->col == j && w->term[next]->row == row; next++) value += w->term[next]->value;
      if (row >= 0 && type_of(f, row) == 'N') continue;
      any = true;
      tw_text_puts(w->out, " ");
      put_column(w, j);
      tw_text_puts(w->out, " ");
      put_row(w, row);
      put_value(w, row < 0 ? w->sense * value : value);
    }
    if (any) continue;
    tw_text_puts(w->out, " ");
    put_column(w, j);
    tw_text_puts(w->out, " obj 0\n");
  }
  if (integer) tw_text_printf(w->out, " M%zu 'MARKER' 'INTEND'\n", markers);
}

static void put_limits(const writer *w) {
  const tw_flat *f = w->flat;
  tw_text_puts(w->out, "RHS\n");
  if (f->constant != 0) {
    tw_text_puts(w->out, " RHS obj");
    put_value(w, -w->sense * f->constant);
  }
  for (int64_t i = 0; i < f->m; i++) {
    const double value = type_of(f, i) == 'G' ? f->row_lower[i] : f->row_upper[i];
    if (type_of(f, i) == 'N' || value == 0) continue;
    tw_text_puts(w->out, " RHS ");
    put_row(w, i);
    put_value(w, value);
  }
  tw_text_puts(w->out, "RANGES\n");
  for (int64_t i = 0; i < f->m; i++) {
    if (type_of(f, i) != 'L' || f->row_lower[i] == -INFINITY) continue;
    tw_text_puts(w->out, " RANGE ");
    put_row(w, i);
    put_value(w, f->row_upper[i] - f->row_lower[i]);
  }
}

static void put_bound(const writer *w, const char *type, int64_t j, double value) {
  tw_text_printf(w->out, " %s BOUND ", type);
  put_column(w, j);
  if (isfinite(value))
    put_value(w, value);
  else
    tw_text_puts(w->out, "\n");
}

static void put_bounds(const writer *w) {
  const tw_flat *f = w->flat;
  tw_text_puts(w->out, "BOUNDS\n");
  for (int64_t j = 0; j < f->n; j++) {
    const double low = f->lower[j], high = f->upper[j];
    const bool integer = f->kind[j] != TW_CONTINUOUS;
    if (low == -INFINITY && high == INFINITY) {
      put_bound(w, "FR", j, INFINITY);
    } else if (integer && low == 0 && high == 1) {
      put_bound(w, "BV", j, INFINITY);
    } else if (low == high) {
      put_bound(w, "FX", j, low);
    } else {
      if (low == -INFINITY) put_bound(w, "MI", j, INFINITY);
      if (low > -INFINITY && (low != 0 || high < 0)) put_bound(w, "LO", j, low);
      if (high < INFINITY) put_bound(w, "UP", j, high);
      if (high == INFINITY && integer) put_bound(w, "PL", j, INFINITY);
    }
  }
}

/* ------------------------------------------------------------------ quadratic terms */

static void put_entry(const writer *w, int64_t i, int64_t j, double value) {
  tw_text_puts(w->out, " ");
  put_column(w, i);
  tw_text_puts(w->out, " ");
  put_column(w, j);
  put_value(w, value);
}

static int by_row(const void *a, const void *b) {
  const tw_quadratic_term *x = *(const tw_quadratic_term *const *)a, *y = *(const tw_quadratic_term *const *)b;
  if (x->row != y->row) return x->row < y->row ? -1 : 1;
  if (x->i != y->i) return x->i < y->i ? -1 : 1;
  return x->j < y->j ? -1 : x->j > y->j;
}

/* The objective's x'Q x / 2 by one triangle, a row's x'Q x by both. */
static void put_quadratic(const writer *w) {
  int64_t row = -2;
  for (size_t k = 0; k < w->flat->n_quadratic; k++) {
    const tw_quadratic_term *q = w->quadratic[k];
    if (q->row != row) {
      row = q->row;
      tw_text_puts(w->out, row < 0 ? "QUADOBJ" : "QCMATRIX ");
      if (row >= 0) put_row(w, row);
      tw_text_puts(w->out, "\n");
    }
    if (row < 0) {
      put_entry(w, q->i, q->j, w->sense * (q->i == q->j ? 2 * q->value : q->value));
    } else if (q->i == q->j) {
      put_entry(w, q->i, q->j, q->value);
    } else {
      put_entry(w, q->i, q->j, q->value / 2);
      put_entry(w, q->j, q->i, q->value / 2);
    }
  }
}

/* ------------------------------------------------------------------ the file */

static tw_status check(const tw_flat *f, tw_error *error) {
  bool trees = f->objective >= 0;
  for (int64_t i = 0; i < f->m && !trees; i++) trees = f->body[i] >= 0;
  return trees ? tw_fail(error, TW_ERR_UNSUPPORTED, "MPS files hold linear and quadratic terms alone") : TW_OK;
}

tw_status tw_mps_write(const tw_flat *f, tw_text *out, tw_error *error) {
  writer w = {
      .flat = f, .out = out, .sense = f->maximize ? -1 : 1, .own_columns = usable(f->n, f->column), .own_rows = usable(f->m, f->row)};
  tw_status status = check(f, error);
  w.term = tw_alloc(f->n_linear, sizeof *w.term);
  w.quadratic = tw_alloc(f->n_quadratic, sizeof *w.quadratic);
  if (status == TW_OK && (w.term == NULL || w.quadratic == NULL))
    status = tw_fail(error, TW_ERR_MEMORY, "out of memory writing an MPS file");
  if (status == TW_OK) {
    for (size_t k = 0; k < f->n_linear; k++) w.term[k] = &f->linear[k];
    for (size_t k = 0; k < f->n_quadratic; k++) w.quadratic[k] = &f->quadratic[k];
    if (f->n_linear > 0) qsort(w.term, f->n_linear, sizeof *w.term, by_column);
    if (f->n_quadratic > 0) qsort(w.quadratic, f->n_quadratic, sizeof *w.quadratic, by_row);
    const bool title = f->title != NULL && strpbrk(f->title, " \t\r\n") == NULL;
    tw_text_printf(out, "%sNAME %s\n", f->maximize ? "* maximised: obj is the objective with its sign changed\n" : "",
                   title ? f->title : "model");
    put_rows(&w);
    put_columns(&w);
    put_limits(&w);
    put_bounds(&w);
    put_quadratic(&w);
    tw_text_puts(out, "ENDATA\n");
    if (out->failed) status = tw_fail(error, TW_ERR_MEMORY, "out of memory writing an MPS file");
  }
  free(w.term);
  free(w.quadratic);
  return status;
}
