/* Problems as modellers' files state them: numbered variables, and rows that are sums of linear terms, quadratic terms and
 * a tree of scalar operators. Readers fill a tw_flat and tw_flat_state turns it into a tw_problem; writers go the other way.
 *
 *   row i:  lower_i <= sum_j a_ij x_j + sum_jk q_ijk x_j x_k + body_i(x) <= upper_i,   the objective is row -1
 *
 * Adding never fails in the caller's face: out of memory sets `failed`, and what is added later is dropped. */
#ifndef TALWEG_MODEL_FLAT_H
#define TALWEG_MODEL_FLAT_H

#include <talweg/problem.h>

/* Scalar operators, by their numbers in .nl files (Gay, Writing .nl Files, 2005). */
typedef enum tw_scalar_op {
  TW_S_ADD = 0,
  TW_S_SUB = 1,
  TW_S_MUL = 2,
  TW_S_DIV = 3,
  TW_S_REM = 4, /* a - b trunc(a / b) */
  TW_S_POW = 5,
  TW_S_LESS = 6, /* max(a - b, 0) */
  TW_S_MIN = 11, /* of a list */
  TW_S_MAX = 12,
  TW_S_FLOOR = 13,
  TW_S_CEIL = 14,
  TW_S_ABS = 15,
  TW_S_NEG = 16,
  TW_S_OR = 20,
  TW_S_AND = 21,
  TW_S_LT = 22,
  TW_S_LE = 23,
  TW_S_EQ = 24,
  TW_S_GE = 28,
  TW_S_GT = 29,
  TW_S_NE = 30,
  TW_S_NOT = 34,
  TW_S_IF = 35,
  TW_S_TANH = 37,
  TW_S_TAN = 38,
  TW_S_SQRT = 39,
  TW_S_SINH = 40,
  TW_S_SIN = 41,
  TW_S_LOG10 = 42,
  TW_S_LOG = 43,
  TW_S_EXP = 44,
  TW_S_COSH = 45,
  TW_S_COS = 46,
  TW_S_ATANH = 47,
  TW_S_ATAN2 = 48,
  TW_S_ATAN = 49,
  TW_S_ASINH = 50,
  TW_S_ASIN = 51,
  TW_S_ACOSH = 52,
  TW_S_ACOS = 53,
  TW_S_SUM = 54,       /* of a list */
  TW_S_INTDIV = 55,    /* trunc(a / b) */
  TW_S_PRECISION = 56, /* a to b significant decimal digits */
  TW_S_ROUND = 57,     /* a to b decimal places */
  TW_S_TRUNC = 58,
  TW_S_COUNT = 59,    /* how many of a list hold */
  TW_S_NUMBEROF = 60, /* how many of the others equal the first */
  TW_S_NUMBEROF_TEXT = 61,
  TW_S_ATLEAST = 62, /* number, count: count >= number */
  TW_S_ATMOST = 63,
  TW_S_PIECEWISE = 64, /* argument, slope, breakpoint, slope, .., slope; 0 at 0 */
  TW_S_IF_TEXT = 65,
  TW_S_EXACTLY = 66,
  TW_S_NOT_ATLEAST = 67,
  TW_S_NOT_ATMOST = 68,
  TW_S_NOT_EXACTLY = 69,
  TW_S_ALL = 70, /* of a list */
  TW_S_ANY = 71,
  TW_S_IMPLIES = 72, /* if a then b else c, logical */
  TW_S_IFF = 73,
  TW_S_ALLDIFF = 74,
  TW_S_SOMESAME = 75,
  TW_S_POW_CONSTANT = 76, /* x^c */
  TW_S_SQUARE = 77,
  TW_S_CONSTANT_POW = 78, /* c^x */
  TW_S_CALL = 79,
  TW_S_NUMBER = 80,
  TW_S_VARIABLE = 82,
  TW_S_COMMON = 83 /* a common expression */
} tw_scalar_op;

typedef enum tw_scalar_arity { TW_S_UNKNOWN = -2, TW_S_LIST = -1 } tw_scalar_arity;
/* The number of operands; TW_S_LIST: any; TW_S_UNKNOWN: no such operator. */
int tw_scalar_arity_of(int op);
bool tw_scalar_is_sum(int op); /* ADD, SUB, NEG, SUM */

/* A tree node; its operands come before it. */
typedef struct tw_tree {
  int16_t op;
  int32_t depth, count; /* of operators below that are no sums; of operands */
  union {
    double number;
    int64_t index; /* of a variable or common expression */
    int64_t first; /* operand */
  } is;
} tw_tree;

typedef struct tw_linear_term {
  int64_t row, col;
  double value;
} tw_linear_term;

typedef struct tw_quadratic_term { /* value x_i x_j */
  int64_t row, i, j;
  double value;
} tw_quadratic_term;

enum { TW_SCALAR_DEPTH = 1500 }; /* deeper trees are refused */

typedef struct tw_flat {
  tw_arena *arena; /* of names */
  bool failed;
  const char *title;
  int64_t n, m, algebraic;       /* the last m - algebraic rows state logical constraints */
  double *lower, *upper, *start; /* n; start is NaN where none is stated */
  tw_var_kind *kind;
  double *row_lower, *row_upper, *row_start; /* m; row_start: multipliers, NaN where none is stated */
  const char **column, **row;                /* names; NULL: none */
  bool has_objective, maximize;
  const char *objective_name; /* NULL: none */
  double constant;            /* of the objective */
  int32_t objective;          /* tree; -1: none */
  int32_t *body;              /* m trees or -1 */
  int n_options;              /* of a .nl file */
  int64_t option[9];
  double option_tolerance;
  int64_t n_common;
  int32_t *common; /* trees; -1: not stated so far */
  tw_tree *node;
  int32_t *operand;
  tw_linear_term *linear;
  tw_quadratic_term *quadratic;
  size_t n_nodes, n_operands, n_linear, n_quadratic;
  size_t node_capacity, operand_capacity, linear_capacity, quadratic_capacity;
} tw_flat;

tw_flat *tw_flat_new(void);
void tw_flat_free(tw_flat *flat);
/* Room for n variables (free, continuous), m rows (free) and common expressions; what is there already stays. */
bool tw_flat_size(tw_flat *flat, int64_t n, int64_t m, int64_t n_common);
/* Nodes; -1 when out of memory. Numbers among operands of powers decide between the three kinds of power. */
int32_t tw_flat_number(tw_flat *flat, double value);
int32_t tw_flat_variable(tw_flat *flat, int64_t index);
int32_t tw_flat_common(tw_flat *flat, int64_t index);
int32_t tw_flat_node(tw_flat *flat, int op, int32_t count, const int32_t *operands);
void tw_flat_linear(tw_flat *flat, int64_t row, int64_t col, double value); /* zeros are dropped */
void tw_flat_quadratic(tw_flat *flat, int64_t row, int64_t i, int64_t j, double value);
/* x_j = 0 or l <= x_j <= u, from its bounds: with l > 0 by a binary variable and two rows, which are named after it.
 * TW_ERR_UNSUPPORTED: there is no upper bound. */
tw_status tw_flat_semicontinuous(tw_flat *flat, int64_t j);
/* Quadratic terms become trees. */
void tw_flat_open_quadratic(tw_flat *flat);
const char *tw_flat_name(tw_flat *flat, const char *name, size_t length); /* copied; NULL when out of memory */

/* ------------------------------------------------------------------ into a problem
 * Trees are rerolled: those of one shape, equal up to numbers and to which variables they read, become one expression over
 * arrays, and their values are scattered to the rows. So the graph grows with the number of shapes. */

enum { TW_FLAT_GROUPS = 10 }; /* nonlinear and linear; ==, <=, >=, both, none */

typedef struct tw_flat_rows { /* where rows went */
  int n_groups;
  int64_t *position; /* m: in the flat vector of the problem's constraint rows */
  int64_t *row;      /* m: the inverse */
} tw_flat_rows;

/* States everything on an empty problem: one array variable `x`, one constraint for each group of rows that is not empty.
 * `rows` (zeroed) is owned by the arena. */
tw_status tw_flat_state(const tw_flat *flat, tw_problem *problem, tw_arena *arena, tw_flat_rows *rows, tw_error *error);

#endif
