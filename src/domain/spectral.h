/* Functions of matrices through their spectrum, with derivatives declared in the form that is exact where eigenvalues or
 * singular values repeat: there the derivative of the decomposition itself does not exist, that of the function does.
 * Further derivatives differentiate the declared ones, and so ask for distinct spectra. Matrices are the last two axes. */
#ifndef TALWEG_DOMAIN_SPECTRAL_H
#define TALWEG_DOMAIN_SPECTRAL_H

#include <talweg/domain.h>

/* V diag(f(w)) V' of a symmetric A = V diag(w) V'. f: [.., n] from w; slope: [.., n, n], (f_i - f_j) / (w_i - w_j), f'(w_i)
 * where w_i = w_j. */
tw_expr tw_eigh_function(tw_expr a, tw_expr eigh, tw_expr f, tw_expr slope);

/* U diag(f(s)) V' of X = U diag(s) V', f extended to be odd. f: [.., k] from s; even: [.., k, k], (f_i - f_j) / (s_i - s_j);
 * odd: (f_i + f_j) / (s_i + s_j); at s_i = 0: f_i / s_i is read as the limit `ratio` [.., k]. f may depend on a scalar t, with
 * derivative f_t [.., k]; TW_NONE otherwise. */
typedef struct tw_svd_parts {
  tw_expr f, even, odd, ratio, t, f_t;
} tw_svd_parts;
tw_expr tw_svd_function(tw_expr x, tw_expr svd, const tw_svd_parts *parts);

/* The entries of a spectrum [.., k] as columns [.., k, 1] and rows [.., 1, k] of a table of pairs. */
tw_expr tw_pair_column(tw_expr w);
tw_expr tw_pair_row(tw_expr w);

/* Moore-Penrose inverse [.., n, m] of A [.., m, n]: singular values below max(m, n) eps s_max count as 0. Differentiable at
 * constant rank (Golub & Pereyra, 1973). */
tw_expr tw_pseudo_inverse(tw_expr a);

#endif
