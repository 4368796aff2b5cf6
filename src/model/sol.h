/* Solutions for AMPL: .sol files, text (Gay, Hooking Your Solver to AMPL, 1997). */
#ifndef TALWEG_MODEL_SOL_H
#define TALWEG_MODEL_SOL_H

#include <talweg/model.h>

typedef struct tw_sol {
  const char *message;
  const tw_model_table *table;
  const double *dual;    /* algebraic rows, in the order of the file; NULL: none */
  const double *primal;  /* n; NULL: none */
  const double *reduced; /* n: suffix rc; NULL: none */
  int64_t objective;     /* from 0 */
  int code;              /* solve_result_num */
} tw_sol;

/* The whole file or none. */
tw_status tw_sol_write(const tw_sol *sol, const char *path, tw_error *error);

#endif
