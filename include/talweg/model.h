/* model: the .tw language, and the files of other modelling systems (.nl, .mps, .lp). Text in, problem out, with messages that
 * name file, line and column. */
#ifndef TALWEG_MODEL_H
#define TALWEG_MODEL_H

#include <talweg/implicit.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tw_model tw_model;

typedef struct tw_override { /* --set NAME=VALUE */
  const char *name, *value;  /* value: an expression of the language over constants */
} tw_override;

typedef struct tw_model_options {
  const char *folder; /* where relative file names start; NULL: the model file's folder or "." */
  int n_overrides;
  const tw_override *overrides;
  int64_t max_bytes;    /* of source text; 0: 16 MiB */
  int64_t max_elements; /* of one array of the model, a quarter of the combinations that nested comprehensions run over; 0: 2^28 */
  const volatile int *stop; /* nonzero: what is computed on reading ends with TW_ERR_INTERRUPT; NULL: never */
} tw_model_options;

/* The file's name tells the format: .nl (text and binary), .mps or .qps (fixed and free), .lp, else a .tw model. Of .nl files
 * STUB.col and STUB.row beside it give the names; the one override is `objno`: which objective of several is meant.
 * On failure `error` holds the whole message: "file:line:column: what, expected what" then the line and a caret. */
tw_status tw_model_read(tw_model **model, const char *path, const tw_model_options *options, tw_error *error);
tw_status tw_model_parse(tw_model **model, const char *text, size_t bytes, const char *name, const tw_model_options *options,
                         tw_error *error);
void tw_model_free(tw_model *model); /* frees its graph and problem too */

/* A model of rows and columns, which is what the other formats state: its problem has one array variable `x`, and one
 * constraint for the rows of each kind (linear or not; ==, <=, >=, both limits, none). */
typedef struct tw_model_table {
  int64_t n, m;
  const char *const *column, *const *row; /* names in the order of the file; NULL: there are none */
  const int64_t *position; /* m: where row i of the file is among all constraint rows of the problem */
  const int64_t *row_at;   /* m: the inverse */
  int64_t algebraic;       /* rows that are no logical constraints come first */
  const double *dual;      /* m: stated initial multipliers, NaN where there is none; NULL: none at all */
  int n_options;           /* of AMPL, from the first line of a .nl file, for its .sol file */
  int64_t option[9];
  double option_tolerance;
} tw_model_table;
const tw_model_table *tw_model_table_of(const tw_model *model); /* NULL: a .tw model */
/* How the file calls an entry of a variable or constraint of such a model; NULL: a .tw model, or nothing but its place. */
const char *tw_model_entry(const tw_model *model, const char *name, int64_t entry, char text[64]);

const char *tw_model_title(const tw_model *model); /* "" when none */
tw_problem *tw_model_problem(tw_model *model);
const char *tw_model_method(const tw_model *model); /* from `solve with`, as a method spec; NULL when none */
/* Writes the model for other solvers, by the suffix of `path`: .nl (text; STUB.col and STUB.row beside it hold the names) or
 * .mps (free; linear and quadratic models). Values of params are the present ones, the .nl file's variables and rows stand in
 * the order that the format asks for. TW_ERR_UNSUPPORTED names what the format has no form for. Builds on the model's graph;
 * each file is whole or not there. */
tw_status tw_model_write(tw_model *model, const char *path, tw_error *error);

/* Labels of a set-indexed axis, for output; NULL when the axis is not labelled. */
const char *const *tw_model_labels(const tw_model *model, const char *name, int axis);
/* The element of that axis' set at a position, as written in a model; the position itself when there is no set. */
const char *tw_model_element(const tw_model *model, const char *name, int axis, int64_t position, char text[64]);
/* Whether `name` is a param that sizes, sets, indices or conditions come from: a constant of the model, and none of its
 * problem's parameters. Another value takes another reading, with an override. */
bool tw_model_fixed(const tw_model *model, const char *name);
/* "file:line:column" of a named statement, for messages about it; NULL when unknown. */
const char *tw_model_where(const tw_model *model, const char *name);

#ifdef __cplusplus
}
#endif
#endif
