/* AMPL's .nl files, text and binary (Gay, Hooking Your Solver to AMPL, 1997; Writing .nl Files, 2005). */
#ifndef TALWEG_MODEL_NL_H
#define TALWEG_MODEL_NL_H

#include "model/flat.h"

/* ------------------------------------------------------------------ bytes (nl_scan.c)
 * Functions that return bool return false after a failure, with the message filled in. */

typedef struct tw_nl_scan {
  const char *name, *begin, *at, *end;
  int64_t line;
  bool binary, swap; /* swap: the other byte order */
  tw_error *error;
} tw_nl_scan;

bool tw_nl_fail(tw_nl_scan *s, const char *format, ...) TW_PRINTF(2, 3); /* "file:line: .." or "file: byte 12: .." */
bool tw_nl_unsupported(tw_nl_scan *s, const char *format, ...) TW_PRINTF(2, 3);
/* The character that begins a segment or an expression; '\0' at the end of the file. */
char tw_nl_key(tw_nl_scan *s);
bool tw_nl_integer(tw_nl_scan *s, const char *what, int64_t low, int64_t high, int64_t *value);
bool tw_nl_real(tw_nl_scan *s, const char *what, double *value);
bool tw_nl_short(tw_nl_scan *s, const char *what, double *value);
/* A name of a suffix or function, copied. */
bool tw_nl_word(tw_nl_scan *s, const char *what, char *word, size_t size);
/* Text: to the next line, over a comment. */
bool tw_nl_end_line(tw_nl_scan *s);

/* ------------------------------------------------------------------ the header (nl_header.c) */

typedef struct tw_nl_header {
  int64_t n, m, objectives, ranges, equations, logical;
  int64_t nonlinear_rows, nonlinear_objectives;
  int64_t complementarity;                       /* linear and nonlinear rows */
  int64_t vars_rows, vars_objectives, vars_both; /* nonlinear variables */
  int64_t functions, arithmetic;                 /* 1: little endian, 2: big endian, else unknown */
  int64_t binary, integer, integer_both, integer_rows, integer_objectives;
  int64_t jacobian, gradients; /* entries */
  int64_t common[5];
  char title[128];
  int n_options;
  int64_t option[9]; /* of the first line */
  double tolerance;  /* behind them where option[1] is 3, else 0 */
} tw_nl_header;
bool tw_nl_read_header(tw_nl_scan *s, tw_nl_header *h);
/* Which variables are integer, by their places (Gay 2005, table 3). */
void tw_nl_kinds(const tw_nl_header *h, tw_flat *flat);

/* ------------------------------------------------------------------ expressions (nl_expr.c) */

/* A tree of `flat`, without recursion; variables from n on are common expressions that must be stated already. */
bool tw_nl_expression(tw_nl_scan *s, tw_flat *flat, int32_t *tree);

/* ------------------------------------------------------------------ files (nl_read.c) */

/* `objective` 1, 2 .. of several; 0: the first. Fails with a message that names the line or byte. */
tw_status tw_nl_parse(tw_flat *flat, const char *data, size_t bytes, const char *name, int64_t objective, tw_error *error);

#endif
