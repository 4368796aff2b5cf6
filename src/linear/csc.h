/* csc: what the room itself needs of sparse matrices beyond the public part. */
#ifndef LINEAR_CSC_H
#define LINEAR_CSC_H

#include <talweg/graph.h>
#include <talweg/linear.h>

/* TW_OK when `a` is a well-formed matrix with finite values: starts ascend from 0, rows ascend strictly
 * within a column and are in range. `name` heads the message. O(nnz + cols). */
tw_status csc_check(const tw_csc *a, const char *name, tw_error *error);
/* As csc_check, and square. */
tw_status csc_check_square(const tw_csc *a, const char *name, tw_error *error);
static inline int64_t csc_count(const tw_csc *a) {
  return a->cols > 0 ? a->start[a->cols] : 0;
}
/* Arrays for a matrix of this size, zeroed; on failure nothing is left allocated. */
tw_status csc_new(tw_csc *out, int64_t rows, int64_t cols, int64_t count, tw_error *error);
tw_status csc_copy(tw_csc *out, const tw_csc *a, tw_error *error);
/* The triangle of a square matrix with row >= col (lower) or row <= col. */
tw_status csc_triangle(tw_csc *out, const tw_csc *a, bool lower, tw_error *error);
/* out += s A x,  out += s A'y;  the first for the symmetric matrix whose lower triangle A is. */
void csc_add(const tw_csc *a, double s, const double *x, double *out);
void csc_add_transpose(const tw_csc *a, double s, const double *y, double *out);
void csc_add_symmetric(const tw_csc *a, double s, const double *x, double *out);
/* A pattern and values as a matrix that is read only. */
static inline tw_csc csc_of(const tw_pattern *pattern, const double *value) {
  return (tw_csc){pattern->rows, pattern->cols, pattern->colptr, pattern->rowidx, (double *)(uintptr_t)value};
}
/* Values of `to` become those of `from` when both have the same pattern; false when they have not. */
bool csc_same_pattern(const tw_csc *a, const tw_csc *b);

/* K <- S K S of the lower triangle of a symmetric matrix, with s_i <- s_i / sqrt(max_j |K_ij|) again and again (Ruiz 2001), so that rows
 * have entries of size 1 at most; s: the scales; most: scratch; cols numbers each. */
void csc_equilibrate(tw_csc *k, double *s, double *most);

#endif
