/* Products with an implicit system: over all unknowns, or, where few of them are free, at the cost of these alone. */
#include "implicit/system.h"

#include "implicit/restrict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void count(tw_system *a, const tw_fn *fn) {
  a->s->evidence.products++;
  a->s->evidence.flops += tw_fn_flops(fn);
}

tw_status tw_system_apply_full(tw_system *a, bool transpose) {
  tw_solve_state *s = a->s;
  const bool other = transpose && s->work_transpose;
  const tw_fn *fn = other ? s->p->apply_transpose : s->p->apply;
  void *out[1] = {a->lv};
  tw_status status = tw_fn_call(fn, other ? s->work_transpose : s->work, a->in, out, a->level[other], a->call->error);
  a->level[other] = 1;
  count(a, fn);
  return status;
}

static tw_status apply_restricted(tw_system *a, bool transpose, const double *x) {
  const int other = transpose && a->s->p->apply_transpose;
  const tw_restricted *r = &a->s->p->restricted[other][a->bucket];
  memcpy(a->v, x, (size_t)a->m * sizeof *x);
  memset(a->v + a->m, 0, (size_t)(r->room - a->m) * sizeof *x);
  void *out[1] = {a->lv};
  tw_status status =
      tw_fn_call(r->fn, a->s->restricted[other][a->bucket], a->in_restricted, out, a->level_restricted[other], a->call->error);
  a->level_restricted[other] = 1;
  count(a, r->fn);
  return status;
}

tw_status tw_system_apply(tw_system *a, bool transpose, const double *x, double *y) {
  const double ridge = a->choice->kind == TW_SOLVE_NORMAL_CG ? 0 : a->choice->ridge;
  tw_status status;
  if (a->index) {
    status = apply_restricted(a, transpose, x);
    for (int64_t i = 0; i < a->m && status == TW_OK; i++) y[i] = a->lv[i] + ridge * x[i];
    return status;
  }
  memset(a->v, 0, (size_t)a->n * sizeof *a->v);
  for (int64_t i = 0; i < a->m; i++) a->v[a->free_index[i]] = x[i];
  status = tw_system_apply_full(a, transpose);
  for (int64_t i = 0; i < a->m && status == TW_OK; i++) y[i] = a->lv[a->free_index[i]] + ridge * x[i];
  return status;
}

static tw_status op_apply(void *a, const double *x, double *y) { return tw_system_apply(a, false, x, y); }
static tw_status op_transpose(void *a, const double *x, double *y) { return tw_system_apply(a, true, x, y); }

tw_linop tw_system_linop(tw_system *a, unsigned flags) {
  return (tw_linop){.rows = a->m, .cols = a->m, .flags = flags, .apply = op_apply, .apply_transpose = flags ? op_apply : op_transpose,
                    .context = a};
}

/* ------------------------------------------------------------------ restricted functions */

static tw_status compile_restricted(tw_solve_prepared *p, const tw_body *body, tw_restricted *r, tw_error *error) {
  tw_graph *graph = p->node.graph;
  const int n_p = body->n_params - 1;
  tw_expr *in = calloc((size_t)n_p + 2, sizeof *in);
  int *levels = calloc((size_t)n_p + 2, sizeof *levels);
  tw_status status = in && levels ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "implicit_solve: out of memory");
  if (status == TW_OK) {
    tw_expr index = tw_input(graph, "index", TW_I64, TW_SHAPE(r->room)), u = tw_input(graph, "u", TW_F64, TW_SHAPE(r->room));
    tw_expr e = tw_restrict(body->outputs[0], body->params[0], u, index);
    status = tw_graph_check(graph, error);
    for (int j = 0; j < n_p; j++) in[j] = body->params[j + 1];
    in[n_p] = index;
    in[n_p + 1] = u;
    levels[n_p + 1] = 1;
    const tw_fn_options options = {.levels = levels, .mode = p->mode};
    if (status == TW_OK && !tw_is_none(e)) status = tw_fn_new(&r->fn, n_p + 2, in, 1, &e, &options, error);
  }
  free(in), free(levels);
  return status;
}

/* The function for `room` unknowns, NULL where there is none. */
static tw_status find_restricted(tw_system *a, int other, const tw_restricted **out) {
  tw_solve_prepared *p = a->s->p;
  tw_restricted *r = &p->restricted[other][a->bucket];
  const tw_body *body = other ? p->transpose : ((const tw_solve_attr *)tw_attr_of(p->node))->body;
  tw_status status = TW_OK;
  tw_graph_lock(p->node.graph);
  if (!r->known) {
    r->room = INT64_C(1) << a->bucket;
    status = compile_restricted(p, body, r, a->call->error);
    r->known = status == TW_OK;
  }
  tw_graph_unlock(p->node.graph);
  *out = r;
  if (status != TW_OK || !r->fn || a->s->restricted[other][a->bucket]) return status;
  return tw_work_new(&a->s->restricted[other][a->bucket], r->fn, a->call->error);
}

tw_status tw_system_restrict(tw_system *a) {
  enum { LEAST = 64, SHARE = 4, FIRST_BUCKET = 3 };
  if (a->m == 0 || a->n < LEAST || a->m > a->n / SHARE) return TW_OK;
  for (a->bucket = FIRST_BUCKET; (INT64_C(1) << a->bucket) < a->m;) a->bucket++;
  if (a->bucket >= TW_SYSTEM_BUCKETS) return TW_OK;
  const tw_restricted *r = NULL;
  const tw_exec inside = tw_exec_inside(a->call->exec);
  for (int other = 0; other < (a->s->p->apply_transpose ? 2 : 1); other++) {
    tw_status status = find_restricted(a, other, &r);
    if (status != TW_OK || !r->fn) return status;
    tw_work_exec(a->s->restricted[other][a->bucket], &inside);
  }
  if (!(a->index = tw_alloc((size_t)r->room, sizeof *a->index))) return tw_system_oom(a);
  for (int64_t i = 0; i < r->room; i++) a->index[i] = a->free_index[i < a->m ? i : 0];
  const int n_p = tw_arity_of(a->call->node) - tw_solve_first(a->call->node);
  a->in_restricted[n_p] = a->index;
  a->in_restricted[n_p + 1] = a->v;
  return TW_OK;
}

/* ------------------------------------------------------------------ symmetry */

tw_status tw_system_is_symmetric(tw_system *a, bool *symmetric) {
  enum { KEY = 71 };
  static const double ROUNDING = 1e-10;
  const size_t m = (size_t)a->m;
  double *u = tw_alloc(4 * m + 1, sizeof *u), *v = u + m, *lu = v + m, *lv = lu + m;
  if (!u) return tw_system_oom(a);
  tw_random_normal_fill(KEY, 0, 2 * m, u);
  tw_status status = tw_system_apply(a, false, u, lu);
  if (status == TW_OK) status = tw_system_apply(a, false, v, lv);
  if (status == TW_OK) {
    const double size = tw_vec_norm2(u, m) * tw_vec_norm2(lv, m) + tw_vec_norm2(v, m) * tw_vec_norm2(lu, m);
    *symmetric = fabs(tw_vec_dot(u, lv, m) - tw_vec_dot(v, lu, m)) <= ROUNDING * size;
  }
  free(u);
  return status;
}

tw_status tw_system_refuse_asymmetric(tw_system *a) {
  const int64_t kind = a->choice->kind;
  if (kind != TW_SOLVE_CG && kind != TW_SOLVE_MINRES && kind != TW_SOLVE_CHOLESKY) return TW_OK;
  bool symmetric = true;
  tw_status status = tw_system_is_symmetric(a, &symmetric);
  if (status != TW_OK || symmetric) return status;
  return tw_fail(a->call->error, TW_ERR_ARGUMENT, "linear=%s: the implicit linear system is not symmetric, expected gmres, bicgstab, "
                 "normal_cg, lu or qr", tw_solve_kind_name((tw_solve_kind)kind));
}
