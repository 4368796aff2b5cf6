/* MPS files, fixed and free (IBM MPSX/370 manual, 1971), with the sections that later solvers added: OBJSENSE, OBJNAME,
 * QUADOBJ, QMATRIX, QSECTION, QCMATRIX and semi-continuous bounds. */
#ifndef TALWEG_MODEL_MPS_H
#define TALWEG_MODEL_MPS_H

#include "model/flat.h"

typedef enum tw_mps_section {
  TW_MPS_NONE,
  TW_MPS_ROWS,
  TW_MPS_COLUMNS,
  TW_MPS_RHS,
  TW_MPS_RANGES,
  TW_MPS_BOUNDS,
  TW_MPS_OBJSENSE,
  TW_MPS_OBJNAME,
  TW_MPS_QUADOBJ,
  TW_MPS_QMATRIX,
  TW_MPS_QCMATRIX,
  TW_MPS_END
} tw_mps_section;

typedef struct tw_mps_lines { /* of one file (mps_line.c) */
  const char *name;
  char *at, *end; /* a copy of the text that is cut into words */
  bool fixed;
  int64_t line;
  tw_error *error;
} tw_mps_lines;

typedef struct tw_mps_record { /* NULL: not there */
  bool section;                /* a line that begins a section: `word` are its words */
  int words;
  char *word[8]; /* free: as they come */
  char *type;    /* of a row or bound */
  char *set;     /* name of a right-hand side, of ranges, of bounds; of a column */
  int pairs;
  char *name[2], *value[2];
} tw_mps_record;

bool tw_mps_fail(tw_mps_lines *s, tw_status status, const char *format, ...) TW_PRINTF(3, 4); /* "file:line: .." */
/* The next line that is no comment, by the section that it stands in; false at the end of the file and after a failure
 * (then *failed). */
bool tw_mps_next(tw_mps_lines *s, tw_mps_section section, tw_mps_record *record, bool *failed);

/* Whichever of the two formats fits; names with spaces are only those of fixed files. */
tw_status tw_mps_parse(tw_flat **flat, const char *data, size_t bytes, const char *name, tw_error *error);

#endif
