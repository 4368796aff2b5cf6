/* kkt: the matrix of optimality systems in compressed columns, and its factorization.
 *
 *   K = [ H + diag(d)    J'      ]   order n + m
 *       [ J           -diag(e)   ]
 *
 * Variables and rows that are masked out have a unit on the diagonal and nothing else. */
#ifndef LINEAR_KKT_H
#define LINEAR_KKT_H

#include <talweg/graph.h>
#include <talweg/linear.h>

typedef struct tw_kkt_matrix {
  int64_t n, m;
  tw_pattern h, j; /* borrowed */
  tw_factor_kind kind; /* TW_FACTOR_QUASIDEFINITE where K is that, else TW_FACTOR_INDEFINITE */
  tw_csc k; /* lower triangle */
  int64_t *h_at, *j_at, *d_at; /* places of H's, J's and the diagonal's entries */
  double *full;                /* dense copy for small orders */
  tw_factor *factor;
  tw_factor *aside; /* that of the kind before, whose analysis is kept */
  tw_factor_kind aside_kind;
  bool dense;
} tw_kkt_matrix;
/* From patterns: H's lower triangle, n x n, and J, m x n, which the caller keeps. */
tw_status tw_kkt_open(tw_kkt_matrix *kkt, const tw_pattern *h, const tw_pattern *j, tw_factor_kind kind, tw_error *error);
/* Another kind of factorization from here on. */
void tw_kkt_set_kind(tw_kkt_matrix *kkt, tw_factor_kind kind);
/* Takes over the factors of a matrix of the same pattern, for their analyses; nothing where the patterns differ. */
void tw_kkt_adopt(tw_kkt_matrix *kkt, tw_kkt_matrix *from);
void tw_kkt_close(tw_kkt_matrix *kkt);
/* h NULL: zero. Masks may be NULL. *negative: eigenvalues below zero, or -1 when K is singular. */
tw_status tw_kkt_factor(tw_kkt_matrix *kkt, const double *h, const double *j, const double *d, const double *e,
                        const bool *no_variable, const bool *no_row, int64_t *negative, tw_error *error);
/* (x, y) = K^-1 (x, y), n + m numbers. */
tw_status tw_kkt_solve(tw_kkt_matrix *kkt, double *xy, tw_error *error);

#endif
