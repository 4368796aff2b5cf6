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
 * sets and element-wise arrays; a matrix of more than 1e8 entries with no structure to see is TW_ERR_UNSUPPORTED. */
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

typedef struct tw_sparse_derivative {
  tw_pattern pattern;
  tw_expr values; /* [nnz] of the dtype of e: an expression like any other */
  tw_sparse_way way;
  int64_t colors; /* products by vectors, with TW_BY_COLORING */
} tw_sparse_derivative;
void tw_sparse_derivative_free(tw_sparse_derivative *derivative); /* the pattern */
tw_status tw_sparse_jacobian(tw_expr e, int m, const tw_expr *x, tw_sparse_derivative *out);
tw_status tw_sparse_hessian(tw_expr scalar, int m, const tw_expr *x, tw_sparse_derivative *out);

/* ------------------------------------------------------------------ functions */

typedef struct tw_fn tw_fn;     /* immutable after tw_fn_new; shared by threads */
typedef struct tw_work tw_work; /* one per thread: buffers and the state of nested solves */

/* Plain arithmetic of passes as native code, made by the system's C compiler and kept in a cache (see tw_cache_folder). The
 * bits are the same with and without. AUTO: once the time that it would have saved exceeds what compiling takes. Without a
 * compiler, or when anything goes wrong, evaluation goes on as before. */
typedef enum tw_jit { TW_JIT_AUTO, TW_JIT_ON, TW_JIT_OFF } tw_jit;

/* What the caller lends to an evaluation. Zero-initialise for defaults. */
typedef struct tw_exec {
  int threads;              /* 0: all cores */
  double inner_tolerance;   /* for nested solves; 0: their own default */
  double deadline;          /* for nested solves, on tw_now's clock: leave then with TW_ERR_LIMIT; 0: none */
  const volatile int *stop; /* nonzero: leave at the next chance with TW_ERR_INTERRUPT */
  const tw_logger *log;
  tw_jit jit;
  struct tw_profile *profile; /* NULL: not measured */
  int depth;                  /* of functions inside ops: 0 is the outermost (for profiles) */
} tw_exec;

enum {
  TW_MODE_SERIAL = 1,  /* will run inside a parallel region: its own loops use one thread */
  TW_MODE_UNFUSED = 2  /* every op by its own kernel: the slow, plain reference */
};
typedef struct tw_fn_options {
  /* Level of every input (NULL: all 0): how often it changes, 0 the least. A call names the lowest level that has
   * changed; what depends only on lower levels is kept from the call before. */
  const int *levels;
  unsigned mode; /* TW_MODE_*; ops hand it on to the functions inside them (see tw_op.prepare) */
} tw_fn_options;

/* Compiles inputs -> outputs. Inputs are tw_input or tw_param nodes; outputs depend on nothing else. */
tw_status tw_fn_new(tw_fn **fn, int n_inputs, const tw_expr *inputs, int n_outputs, const tw_expr *outputs,
                    const tw_fn_options *options, tw_error *error);
void tw_fn_free(tw_fn *fn);
size_t tw_fn_work_bytes(const tw_fn *fn); /* planned buffers of one workspace */
size_t tw_fn_live_bytes(const tw_fn *fn); /* the largest live set: a lower bound for the above */
int tw_fn_steps(const tw_fn *fn);
double tw_fn_flops(const tw_fn *fn);
tw_status tw_work_new(tw_work **work, const tw_fn *fn, tw_error *error);
void tw_work_free(tw_work *work);
void tw_work_exec(tw_work *work, const tw_exec *exec); /* copied; NULL: defaults */
/* Runs: inputs[i] and outputs[i] are contiguous C-order arrays of the declared types. `level`: inputs at levels below
 * it are unchanged since the last successful call with this workspace (0: anything may have changed).
 * Allocates nothing, nested solves apart. */
tw_status tw_fn_call(const tw_fn *fn, tw_work *work, const void *const *inputs, void *const *outputs, int level,
                     tw_error *error);
/* Visits the state of every stateful op, nested ones included. */
typedef void tw_state_visitor(void *context, tw_expr node, void *state);
void tw_work_visit(tw_work *work, tw_state_visitor *visitor, void *context);
/* Visits the numbers that states carry from call to call (warm starts), so that a checkpoint can keep them: the order is
 * that of the steps; data may be overwritten with values saved from an equal function's workspace. n < 0 (data NULL): what
 * comes next could not be made, and the visit is of no use. */
typedef void tw_memory_visitor(void *context, double *data, int64_t n);
void tw_work_memory(tw_work *work, tw_memory_visitor *visitor, void *context);
/* The planned steps as a table: what runs, on how many elements, flops, bytes, where results go; then the workspace. */
void tw_fn_describe(const tw_fn *fn, tw_text *out);
/* Convenience: compile, evaluate an expression without inputs into a new array, release. */
tw_status tw_eval(tw_expr e, tw_array *out, tw_error *error);

/* ------------------------------------------------------------------ what functions cost */

/* A node of a planned function. A step is one node, or a pass over several, which is the entries of equal `step`. */
typedef struct tw_cost {
  int step;
  tw_expr node;
  double flops; /* by the op's rule */
  double bytes; /* read from and written to memory at least: nothing between the nodes of a pass */
  double moved; /* what the kernel moves: with its copies, and with what it reads again */
} tw_cost;
/* Copies at most `most` entries, in the order of steps; the number there are. Functions inside ops are part of the op. */
int tw_fn_costs(const tw_fn *fn, int most, tw_cost *costs);

/* A value or scratch memory in the workspace from one step to another, both included. */
typedef struct tw_held {
  tw_expr node; /* the value's, or of the step whose scratch it is */
  int first, last;
  size_t bytes;
  bool scratch;
} tw_held;
int tw_fn_held(const tw_fn *fn, int most, tw_held *held);

/* ------------------------------------------------------------------ profiles */

/* Where time goes, step by step. Set tw_exec.profile; any number of functions and threads may share one. */
typedef struct tw_profile tw_profile;
tw_profile *tw_profile_new(void); /* NULL when out of memory */
void tw_profile_free(tw_profile *profile);

typedef struct tw_profile_row {
  char name[96];        /* the op and its shape, or the ops of a pass */
  char kind[32];        /* tw_op_kind_name */
  int depth;            /* 0: its time adds up to the total; deeper steps are part of an outer one */
  bool single;          /* f32 */
  int64_t calls;
  double seconds, flops, bytes; /* of all calls; bytes read and written at least */
  double cached;                /* of the bytes, those of calls small enough for a cache */
} tw_profile_row;
/* Copies at most `most` rows, by falling seconds; the number there are. */
int tw_profile_rows(const tw_profile *profile, int most, tw_profile_row *rows);

/* What this machine can do with `threads` threads, as measured: the best of products of matrices by BLAS, and of sums over one
 * array, copies and sums of two arrays into a third, on arrays within each cache and on arrays four times the last. */
typedef enum tw_memory_level { TW_CACHE_1, TW_CACHE_2, TW_CACHE_3, TW_MEMORY, TW_MEMORY_LEVELS } tw_memory_level;
typedef struct tw_machine {
  int threads;
  double flops, flops_single;       /* per second, f64 and f32 */
  double size[TW_MEMORY_LEVELS];    /* bytes that a cache holds, of all threads; of memory: infinite */
  double rate[TW_MEMORY_LEVELS];    /* bytes per second */
  double triad;                     /* of them, a = b + c alone in memory, without the lines that are read to be written */
} tw_machine;
/* 0: all cores, 16 at most. About two seconds for a thread. */
tw_status tw_machine_measure(int threads, tw_machine *machine, tw_error *error);
/* The same, measured once and kept in the user's cache folder (see tw_cache_folder). */
tw_status tw_machine_get(int threads, tw_machine *machine, tw_error *error);
/* The roof (Williams, Waterman & Patterson 2009): the least seconds for so many flops and bytes. Of bytes that fit twice into
 * a cache's size some may be found there, so they go at its rate. */
double tw_machine_least(const tw_machine *machine, bool single, double flops, double bytes);
double tw_machine_rate(const tw_machine *machine, double bytes);
/* "compute" or "memory", whichever the roof is made of; "overhead" when it took more than 5 times the least. */
const char *tw_machine_bound(const tw_machine *machine, bool single, double flops, double bytes, double seconds);

/* Roofline tables by step and by kind: time, flop/s and byte/s, their share of what the machine can do, and what bounds
 * each: compute, memory, or overhead (more than 5 times what the roof allows). */
void tw_profile_table(const tw_profile *profile, const tw_machine *machine, tw_text *out);
/* The events in Chrome's trace format (chrome://tracing, Perfetto), with the rows as `otherData`. */
void tw_profile_trace(const tw_profile *profile, const tw_machine *machine, tw_text *json);

/* ------------------------------------------------------------------ steps, timed */

typedef struct tw_measure_options {
  int warm_up, runs; /* 0: 2 and 10 */
  bool counters;     /* of the processor, in runs of their own; without effect where the system does not permit them */
} tw_measure_options;

typedef struct tw_step_time {
  double median, low, high; /* seconds; low and high: the 10th and 90th percentile */
  int repeats;              /* runs in a row behind one sample: above 1 for steps too short for the clock */
  double cycles, instructions, misses; /* of the calling thread, medians; NaN: not counted. Misses: of the last cache */
} tw_step_time;

typedef struct tw_measurement {
  int runs;
  double probe;    /* seconds that reading the clock takes, taken off every step */
  double wall;     /* of a call while its steps are timed, and.. */
  double plain;    /* .. while they are not: medians */
  double coverage; /* the sum of step times over the wall time of the call: median */
} tw_measurement;
/* Calls `fn` again and again with these arguments and times its steps; step[tw_fn_steps]. Steps of less than 20 times the
 * probe are timed in a row, except those that overwrite what they read or keep a state. Errors are those of tw_fn_call. */
tw_status tw_fn_measure(const tw_fn *fn, tw_work *work, const void *const *inputs, void *const *outputs,
                        const tw_measure_options *options, tw_step_time *step, tw_measurement *whole, tw_error *error);

/* ------------------------------------------------------------------ functions as C source */

/* C11 files of functions that stand alone: no dependency but libm, no allocation, re-entrant. Their size does not depend on
 * the extents of loops and arrays, constants' data apart. */
typedef struct tw_source tw_source;
tw_source *tw_source_new(void); /* NULL when out of memory */
void tw_source_free(tw_source *source);
/* Appends `int name(const T *input.., T *output.., struct name_work *work)`, from the plan of `fn`: 0, or nonzero where the
 * library would have failed (an index outside its array, a singular matrix). Argument names are those of the inputs; outputs
 * are named by `outputs` (copied). TW_ERR_UNSUPPORTED names an op that has no C form. Builds on the function's graph, where
 * bodies of loops are planned anew. */
tw_status tw_source_add(tw_source *source, const char *name, const tw_fn *fn, const char *const *outputs, tw_error *error);

typedef struct tw_source_argument { /* an array that inputs of a function are parts of, or outputs */
  const char *name;    /* becomes a C identifier unlike the others */
  const char *meaning; /* for the comment; NULL: none */
  tw_dtype dtype;
  tw_shape shape;
  bool output;
} tw_source_argument;
typedef struct tw_source_part { /* `offset` elements into argument number `argument` */
  int argument;
  int64_t offset;
} tw_source_part;
/* The same with these n arguments in this order: part[k] is where input k of `fn` lies, and then where its outputs go. Outputs
 * overlap neither each other nor inputs. `meaning` goes to the function's comment. */
tw_status tw_source_add_packed(tw_source *source, const char *name, const char *meaning, const tw_fn *fn, int n,
                               const tw_source_argument *arguments, const tw_source_part *part, tw_error *error);
/* The op that the last TW_ERR_UNSUPPORTED was about; NULL: none. */
const tw_op *tw_source_refused(const tw_source *source);
/* A comment of these lines between the functions. */
void tw_source_comment(tw_source *source, const char *lines);
/* The file and its header (either may be NULL); `title` goes to the first comment, `include` is the header's file name. */
tw_status tw_source_write(const tw_source *source, const char *title, const char *include, tw_text *c, tw_text *header,
                          tw_error *error);

/* ------------------------------------------------------------------ ops: what a new one must say */

typedef struct tw_emitter tw_emitter;

typedef struct tw_type {
  tw_dtype dtype;
  tw_shape shape;
} tw_type;

typedef struct tw_args {
  tw_graph *graph;
  const tw_op *op;
  int n;
  const tw_expr *in;
  const void *attr;
} tw_args;

typedef struct tw_call {
  tw_expr node;
  const void *const *in; /* contiguous */
  void *out;             /* contiguous, uninitialised */
  void *scratch;         /* op->scratch(node) bytes, 64-byte aligned */
  void *state;           /* what op->open made */
  const tw_exec *exec;
  tw_error *error;
} tw_call;

/* How a result's elements lie in its operand: element [i_0, i_1, ..] is operand element offset + sum_k i_k stride[k], i_0
 * along the innermost axis. */
typedef struct tw_view {
  int rank;
  int64_t dim[TW_MAX_RANK], stride[TW_MAX_RANK], offset;
} tw_view;

/* An inner loop: out[r * n + i] = f(in[k][r * row[k] + i * step[k]] ..) for r < rows, i < n; step[k] is 0 or 1. out may be an
 * operand of out's element size. Loops of one operand are called with rows = 1 and step 1. */
typedef void tw_loop(int64_t rows, int64_t n, const void *const *in, const int64_t *row, const int64_t *step, void *out);

enum {
  TW_OP_ELEMENTWISE = 1, /* out[i] depends on the broadcast in[.][i] alone; see loop and formula */
  TW_OP_COMMUTATIVE = 2,
  TW_OP_ALIAS = 4,       /* out is in[0]'s memory from element op->alias(node) on */
  TW_OP_IMPURE = 8,      /* never shared nor folded (has state) */
  TW_OP_CONSTANT_DERIVATIVE = 16 /* derivative zero everywhere: no rules needed */
};

/* What an op spends its time on, for profiles. Ops flagged TW_OP_ELEMENTWISE need not say so again. */
typedef enum tw_op_kind {
  TW_OP_KIND_OTHER,
  TW_OP_KIND_ELEMENTWISE,
  TW_OP_KIND_PRODUCT,
  TW_OP_KIND_CONVOLUTION,
  TW_OP_KIND_ATTENTION,
  TW_OP_KIND_FACTORIZATION, /* and solves with factors */
  TW_OP_KIND_REDUCTION,
  TW_OP_KIND_LOOKUP,
  TW_OP_KIND_MOVEMENT,
  TW_OP_KIND_SCAN,
  TW_OP_KIND_LOOP,
  TW_OP_KIND_NESTED, /* a solve */
  TW_OP_KINDS
} tw_op_kind;
/* "element-wise", "product", .. */
const char *tw_op_kind_name(tw_op_kind kind);
tw_op_kind tw_op_kind_of(const tw_op *op);

struct tw_op {
  const char *name, *summary;
  unsigned flags;
  tw_op_kind kind;
  int arity; /* -1: any number */
  size_t attr_bytes;
  /* Result type; on failure calls tw_graph_fail with the op's name and the offending shapes and returns false. */
  bool (*infer)(const tw_args *args, tw_type *type);
  /* An equivalent simpler expression, or TW_NONE. Optional. */
  tw_expr (*simplify)(const tw_args *args);
  tw_status (*kernel)(const tw_call *call);
  size_t (*scratch)(tw_expr node);
  int64_t (*alias)(tw_expr node);
  /* Element-wise ops that may be fused with others: the loop over the node's elements, which cannot fail (NULL: not for
   * this node), and the same as a C expression in the operands a, b, c, of their own C types, for the C that is written. */
  tw_loop *(*loop)(tw_expr node);
  const char *(*formula)(tw_expr node);
  /* Ops that rearrange in[0] by steps along axes tell where its elements go. */
  bool (*view)(tw_expr node, tw_view *view);
  /* Element-wise ops give d out / d in[i] (TW_NONE: zero) and get jvp and vjp from it. */
  tw_expr (*partial)(tw_expr node, int i);
  tw_expr (*jvp)(tw_expr node, const tw_expr *tangents);
  /* cotangents: TW_NONE on entry, TW_UNASKED of inputs whose cotangent will not be looked at; leave zeros so. */
  void (*vjp)(tw_expr node, tw_expr cotangent, tw_expr *cotangents);
  /* The op on inputs of which those marked have a leading axis of `size`. Optional for element-wise ops; without it
   * the op is looped over the batch. */
  tw_expr (*batch)(tw_expr node, int64_t size, const tw_expr *in, const bool *batched);
  double (*flops)(tw_expr node);
  /* Bytes read and written at least, where that is not every operand once and the result once; and those that the kernel
   * moves, where that is more (`prepared`: see below; NULL where there is none). Optional. */
  double (*bytes)(tw_expr node);
  double (*moved)(tw_expr node, const void *prepared);
  /* Writes C that computes the node: `in` and `out` are C expressions of pointers. See src/graph/emit/emit.h; ops with
   * `formula` or `view` alone need none. Optional: functions with ops that have none are refused by tw_source_add. */
  void (*emit)(tw_emitter *e, tw_expr node, const char *const *in, const char *out);
  /* Stateful ops: compile bodies once per tw_fn; open a state per workspace. All optional. */
  tw_status (*prepare)(tw_expr node, unsigned mode, void **prepared, tw_error *error); /* mode of the function around */
  void (*release)(void *prepared);
  const tw_fn *(*function)(const void *prepared, int i); /* the i-th function inside; NULL after the last */
  tw_status (*open)(tw_expr node, void *prepared, void **state, tw_error *error);
  void (*close)(void *state);
  void (*visit)(void *state, tw_state_visitor *visitor, void *context); /* bodies' states */
  void (*memory)(void *state, tw_memory_visitor *visitor, void *context); /* numbers carried from call to call */
  /* A typical node for the property tests over fresh inputs of dtype `dtype` drawn from [low, high]; variant 0, 1, ..
   * until TW_NONE. Ops without one are not in the table of built-in ops. */
  tw_expr (*example)(tw_graph *graph, tw_dtype dtype, int variant);
  double low, high;
};

/* A node of any op, built-in or the caller's own; attr is copied (op->attr_bytes). The descriptor must outlive the graph. */
tw_expr tw_node(tw_graph *graph, const tw_op *op, int n, const tw_expr *in, const void *attr);
/* The built-in ops of this room, for tests and documentation; NULL-terminated. */
const tw_op *const *tw_op_table(void);

#ifdef __cplusplus
}
#endif
#endif
