/* The kernel of the implicit linear solve: its functions and states, and one call for all right-hand sides. */
#include "implicit/system.h"

#include "base/try.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const double tw_system_consistent = 1e-8;

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
  tw_solve_prepared *p = calloc(1, sizeof *p);
  if (!p) return tw_fail(error, TW_ERR_MEMORY, "implicit_solve: out of memory");
  p->node = node;
  p->mode = mode;
  p->n = tw_size_of(attr->body->params[0]);
  tw_status status = compile(&p->apply, attr->body, mode, error);
  if (status == TW_OK && !attr->symmetric) {
    p->transpose = tw_solve_transposed(attr->body);
    status = p->transpose ? compile(&p->apply_transpose, p->transpose, mode, error) : tw_graph_check(node.graph, error);
  }
  if (status != TW_OK) {
    tw_solve_release(p);
    return status;
  }
  *out = p;
  return TW_OK;
}

void tw_solve_release(void *prepared_) {
  tw_solve_prepared *p = prepared_;
  if (!p) return;
  tw_fn_free(p->apply);
  tw_fn_free(p->apply_transpose);
  for (int i = 0; i < 2 * TW_SYSTEM_BUCKETS; i++) tw_fn_free(p->restricted[i / TW_SYSTEM_BUCKETS][i % TW_SYSTEM_BUCKETS].fn);
  tw_fn_free(p->entries.fn);
  tw_pattern_free(&p->entries.pattern);
  free(p);
}

tw_status tw_solve_open(tw_expr node, void *prepared_, void **out, tw_error *error) {
  (void)node;
  tw_solve_state *s = calloc(1, sizeof *s);
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
  tw_solve_state *s = state_;
  if (!s) return;
  tw_work_free(s->work);
  tw_work_free(s->work_transpose);
  for (int i = 0; i < 2 * TW_SYSTEM_BUCKETS; i++) tw_work_free(s->restricted[i / TW_SYSTEM_BUCKETS][i % TW_SYSTEM_BUCKETS]);
  free(s);
}

void tw_solve_visit(void *state_, tw_state_visitor *visitor, void *context) {
  tw_solve_state *s = state_;
  tw_work_visit(s->work, visitor, context);
  if (s->work_transpose) tw_work_visit(s->work_transpose, visitor, context);
}

void tw_solve_memory(void *state_, tw_memory_visitor *visitor, void *context) {
  tw_solve_state *s = state_;
  tw_work_memory(s->work, visitor, context);
  if (s->work_transpose) tw_work_memory(s->work_transpose, visitor, context);
}

const tw_solve_evidence *tw_solve_evidence_of(const void *state_) { return &((const tw_solve_state *)state_)->evidence; }

/* ------------------------------------------------------------------ one call */

/* |b - L_MM x| / |b|; of normal_cg with a ridge |L'(b - L x) - ridge x| / |L'b|. */
static tw_status residual_of(tw_system *a, const double *b, const double *x, double *r, double *relative) {
  const size_t m = (size_t)a->m;
  const double ridge = a->choice->kind == TW_SOLVE_NORMAL_CG ? a->choice->ridge : 0;
  double norm = tw_vec_norm2(b, m);
  tw_status status = tw_system_apply(a, false, x, r);
  for (size_t i = 0; i < m; i++) r[i] = b[i] - r[i];
  if (status == TW_OK && ridge > 0) {
    double *t = tw_alloc(m, sizeof *t);
    if (!t) return tw_system_oom(a);
    const bool other = !a->symmetric;
    status = tw_system_apply(a, other, b, t);
    norm = tw_vec_norm2(t, m);
    if (status == TW_OK) status = tw_system_apply(a, other, r, t);
    for (size_t i = 0; i < m; i++) r[i] = t[i] - ridge * x[i];
    free(t);
  }
  const double left = tw_vec_norm2(r, m);
  *relative = norm > 0 ? left / norm : left;
  return status;
}

/* One right-hand side over the free unknowns. */
static tw_status solve_free(tw_system *a, const double *b, double *x, double *r) {
  double relative;
  tw_status status;
  bool done = false;
  if (a->later) {
    TW_TRY(tw_system_try(a, b, x, &done));
    a->later = done;
    if (!done) TW_TRY(tw_system_factorize(a));
  }
  if (done) {
    status = TW_OK;
  } else if (a->factor) {
    status = tw_factor_solve(a->factor, false, 1, b, x, a->call->error);
    if (status == TW_OK) status = residual_of(a, b, x, r, &relative);
    /* One step of iterative refinement. */
    if (status == TW_OK) status = tw_factor_solve(a->factor, false, 1, r, r, a->call->error);
    for (int64_t i = 0; i < a->m && status == TW_OK; i++) x[i] += r[i];
  } else {
    status = a->dense ? tw_system_least_norm(a, b, x) : tw_system_iterate(a, b, x);
  }
  if (status == TW_OK) status = residual_of(a, b, x, r, &relative);
  if (status != TW_OK) return status;
  if (!(relative <= a->s->evidence.residual)) a->s->evidence.residual = relative;
  if (relative <= tw_system_consistent) return TW_OK;
  return tw_fail(a->call->error, TW_ERR_SINGULAR,
                 "implicit derivative: the linear system of the optimality condition is singular or too ill-conditioned "
                 "(condition %.1e, relative residual %.1e): the solution is not an isolated, regular one",
                 a->s->evidence.condition, relative);
}

/* v_N = b_N;  L_MM v_M = b_M - L_MN b_N */
static tw_status solve_row(tw_system *a, const double *b, double *v, double *rhs, double *x, double *r) {
  memcpy(v, b, (size_t)a->n * sizeof *v);
  if (a->m == 0) return TW_OK;
  tw_status status = TW_OK;
  for (int64_t i = 0; i < a->m; i++) rhs[i] = b[a->free_index[i]];
  if (a->m < a->n) {
    memcpy(a->v, b, (size_t)a->n * sizeof *a->v);
    for (int64_t i = 0; i < a->m; i++) a->v[a->free_index[i]] = 0;
    if (tw_vec_norm_inf(a->v, (size_t)a->n) != 0) { /* else what is held does not move */
      status = tw_system_apply_full(a, false);
      for (int64_t i = 0; i < a->m; i++) rhs[i] -= a->lv[a->free_index[i]];
    }
  }
  if (status == TW_OK && tw_vec_norm_inf(rhs, (size_t)a->m) == 0)
    memset(x, 0, (size_t)a->m * sizeof *x);
  else if (status == TW_OK)
    status = solve_free(a, rhs, x, r);
  for (int64_t i = 0; i < a->m && status == TW_OK; i++) v[a->free_index[i]] = x[i];
  return status;
}

static void find_free(tw_system *a, const unsigned char *mask) {
  for (int64_t i = 0; i < a->n; i++)
    if (!mask || mask[i]) a->free_index[a->m++] = i;
}

/* Restricts and factorizes, as far as that is wanted, for so many right sides. */
static tw_status begin(tw_system *a, const tw_solve_attr *attr, int64_t rows) {
  const int64_t kind = a->choice->kind;
  const bool direct = kind == TW_SOLVE_AUTO || kind >= TW_SOLVE_LU;
  tw_status status = attr->masked ? tw_system_restrict(a) : TW_OK;
  if (status == TW_OK) status = tw_system_refuse_asymmetric(a);
  a->later = kind == TW_SOLVE_AUTO && a->m > TW_SYSTEM_DENSE_LIMIT && rows <= TW_SYSTEM_FEW;
  if (status == TW_OK && direct && !a->later) status = tw_system_factorize(a);
  if (status != TW_OK || a->factor || a->dense || kind != TW_SOLVE_AUTO || a->symmetric) return status;
  return tw_system_is_symmetric(a, &a->symmetric);
}

tw_status tw_solve_kernel(const tw_call *call) {
  tw_solve_state *s = call->state;
  const tw_solve_attr *attr = tw_attr_of(call->node);
  const int first = tw_solve_first(call->node), n_p = tw_arity_of(call->node) - first;
  tw_system a = {.call = call, .s = s, .n = s->p->n, .choice = &attr->choice, .symmetric = attr->symmetric != 0};
  const int64_t rows = a.n ? tw_size_of(call->node) / a.n : 0;
  const size_t n = (size_t)a.n + 1, room = n < 8 ? 8 : n; /* the smallest restricted function takes 8 */
  double *memory = tw_alloc(2 * room + 3 * n, sizeof *memory);
  a.free_index = tw_alloc(n, sizeof *a.free_index);
  a.in = calloc((size_t)n_p + 1, sizeof *a.in);
  a.in_restricted = calloc((size_t)n_p + 2, sizeof *a.in_restricted);
  tw_status status = memory && a.free_index && a.in && a.in_restricted ? TW_OK : tw_system_oom(&a);
  if (status == TW_OK) {
    a.v = memory + 3 * n;
    a.lv = a.v + room;
    for (int j = 0; j < n_p; j++) a.in[j] = a.in_restricted[j] = call->in[first + j];
    a.in[n_p] = a.v;
    s->evidence = (tw_solve_evidence){.used = true};
    const tw_exec inside = tw_exec_inside(call->exec);
    tw_work_exec(s->work, &inside);
    if (s->work_transpose) tw_work_exec(s->work_transpose, &inside);
    find_free(&a, attr->masked ? call->in[1] : NULL);
    if (a.m > 0 && rows > 0) status = begin(&a, attr, rows);
  }
  for (int64_t k = 0; k < rows && status == TW_OK; k++)
    status = solve_row(&a, (const double *)call->in[0] + k * a.n, (double *)call->out + k * a.n, memory, memory + n, memory + 2 * n);
  tw_factor_free(a.factor);
  tw_precond_free(a.precond);
  tw_csc_free(&a.sparse);
  free(a.dense), free(a.index), free(memory), free(a.free_index);
  free((void *)a.in), free((void *)a.in_restricted);
  return status;
}
