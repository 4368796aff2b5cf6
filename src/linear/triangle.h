/* triangle: an upper triangular band matrix R that grows by columns, as the Krylov methods produce it: the
 * Cholesky factor of CG's Lanczos matrix, or the QR factor of the Lanczos, Golub-Kahan and Arnoldi matrices.
 * Its extreme singular values estimate those of A. */
#ifndef LINEAR_TRIANGLE_H
#define LINEAR_TRIANGLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct triangle {
  int64_t width;   /* column j holds r[j-width+1 .. j][j] */
  int64_t size;    /* columns so far */
  size_t capacity; /* in columns */
  double *value;   /* value[j * width + (i - j + width - 1)] = r[i][j]; rows above the first are 0 */
} triangle;

/* Appends a column of `width` entries, the diagonal last. False when out of memory. */
bool triangle_push(triangle *r, const double *column);

void triangle_free(triangle *r);

/* sigma_max(R) / sigma_min(R) by power and inverse iteration on R'R: a lower bound, within a few percent
 * unless extreme singular values are clustered; infinity when a diagonal entry is zero, NaN when empty or out
 * of memory. O(size * width). */
double triangle_condition(const triangle *r);

#endif
