/* graph: expressions, their derivatives as expressions, and functions compiled from them.
 *
 * A tw_expr is a small value. A graph owns its nodes in an arena and frees them at once; nodes are
 * immutable and hash-consed. Shapes and dtypes are checked when a node is made. Building never fails in
 * the caller's face: the first error sticks to the graph, later builders return TW_NONE and do nothing;
 * tw_graph_status and tw_graph_message tell. One thread at a time builds on a graph (tw_graph_lock serialises those
 * that must); compiled functions may run meanwhile, in any number of threads. */
#ifndef TALWEG_GRAPH_H
#define TALWEG_GRAPH_H

#include <talweg/array.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tw_graph tw_graph;
typedef struct tw_op tw_op;

typedef struct tw_expr {
  tw_graph *graph;
  int32_t id; /* -1: none */
} tw_expr;

/* No expression: the result of a builder on a failed graph, and the structural zero of derivative rules. */
#define TW_NONE ((tw_expr){NULL, -1})
static inline bool tw_is_none(tw_expr e) { return e.graph == NULL || e.id < 0; }
/* A cotangent that nobody asks for: none, and known as such to rules that can spare its work (see tw_op.vjp). */
#define TW_UNASKED ((tw_expr){NULL, -2})
static inline bool tw_is_unasked(tw_expr e) { return e.graph == NULL && e.id == -2; }
static inline bool tw_same(tw_expr a, tw_expr b) { return a.graph == b.graph && a.id == b.id; }

tw_graph *tw_graph_new(void); /* NULL when out of memory */
void tw_graph_free(tw_graph *graph);
tw_status tw_graph_status(const tw_graph *graph);
const char *tw_graph_message(const tw_graph *graph); /* "" while all is well */
/* Makes the first error stick; returns TW_NONE so that rules can `return tw_graph_fail(...)`. */
tw_expr tw_graph_fail(tw_graph *graph, tw_status status, const char *format, ...) TW_PRINTF(3, 4);
/* Copies the sticky status and message into `error` (when there is one) and returns the status. */
tw_status tw_graph_check(const tw_graph *graph, tw_error *error);
/* Forgets the sticky error: for an interactive caller that reports it and goes on. */
void tw_graph_clear(tw_graph *graph);
/* For code that builds while others may (functions compiled when first asked for, inside a solve). Recursive. */
void tw_graph_lock(tw_graph *graph);
void tw_graph_unlock(tw_graph *graph);
int32_t tw_graph_nodes(const tw_graph *graph);
size_t tw_graph_bytes(const tw_graph *graph); /* arena bytes, constants' data included */
tw_arena *tw_graph_arena(tw_graph *graph);    /* for attributes that must live as long as the graph */

tw_dtype tw_dtype_of(tw_expr e);
tw_shape tw_shape_of(tw_expr e);
int64_t tw_size_of(tw_expr e); /* number of elements */
const tw_op *tw_op_of(tw_expr e);
int tw_arity_of(tw_expr e);
tw_expr tw_input_of(tw_expr e, int i);
const void *tw_attr_of(tw_expr e);
const char *tw_name_of(tw_expr e); /* of an input; "" otherwise */

/* Scopes name the parts of a model, for profiles: nodes made between push and pop are in the scope "outer/name". Equal nodes
 * are one node, in the scope of the first; what derivatives and rewriting make of a node is in its scope. A name has no '/';
 * a path of more than 512 characters fails. Pop without push does nothing. */
void tw_scope_push(tw_graph *graph, const char *name);
void tw_scope_pop(tw_graph *graph);
const char *tw_scope_of(tw_expr e); /* "" outside any; lives as long as the graph */

bool tw_is_input(tw_expr e);
/* The data of a constant (NULL when `e` is not one), and the value of a constant whose elements are all equal. */
const void *tw_constant_data(tw_expr e);
bool tw_constant_value(tw_expr e, double *value);

/* ------------------------------------------------------------------ leaves */

/* A fresh named placeholder (never shared, even when name and type agree). `name` is copied, may be NULL. */
tw_expr tw_input(tw_graph *graph, const char *name, tw_dtype dtype, tw_shape shape);
tw_expr tw_constant(tw_graph *graph, const tw_array *value);   /* copied */
tw_expr tw_scalar(tw_graph *graph, double value);              /* f64, rank 0 */
tw_expr tw_integer(tw_graph *graph, int64_t value);            /* i64, rank 0 */
tw_expr tw_fill(tw_graph *graph, tw_dtype dtype, tw_shape shape, double value); /* no storage in the graph */
tw_expr tw_iota(tw_graph *graph, tw_dtype dtype, int64_t n);   /* 0, 1, .., n-1 */
tw_expr tw_eye(tw_graph *graph, tw_dtype dtype, int64_t rows, int64_t cols);
tw_expr tw_zeros_like(tw_expr e);
tw_expr tw_ones_like(tw_expr e);
tw_expr tw_fill_like(tw_expr e, double value); /* same dtype and shape */

/* ------------------------------------------------------------------ element-wise
 * Operands broadcast as in NumPy and are promoted to a common dtype. Functions of the second group take
 * integers to f64. Comparisons and logic give bool. Integer / is f64; idiv and mod round towards minus infinity. */

tw_expr tw_neg(tw_expr x);
tw_expr tw_abs(tw_expr x);  /* derivative sign(x): 0 at 0 */
tw_expr tw_sign(tw_expr x);
tw_expr tw_square(tw_expr x);
tw_expr tw_floor(tw_expr x);
tw_expr tw_ceil(tw_expr x);
tw_expr tw_round(tw_expr x); /* half to even */
tw_expr tw_not(tw_expr x);
tw_expr tw_is_finite(tw_expr x);

tw_expr tw_sqrt(tw_expr x);
tw_expr tw_exp(tw_expr x);
tw_expr tw_expm1(tw_expr x);
tw_expr tw_log(tw_expr x);
tw_expr tw_log1p(tw_expr x);
tw_expr tw_sin(tw_expr x);
tw_expr tw_cos(tw_expr x);
tw_expr tw_tan(tw_expr x);
tw_expr tw_asin(tw_expr x);
tw_expr tw_acos(tw_expr x);
tw_expr tw_atan(tw_expr x);
tw_expr tw_sinh(tw_expr x);
tw_expr tw_cosh(tw_expr x);
tw_expr tw_tanh(tw_expr x);
tw_expr tw_sigmoid(tw_expr x);
tw_expr tw_softplus(tw_expr x);
tw_expr tw_relu(tw_expr x); /* derivative 0 at 0 */
tw_expr tw_erf(tw_expr x);
tw_expr tw_lgamma(tw_expr x);
tw_expr tw_digamma(tw_expr x);
tw_expr tw_reciprocal(tw_expr x);

tw_expr tw_add(tw_expr a, tw_expr b);
tw_expr tw_sub(tw_expr a, tw_expr b);
tw_expr tw_mul(tw_expr a, tw_expr b);
tw_expr tw_div(tw_expr a, tw_expr b);
tw_expr tw_idiv(tw_expr a, tw_expr b);
tw_expr tw_mod(tw_expr a, tw_expr b);
tw_expr tw_pow(tw_expr a, tw_expr b);
tw_expr tw_atan2(tw_expr a, tw_expr b);
tw_expr tw_minimum(tw_expr a, tw_expr b); /* ties: half the derivative to each */
tw_expr tw_maximum(tw_expr a, tw_expr b);
tw_expr tw_eq(tw_expr a, tw_expr b);
tw_expr tw_ne(tw_expr a, tw_expr b);
tw_expr tw_lt(tw_expr a, tw_expr b);
tw_expr tw_le(tw_expr a, tw_expr b);
tw_expr tw_gt(tw_expr a, tw_expr b);
tw_expr tw_ge(tw_expr a, tw_expr b);
tw_expr tw_and(tw_expr a, tw_expr b);
tw_expr tw_or(tw_expr a, tw_expr b);
tw_expr tw_where(tw_expr condition, tw_expr a, tw_expr b);
tw_expr tw_cast(tw_expr x, tw_dtype dtype);
tw_expr tw_scale(tw_expr x, double factor); /* x times a constant of x's dtype */
/* The value of x with derivative zero. */
tw_expr tw_stop_gradient(tw_expr x);

/* ------------------------------------------------------------------ shape */

tw_expr tw_reshape(tw_expr x, tw_shape shape); /* one extent may be -1 */
tw_expr tw_ravel(tw_expr x);
tw_expr tw_transpose(tw_expr x, const int *perm); /* NULL: reverse the axes */
tw_expr tw_broadcast(tw_expr x, tw_shape shape);
/* The sum of x over the axes that broadcasting `shape` to x's shape repeats: the adjoint of tw_broadcast. */
tw_expr tw_unbroadcast(tw_expr x, tw_shape shape);
/* start, start+step, .. `count` elements along `axis`; step may be negative, not 0. */
tw_expr tw_slice(tw_expr x, int axis, int64_t start, int64_t count, int64_t step);
/* x placed at start, start+step, .. of an axis of length `length`, zeros elsewhere: the adjoint of tw_slice. */
tw_expr tw_unslice(tw_expr x, int axis, int64_t start, int64_t step, int64_t length);
tw_expr tw_concat(int n, const tw_expr *x, int axis);
tw_expr tw_stack(int n, const tw_expr *x, int axis);
tw_expr tw_expand(tw_expr x, int axis);  /* a new axis of extent 1; -1 appends */
tw_expr tw_squeeze(tw_expr x, int axis);
tw_expr tw_move_axis(tw_expr x, int from, int to);
tw_expr tw_diag(tw_expr x);     /* vector -> diagonal matrix; matrix -> its diagonal (last two axes) */
tw_expr tw_tril(tw_expr x, int k); /* keeps j <= i + k of the last two axes */
tw_expr tw_triu(tw_expr x, int k);
tw_expr tw_trace(tw_expr x);

/* ------------------------------------------------------------------ reductions
 * `axes` is a bit mask of axes; TW_ALL reduces all. Reduced axes vanish unless `keep`. */

#define TW_ALL 0xffffffffu
tw_expr tw_sum(tw_expr x, unsigned axes, bool keep); /* pairwise over fixed tiles */
tw_expr tw_mean(tw_expr x, unsigned axes, bool keep);
tw_expr tw_prod(tw_expr x, unsigned axes, bool keep); /* derivative exact at zeros */
tw_expr tw_reduce_max(tw_expr x, unsigned axes, bool keep); /* ties share the derivative equally */
tw_expr tw_reduce_min(tw_expr x, unsigned axes, bool keep);
tw_expr tw_logsumexp(tw_expr x, unsigned axes, bool keep);
tw_expr tw_softmax(tw_expr x, int axis);
tw_expr tw_log_softmax(tw_expr x, int axis);
tw_expr tw_norm(tw_expr x, unsigned axes, bool keep); /* Euclidean; derivative 0 at 0 */
tw_expr tw_argmax(tw_expr x, int axis);  /* i64, first of equals */
tw_expr tw_argmin_index(tw_expr x, int axis);
tw_expr tw_cumsum(tw_expr x, int axis, bool reverse);
tw_expr tw_cumprod(tw_expr x, int axis); /* derivative exact at zeros */
tw_expr tw_sort(tw_expr x, int axis);    /* ascending, stable; NaN last */
tw_expr tw_argsort(tw_expr x, int axis);

/* ------------------------------------------------------------------ indexing */

/* out[I.., tail..] = x[index_0[I..], .., index_{n-1}[I..], tail..]: the n integer arrays share one shape I
 * (broadcast if needed) and index the leading n axes of x. An index outside the axis is an error when evaluated. */
tw_expr tw_take(tw_expr x, int n, const tw_expr *index);
/* zeros(shape) with out[index_0[I..], ..] += value[I.., tail..], in C order of I: the adjoint of tw_take. */
tw_expr tw_scatter_add(tw_graph *graph, tw_shape shape, int n, const tw_expr *index, tw_expr value);
/* Element-wise lookup along one axis: out[.., i, ..] = x[.., index[.., i, ..], ..]; index has x's rank. */
tw_expr tw_take_along(tw_expr x, tw_expr index, int axis);

/* ------------------------------------------------------------------ linear algebra
 * Matrices are the last two axes, the axes before them are batch axes and broadcast. */

tw_expr tw_matmul(tw_expr a, tw_expr b); /* NumPy's @: vectors allowed on either side */
tw_expr tw_dot(tw_expr a, tw_expr b);    /* sum(a * b) over all elements */
tw_expr tw_matrix_transpose(tw_expr a);  /* last two axes */
tw_expr tw_cholesky(tw_expr a);          /* lower L, A = L L'; reads the lower triangle */
tw_expr tw_triangular_solve(tw_expr l, tw_expr b, bool upper, bool transpose); /* b: [.., n] or [.., n, k] */
tw_expr tw_linear_solve(tw_expr a, tw_expr b); /* LU; b vector [n] when its rank is 1, else [.., n, k] */
tw_expr tw_cholesky_solve(tw_expr a, tw_expr b); /* A symmetric positive definite */
tw_expr tw_inverse(tw_expr a);
tw_expr tw_det(tw_expr a);
tw_expr tw_logdet(tw_expr a); /* log |det A| */
/* Symmetric eigenproblem A = V diag(w) V', w ascending; reads the lower triangle. Result [.., n, n+1]: column 0 is
 * w, the rest V. tw_eigh_values / tw_eigh_vectors pick the parts. */
tw_expr tw_eigh(tw_expr a);
tw_expr tw_eigh_values(tw_expr eigh);
tw_expr tw_eigh_vectors(tw_expr eigh);
/* The largest and the least eigenvalue of the symmetric matrix in the lower triangle. */
tw_expr tw_lambda_max(tw_expr a);
tw_expr tw_lambda_min(tw_expr a);
/* Thin SVD A = U diag(s) V', s descending, k = min(m, n). Result [.., m+n+1, k]: rows 0..m-1 U, row m s, the rest V. */
tw_expr tw_svd(tw_expr a);
tw_expr tw_svd_u(tw_expr svd, int64_t m);
tw_expr tw_svd_s(tw_expr svd, int64_t m);
tw_expr tw_svd_v(tw_expr svd, int64_t m);

/* ------------------------------------------------------------------ convolution
 * Cross-correlation over one to three spatial axes, zero outside the image:
 *   y[n, k, p] = sum over c and q of x[n, c, p stride + q dilation - low] w[k, c, q]  (p and q one index per axis)
 * with x [N, C, image..], w [K, C / groups, kernel..] and y [N, K, out..]. Channels fall into `groups` equal runs; an
 * output channel sees the input channels of its run. out = (image + low + high - dilation (kernel - 1) - 1) / stride + 1,
 * rounded down and at least 1. Flops: 2 C / groups times kernel for each element of y. */

typedef struct tw_conv_options {
  int64_t stride[3], dilation[3]; /* by spatial axis; 0: 1 */
  int64_t low[3], high[3];        /* padding before and after the image */
  int64_t groups;                 /* 0: 1 */
} tw_conv_options;

tw_expr tw_conv(tw_expr x, tw_expr w, const tw_conv_options *options); /* NULL: all defaults */
/* Its adjoints. In x, known as transposed convolution: y, w -> [N, C, image..]; in w: x, y -> [K, C / groups, kernel..].
 * `image` and `kernel` are the spatial extents of the result, one for each axis of the operands. */
tw_expr tw_conv_input(tw_expr y, tw_expr w, const int64_t *image, const tw_conv_options *options);
tw_expr tw_conv_weight(tw_expr x, tw_expr y, const int64_t *kernel, const tw_conv_options *options);

/* ------------------------------------------------------------------ attention
 * softmax(scale Q K') V over the last two axes: q [.., nq, d], k [.., nk, d], v [.., nk, e] -> [.., nq, e]; leading axes
 * broadcast, integers become f64. Fails on other shapes, and when causal with nq > nk. No keys: zeros. */

typedef struct tw_attention_options {
  double scale; /* 0: 1 / sqrt(d) */
  bool causal;  /* query i sees keys j <= i + nk - nq: the last query sees all */
} tw_attention_options;

/* One op: tiles of queries go over the keys with the softmax carried along (Rabe & Staats 2021; Dao et al. 2022). Memory does
 * not grow with nq nk; that of derivatives does. Flops: 2 d + 2 e + 5 for each pair of a query and a key that it sees. */
tw_expr tw_attention(tw_expr q, tw_expr k, tw_expr v, const tw_attention_options *options); /* NULL: all defaults */
/* The same as a product, a softmax and a product, with all scores in memory. */
tw_expr tw_attention_unfused(tw_expr q, tw_expr k, tw_expr v, const tw_attention_options *options);

/* ------------------------------------------------------------------ random draws: pure functions of the key */

tw_expr tw_uniform(tw_expr key, tw_shape shape); /* key: integer scalar; f64 in [0, 1) */
tw_expr tw_normal(tw_expr key, tw_shape shape);

/* ------------------------------------------------------------------ loops over index sets
 * One node whatever n: `k` is an i64 scalar input that runs over 0 .. n-1 in `body`; everything in `body`
 * that does not depend on k is evaluated once, outside. Derivatives of a loop are loops. */

tw_expr tw_loop_sum(tw_expr k, int64_t n, tw_expr body);   /* sum over k, body's shape; zeros when n = 0 */
tw_expr tw_loop_stack(tw_expr k, int64_t n, tw_expr body); /* [n, body's shape..] */

/* ------------------------------------------------------------------ loops with a carried state
 * One node whatever n, run step after step:
 *   state_0 = init,   state_{k+1} = next(k, state_k),   out_k = out(k, state_k),   k = 0 .. n-1.
 * `k` is an i64 scalar input, carry[i] an input that stands for part i of the state in `next` and `out`; both may use
 * anything else of the graph, which is captured, and what depends on neither k nor the state is evaluated once. Nested
 * problems in a step start from where the step before ended.
 *
 * Derivatives of a scan are scans. Forward mode carries the tangent beside the state: memory does not grow with n.
 * Reverse mode needs the states in reverse order. It keeps at most c of them and evaluates the steps between them again,
 * by the schedule that evaluates fewest (binomial checkpointing: Griewank, 1992; Griewank and Walther, 2000, Algorithm
 * 799): with t such that C(c+t-1, c) < n <= C(c+t, c), t n - C(c+t, t-1) evaluations besides the n of the reverse sweep
 * itself. So c = 16 states reverse a million steps with no step evaluated more than nine times. What is evaluated again
 * has the same bits, so c changes no result (unless a step holds a nested problem, whose solutions agree to its
 * tolerance). Forward mode over reverse mode (tw_hvp) keeps c states too; reverse mode over reverse mode stacks all n.
 *
 * Gradients of captured values are summed over the steps; that of an array read with tw_take is scattered, at the cost of
 * the entries read. Stacked outputs and the cotangents of their own hold n entries by their nature: sum what need not
 * be stacked in a carry. */

typedef struct tw_scan_options {
  /* The most states reverse mode keeps, the first included. 0: all when they fit in 256 MiB; else as many as fit, but no
   * fewer than sqrt(2 n), with which no step is evaluated more than twice. */
  int64_t checkpoints;
  /* A bool scalar over k and the carries, or TW_NONE: the state is final at the first k for which until(k, state_k) holds, and the
   * steps that are left are not run. Such a scan has no outputs, and one more carry, number n_carry: 1 where `until` held, 0 where
   * all n steps were taken without. Derivatives of any mode are those of the steps taken; the reverse mode runs all n. */
  tw_expr until;
} tw_scan_options;

/* The scan as one flat vector (the final states, then the stacked outputs); see tw_scan_final and tw_scan_out. n_carry >= 1;
 * init[i] and next[i] have the dtype and shape of carry[i]; carries and outputs are all f64 or all f32. `options` may be
 * NULL. Fails on other dtypes, shapes that differ, n or checkpoints below 0. An error in a step is reported when
 * evaluated and names the step. O(n) evaluations of the step; memory of two states besides the result. */
tw_expr tw_scan(tw_expr k, int64_t n, int n_carry, const tw_expr *carry, const tw_expr *init, const tw_expr *next,
                int n_out, const tw_expr *out, const tw_scan_options *options);
tw_expr tw_scan_final(tw_expr scan, int i); /* state_n: init[i] when n = 0 */
tw_expr tw_scan_out(tw_expr scan, int j);   /* [n, out[j]'s shape..] */

/* ------------------------------------------------------------------ transforms */

/* Rewrites `n` outputs with from[i] replaced by to[i] (same types), all at once. results may be outputs. */
tw_status tw_substitute(int n, const tw_expr *outputs, int m, const tw_expr *from, const tw_expr *to, tw_expr *results);
/* results[i] = sum_j d outputs[i] / d inputs[j] . tangents[j]; a TW_NONE tangent or result is a zero. */
tw_status tw_jvp(int n, const tw_expr *outputs, int m, const tw_expr *inputs, const tw_expr *tangents, tw_expr *results);
/* results[j] = sum_i (d outputs[i] / d inputs[j])' cotangents[i]. */
tw_status tw_vjp(int n, const tw_expr *outputs, const tw_expr *cotangents, int m, const tw_expr *inputs, tw_expr *results);
/* As above for one function; zeros are materialised. Inputs may be any expressions, not only leaves. */
tw_expr tw_grad(tw_expr scalar, tw_expr x);              /* shape of x */
tw_expr tw_hvp(tw_expr scalar, tw_expr x, tw_expr v);    /* Hessian times v */
tw_expr tw_jacobian(tw_expr e, tw_expr x);               /* e.shape + x.shape, dense */
tw_expr tw_hessian(tw_expr scalar, tw_expr x);           /* x.shape + x.shape, dense */
/* Evaluates `outputs` for `size` values of inputs at once: replacement[j] has a leading axis of `size`; results have
 * it too (an output that does not depend on the inputs is broadcast) and may be outputs. */
tw_status tw_batch(int n, const tw_expr *outputs, int m, const tw_expr *inputs, const tw_expr *replacements,
                   int64_t size, tw_expr *results);
/* What batching does for an op without a rule, for rules that cover some cases only: a loop over the batch. */
tw_expr tw_batch_by_loop(tw_expr node, int64_t size, const tw_expr *in, const bool *batched);
bool tw_depends(tw_expr e, int m, const tw_expr *inputs);
/* e[k, ..] for an integer scalar k, with the look-up moved down to what e is computed of wherever an op's rows come of rows of its
 * operands (element-wise ops, products, reductions along other axes, look-ups, stacks over an index set, ..), so that a row costs
 * the work of a row. tw_rows: for every element of an index vector, along a new leading axis. */
tw_expr tw_row(tw_expr e, tw_expr k);
tw_expr tw_rows(tw_expr e, tw_expr index);

/* A closed function for higher-order ops: outputs that depend on params alone. Arena-owned. params are canonical
 * placeholder nodes (tw_param), so that equal bodies are equal. */
typedef struct tw_body {
  int n_params, n_outputs;
  tw_expr *params, *outputs;
} tw_body;
tw_expr tw_param(tw_graph *graph, int k, tw_dtype dtype, tw_shape shape);
/* Closes `outputs` over the `bound` inputs: params are the bound ones, then one for every maximal subexpression that
 * does not depend on them; those expressions come back in *captured (arena-owned, *n_captured of them).
 * Constants small enough to copy stay inside. NULL on failure (see the graph's status). */
const tw_body *tw_body_close(tw_graph *graph, int n_bound, const tw_expr *bound, int n, const tw_expr *outputs,
                             int *n_captured, tw_expr **captured);
/* A body from outputs over params that are already tw_param 0 .. n_params-1. */
const tw_body *tw_body_make(tw_graph *graph, int n_params, const tw_expr *params, int n, const tw_expr *outputs);
/* The body's outputs with its params replaced by `args`. */
tw_status tw_body_inline(const tw_body *body, const tw_expr *args, tw_expr *results);

/* ------------------------------------------------------------------ sparse derivatives
 * Matrices whose columns are the elements of the inputs x[0] .. x[m-1], one input after the other, and whose rows are the
 * elements of e (Jacobian) or again those of the inputs (Hessian, of which only the lower triangle is there). Entries that
 * are zero by the structure of the graph are left out, whatever the values of inputs; those left may be zero by chance. */

/* Compressed columns: column j has entries colptr[j] .. colptr[j+1]-1, whose rows ascend. The caller owns the two arrays
 * and releases them with tw_pattern_free. */
typedef struct tw_pattern {
  int64_t rows, cols, nnz;
  int64_t *colptr, *rowidx;
} tw_pattern;
void tw_pattern_free(tw_pattern *pattern);
/* Errors stick to the graph, whose status is returned; then *out is zero. Time and memory O(n + nnz) for loops over index
 * sets and element-wise arrays; a matrix of more than 1e8 entries with no structure to see is TW_ERR_UNSUPPORTED. Where
 * rows and columns meet through dense products and reductions, O(nodes' elements + rows cols): looking for structure is
 * given up, and the pattern is full, once it has cost a multiple of what the full pattern costs. The depth of the graph
 * does not matter: the stack needed is bounded (below 512 KiB). */
tw_status tw_jacobian_pattern(tw_expr e, int m, const tw_expr *x, tw_pattern *out);
tw_status tw_hessian_pattern(tw_expr scalar, int m, const tw_expr *x, tw_pattern *out);

/* How values are had. Sums and stacks of f(x[i_1(k)], .., x[i_p(k)]) over index sets, element-wise arrays, products with
 * matrices that are known and sparse, and linear parts are differentiated element by element: the body once, in the p
 * numbers it reads, and its derivatives are scattered to their places in one pass over k. What has no such form (p above
 * 32, for Jacobians 64; solves, running sums .. of x) is had from products with few vectors, by coloring (Curtis, Powell &
 * Reid 1974; Coleman & More 1983), or from the dense derivative where there are more colors than half of the vectors which
 * that takes. A derivative with parts of several kinds names the last of these ways that it needs. Positions in index
 * expressions count as known when they follow from constants and indices; where they are parameters, any element may be
 * meant. */
typedef enum tw_sparse_way { TW_BY_ELEMENTS, TW_BY_COLORING, TW_BY_DENSE } tw_sparse_way;
/* Columns or rows of one color share none of the other at distance 2; of symmetric matrices, any two colors form stars or trees. */
typedef enum tw_sparse_coloring { TW_COLORS_OF_COLUMNS, TW_COLORS_OF_ROWS, TW_COLORS_OF_STARS, TW_COLORS_OF_TREES } tw_sparse_coloring;

typedef struct tw_sparse_derivative {
  tw_pattern pattern;
  tw_expr values; /* [nnz] of the dtype of e: an expression like any other */
  tw_sparse_way way;
  int64_t colors; /* products by vectors, with TW_BY_COLORING */
  tw_sparse_coloring coloring; /* likewise */
} tw_sparse_derivative;
const char *tw_sparse_way_name(const tw_sparse_derivative *derivative); /* "element by element", "star coloring", .. */
void tw_sparse_derivative_free(tw_sparse_derivative *derivative); /* the pattern */
tw_status tw_sparse_jacobian(tw_expr e, int m, const tw_expr *x, tw_sparse_derivative *out);
tw_status tw_sparse_hessian(tw_expr scalar, int m, const tw_expr *x, tw_sparse_derivative *out);

#ifdef __cplusplus
}
#endif

#include <talweg/graph_fn.h>
#include <talweg/graph_op.h>
#endif
