/* Derivatives of a root in numbers: one function, compiled and called once. */
#include "base/given.h"
#include "implicit/custom.h"
#include "implicit/solve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is asked: inputs x, theta.., then `tangents`; outputs, |F|_inf, derivative error. */
typedef struct question {
  const tw_root *root;
  const tw_nested *nested;
  int n_in, n_out;
  tw_expr *in, *out;
  const void **value;
  void **result;
  double residual, inexact;
  tw_fn *fn;
  tw_error *error;
} question;

static tw_status oom(tw_error *error) { return tw_fail(error, TW_ERR_MEMORY, "out of memory differentiating a root"); }

static tw_status open(question *q, const tw_root *root, const char *linear, const double *x, const void *const *theta, tw_error *error) {
  const size_t room = 2 * (size_t)root->n_theta + 4;
  *q = (question){.root = root, .error = error};
  if (tw_is_none(root->x)) return tw_fail(error, TW_ERR_ARGUMENT, "root: no unknown");
  q->nested = tw_equations_close(root->x, root->f, false, root->n_theta, root->theta, linear);
  if (!q->nested) return tw_graph_check(root->x.graph, error);
  q->in = tw_alloc(room, sizeof *q->in);
  q->out = tw_alloc(room, sizeof *q->out);
  q->value = tw_alloc(room, sizeof *q->value);
  q->result = tw_alloc(room, sizeof *q->result);
  if (!q->in || !q->out || !q->value || !q->result) return oom(error);
  q->in[0] = root->x;
  q->value[0] = x;
  for (int j = 0; j < root->n_theta; j++) {
    if (!tw_is_input(root->theta[j])) return tw_fail(error, TW_ERR_ARGUMENT, "root: theta[%d] is no input", j);
    q->in[j + 1] = root->theta[j];
    q->value[j + 1] = theta[j];
  }
  q->n_in = root->n_theta + 1;
  return TW_OK;
}

static void close_question(question *q) {
  tw_fn_free(q->fn);
  free(q->in), free(q->out), free(q->value), free(q->result);
}

/* The outputs as a function; the evidence takes two more solves with the same system. */
static tw_status compile(question *q, bool evidence) {
  tw_graph *graph = q->nested->graph;
  const tw_expr z = tw_ravel(q->root->x);
  tw_expr *args = tw_alloc((size_t)q->nested->n_theta + 2, sizeof *args), at[3];
  if (!args) return oom(q->error);
  tw_nested_args(q->nested, z, q->nested->theta, args);
  if (evidence && tw_body_inline(q->nested->condition, args, at) == TW_OK) {
    q->out[q->n_out] = tw_reduce_max(tw_abs(at[0]), TW_ALL, false);
    q->result[q->n_out++] = &q->residual;
    q->out[q->n_out] = tw_nested_exactness(q->nested, z, q->nested->theta).error;
    q->result[q->n_out++] = &q->inexact;
  }
  free(args);
  const tw_status status = tw_graph_check(graph, q->error);
  return status == TW_OK ? tw_fn_new(&q->fn, q->n_in, q->in, q->n_out, q->out, NULL, q->error) : status;
}

/* Without the graph's lock: threads that share out a loop in here take it when they compile. */
static tw_status answer(question *q, tw_evidence *evidence) {
  tw_work *work = NULL;
  tw_status status = tw_work_new(&work, q->fn, q->error);
  if (status == TW_OK) status = tw_fn_call(q->fn, work, q->value, q->result, 0, q->error);
  if (status == TW_OK && evidence) {
    const tw_argmin_evidence solution = {.used = true, .residual = q->residual, .margin = INFINITY, .outcome = TW_SOLVED,
                                         .method = "given", .word = "the root"};
    tw_work_evidence_with(work, &solution, q->inexact, evidence);
    evidence->solves = 1;
  }
  tw_work_free(work);
  return status;
}

static tw_expr or_zeros(tw_expr e, tw_graph *graph, tw_shape shape) { return tw_is_none(e) ? tw_fill(graph, TW_F64, shape, 0) : e; }

static tw_status real(const question *q, int j) {
  return tw_dtype_of(q->root->theta[j]) == TW_F64 ? TW_OK : tw_fail(q->error, TW_ERR_DTYPE, "root: theta[%d] is not real-valued", j);
}

static tw_status ask_jvp(question *q, const double *const *dtheta, double *dx) {
  tw_expr *tangent = calloc((size_t)q->nested->n_theta + 1, sizeof *tangent);
  tw_status status = tangent ? TW_OK : oom(q->error);
  for (int j = 0; j < q->root->n_theta && status == TW_OK; j++) {
    if (!dtheta[j]) continue;
    status = real(q, j);
    if (status != TW_OK) break;
    tangent[j] = q->in[q->n_in] = tw_input(q->nested->graph, "tangent", TW_F64, tw_shape_of(q->root->theta[j]));
    q->value[q->n_in++] = dtheta[j];
  }
  if (status == TW_OK) {
    tw_expr dz = tw_nested_tangent(q->nested, tw_ravel(q->root->x), q->nested->theta, tangent);
    q->out[0] = or_zeros(dz, q->nested->graph, TW_SHAPE(q->nested->n));
    q->result[0] = dx;
    q->n_out = 1;
  }
  free(tangent);
  return status;
}

static tw_status ask_vjp(question *q, const double *xbar, double *const *thetabar) {
  tw_expr *cotangent = tw_alloc((size_t)q->nested->n_theta + 1, sizeof *cotangent);
  tw_status status = cotangent ? TW_OK : oom(q->error);
  for (int j = 0; j < q->nested->n_theta && status == TW_OK; j++) {
    const bool asked = j < q->root->n_theta && thetabar[j];
    cotangent[j] = asked ? TW_NONE : TW_UNASKED;
    if (asked) status = real(q, j);
  }
  if (status == TW_OK) {
    tw_expr bar = q->in[q->n_in] = tw_input(q->nested->graph, "cotangent", TW_F64, TW_SHAPE(q->nested->n));
    q->value[q->n_in++] = xbar;
    tw_nested_cotangent(q->nested, tw_ravel(q->root->x), q->nested->theta, bar, cotangent);
    for (int j = 0; j < q->root->n_theta; j++) {
      if (!thetabar[j]) continue;
      q->out[q->n_out] = or_zeros(cotangent[j], q->nested->graph, tw_shape_of(q->root->theta[j]));
      q->result[q->n_out++] = thetabar[j];
    }
  }
  free(cotangent);
  return status;
}

tw_status tw_root_jvp(const tw_root *root, const char *linear, const double *x, const void *const *theta, const double *const *dtheta,
                      double *dx, tw_evidence *evidence, tw_error *error) {
  TW_GIVEN(root);
  TW_GIVEN(x);
  TW_GIVEN(dx);
  if (root->n_theta > 0 && (!theta || !dtheta)) return tw_fail(error, TW_ERR_ARGUMENT, "tw_root_jvp: theta or dtheta is NULL");
  question q;
  if (root->x.graph) tw_graph_lock(root->x.graph);
  tw_status status = open(&q, root, linear, x, theta, error);
  if (status == TW_OK) status = ask_jvp(&q, dtheta, dx);
  if (status == TW_OK) status = compile(&q, evidence != NULL);
  if (root->x.graph) tw_graph_unlock(root->x.graph);
  if (status == TW_OK) status = answer(&q, evidence);
  close_question(&q);
  return status;
}

tw_status tw_root_vjp(const tw_root *root, const char *linear, const double *x, const void *const *theta, const double *xbar,
                      double *const *thetabar, tw_evidence *evidence, tw_error *error) {
  TW_GIVEN(root);
  TW_GIVEN(x);
  TW_GIVEN(xbar);
  if (root->n_theta > 0 && (!theta || !thetabar)) return tw_fail(error, TW_ERR_ARGUMENT, "tw_root_vjp: theta or thetabar is NULL");
  question q;
  if (root->x.graph) tw_graph_lock(root->x.graph);
  tw_status status = open(&q, root, linear, x, theta, error);
  if (status == TW_OK) status = ask_vjp(&q, xbar, thetabar);
  if (status == TW_OK) status = compile(&q, evidence != NULL);
  if (root->x.graph) tw_graph_unlock(root->x.graph);
  if (status == TW_OK) status = answer(&q, evidence);
  close_question(&q);
  return status;
}
