/* What the kinds of sets and regularizers share: their tables, checks of parameters, and parameters as rows. */
#ifndef TALWEG_DOMAIN_KINDS_H
#define TALWEG_DOMAIN_KINDS_H

#include <talweg/domain.h>

#define X(name) extern const tw_domain_kind tw_domain_##name;
#include "domain/kinds.def"
#undef X
#define X(name) extern const tw_regularizer_kind tw_regularizer_##name;
#include "domain/regularizers.def"
#undef X

/* Vector sets act on the last axis: an array holds one point per row, and a parameter that belongs to a point (a radius,
 * an offset) is a scalar or has one entry per row. Matrix sets act on the last two axes. */

/* Checks their number and graph and takes them to f64. `usage` names them for messages. */
bool tw_take_params(tw_graph *graph, const char *kind, const char *usage, int least, int most, int n,
                    const tw_expr *params, tw_expr *out);
/* Fills in the default of the only parameter of a kind, and checks that it fits the rows of `shape`. */
bool tw_check_row_scalar(tw_graph *graph, const char *kind, tw_shape shape, int n, tw_expr *param, double fallback);
/* The kind needs at least `rank` axes, the last of them not empty. */
bool tw_check_rank(tw_graph *graph, const char *kind, tw_shape shape, int rank);
/* `param` broadcasts to `shape`. */
bool tw_check_fits(tw_graph *graph, const char *kind, const char *name, tw_expr param, tw_shape shape);
/* No element is below `low` or NaN: of a constant at once, of others when they are evaluated (*param is
 * replaced by a node that checks). `kind` and `name` are static. */
bool tw_check_at_least(tw_graph *graph, const char *kind, const char *name, tw_expr *param, double low);
/* No element of `low` is above that of `high` or NaN, where that is known: of constants; both broadcast to
 * `shape`. */
bool tw_check_ordered(tw_graph *graph, const char *kind, tw_expr low, tw_expr high, tw_shape shape);
/* The set with parameters that fail with TW_ERR_INFEASIBLE, when they are evaluated, where they make it empty up to 1e-6 of their size:
 * affine, transport and order_simplex, whose projections go to a compromise there. For sets that are to be kept to; shape: of the points.
 */
tw_domain tw_domain_nonempty(tw_domain domain, tw_shape shape);
/* The elements of an f64 constant, one for all in *uniform where they are equal by construction; *n is 0 for
 * what is none. */
const double *tw_known_elements(tw_expr e, double *uniform, int64_t *n);
/* The shape without its last axis. */
tw_shape tw_row_shape(tw_shape shape);

/* A parameter with one entry per row as a column that broadcasts against the rows. */
tw_expr tw_row_column(tw_expr param);
/* Sums and norms of rows, the axis kept. */
tw_expr tw_row_sum(tw_expr x);
tw_expr tw_row_norm(tw_expr x);

/* a / b where b is not 0, else `otherwise`; its derivative is safe where b is 0. */
tw_expr tw_divide_or(tw_expr a, tw_expr b, double otherwise);
/* sign(x) max(|x| - t, 0), t >= 0. */
tw_expr tw_soft_threshold(tw_expr x, tw_expr t);

/* log x - eta g, -inf where x is 0 or so small that 1 / x overflows in derivatives: where a step of mirror descent by entropy goes before
 * it is projected. */
tw_expr tw_log_step(tw_expr x, tw_expr gradient, tw_expr eta);
/* e as f32 where what it is computed from was f32. */
tw_expr tw_back_to(tw_expr e, tw_dtype dtype);

/* |x_g| for every label of `groups` (see group_l2), 0 for labels that do not occur; derivative 0 at 0. One slot for each value
 * that a label can have. */
tw_expr tw_group_norms(tw_expr x, tw_expr groups);
/* What its group has, for every entry of x (trailing axes of extent 1 where a label stands for a slice of x). */
tw_expr tw_group_entries(tw_expr x, tw_expr groups, tw_expr per_group);

/* Batching of ops whose rules act on trailing axes alone: every operand gets the leading axis. */
tw_expr tw_batch_leading(tw_expr node, int64_t size, const tw_expr *in, const bool *batched);
/* The type of an op that is in[0]'s memory. */
bool tw_infer_alias(const tw_args *args, tw_type *type);

#endif
