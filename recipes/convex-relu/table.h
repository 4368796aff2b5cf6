/* Rows and targets from a csv file: shuffled, split, standardised. */
#ifndef CONVEX_RELU_TABLE_H
#define CONVEX_RELU_TABLE_H

#include "operators.h"

typedef struct table_options {
  const char *path;
  const char *columns; /* as tw_csv_read takes them; the last one chosen is the target; NULL: all */
  bool two;            /* keep the rows with target `low` (-1) or `high` (1) alone */
  double low, high;
  int64_t train; /* rows to train on, the first of a random order; 0: all */
  uint64_t seed;
  bool raw; /* as they are; else features less their mean, over their deviation and sqrt(features), by the rows to train on */
} table_options;

typedef struct table {
  double *x, *y; /* rows x d with a last column of ones; rows */
  design train, test;
  bool classes; /* the target had two values, which are -1 (the smaller) and 1 */
  double scale; /* of the features: a length in standardised units times this */
} table;

tw_status table_read(table *t, const table_options *options, tw_error *error);
void table_free(table *t);

/* 1-D test data: y = sin 4x + 0.3 x + 0.1 noise at n points x, uniform in [-1, 1]. */
tw_status table_wave(table *t, int64_t n, uint64_t seed, tw_error *error);

#endif
