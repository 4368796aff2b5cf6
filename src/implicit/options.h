/* Options of nested problems in method strings. */
#ifndef TALWEG_IMPLICIT_OPTIONS_H
#define TALWEG_IMPLICIT_OPTIONS_H

#include <talweg/implicit.h>

typedef enum tw_derivative_mode { TW_MODE_IMPLICIT, TW_MODE_ONE_STEP, TW_MODE_UNROLLED } tw_derivative_mode;

typedef enum tw_solve_kind {
  TW_SOLVE_AUTO,
  TW_SOLVE_CG,
  TW_SOLVE_MINRES,
  TW_SOLVE_GMRES,
  TW_SOLVE_BICGSTAB,
  TW_SOLVE_NORMAL_CG,
  TW_SOLVE_LU,
  TW_SOLVE_CHOLESKY,
  TW_SOLVE_QR
} tw_solve_kind;

typedef enum tw_solve_precondition {
  TW_PRECONDITION_AUTO,
  TW_PRECONDITION_NONE,
  TW_PRECONDITION_JACOBI,
  TW_PRECONDITION_IC0,
  TW_PRECONDITION_ILU0
} tw_solve_precondition;

/* How an implicit system is solved; all zero: automatic. */
typedef struct tw_linear_choice {
  int64_t kind, precondition; /* tw_solve_kind, tw_solve_precondition; of one width, so that no padding is hashed */
  double ridge;
} tw_linear_choice;

typedef struct tw_nested_choice {
  tw_derivative_mode mode;
  tw_linear_choice linear;
  double step;         /* eta; 0: by power iteration */
  int64_t checkpoints;
  const char *method;  /* what is left for the method, in the arena; NULL: chosen by class */
  /* what its map needs to know of its own options */
  const tw_method *named; /* NULL: chosen by class */
  int64_t iterations;
  double mixing;
  bool accelerate;
} tw_nested_choice;

/* spec NULL: all defaults. */
tw_status tw_nested_choose(tw_arena *arena, const char *spec, tw_nested_choice *out, tw_error *error);
/* Options without a method, for custom roots: "linear=cg,ridge=0.1". */
tw_status tw_linear_choose(const char *options, tw_linear_choice *out, tw_error *error);
/* "cg" "minres" .. */
const char *tw_solve_kind_name(tw_solve_kind kind);

#endif
