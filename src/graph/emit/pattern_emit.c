/* Sparse matrices written as C: the values as a function like others, the pattern as loops over what is regular in it. */
#include "base/given.h"
#include "graph/emit/emit.h"
#include "graph/emit/progression.h"

#include <inttypes.h>

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
  tw_progression_write(start, "start", out);
  if (row->n == 0) tw_text_puts(out, "  (void)row;\n");
  tw_progression_write(row, "row", out);
  tw_text_puts(out, "}\n\n");
}

tw_status tw_source_add_sparse(tw_source *source, const char *name, const char *meaning, const tw_fn *fn, int n,
                               const tw_source_argument *arguments, const tw_source_part *part, const tw_pattern *pattern,
                               tw_error *error) {
  TW_GIVEN(source);
  TW_GIVEN(name);
  TW_GIVEN(fn);
  TW_GIVEN(arguments);
  TW_GIVEN(part);
  TW_GIVEN(pattern);
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
  if (status == TW_OK) status = tw_source_add_within(source, values.data, meaning, fn, n, arguments, part, TW_PROGRESSION_MOST, error);
  if (status == TW_OK) tw_source_append(source, declaration.data, definition.data);
  tw_text_free(&values);
  tw_text_free(&declaration);
  tw_text_free(&definition);
  tw_progression_free(&start);
  tw_progression_free(&row);
  return status;
}
