/* LP files in the dialect of CPLEX, with quadratic terms. */
#ifndef TALWEG_MODEL_LP_H
#define TALWEG_MODEL_LP_H

#include "model/flat.h"

typedef enum tw_lp_kind {
  TW_LP_END,
  TW_LP_NAME,
  TW_LP_NUMBER,
  TW_LP_SIGN /* one of + - * ^ / [ ] : */,
  TW_LP_RELATION /* < > = */,
  TW_LP_SECTION,
  TW_LP_BAD
} tw_lp_kind;

typedef enum tw_lp_section {
  TW_LP_MAXIMIZE,
  TW_LP_MINIMIZE,
  TW_LP_ROWS,
  TW_LP_BOUNDS,
  TW_LP_GENERAL,
  TW_LP_BINARY,
  TW_LP_SEMI,
  TW_LP_OTHER,
  TW_LP_LAST
} tw_lp_section;

typedef struct tw_lp_token {
  tw_lp_kind kind;
  const char *at;
  size_t length;
  double number;         /* of a NUMBER; may be infinite */
  char sign;             /* of a SIGN or RELATION */
  tw_lp_section section; /* of a SECTION */
  int64_t line;
} tw_lp_token;

typedef struct tw_lp_scan { /* (lp_scan.c) */
  const char *at, *end;
  int64_t line;
  bool fresh; /* nothing but blanks so far in this line: words may be section headings */
} tw_lp_scan;
tw_lp_token tw_lp_next(tw_lp_scan *s);

tw_status tw_lp_parse(tw_flat **flat, const char *data, size_t bytes, const char *name, tw_error *error);

#endif
