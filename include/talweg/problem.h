/* problem: what may change, what is wanted, what can be observed. A problem is stated once, over expressions or
 * callbacks; an oracle answers questions about it at a point. */
#ifndef TALWEG_PROBLEM_H
#define TALWEG_PROBLEM_H

#include <talweg/domain.h>
#include <talweg/linear.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------ problems over expressions */

typedef enum tw_goal { TW_GOAL_NONE, TW_GOAL_MINIMIZE, TW_GOAL_MAXIMIZE, TW_GOAL_ROOT, TW_GOAL_FIXPOINT } tw_goal;
typedef enum tw_var_kind { TW_CONTINUOUS, TW_INTEGER, TW_BINARY } tw_var_kind;

/* Read-only views of what was stated; pointers live as long as the problem. */
typedef struct tw_variable {
  const char *name;
  tw_expr expr;          /* an f64 tw_input */
  tw_var_kind kind;      /* of all elements; where they differ, TW_INTEGER */
  const tw_var_kind *kinds; /* of each element, where they differ; NULL: all are `kind` */
  tw_domain domain;      /* kind NULL: none */
  tw_expr lower, upper;  /* broadcastable to the shape; TW_NONE: none */
  tw_expr start;         /* TW_NONE: 0 moved into the bounds */
  int64_t offset, size;  /* position in the flat vector of all variables */
} tw_variable;

typedef struct tw_parameter {
  const char *name;
  tw_expr expr;   /* a tw_input */
  tw_array value; /* owned by the problem */
} tw_parameter;

typedef struct tw_constraint { /* lower <= expr <= upper, element-wise; equality when both are the same expression */
  const char *name;
  tw_expr expr, lower, upper; /* TW_NONE bound: infinite */
  int64_t offset, size;       /* position among all constraint rows */
} tw_constraint;

typedef struct tw_problem tw_problem;
tw_problem *tw_problem_new(tw_graph *graph); /* borrows the graph; NULL when out of memory */
void tw_problem_free(tw_problem *problem);
tw_graph *tw_problem_graph(const tw_problem *problem);

/* Statements. Errors (duplicate names, shapes) stick to the graph, as for expressions. Names are copied. */
tw_expr tw_problem_variable(tw_problem *p, const char *name, tw_shape shape);
void tw_problem_bounds(tw_problem *p, tw_expr variable, tw_expr lower, tw_expr upper);
void tw_problem_domain(tw_problem *p, tw_expr variable, tw_domain domain);
void tw_problem_kind(tw_problem *p, tw_expr variable, tw_var_kind kind);
/* One kind for each element, copied. Binary elements are cut to 0..1. */
void tw_problem_kinds(tw_problem *p, tw_expr variable, const tw_var_kind *kinds);
void tw_problem_start(tw_problem *p, tw_expr variable, tw_expr start);
/* An input with a current value that solves read and sensitivities differentiate; the value is copied. */
tw_expr tw_problem_parameter(tw_problem *p, const char *name, const tw_array *value);
tw_status tw_problem_set_parameter(tw_problem *p, const char *name, const tw_array *value, tw_error *error); /* same shape */
void tw_problem_minimize(tw_problem *p, const char *name, tw_expr objective); /* scalar; name may be NULL */
void tw_problem_maximize(tw_problem *p, const char *name, tw_expr objective);
void tw_problem_subject(tw_problem *p, const char *name, tw_expr expr, tw_expr lower, tw_expr upper);
/* root: expr == 0 for every constraint stated; the number of rows equals the number of unknowns. */
void tw_problem_root(tw_problem *p);
/* fixpoint: variable = map, once for every variable. */
void tw_problem_fixpoint(tw_problem *p, tw_expr variable, tw_expr map);
void tw_problem_report(tw_problem *p, const char *name, tw_expr expr);

tw_goal tw_problem_goal(const tw_problem *p);
const char *tw_problem_objective_name(const tw_problem *p);
tw_expr tw_problem_objective(const tw_problem *p); /* as stated (not negated for maximize) */
int tw_problem_variables(const tw_problem *p);
const tw_variable *tw_problem_variable_at(const tw_problem *p, int i);
static inline tw_var_kind tw_variable_kind(const tw_variable *v, int64_t element) { return v->kinds ? v->kinds[element] : v->kind; }
int tw_problem_parameters(const tw_problem *p);
const tw_parameter *tw_problem_parameter_at(const tw_problem *p, int i);
int tw_problem_constraints(const tw_problem *p);
const tw_constraint *tw_problem_constraint_at(const tw_problem *p, int i);
tw_expr tw_problem_map(const tw_problem *p, int variable); /* fixpoint map */
/* A variable's set cut by its bounds; kind NULL: the whole space. Unsupported pairs set the graph's error. */
tw_domain tw_problem_set(const tw_problem *p, int variable);
int64_t tw_problem_size(const tw_problem *p); /* flat length of all variables */
int64_t tw_problem_rows(const tw_problem *p); /* flat length of all constraints */
int tw_problem_reports(const tw_problem *p);
const char *tw_problem_report_name(const tw_problem *p, int i);
tw_expr tw_problem_report_expr(const tw_problem *p, int i);

/* ------------------------------------------------------------------ class */

typedef enum tw_degree { TW_CONSTANT, TW_LINEAR, TW_QUADRATIC, TW_NONLINEAR } tw_degree;
typedef enum tw_curvature { TW_CURV_UNKNOWN, TW_CURV_AFFINE, TW_CURV_CONVEX, TW_CURV_CONCAVE } tw_curvature;
/* Of an expression in the given inputs, from its graph (polynomial degree; disciplined-convexity rules). */
tw_degree tw_degree_in(tw_expr e, int m, const tw_expr *inputs);
tw_curvature tw_curvature_in(tw_expr e, int m, const tw_expr *inputs);

typedef struct tw_class {
  const char *name; /* "LP" "QP" "least squares" "nonlinear least squares" "convex" "composite" "NLP" "MILP" "MINLP" "root" "fixed point"
                       "smooth" */
  bool integer, bounded; /* bounded: every set is a box (bounds included), and there is one */
  bool has_set;          /* a set that is no box */
  bool has_regularizer, constrained;
  bool convex;           /* proven at the current parameter values: objective, constraints and sets, integrality aside */
  bool kinks;            /* |x|, max, norms and the like occur in the smooth part or in constraints */
  tw_degree objective, constraints; /* of the smooth part; the largest of all constraints */
  const unsigned char *constraint_degree; /* of each constraint; arena-owned, NULL without constraints */
  tw_expr residual;       /* minimise scale * |residual|^2 + offset, when the objective is a sum of squares; else TW_NONE */
  double residual_scale,
      residual_offset; /* the offset at the current parameter values; NaN when outer names of a nested problem occur in it */
  tw_expr residual_constant;              /* and as an expression in the parameters; TW_NONE without a residual */
  tw_expr smooth;         /* objective (sense: minimise) without its regularizers */
  int n_regularizers;     /* at most one per variable, each on a whole variable; otherwise treated as smooth terms */
  struct tw_reg_term {
    int variable;
    const tw_regularizer_kind *kind;
    tw_expr weight, param[TW_REGULARIZER_PARAMS];
  } * regularizers; /* arena-owned */
} tw_class;
/* Without an objective but with constraints: feasibility, the objective 0. Fails on sets and bounds that cannot be combined,
 * on roots whose equations do not match the unknowns and on incomplete fixed points. */
tw_status tw_classify(const tw_problem *p, tw_class *out, tw_error *error);

/* ------------------------------------------------------------------ oracles */

enum { /* what an oracle offers and a method needs */
  TW_VALUE = 1 << 0,
  TW_GRADIENT = 1 << 1,     /* value and gradient together */
  TW_CURVATURE = 1 << 2,    /* Hessian-vector products (of the Lagrangian when there are constraints) */
  TW_HESSIAN = 1 << 3,      /* dense Hessian */
  TW_RESIDUAL = 1 << 4,     /* r(x): least squares (minimise residual_scale |r|^2 + offset), root (r = 0), fixed point (r = map(x) - x) */
  TW_RESIDUAL_JVP = 1 << 5, /* products with the Jacobian of r and its transpose */
  TW_RESIDUAL_JACOBIAN = 1 << 6, /* dense */
  TW_PROJECT = 1 << 7,      /* projection on the variables' sets and bounds; only when there are any */
  TW_PROX = 1 << 8,         /* prox of eta times all regularizers (and bounds/sets when separable from them) */
  TW_MIRROR = 1 << 9,
  TW_CONSTRAINTS = 1 << 10, /* c(x), products with its Jacobian and transpose */
  TW_BOUNDS = 1 << 11,      /* lower/upper are not NULL and say all there is to say about the variables' sets */
  TW_SPARSE = 1 << 12,      /* matrices of derivatives in compressed columns, where they are sparse */
  TW_QP = 1 << 13,          /* a linear or quadratic program: f has degree 2 at most, c degree 1, and sets are boxes, so that the
                               derivatives at one point say all */
  TW_CONVEX = 1 << 14,      /* proven: f, constraints and sets are convex, integrality aside */
  TW_CONIC = 1 << 15        /* a convex problem that may have a conic form: `conic` gives it, or says what has none */
};

/* Matrices of derivatives. */
typedef enum tw_matrix {
  TW_MATRIX_HESSIAN,     /* of the objective: lower triangle of n x n */
  TW_MATRIX_LAGRANGIAN,  /* of f + y'c: likewise */
  TW_MATRIX_CONSTRAINTS, /* Jacobian of c: m x n */
  TW_MATRIX_RESIDUAL,    /* Jacobian of r: k x n */
  TW_MATRICES
} tw_matrix;

/* A convex problem over cones,
 *
 *   minimise  1/2 v'P v + c'v + constant   subject to   A v + s = b,  s in K,
 *
 * with the multipliers y in the dual cone:  P v + c + A'y = 0,  s'y = 0. */
typedef struct tw_conic {
  int64_t n, m;
  tw_csc p; /* n x n, lower triangle */
  tw_csc a; /* m x n */
  double *c, *b, constant;
  int64_t cones;
  tw_cone *cone;   /* their rows follow one another */
  int64_t n_x;
  int64_t *column; /* n_x: the problem's variables are x_j = v[column[j]] */
  int64_t duals;
  struct tw_conic_dual { /* the multiplier of the problem's constraint row `row` is the sum of sign y[of] */
    int64_t row, of;
    double sign;
  } *dual;
} tw_conic;
void tw_conic_free(tw_conic *conic);
/* Whether there is one: TW_OK, or TW_ERR_UNSUPPORTED with the expression that no cone stands for. Builds on the graph, derives
 * nothing. */
tw_status tw_conic_exists(const tw_problem *p, const tw_class *cls, tw_error *error);

/* The smooth part over blocks x_i of x that meet in few numbers z, for methods that move one block after the other:
 *
 *   f(x) = outer(z) + sum_i own_i(x_i),   z = sum_i A_i e_i(x_i)
 *
 * Blocks are the rows (or entries) of a variable W that meets the others in products X W with a fixed X, as in least squares
 * and linear models, where set, regularizer and all other terms deal with each row by itself; every other variable is one block,
 * and is part of z. Functions as an oracle's, of the same thread. */
typedef struct tw_blocks {
  void *context;
  int64_t count, longest, n_z;
  const int64_t *start, *size; /* count each: block i is x[start_i .. start_i + size_i - 1] */
  tw_status (*product)(void *context, const double *x, double *z, tw_error *error);
  tw_status (*outer)(void *context, const double *z, double *f, double *gz, tw_error *error); /* and its gradient (n_z) */
  /* own_i(x_i), and the gradient of f in x_i (size_i) from gz; gz and g NULL: own_i alone. */
  tw_status (*block)(void *context, int64_t i, const double *x_i, const double *gz, double *own, double *g, tw_error *error);
  /* prox of eta times the regularizer, or the projection, of block i; out may not be v. */
  tw_status (*prox)(void *context, int64_t i, const double *v, double eta, double *out, tw_error *error);
  tw_status (*move)(void *context, int64_t i, const double *from, const double *to, double *z, tw_error *error); /* z follows */
} tw_blocks;

/* Everything flat, f64, contiguous; n variables, m constraint rows, k residual rows. All functions return TW_OK or
 * an error with message; a point outside the objective's domain gives TW_OK with NaN or inf in *f. Minimisation always
 * (maximise is negated). An oracle answers one thread at a time; tw_oracle_clone gives another. Fill in only what
 * `offers` names. */
typedef struct tw_oracle tw_oracle;
struct tw_oracle {
  void *context;
  int64_t n, m, k;
  unsigned offers;
  double residual_scale, residual_offset;
  const double *lower, *upper;     /* n each, +-inf where free; NULL: no bounds */
  const double *c_lower, *c_upper; /* m each */
  const bool *c_linear;            /* m: rows that are known to be linear in x; NULL: all with TW_QP, else none */
  const tw_var_kind *kinds;        /* n: which variables are integer; NULL: none */
  tw_status (*value)(void *context, const double *x, double *f, tw_error *error);
  tw_status (*gradient)(void *context, const double *x, double *f, double *g, tw_error *error);
  /* out = (hess f(x) + sum_i y_i hess c_i(x)) v; y NULL: objective alone. */
  tw_status (*hvp)(void *context, const double *x, const double *y, const double *v, double *out, tw_error *error);
  tw_status (*hessian)(void *context, const double *x, const double *y, double *h, tw_error *error); /* n x n */
  tw_status (*residual)(void *context, const double *x, double *r, tw_error *error);
  tw_status (*residual_jvp)(void *context, const double *x, const double *v, double *jv, tw_error *error);
  tw_status (*residual_vjp)(void *context, const double *x, const double *u, double *jtu, tw_error *error);
  tw_status (*residual_jacobian)(void *context, const double *x, double *j, tw_error *error); /* k x n row-major */
  tw_status (*constraints)(void *context, const double *x, double *c, tw_error *error);
  tw_status (*constraints_jvp)(void *context, const double *x, const double *v, double *jv, tw_error *error);
  tw_status (*constraints_vjp)(void *context, const double *x, const double *y, double *jty, tw_error *error);
  tw_status (*constraints_jacobian)(void *context, const double *x, double *j, tw_error *error); /* m x n row-major, dense */
  /* The places of a matrix's entries: always the same, found when first asked for, the oracle's own. TW_ERR_UNSUPPORTED:
   * the matrix is not sparse, or the oracle has not the function that it is a derivative of. */
  tw_status (*sparse_pattern)(void *context, tw_matrix matrix, const tw_pattern **pattern, tw_error *error);
  /* pattern->nnz values in its order. y (m) is read for TW_MATRIX_LAGRANGIAN alone. */
  tw_status (*sparse_values)(void *context, tw_matrix matrix, const double *x, const double *y, double *values, tw_error *error);
  tw_status (*project)(void *context, const double *x, double *out, tw_error *error);
  tw_status (*prox)(void *context, const double *x, double eta, double *out, tw_error *error);
  tw_status (*regularizer)(void *context, const double *x, double *g,
                           tw_error *error); /* the part that prox handles; value/gradient are of the smooth part */
  tw_status (*mirror_step)(void *context, const double *x, const double *g, double eta, double *out, tw_error *error);
  /* The conic form, the caller's (tw_conic_free); derived when first asked for. TW_ERR_UNSUPPORTED names the expression that no
   * cone stands for. */
  tw_status (*conic)(void *context, tw_conic *out, tw_error *error);
  /* A finite sum f(x) = sum_{i < rows} f_i(x) + rest(x), such as a mean loss over the rows of a data set: rows 0: there is none.
   * Found when first asked for; both may be NULL. */
  tw_status (*samples)(void *context, int64_t *rows, tw_error *error);
  /* f = sum_j weight_j f_{row_j}(x) + rest(x), and its gradient unless g is NULL; 0 <= row_j < rows, count >= 1. With weights
   * rows / count and rows drawn at random, unbiased estimates. Another count is another compilation. */
  tw_status (*sample)(void *context, const double *x, int64_t count, const int64_t *row, const double *weight, double *f, double *g,
                      tw_error *error);
  /* Derived when first asked for, the oracle's own; may be NULL. */
  tw_status (*blocks)(void *context, const tw_blocks **blocks, tw_error *error);
  tw_status (*start)(void *context, double *x, tw_error *error); /* the stated starting point; NULL: zeros */
  void (*exec)(void *context, const tw_exec *exec); /* threads, inner tolerance, stop flag; may be NULL */
  /* Visits the states of nested solves inside (see tw_work_visit); may be NULL. */
  void (*visit)(void *context, tw_state_visitor *visitor, void *visitor_context);
  /* Visits the numbers that nested solves carry from call to call (see tw_work_memory); may be NULL. The first number says
   * which functions are in use; when it is overwritten, others are opened and closed to match, and with 0 all are closed
   * and forget. */
  void (*memory)(void *context, tw_memory_visitor *visitor, void *visitor_context);
  /* Another oracle with the same answers for another thread (see tw_oracle_clone); may be NULL. */
  tw_status (*clone)(void *context, tw_oracle *out, tw_error *error);
  void (*release)(void *context);
};

/* From a problem over expressions, at the current parameter values: everything derivable is derived, functions are compiled
 * when first asked for. `cls` from tw_classify (decides smooth part, residual, regularizers). */
tw_status tw_oracle_from_problem(tw_oracle *out, const tw_problem *p, const tw_class *cls, tw_error *error);
void tw_oracle_release(tw_oracle *oracle);
/* Gives an oracle from a problem other parameter values (all of them, in the problem's order and types, copied; NULL: the
 * problem's present ones). Bounds are updated in place; nothing is compiled again. */
tw_status tw_oracle_parameters(tw_oracle *oracle, const void *const *values, tw_error *error);
/* An oracle for another thread, with parameter values of its own, that shares what is compiled. */
tw_status tw_oracle_clone(tw_oracle *out, const tw_oracle *oracle, tw_error *error);

/* A quadratic program in the caller's arrays:
 *
 *   min 1/2 x'P x + q'x + constant   subject to   row_lower <= A x <= row_upper,   lower <= x <= upper
 *
 * Rows ascend within columns. The arrays are read whenever they are asked, so that numbers in them (no patterns) may change between
 * solves (tw_solver_restart). */
typedef struct tw_quadratic {
  const tw_csc *p; /* n x n, its lower triangle; NULL: a linear program */
  const double *q; /* n; NULL: zeros */
  double constant;
  const tw_csc *a;                     /* m x n, m may be 0 */
  const double *row_lower, *row_upper; /* m, +-inf where there is no limit */
  const double *lower, *upper;         /* n, likewise; NULL: no bounds */
  const tw_var_kind *kinds;            /* n: which variables are integer; NULL: none */
  bool convex;                         /* the caller's promise: P is positive semidefinite */
} tw_quadratic;
/* Copies the struct; its arrays must outlive the oracle. */
tw_status tw_oracle_quadratic(tw_oracle *out, const tw_quadratic *program, tw_error *error);

/* How to hold a matrix of derivatives, by its size and by the entries that its structure leaves:
 *   sparse    TW_SPARSE has it, both sides are longer than 50, and at most 1/5 of the entries are there
 *   dense     the oracle has the dense function, and there are at most 4e6 entries
 *   products  otherwise: only products with vectors are to be had at a reasonable cost
 * Both triangles of Hessians count. *pattern is NULL unless sparse. */
typedef enum tw_storage { TW_STORE_DENSE, TW_STORE_SPARSE, TW_STORE_PRODUCTS } tw_storage;
tw_status tw_oracle_storage(const tw_oracle *oracle, tw_matrix matrix, tw_storage *storage, const tw_pattern **pattern,
                            tw_error *error);

/* A matrix of derivatives, and how it is held. */
typedef struct tw_held_matrix {
  tw_matrix matrix;
  tw_storage storage;
} tw_held_matrix;
/* The plans of the functions that answer an oracle from a problem (see tw_fn_describe): those that methods ask most, and those of the
 * matrices given; of each its size, entries, how these are had, colors and storage. */
tw_status tw_oracle_describe(const tw_oracle *oracle, int n, const tw_held_matrix *held, tw_text *out, tw_error *error);

/* From C callbacks: the caller fills a tw_oracle with what it has and this completes it in place: gradient from values
 * (central differences with per-coordinate steps), hvp from gradients, Jacobians from residuals/constraints, projection
 * from bounds. The completed oracle owns the original (release chains). */
tw_status tw_oracle_complete(tw_oracle *oracle, tw_error *error);
/* A conic problem in arrays, which must outlive the oracle: x = v, and as constraints c(x) = b - A x = s, whose multipliers are
 * minus y. Limits are those of the zero and nonneg cones; other cones are known to `conic` alone. Checks sizes. */
tw_status tw_oracle_from_conic(tw_oracle *out, const tw_conic *conic, tw_error *error);
/* Largest relative disagreement of the offered derivatives with central differences at x; TW_OK when it could be measured. */
tw_status tw_oracle_check(const tw_oracle *oracle, const double *x, double *worst, char *where, size_t where_size, tw_error *error);

/* ------------------------------------------------------------------ problems as C source */

/* Appends functions that stand alone (see tw_source in graph.h), with a comment that tells where each variable lies in x [n],
 * each constraint in c [m]. All read the parameters too, in the problem's order, after x where they read that:
 *   PREFIX_objective      x -> objective                    as stated, whatever the goal; regularizers included
 *   PREFIX_gradient       x -> objective, gradient [n]
 *   PREFIX_hvp            x, y [m], v [n] -> product [n]    (hess f + sum_i y_i hess c_i) v; without y when m = 0
 *   PREFIX_hessian        x, y -> hessian [n, n]            of the same Lagrangian
 *   PREFIX_hessian_values                                   x, y -> values [nnz]: its lower triangle in compressed columns
 *   PREFIX_hessian_pattern                                  -> start [n + 1], row [nnz]: their places
 *   PREFIX_constraints    x -> constraints [m]
 *   PREFIX_constraints_jvp, PREFIX_constraints_vjp          x, v [n] -> product [m];  x, y [m] -> product [n]
 *   PREFIX_jacobian       x -> jacobian [m, n]
 *   PREFIX_jacobian_values, PREFIX_jacobian_pattern         x -> values [nnz];  -> start [n + 1], row [nnz]
 *   PREFIX_start -> x;  PREFIX_bounds -> lower, upper [n];  PREFIX_constraint_bounds -> lower, upper [m]
 * Without an objective (equations, feasibility) f is 0 and the first two are missing, without constraints those about them.
 * Values and patterns are those of tw_oracle.sparse_values and sparse_pattern; the header defines PREFIX_hessian_nnz and
 * PREFIX_jacobian_nnz. Patterns are code, so that the file does not grow with the index sets (tw_source_add_sparse); where that
 * cannot be, and where the library derives no sparse matrix, they are left out with a comment. The dense functions are there
 * up to TW_SOURCE_DENSE elements, or TW_SOURCE_DENSE_SPARSE beside matrices in compressed columns that tw_oracle_storage calls
 * sparse. A start that has no C form is left out, with a comment. Integer variables are continuous here, and sets that are no
 * boxes are not written. TW_ERR_UNSUPPORTED: fixed points, and problems that hold an op without a C form, such as a custom
 * root. Builds on the problem's graph. */
enum { TW_SOURCE_DENSE = 1000000, TW_SOURCE_DENSE_SPARSE = 100000 };
tw_status tw_problem_source(const tw_problem *p, const char *prefix, tw_source *source, tw_error *error);

/* ------------------------------------------------------------------ standard test problems (tests, bench) */

typedef struct tw_test_problem {
  const char *name, *source;
  int64_t default_n; /* 0: fixed dimension */
  /* States the problem on a fresh one: variable "x" [n], start, objective, bounds, constraints. n = 0: the default; an n the
   * problem does not exist for is TW_ERR_ARGUMENT with the graph's message. */
  tw_status (*build)(tw_problem *p, int64_t n);
  double optimum;    /* at the default n */
} tw_test_problem;
const tw_test_problem *tw_test_problems(void); /* terminated by name NULL */

#ifdef __cplusplus
}
#endif
#endif
