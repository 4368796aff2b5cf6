/* Cells of a csv text: RFC 4180 quoting, lines ended by LF or CRLF. */
#include "array/csv.h"

#include <string.h>

void tw_csv_start(tw_csv_lexer *lexer, const char *data, size_t bytes, const char *name) {
  *lexer = (tw_csv_lexer){.at = data, .end = data + bytes, .name = name};
  if (bytes >= 3 && memcmp(data, "\xEF\xBB\xBF", 3) == 0) lexer->at += 3; /* UTF-8 byte order mark */
}

bool tw_csv_next_row(tw_csv_lexer *lexer) {
  const char *p = lexer->at;
  while (p < lexer->end && (*p == '\n' || *p == '\r')) p++;
  if (p == lexer->end) return false;
  lexer->row++;
  lexer->column = 0;
  lexer->more = true;
  return true;
}

/* Bytes of the line end at `p`, 0 if there is none. */
static int line_end(const char *p, const char *end) {
  if (p < end && *p == '\n') return 1;
  return end - p >= 2 && p[0] == '\r' && p[1] == '\n' ? 2 : 0;
}

static tw_status fail_cell(const tw_csv_lexer *lexer, const char *what, tw_error *error) {
  return tw_fail(error, TW_ERR_PARSE, "%s: row %lld, cell %lld: %s", lexer->name, (long long)lexer->row,
                 (long long)lexer->column, what);
}

static tw_status quoted_cell(tw_csv_lexer *lexer, tw_csv_cell *cell, tw_error *error) {
  const char *p = lexer->at + 1;
  cell->text = p;
  for (;;) {
    p = memchr(p, '"', (size_t)(lexer->end - p));
    if (!p) return fail_cell(lexer, "a quote that is never closed", error);
    if (p + 1 == lexer->end || p[1] != '"') break;
    cell->escaped = true;
    p += 2;
  }
  cell->length = (size_t)(p - cell->text);
  lexer->at = p + 1;
  if (lexer->at < lexer->end && *lexer->at != ',' && !line_end(lexer->at, lexer->end))
    return fail_cell(lexer, "expected a comma or the end of the line after the closing quote", error);
  return TW_OK;
}

static tw_status plain_cell(tw_csv_lexer *lexer, tw_csv_cell *cell, tw_error *error) {
  const char *p = lexer->at;
  cell->text = p;
  for (; p < lexer->end && *p != ',' && !line_end(p, lexer->end); p++) {
    if (*p == '"') return fail_cell(lexer, "a quote inside an unquoted cell", error);
    if (*p == '\r') return fail_cell(lexer, "a carriage return without a line feed", error);
  }
  cell->length = (size_t)(p - cell->text);
  lexer->at = p;
  return TW_OK;
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

tw_status tw_csv_next_cell(tw_csv_lexer *lexer, tw_csv_cell *cell, tw_error *error) {
  *cell = (tw_csv_cell){0};
  lexer->column++;
  bool quoted = lexer->at < lexer->end && *lexer->at == '"';
  tw_status status = quoted ? quoted_cell(lexer, cell, error) : plain_cell(lexer, cell, error);
  if (status != TW_OK) return status;
  for (; cell->length && is_blank(*cell->text); cell->length--) cell->text++;
  while (cell->length && is_blank(cell->text[cell->length - 1])) cell->length--;
  lexer->more = lexer->at < lexer->end && *lexer->at == ',';
  lexer->at += lexer->more ? 1 : line_end(lexer->at, lexer->end);
  return TW_OK;
}
