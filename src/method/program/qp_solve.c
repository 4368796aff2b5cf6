/* A session from its beginning to its end; see qp_solve.h. */
#include "method/program/qp_solve.h"

#include "method/program/qp_session.h"

enum { VECTORS_MOST = 1 + 2 * QP_STAGES };

typedef struct memory {
  const char *name[VECTORS_MOST];
  double *vector[VECTORS_MOST];
  int count;
} memory;

static double *vector(void *context, const char *name, int64_t n) {
  memory *m = context;
  for (int i = 0; i < m->count; i++)
    if (strcmp(m->name[i], name) == 0) return m->vector[i];
  if (m->count == VECTORS_MOST) return NULL;
  m->name[m->count] = name;
  return m->vector[m->count++] = tw_alloc((size_t)n, sizeof(double));
}

static bool stopped(const tw_exec *exec, tw_outcome *outcome) {
  if (!exec) return false;
  if (exec->stop && *exec->stop) return *outcome = TW_STOPPED_CALLER, true;
  if (exec->deadline > 0 && tw_now() > exec->deadline) return *outcome = TW_STOPPED_TIME, true;
  return false;
}

/* Limits that cross: no multipliers of this form prove it, and nothing else is to be said. */
static bool crossed(const tw_qp *qp) {
  for (int64_t j = 0; j < qp->n; j++)
    if (!(qp->lower[j] <= qp->upper[j]) || qp->lower[j] == INFINITY || qp->upper[j] == -INFINITY) return true;
  for (int64_t i = 0; i < qp->m; i++)
    if (!(qp->row_lower[i] <= qp->row_upper[i]) || qp->row_lower[i] == INFINITY || qp->row_upper[i] == -INFINITY) return true;
  return false;
}

static tw_status run(const tw_qp *qp, double tolerance, const tw_exec *exec, tw_qp_answer *a, tw_error *error) {
  memory saved = {.count = 0};
  tw_qp_session s = {.qp = qp, .tolerance = tolerance, .presolve = true, .polish = true, .memory = vector, .context = &saved};
  tw_status status = tw_qp_session_open(&s, error);
  while (status == TW_OK && s.outcome == TW_RUNNING && !stopped(exec, &s.outcome)) status = tw_qp_session_step(&s, error);
  if (status == TW_OK) {
    a->outcome = s.outcome;
    a->iterations = s.iterations;
    a->f = s.f;
    vec_copy(qp->n, s.x, a->x), vec_copy(qp->m, s.y, a->y), vec_copy(qp->n, s.z, a->z);
  }
  tw_qp_session_close(&s);
  for (int i = 0; i < saved.count; i++) free(saved.vector[i]);
  return status;
}

tw_status tw_qp_solve(const tw_qp *qp, double tolerance, const tw_exec *exec, tw_qp_answer *a, tw_error *error) {
  *a = (tw_qp_answer){.outcome = TW_FAILED, .f = NAN};
  a->x = tw_alloc((size_t)qp->n, sizeof(double));
  a->y = tw_alloc((size_t)qp->m, sizeof(double));
  a->z = tw_alloc((size_t)qp->n, sizeof(double));
  if (!a->x || !a->y || !a->z) return tw_fail(error, TW_ERR_MEMORY, "out of memory for the answer of a program");
  if (!crossed(qp)) return run(qp, tolerance, exec, a, error);
  a->outcome = TW_INFEASIBLE;
  return TW_OK;
}

void tw_qp_answer_free(tw_qp_answer *a) {
  free(a->x), free(a->y), free(a->z);
  *a = (tw_qp_answer){0};
}
