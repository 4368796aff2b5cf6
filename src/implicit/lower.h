/* Nested problems by ops that have a C form: what stands in functions written as C in the place of the library's solvers.
 *
 * There are as many forms as kinds of problem, each with dense matrices and a fixed most number of iterations that stops early
 * (tw_scan_options.until). They start where the problem says, whatever was solved before; a form that does not come near enough to
 * a solution makes the written function return nonzero, as does a singular implicit system, of which there are no least-norm
 * solutions here. */
#ifndef TALWEG_IMPLICIT_LOWER_H
#define TALWEG_IMPLICIT_LOWER_H

#include "implicit/nested.h"

/* Unknowns of a matrix, for which work memory is set aside in the written file. */
enum { TW_LOWER_MOST = 1000 };

/* A nested problem over inputs of its own in the place of theta. */
typedef struct tw_lowering {
  const tw_nested *nested;
  const tw_class *cls; /* whatever theta is */
  tw_graph *graph;
  const tw_expr *theta; /* n_theta inputs */
} tw_lowering;

/* z = [x; y] and by how much it misses a solution, relative; NaN or large where none was found. */
typedef struct tw_lowered {
  tw_expr z, residual;
} tw_lowered;

/* Smooth minimisation without bounds and square equations (roots, fixed points); minimisation over sets and bounds, with regularizers;
 * of mathematical programs. */
tw_lowered tw_lower_newton(const tw_lowering *l);
tw_lowered tw_lower_composite(const tw_lowering *l);
tw_lowered tw_lower_program(const tw_lowering *l);

/* All outputs of the statement at x; false where the graph has failed. */
bool tw_lower_statement(const tw_lowering *l, tw_expr x, tw_expr *out);
/* At z: the condition F, dF/dz [n + m, n + m]; the objective (in the sense of minimisation) at x; where x starts. */
tw_expr tw_lower_condition(const tw_lowering *l, tw_expr z);
tw_expr tw_lower_matrix(const tw_lowering *l, tw_expr z);
tw_expr tw_lower_objective(const tw_lowering *l, tw_expr x);
tw_expr tw_lower_start(const tw_lowering *l);
/* The matrix [n, n] of L, linear in its input v [n]. */
tw_expr tw_lower_matrix_of(tw_expr lv, tw_expr v);
/* The largest |element|; 0 of none. */
tw_expr tw_lower_size(tw_expr e);

/* The emit functions of the ops. */
void tw_argmin_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out);
void tw_solve_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out);

#endif
