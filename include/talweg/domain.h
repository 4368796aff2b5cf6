/* domain: sets with projections and regularizers with proximal operators, as expressions.
 * Every projection and prox is a differentiable expression in its point and in the parameters of the set. */
#ifndef TALWEG_DOMAIN_H
#define TALWEG_DOMAIN_H

#include <talweg/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TW_DOMAIN_PARAMS 4

/* A kind of set C(params) of arrays. */
typedef struct tw_domain_kind {
  const char *name;    /* as in the model language: "simplex" */
  const char *summary; /* "x >= 0, sum(x) = s" */
  const char *params;  /* "s = 1": names and defaults, for help; "" when there are none */
  int min_params, max_params;
  bool convex;
  bool polyhedral; /* described by linear constraints */
  /* Checks shapes against a variable of `shape`, fills in default params[n..max_params-1]; false with the graph's error set. */
  bool (*check)(tw_graph *graph, tw_shape shape, int n, tw_expr *params);
  /* Euclidean projection of x (a point of the set nearest to x when the set is not convex). */
  tw_expr (*project)(tw_expr x, const tw_expr *params);
  /* Box-like sets: bounds broadcastable to x's shape. NULL otherwise. */
  void (*bounds)(tw_graph *graph, tw_shape shape, const tw_expr *params, tw_expr *lower, tw_expr *upper);
  /* argmin over p in C of sum p log p - p - x p: the point of C nearest to exp(x) in the Kullback-Leibler divergence. NULL: none. */
  tw_expr (*kl_project)(tw_expr x, const tw_expr *params);
  /* Mirror descent's map for its natural divergence: argmin_{x in C} eta <g, x> + D(x, x_k). NULL: Euclidean. */
  tw_expr (*mirror_step)(tw_expr x, tw_expr gradient, tw_expr eta, const tw_expr *params);
} tw_domain_kind;

typedef struct tw_domain {
  const tw_domain_kind *kind; /* NULL: the whole space */
  tw_expr param[TW_DOMAIN_PARAMS];
} tw_domain;

/* Kinds: nonneg, box, hypercube, linf_ball, simplex, sparse_simplex(k, s), capped_simplex, box_section(l, u, w, c), order_simplex(l, u),
 * permutahedron(w), l1_ball, l1_sphere, l1_epigraph, ball (l2), sphere (l2), hyperplane, halfspace, affine, polyhedron(A, l, u); psd,
 * stiefel, transport(a, b), birkhoff. Boxes act element-wise; the other vector sets on the last axis (an array holds one point
 * per row, and a radius or offset is a scalar or has one entry per row); matrix sets on the last two axes. */
const tw_domain_kind *const *tw_domain_kinds(void);        /* NULL-terminated table */
const tw_domain_kind *tw_domain_find(const char *name);    /* NULL when unknown */
/* Checked constructor; on failure the graph's error is set and kind is NULL. Values are checked as far as they are constants;
 * a size that is an expression is checked whenever it is evaluated (TW_ERR_RANGE when negative). */
tw_domain tw_domain_make(tw_graph *graph, const tw_domain_kind *kind, tw_shape shape, int n, const tw_expr *params);
/* f64, and of f32 f32 (computed in f64); x itself for the whole space. */
tw_expr tw_project(tw_domain domain, tw_expr x);
/* The point of the set nearest to exp(x) in the Kullback-Leibler divergence sum p log(p / e^x) - p + e^x: softmax(x) on the simplex,
 * Sinkhorn's scaling of exp(x) on transport(a, b) and birkhoff. max <p, s> - gamma sum p log p is that of x = s / gamma. Fails on sets
 * without one, which are all but boxes in p >= 0, simplex, transport, birkhoff. */
tw_expr tw_kl_project(tw_domain domain, tw_expr x);
/* The point nearest to x in the intersection of n convex sets, by `sweeps` of Dykstra's algorithm (Boyle & Dykstra, 1986): each set is
 * projected on in turn, and what its last projection took away is given back before the next. Converges for all closed convex sets that
 * meet, linearly for polyhedra (Deutsch & Hundal, 1994): of halfspaces, an alternative to polyhedron(A, l, u) for many rows. A loop of
 * the graph, differentiated as such. */
tw_expr tw_project_intersection(int n, const tw_domain *set, tw_expr x, int64_t sweeps);
/* The part of `domain` between bounds (TW_NONE: none) that broadcast to `shape`, as a domain: of the whole space and of
 * boxes a box, of a simplex a capped simplex. For other sets the graph's error is set and kind is NULL. */
tw_domain tw_domain_within(tw_graph *graph, tw_domain domain, tw_shape shape, tw_expr lower, tw_expr upper);

/* Isotonic regression of rows: argmin sum (v - y)^2 over v_1 <= .. <= v_n, or v_1 >= .. >= v_n; bounds on v cut it off (order_simplex). By
 * pooling adjacent violators, O(n); derivatives are averages over blocks. */
tw_expr tw_isotonic(tw_expr y, bool increasing);
/* The same for argmin sum exp(y - v) + exp(w) v (Blondel, Teboul, Berthet & Djolonga, 2020); w broadcasts to y. */
tw_expr tw_isotonic_kl(tw_expr y, tw_expr w, bool increasing);
/* Ranks 1 .. n of rows (the largest entry has n) and entries in ascending order, smooth almost everywhere: projections on the permutahedron
 * of 1 .. n of x / epsilon, and on that of x of (1 .. n) / epsilon (ibid.). Exact for small epsilon > 0. O(n log n). */
tw_expr tw_soft_rank(tw_expr x, tw_expr epsilon);
tw_expr tw_soft_sort(tw_expr x, tw_expr epsilon);

#define TW_REGULARIZER_PARAMS 2

/* A regularizer r(x; params), to be multiplied by a weight: value and proximal operator. */
typedef struct tw_regularizer_kind {
  const char *name;    /* "l1" */
  const char *summary; /* "sum |x_i|" */
  const char *params;
  int min_params, max_params;
  bool smooth;
  bool separable; /* a sum over coordinates: clipping its prox gives the prox within a box */
  bool (*check)(tw_graph *graph, tw_shape shape, int n, tw_expr *params);
  tw_expr (*value)(tw_expr x, const tw_expr *params);
  /* argmin_z eta r(z) + |z - x|^2 / 2; eta a scalar expression (weights included). */
  tw_expr (*prox)(tw_expr x, tw_expr eta, const tw_expr *params);
} tw_regularizer_kind;

/* Kinds: l1(weights = 1) (sum w_i |x_i|), l2sq (sum x^2), elastic_net(r) (sum |x| + r/2 x^2), linf, group_l2(groups), nuclear.
 * All are convex and >= 0. */
const tw_regularizer_kind *const *tw_regularizer_kinds(void);
const tw_regularizer_kind *tw_regularizer_find(const char *name);
/* A scalar expression with the regularizer's value (and derivative) that tw_regularizer_of recognises. */
tw_expr tw_regularizer(tw_graph *graph, const tw_regularizer_kind *kind, tw_expr x, int n, const tw_expr *params);
/* The kind when `e` was made by tw_regularizer (x and params filled in), else NULL. */
const tw_regularizer_kind *tw_regularizer_of(tw_expr e, tw_expr *x, tw_expr params[TW_REGULARIZER_PARAMS]);

/* argmin over z in `domain` of eta r(z; params) + |z - x|^2 / 2, eta >= 0 a scalar. No kind: r = 0, the projection; no domain.kind:
 * the whole space. Fails where the two have no common prox by formula: separable regularizers go with boxes, l2sq with every set. f64, and
 * of f32 f32. */
tw_expr tw_prox(const tw_regularizer_kind *kind, tw_expr x, tw_expr eta, int n, const tw_expr *params, tw_domain domain);

/* ------------------------------------------------------------------ cones in arrays */

/* A closed convex cone of so many numbers:
 *   zero          {0}                                         whose dual is the whole space
 *   nonneg        v >= 0
 *   second_order  v_0 >= |(v_1, ..)|
 *   psd           symmetric matrices X >= 0 of an order k, as their k(k+1)/2 entries below and on the diagonal, column after
 *                 column, those off the diagonal times sqrt 2, so that the inner product is trace(XY)
 *   exp           the closure of { y exp(x / y) <= z, y > 0 }
 *   power         x^a y^(1-a) >= |z|, x, y >= 0;  0 < a < 1
 */
typedef enum tw_cone_kind {
  TW_CONE_ZERO,
  TW_CONE_NONNEG,
  TW_CONE_SECOND_ORDER,
  TW_CONE_PSD,
  TW_CONE_EXP,
  TW_CONE_POWER,
  TW_CONE_KINDS
} tw_cone_kind;
typedef struct tw_cone {
  tw_cone_kind kind;
  int64_t rows;  /* numbers: 3 for exp and power, k(k+1)/2 for psd */
  double power;  /* a */
} tw_cone;
const char *tw_cone_name(tw_cone_kind kind);
int64_t tw_cone_order(const tw_cone *cone); /* k of a psd cone; -1 when its rows are no k(k+1)/2 */

/* The projection on a product of cones (`dual`: of their duals) at a point, and its derivative there, a symmetric operator with
 * eigenvalues in [0, 1] (an element of the generalised Jacobian where the projection is not differentiable). Second-order:
 * O(rows); psd: one eigendecomposition, O(k^3); exp: a root of one variable (Friberg, 2023); power: likewise (Hien, 2015). */
typedef struct tw_cone_map tw_cone_map;
/* `cone` is copied. Fails on cones that do not exist. */
tw_status tw_cone_map_new(tw_cone_map **map, int64_t count, const tw_cone *cone, bool dual, tw_error *error);
void tw_cone_map_free(tw_cone_map *map);
int64_t tw_cone_map_rows(const tw_cone_map *map);
/* Projects v; with `derivative` tw_cone_map_apply is the derivative at v from then on. out may be v. */
tw_status tw_cone_map_at(tw_cone_map *map, const double *v, bool derivative, double *out, tw_error *error);
/* out = D d; not the same memory. */
void tw_cone_map_apply(tw_cone_map *map, const double *d, double *out);
/* About how far the point of the derivative is from points where the projection has none; INFINITY: there are none. */
double tw_cone_map_margin(const tw_cone_map *map);

#ifdef __cplusplus
}
#endif
#endif
