/* figures: what a recipe must show, as lines of a markdown table, and the memory that something takes at most. */
#ifndef RECIPES_FIGURES_H
#define RECIPES_FIGURES_H

#include <talweg/base.h>

typedef struct figures {
  FILE *out;
  tw_error *error;
  tw_status status; /* after an error nothing more is printed */
  int missed;       /* lines that do not hold */
} figures;

/* The head of the table. */
void figures_begin(figures *f, FILE *out, tw_error *error);
/* | what | wanted | measured (the format) | yes or no | */
void figures_line(figures *f, const char *what, const char *wanted, bool holds, const char *format, ...) TW_PRINTF(5, 6);

/* Bytes of memory that this process held at most since `peak_begin`, less what it held then (Linux counts them; NaN elsewhere and
 * where that is not permitted). Freed memory is given back to the system first. */
typedef struct peak {
  double before;
} peak;
void peak_begin(peak *p);
double peak_end(const peak *p);

#endif
