/* Solving the implicit system: assembled and factorized while the free unknowns are few, matrix-free beyond. */
#include "graph/node.h"
#include "implicit/solve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DENSE_LIMIT = 512 /* free unknowns up to which the system is assembled */ };
static const double RELIABLE_CONDITION = 1e13; /* beyond it a factorization is not trusted alone */
static const double CONSISTENT = 1e-8;         /* residual that a singular system's answer must meet */

typedef struct prepared {
  tw_expr node;
  int64_t n;
  tw_fn *apply, *apply_transpose; /* (p.. at level 0, v at level 1) -> L v */
} prepared;

typedef struct state {
  const prepared *p;
  tw_work *work, *work_transpose;
  tw_solve_evidence evidence;
} state;

/* ------------------------------------------------------------------ prepare, open */

static tw_status compile(tw_fn **fn, const tw_body *body, unsigned mode, tw_error *error) {
  int n = body->n_params;
  tw_expr *in = calloc((size_t)n, sizeof *in);
  int *levels = calloc((size_t)n, sizeof *levels);
  tw_status status = TW_ERR_MEMORY;
  if (in && levels) {
    for (int j = 0; j < n; j++) in[j] = body->params[j == n - 1 ? 0 : j + 1];
    levels[n - 1] = 1;
    tw_fn_options options = {.levels = levels, .mode = mode};
    status = tw_fn_new(fn, n, in, 1, body->outputs, &options, error);
  } else {
    tw_fail(error, status, "implicit_solve: out of memory");
  }
  free(in);
  free(levels);
  return status;
}

tw_status tw_solve_prepare(tw_expr node, unsigned mode, void **out, tw_error *error) {
  const tw_solve_attr *attr = tw_attr_of(node);
  prepared *p = calloc(1, sizeof *p);
  if (!p) return tw_fail(error, TW_ERR_MEMORY, "implicit_solve: out of memory");
  p->node = node;
  p->n = tw_size_of(attr->body->params[0]);
  tw_status status = compile(&p->apply, attr->body, mode, error);
  if (status == TW_OK && !attr->symmetric) {
    const tw_body *transpose = tw_solve_transposed(attr->body);
    status = transpose ? compile(&p->apply_transpose, transpose, mode, error) : tw_graph_check(node.graph, error);
  }
  if (status != TW_OK) {
    tw_solve_release(p);
    return status;
  }
  *out = p;
  return TW_OK;
}

void tw_solve_release(void *prepared_) {
  prepared *p = prepared_;
  if (!p) return;
  tw_fn_free(p->apply);
  tw_fn_free(p->apply_transpose);
  free(p);
}

tw_status tw_solve_open(tw_expr node, void *prepared_, void **out, tw_error *error) {
  (void)node;
  state *s = calloc(1, sizeof *s);
  if (!s) return tw_fail(error, TW_ERR_MEMORY, "implicit_solve: out of memory");
  s->p = prepared_;
  tw_status status = tw_work_new(&s->work, s->p->apply, error);
  if (status == TW_OK && s->p->apply_transpose) status = tw_work_new(&s->work_transpose, s->p->apply_transpose, error);
  if (status != TW_OK) {
    tw_solve_close(s);
    return status;
  }
  *out = s;
  return TW_OK;
}

void tw_solve_close(void *state_) {
  state *s = state_;
  if (!s) return;
  tw_work_free(s->work);
  tw_work_free(s->work_transpose);
  free(s);
}

void tw_solve_visit(void *state_, tw_state_visitor *visitor, void *context) {
  state *s = state_;
  tw_work_visit(s->work, visitor, context);
  if (s->work_transpose) tw_work_visit(s->work_transpose, visitor, context);
}

void tw_solve_memory(void *state_, tw_memory_visitor *visitor, void *context) {
  state *s = state_;
  tw_work_memory(s->work, visitor, context);
  if (s->work_transpose) tw_work_memory(s->work_transpose, visitor, context);
}

const tw_solve_evidence *tw_solve_evidence_of(const void *state_) { return &((const state *)state_)->evidence; }

/* ------------------------------------------------------------------ one call */

typedef struct linear_system {
  const tw_call *call;
  state *s;
  int64_t n, m;        /* all unknowns, free ones */
  int64_t *free_index; /* m */
  double *v, *lv;      /* n */
  const void **in;     /* operands of the body: p.., then v */
  int level, level_transpose;
  double *dense; /* m x m row-major L_MM, or NULL */
  tw_factor *factor;
} linear_system;

/* lv = L v (or L' v) over all unknowns. */
static tw_status apply_full(linear_system *a, bool transpose) {
  state *s = a->s;
  bool other = transpose && s->work_transpose;
  int *level = other ? &a->level_transpose : &a->level;
  void *out[1] = {a->lv};
  tw_status status = tw_fn_call(other ? s->p->apply_transpose : s->p->apply, other ? s->work_transpose : s->work, a->in, out,
                                *level, a->call->error);
  *level = 1;
  return status;
}

/* y = L_MM x */
static tw_status apply_free(linear_system *a, bool transpose, const double *x, double *y) {
  memset(a->v, 0, (size_t)a->n * sizeof *a->v);
  for (int64_t i = 0; i < a->m; i++) a->v[a->free_index[i]] = x[i];
  tw_status status = apply_full(a, transpose);
  for (int64_t i = 0; i < a->m && status == TW_OK; i++) y[i] = a->lv[a->free_index[i]];
  return status;
}
static tw_status op_apply(void *a, const double *x, double *y) { return apply_free(a, false, x, y); }
static tw_status op_transpose(void *a, const double *x, double *y) { return apply_free(a, true, x, y); }

static tw_status assemble(linear_system *a) {
  double *unit = tw_alloc((size_t)a->m, sizeof *unit), *column = tw_alloc((size_t)a->m, sizeof *column);
  a->dense = tw_alloc((size_t)(a->m * a->m), sizeof *a->dense);
  tw_status status = unit && column && a->dense ? TW_OK : tw_fail(a->call->error, TW_ERR_MEMORY, "implicit_solve: out of memory");
  for (int64_t j = 0; j < a->m && status == TW_OK; j++) {
    unit[j] = 1;
    status = apply_free(a, false, unit, column);
    unit[j] = 0;
    for (int64_t i = 0; i < a->m; i++) a->dense[i * a->m + j] = column[i];
  }
  bool finite = status == TW_OK && isfinite(tw_vec_norm_inf(a->dense, (size_t)(a->m * a->m)));
  if (status == TW_OK && !finite) status = tw_fail(a->call->error, TW_ERR_NUMERIC, "implicit derivative: its linear system holds NaN or infinities");
  free(unit);
  free(column);
  return status;
}

/* Factorizes when that can be trusted; a->factor stays NULL otherwise. */
static tw_status factorize(linear_system *a, bool symmetric) {
  tw_error ignored;
  tw_status status = assemble(a);
  if (status != TW_OK) return status;
  status = tw_factor_dense(&a->factor, symmetric ? TW_FACTOR_LDLT : TW_FACTOR_LU, a->m, a->m, a->dense, &ignored);
  if (status == TW_ERR_MEMORY) return tw_fail(a->call->error, status, "%s", ignored.message);
  double condition = status == TW_OK ? tw_factor_condition(a->factor) : INFINITY;
  if (!(condition <= a->s->evidence.condition)) a->s->evidence.condition = condition;
  if (status == TW_OK && condition < RELIABLE_CONDITION) return TW_OK;
  tw_factor_free(a->factor);
  a->factor = NULL;
  a->s->evidence.condition = INFINITY;
  return TW_OK;
}

static tw_linop op_of(linear_system *a, bool symmetric) {
  return (tw_linop){.rows = a->m, .cols = a->m, .flags = symmetric ? TW_LINOP_SYMMETRIC : 0, .apply = op_apply,
                    .apply_transpose = symmetric ? op_apply : op_transpose, .context = a};
}

/* |b - L_MM x| / |b| */
static tw_status residual_of(linear_system *a, const double *b, const double *x, double *r, double *relative) {
  double norm = tw_vec_norm2(b, (size_t)a->m);
  tw_status status = apply_free(a, false, x, r);
  for (int64_t i = 0; i < a->m; i++) r[i] = b[i] - r[i];
  double left = tw_vec_norm2(r, (size_t)a->m);
  *relative = norm > 0 ? left / norm : left;
  return status;
}

/* Least-norm least squares: right for singular consistent systems. */
static tw_status least_norm(linear_system *a, bool symmetric, const double *b, double *x) {
  tw_linop op = op_of(a, symmetric);
  tw_linear_options options = {.rtol = 1e-14, .max_iter = 20 * a->m + 100};
  tw_linear_result result;
  memset(x, 0, (size_t)a->m * sizeof *x);
  return tw_lsqr(&op, b, x, &options, &result, a->call->error);
}

static tw_status krylov(linear_system *a, bool symmetric, const double *b, double *x) {
  tw_linop op = op_of(a, symmetric);
  tw_linear_options options = {.rtol = 1e-12, .restart = 60};
  tw_linear_result result = {.reason = TW_LINEAR_BREAKDOWN, .condition = NAN};
  memset(x, 0, (size_t)a->m * sizeof *x);
  tw_status status;
  if (symmetric) {
    op.flags = TW_LINOP_DEFINITE;
    status = tw_cg(&op, b, x, &options, &result, a->call->error);
    op.flags = TW_LINOP_SYMMETRIC;
    if (status == TW_OK && result.reason != TW_LINEAR_CONVERGED) {
      memset(x, 0, (size_t)a->m * sizeof *x);
      status = tw_minres(&op, b, x, &options, &result, a->call->error);
    }
  } else {
    status = tw_gmres(&op, b, x, &options, &result, a->call->error);
  }
  if (status == TW_OK && isfinite(result.condition) && result.condition > a->s->evidence.condition)
    a->s->evidence.condition = result.condition;
  if (status == TW_OK && result.reason != TW_LINEAR_CONVERGED && result.residual > CONSISTENT * result.rhs_norm)
    status = least_norm(a, symmetric, b, x);
  return status;
}

/* One right-hand side over the free unknowns. */
static tw_status solve_free(linear_system *a, bool symmetric, const double *b, double *x, double *r) {
  double relative;
  tw_status status;
  if (a->factor) {
    status = tw_factor_solve(a->factor, false, 1, b, x, a->call->error);
    if (status == TW_OK) status = residual_of(a, b, x, r, &relative);
    /* One step of iterative refinement. */
    if (status == TW_OK) status = tw_factor_solve(a->factor, false, 1, r, r, a->call->error);
    for (int64_t i = 0; i < a->m && status == TW_OK; i++) x[i] += r[i];
  } else {
    status = a->dense ? least_norm(a, symmetric, b, x) : krylov(a, symmetric, b, x);
  }
  if (status == TW_OK) status = residual_of(a, b, x, r, &relative);
  if (status != TW_OK) return status;
  if (!(relative <= a->s->evidence.residual)) a->s->evidence.residual = relative;
  if (relative <= CONSISTENT) return TW_OK;
  return tw_fail(a->call->error, TW_ERR_SINGULAR,
                 "implicit derivative: the linear system of the optimality condition is singular or too ill-conditioned "
                 "(condition %.1e, relative residual %.1e): the solution is not an isolated, regular one",
                 a->s->evidence.condition, relative);
}

/* v_N = b_N;  L_MM v_M = b_M - L_MN b_N */
static tw_status solve_row(linear_system *a, bool symmetric, const double *b, double *v, double *rhs, double *x, double *r) {
  memcpy(v, b, (size_t)a->n * sizeof *v);
  if (a->m == 0) return TW_OK;
  tw_status status = TW_OK;
  for (int64_t i = 0; i < a->m; i++) rhs[i] = b[a->free_index[i]];
  if (a->m < a->n) {
    memcpy(a->v, b, (size_t)a->n * sizeof *a->v);
    for (int64_t i = 0; i < a->m; i++) a->v[a->free_index[i]] = 0;
    status = apply_full(a, false);
    for (int64_t i = 0; i < a->m; i++) rhs[i] -= a->lv[a->free_index[i]];
  }
  if (status == TW_OK && tw_vec_norm_inf(rhs, (size_t)a->m) == 0)
    memset(x, 0, (size_t)a->m * sizeof *x);
  else if (status == TW_OK)
    status = solve_free(a, symmetric, rhs, x, r);
  for (int64_t i = 0; i < a->m && status == TW_OK; i++) v[a->free_index[i]] = x[i];
  return status;
}

static void find_free(linear_system *a, const unsigned char *mask) {
  for (int64_t i = 0; i < a->n; i++)
    if (!mask || mask[i]) a->free_index[a->m++] = i;
}

tw_status tw_solve_kernel(const tw_call *call) {
  state *s = call->state;
  const tw_solve_attr *attr = tw_attr_of(call->node);
  int first = tw_solve_first(call->node), n_p = tw_arity_of(call->node) - first;
  linear_system a = {.call = call, .s = s, .n = s->p->n};
  int64_t rows = a.n ? tw_size_of(call->node) / a.n : 0;
  size_t n = (size_t)a.n + 1;
  double *memory = tw_alloc(5 * n, sizeof *memory);
  a.free_index = tw_alloc(n, sizeof *a.free_index);
  a.in = calloc((size_t)n_p + 1, sizeof *a.in);
  tw_status status = memory && a.free_index && a.in ? TW_OK : tw_fail(call->error, TW_ERR_MEMORY, "implicit_solve: out of memory");
  if (status == TW_OK) {
    a.v = memory;
    a.lv = memory + n;
    for (int j = 0; j < n_p; j++) a.in[j] = call->in[first + j];
    a.in[n_p] = a.v;
    s->evidence = (tw_solve_evidence){.used = true};
    const tw_exec inside = tw_exec_inside(call->exec);
    tw_work_exec(s->work, &inside);
    if (s->work_transpose) tw_work_exec(s->work_transpose, &inside);
    find_free(&a, attr->masked ? call->in[1] : NULL);
    if (a.m > 0 && a.m <= DENSE_LIMIT) status = factorize(&a, attr->symmetric);
  }
  for (int64_t k = 0; k < rows && status == TW_OK; k++)
    status = solve_row(&a, attr->symmetric, (const double *)call->in[0] + k * a.n, (double *)call->out + k * a.n,
                       memory + 2 * n, memory + 3 * n, memory + 4 * n);
  tw_factor_free(a.factor);
  free(a.dense);
  free(memory);
  free(a.free_index);
  free(a.in);
  return status;
}
