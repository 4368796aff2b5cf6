/* Sparse matrices written as C: the values as a function like others, the pattern as loops over what is regular in it. */
#include "graph/emit/emit.h"
#include "graph/emit/progression.h"

#include <inttypes.h>

enum {
  TABLE_LEAST = 6,          /* numbers in a row that are written as a table */
  CONSTANTS_MOST = 1 << 14 /* numbers that the function of values may add to the file */
};

/* ------------------------------------------------------------------ a sequence */

typedef struct writer {
  tw_text *text;
  const tw_progression *p;
  const char *array; /* a pointer that moves along */
  int depth;         /* of the loops around */
  const int64_t *step[TW_PROGRESSION_DEPTH]; /* theirs, for the number that comes next */
} writer;

static void put_indent(const writer *w) {
  for (int i = 0; i <= w->depth; i++) tw_text_puts(w->text, "  ");
}

/* " + 3 * i0", or the like. */
static void put_term(tw_text *out, int64_t step, int depth) {
  if (step == 0) return;
  tw_text_puts(out, step < 0 ? " - " : " + ");
  if (step != 1 && step != -1) tw_text_printf(out, "%" PRId64 " * ", step < 0 ? -step : step);
  tw_text_printf(out, "i%d", depth);
}

/* Number q of a run of the innermost loop: base + sum_d step_d i_d. */
static void put_number(const writer *w, int64_t base, int64_t q) {
  put_indent(w);
  tw_text_printf(w->text, "*%s++ = %" PRId64, w->array, base);
  for (int d = 0; d < w->depth; d++) put_term(w->text, w->step[d][q], d);
  tw_text_puts(w->text, ";\n");
}

/* n numbers outside of loops. */
static void put_table(const writer *w, const int64_t *base, size_t n) {
  tw_text_puts(w->text, "  {\n    static const int64_t number[] = {");
  for (size_t i = 0; i < n; i++) {
    if (i > 0) tw_text_puts(w->text, i % 16 ? ", " : ",\n      ");
    tw_text_printf(w->text, "%" PRId64, base[i]);
  }
  tw_text_printf(w->text, "};\n    for (int i0 = 0; i0 < %zu; i0++) *%s++ = number[i0];\n  }\n", n, w->array);
}

static void put_shape(writer *w, int32_t shape, const int64_t *base);

/* Items inside of loops, whose numbers come one after the other. */
static void put_items(writer *w, const int32_t *item, int32_t n, const int64_t *base) {
  int64_t q = 0;
  const int depth = w->depth;
  for (int32_t k = 0; k < n; k++) {
    writer inner = *w;
    for (int d = 0; d < depth; d++) inner.step[d] += q;
    put_shape(&inner, item[k], base + q);
    q += w->p->shape[item[k]].numbers;
  }
}

static void put_shape(writer *w, int32_t number, const int64_t *base) {
  const tw_progression_shape *shape = &w->p->shape[number];
  if (number == 0) {
    put_number(w, *base, 0);
    return;
  }
  put_indent(w);
  tw_text_printf(w->text, "for (int64_t i%d = 0; i%d < %" PRId64 "; i%d++) {\n", w->depth, w->depth, shape->count, w->depth);
  w->step[w->depth++] = w->p->step + shape->step;
  put_items(w, w->p->inner + shape->item, shape->items, base);
  w->depth--;
  put_indent(w);
  tw_text_puts(w->text, "}\n");
}

/* How many of the items from `first` on are single numbers. */
static size_t plain(const tw_progression *p, size_t first) {
  size_t k = first;
  while (k < p->n && p->item[k] == 0) k++;
  return k - first;
}

static void put_sequence(tw_text *out, const tw_progression *p, const char *array) {
  const int64_t *base = p->base;
  for (size_t k = 0; k < p->n;) {
    writer w = {.text = out, .p = p, .array = array};
    const size_t numbers = plain(p, k);
    if (numbers >= TABLE_LEAST) {
      put_table(&w, base, numbers);
      k += numbers;
      base += numbers;
    } else {
      put_shape(&w, p->item[k], base);
      base += p->shape[p->item[k++]].numbers;
    }
  }
}

/* ------------------------------------------------------------------ the functions */

static void put_declaration(tw_text *out, const char *name, const tw_pattern *p) {
  tw_text_printf(out,
                 "/* %s_pattern: where the values of %s_values belong, by compressed columns. Column j of the %" PRId64 " by %" PRId64
                 "\n * matrix has values start[j] .. start[j + 1] - 1; value k stands in row row[k], and a column's rows ascend.\n"
                 " *   output 0: start, i64 [%" PRId64 "]\n *   output 1: row, i64 [%" PRId64 "]\n */\n",
                 name, name, p->rows, p->cols, p->cols + 1, p->nnz);
  tw_text_printf(out, "#define %s_nnz INT64_C(%" PRId64 ")\nvoid %s_pattern(int64_t *start, int64_t *row);\n\n", name, p->nnz, name);
}

static void put_definition(tw_text *out, const char *name, const tw_progression *start, const tw_progression *row) {
  tw_text_printf(out, "void %s_pattern(int64_t *start, int64_t *row) {\n", name);
  put_sequence(out, start, "start");
  if (row->n == 0) tw_text_puts(out, "  (void)row;\n");
  put_sequence(out, row, "row");
  tw_text_puts(out, "}\n\n");
}

tw_status tw_source_add_sparse(tw_source *source, const char *name, const char *meaning, const tw_fn *fn, int n,
                               const tw_source_argument *arguments, const tw_source_part *part, const tw_pattern *pattern,
                               tw_error *error) {
  tw_progression start = {0}, row = {0};
  tw_text values = {0}, declaration = {0}, definition = {0};
  tw_status status = tw_progression_find(pattern->cols + 1, pattern->colptr, &start, error);
  if (status == TW_OK) status = tw_progression_find(pattern->nnz, pattern->rowidx, &row, error);
  if (status == TW_OK) {
    tw_text_printf(&values, "%s_values", name);
    put_declaration(&declaration, name, pattern);
    put_definition(&definition, name, &start, &row);
    if (values.failed || declaration.failed || definition.failed)
      status = tw_fail(error, TW_ERR_MEMORY, "out of memory writing a pattern");
  }
  if (status == TW_OK) status = tw_source_add_within(source, values.data, meaning, fn, n, arguments, part, CONSTANTS_MOST, error);
  if (status == TW_OK) tw_source_append(source, declaration.data, definition.data);
  tw_text_free(&values);
  tw_text_free(&declaration);
  tw_text_free(&definition);
  tw_progression_free(&start);
  tw_progression_free(&row);
  return status;
}
