/* csv: records and cells, as the lexer hands them to the reader. */
#ifndef TALWEG_ARRAY_CSV_H
#define TALWEG_ARRAY_CSV_H

#include <talweg/array.h>

typedef struct tw_csv_cell {
  const char *text; /* within the file, quotes and surrounding blanks stripped */
  size_t length;
  bool escaped; /* holds doubled quotes */
} tw_csv_cell;

typedef struct tw_csv_lexer {
  const char *at, *end, *name;
  int64_t row;    /* of the record being read; the header is row 1 */
  int64_t column; /* cells of this record taken so far */
  bool more;      /* this record has another cell */
} tw_csv_lexer;

void tw_csv_start(tw_csv_lexer *lexer, const char *data, size_t bytes, const char *name);
/* Moves to the next record; false at the end of the file (blank lines at the end are no records). */
bool tw_csv_next_row(tw_csv_lexer *lexer);
/* The next cell of this record; needs lexer->more. */
tw_status tw_csv_next_cell(tw_csv_lexer *lexer, tw_csv_cell *cell, tw_error *error);

#endif
