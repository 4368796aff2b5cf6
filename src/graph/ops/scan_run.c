/* Running scans: one step after the other, and back again from states kept on the way. States are read where
 * they are and written where they are needed; nothing is copied from step to step. */
#include "graph/ops/revolve.h"
#include "graph/ops/scan.h"

#include <stdlib.h>
#include <string.h>

typedef struct stage { /* a body, compiled */
  const tw_body *body;
  tw_fn *fn;
  size_t *offset; /* of every output in a block of `bytes` */
  size_t bytes;
} stage;

typedef struct prepared {
  const tw_scan_attr *attr;
  stage body, forward; /* forward.fn NULL: a scan */
} prepared;

/* A stage with what one workspace needs to run it. */
typedef struct sweep {
  const stage *of;
  tw_work *work;
  const void **in; /* params: k, then what the operands or the steps hold */
  void **out;
  int64_t k;
  int level;      /* of the next step: 0 when captured values may have changed */
  char *block[2]; /* outputs of the last step and of the next */
} sweep;

typedef struct state {
  const prepared *p;
  sweep body, forward;
} state;

/* ------------------------------------------------------------------ prepare: once per function */

static void release_stage(stage *s) {
  tw_fn_free(s->fn);
  free(s->offset);
}

/* Captured values are at level 0; k and what is carried change with every step. */
static tw_status compile(stage *s, const tw_body *body, int n_carries, unsigned mode, tw_error *error) {
  int *levels = calloc((size_t)body->n_params, sizeof *levels);
  s->body = body;
  s->offset = calloc((size_t)body->n_outputs, sizeof *s->offset);
  tw_status status = TW_ERR_MEMORY;
  if (levels && s->offset) {
    for (int j = 0; j <= n_carries; j++) levels[j] = 1;
    s->bytes = tw_loop_layout(body, 1, s->offset);
    tw_fn_options options = {.levels = levels, .mode = mode};
    status = tw_fn_new(&s->fn, body->n_params, body->params, body->n_outputs, body->outputs, &options, error);
  } else {
    tw_fail(error, status, "scan: out of memory");
  }
  free(levels);
  return status;
}

tw_status tw_scan_prepare(tw_expr node, unsigned mode, void **out, tw_error *error) {
  prepared *p = calloc(1, sizeof *p);
  *out = p;
  if (!p) return tw_fail(error, TW_ERR_MEMORY, "scan: out of memory");
  p->attr = tw_scan_attr_of(node);
  int n_carries = tw_scan_carries(p->attr);
  tw_status status = compile(&p->body, p->attr->loop.body, n_carries, mode, error);
  if (status == TW_OK && p->attr->forward)
    status = compile(&p->forward, p->attr->forward, n_carries, mode, error);
  if (status != TW_OK) {
    tw_scan_release(p);
    *out = NULL;
  }
  return status;
}

const tw_fn *tw_scan_function(const void *prepared_, int i) {
  const prepared *p = prepared_;
  return i == 0 ? p->body.fn : i == 1 ? p->forward.fn : NULL;
}

void tw_scan_release(void *prepared_) {
  prepared *p = prepared_;
  if (!p) return;
  release_stage(&p->body);
  release_stage(&p->forward);
  free(p);
}

/* ------------------------------------------------------------------ state: once per workspace */

static void close_sweep(sweep *s) {
  tw_work_free(s->work);
  free(s->in);
  free(s->out);
}

static tw_status open_sweep(sweep *s, const stage *of, tw_error *error) {
  s->of = of;
  s->in = calloc((size_t)of->body->n_params, sizeof *s->in);
  s->out = calloc((size_t)of->body->n_outputs, sizeof *s->out);
  if (!s->in || !s->out) return tw_fail(error, TW_ERR_MEMORY, "scan: out of memory");
  return tw_work_new(&s->work, of->fn, error);
}

tw_status tw_scan_open(tw_expr node, void *prepared_, void **out, tw_error *error) {
  (void)node;
  state *s = calloc(1, sizeof *s);
  *out = s;
  if (!s) return tw_fail(error, TW_ERR_MEMORY, "scan: out of memory");
  s->p = prepared_;
  tw_status status = open_sweep(&s->body, &s->p->body, error);
  if (status == TW_OK && s->p->forward.fn) status = open_sweep(&s->forward, &s->p->forward, error);
  if (status != TW_OK) {
    tw_scan_close(s);
    *out = NULL;
  }
  return status;
}

void tw_scan_close(void *state_) {
  state *s = state_;
  if (!s) return;
  close_sweep(&s->body);
  close_sweep(&s->forward);
  free(s);
}

void tw_scan_visit(void *state_, tw_state_visitor *visitor, void *context) {
  state *s = state_;
  tw_work_visit(s->body.work, visitor, context);
  if (s->forward.work) tw_work_visit(s->forward.work, visitor, context);
}

void tw_scan_memory(void *state_, tw_memory_visitor *visitor, void *context) {
  state *s = state_;
  tw_work_memory(s->body.work, visitor, context);
  if (s->forward.work) tw_work_memory(s->forward.work, visitor, context);
}

/* ------------------------------------------------------------------ memory of a call */

typedef struct memory { /* offsets in the scratch memory */
  size_t body[2], forward[2], kept, compensation, at;
  size_t state_bytes;
  int64_t slots;
} memory;

/* Takes `bytes`, in whole cache lines. */
static size_t take(size_t *end, size_t bytes) {
  size_t at = *end;
  *end += (bytes + 63) / 64 * 64;
  return at;
}

static size_t lay_out(const tw_scan_attr *attr, memory *m) {
  size_t end = 0, body = tw_loop_layout(attr->loop.body, 1, NULL);
  *m = (memory){0};
  for (int i = 0; i < 2; i++) m->body[i] = take(&end, body);
  m->compensation = take(&end, (size_t)tw_loop_sums(&attr->loop) * sizeof(double));
  if (!attr->forward) return end;
  m->state_bytes = tw_loop_layout(attr->forward, 1, NULL);
  m->slots = tw_scan_slots(attr);
  for (int i = 0; i < 2; i++) m->forward[i] = take(&end, m->state_bytes);
  m->kept = take(&end, (size_t)m->slots * m->state_bytes);
  m->at = take(&end, (size_t)m->slots * sizeof(int64_t));
  return end;
}

size_t tw_scan_scratch(tw_expr node) {
  memory m;
  return lay_out(tw_scan_attr_of(node), &m);
}

/* ------------------------------------------------------------------ one step */

static void begin(sweep *s, const tw_call *call, const size_t block[2]) {
  for (int j = 1; j < s->of->body->n_params; j++) s->in[j] = call->in[j - 1];
  for (int i = 0; i < 2; i++) s->block[i] = (char *)call->scratch + block[i];
  s->in[0] = &s->k;
  s->level = 0;
  const tw_exec inside = tw_exec_inside(call->exec);
  tw_work_exec(s->work, &inside);
}

static tw_status run(sweep *s, const tw_call *call, int64_t k, const char *way) {
  if (call->exec->stop && *call->exec->stop)
    return tw_fail(call->error, TW_ERR_INTERRUPT, "scan: interrupted at step %lld%s", (long long)k, way);
  s->k = k;
  tw_status status = tw_fn_call(s->of->fn, s->work, s->in, s->out, s->level, call->error);
  s->level = 1;
  return status == TW_OK ? status : tw_error_prefix(call->error, "scan: step %lld%s", (long long)k, way);
}

/* Step k as number `turn` of the n: carries what comes first among the outputs, and adds up or stacks the
 * others. */
static tw_status carry(state *s, const tw_call *call, int64_t turn, int64_t k, double *compensation) {
  const tw_scan_attr *attr = s->p->attr;
  const tw_loop_attr *loop = &attr->loop;
  sweep *body = &s->body;
  const size_t *offset = body->of->offset;
  int first = attr->forward ? (int)attr->n_states : 0; /* operand that is carried */
  char *block = body->block[turn & 1], *before = body->block[~turn & 1];
  for (int o = 0; o < loop->body->n_outputs; o++) body->out[o] = block + offset[o];
  for (int c = 0; c < tw_scan_finals(attr); c++) {
    body->in[1 + first + c] = turn == 0 ? call->in[first + c] : before + offset[c];
    if (turn == loop->n - 1) body->out[c] = tw_loop_place(loop, c, call->out);
  }
  for (int i = 0; i < loop->n_results; i++) {
    const tw_loop_result *result = &loop->result[i];
    if (result->kind != TW_LOOP_STACK) continue;
    size_t bytes =
        (size_t)tw_size_of(loop->body->outputs[result->first]) * tw_dtype_get((tw_dtype)loop->dtype)->size;
    body->out[result->first] = tw_loop_place(loop, result->target, call->out) + (size_t)k * bytes;
  }
  const char *way = attr->forward ? " on the way back" : "";
  tw_status status = run(body, call, k, way);
  if (status != TW_OK) return status;
  status = tw_loop_combine(loop, call->out, compensation, block, offset, &(tw_loop_rows){.count = 1}, call->error);
  return status == TW_OK ? status : tw_error_prefix(call->error, "scan: step %lld%s", (long long)k, way);
}

/* Zeros to add to; without steps, the start is the end. */
static double *clear(const state *s, const tw_call *call, const memory *m) {
  const tw_scan_attr *attr = s->p->attr;
  double *compensation = (double *)(void *)((char *)call->scratch + m->compensation);
  size_t element = tw_dtype_get((tw_dtype)attr->loop.dtype)->size;
  int first = attr->forward ? (int)attr->n_states : 0;
  memset(call->out, 0, (size_t)attr->loop.size * element);
  memset(compensation, 0, (size_t)tw_loop_sums(&attr->loop) * sizeof *compensation);
  for (int c = 0; c < tw_scan_finals(attr) && attr->loop.n == 0; c++)
    memcpy(tw_loop_place(&attr->loop, c, call->out), call->in[first + c],
           (size_t)attr->loop.target[c].size * element);
  return compensation;
}

/* ------------------------------------------------------------------ kernels */

/* State c of a scan before step k. */
static const char *state_before(const state *s, const tw_call *call, int64_t k, int c) {
  return k == 0 ? call->in[c] : s->body.block[~k & 1] + s->body.of->offset[c];
}

/* Whether the states before step k are final; then they are the result. */
static bool is_over(const state *s, const tw_call *call, int64_t k) {
  const tw_scan_attr *attr = s->p->attr;
  const tw_loop_attr *loop = &attr->loop;
  if (attr->until == 0) return false;
  const int flag = (int)attr->until - 1;
  const void *over = state_before(s, call, k, flag);
  for (int64_t i = 0; i < loop->target[flag].size; i++)
    if (loop->dtype == TW_F64 ? ((const double *)over)[i] == 0 : ((const float *)over)[i] == 0) return false;
  for (int c = 0; c < attr->n_states; c++)
    memcpy(tw_loop_place(loop, c, call->out), state_before(s, call, k, c),
           (size_t)loop->target[c].size * tw_dtype_get((tw_dtype)loop->dtype)->size);
  return true;
}

tw_status tw_scan_kernel(const tw_call *call) {
  state *s = call->state;
  memory m;
  lay_out(s->p->attr, &m);
  double *compensation = clear(s, call, &m);
  begin(&s->body, call, m.body);
  for (int64_t k = 0; k < s->p->attr->loop.n && !is_over(s, call, k); k++) {
    tw_status status = carry(s, call, k, k, compensation);
    if (status != TW_OK) return status;
  }
  tw_loop_finish(&s->p->attr->loop, call->out, compensation);
  return TW_OK;
}

static char *slot_of(const tw_call *call, const memory *m, int64_t slot) {
  return (char *)call->scratch + m->kept + (size_t)slot * m->state_bytes;
}

/* Steps from .. to-1 from the state in *hand, where the one after them is then: in its slot if it is to be
 * kept. */
static tw_status advance(state *s, const tw_call *call, const memory *m, const tw_revolve_action *action,
                         const char **hand) {
  sweep *forward = &s->forward;
  const size_t *offset = forward->of->offset;
  for (int64_t k = action->from; k < action->to; k++) {
    char *to = forward->block[*hand == forward->block[0]];
    if (k == action->to - 1 && action->slot >= 0) to = slot_of(call, m, action->slot);
    for (int i = 0; i < s->p->attr->n_states; i++) {
      forward->in[i + 1] = *hand + offset[i];
      forward->out[i] = to + offset[i];
    }
    tw_status status = run(forward, call, k, "");
    if (status != TW_OK) return status;
    *hand = to;
  }
  return TW_OK;
}

static void keep_start(const state *s, const tw_call *call, char *slot) {
  const stage *forward = s->forward.of;
  for (int i = 0; i < s->p->attr->n_states; i++) {
    tw_expr x = forward->body->outputs[i];
    memcpy(slot + forward->offset[i], call->in[i],
           (size_t)tw_size_of(x) * tw_dtype_get(tw_dtype_of(x))->size);
  }
}

tw_status tw_scan_reverse_kernel(const tw_call *call) {
  state *s = call->state;
  const tw_scan_attr *attr = s->p->attr;
  memory m;
  tw_revolve schedule;
  tw_status status = TW_OK;
  lay_out(attr, &m);
  double *compensation = clear(s, call, &m);
  const char *hand = slot_of(call, &m, 0);
  begin(&s->body, call, m.body);
  begin(&s->forward, call, m.forward);
  keep_start(s, call, slot_of(call, &m, 0));
  tw_revolve_begin(&schedule, attr->loop.n, m.slots, (int64_t *)(void *)((char *)call->scratch + m.at));
  while (status == TW_OK) {
    tw_revolve_action action = tw_revolve_next(&schedule);
    if (action.kind == TW_REVOLVE_DONE) break;
    if (action.kind == TW_REVOLVE_RESTORE) hand = slot_of(call, &m, action.slot);
    if (action.kind == TW_REVOLVE_ADVANCE) status = advance(s, call, &m, &action, &hand);
    if (action.kind == TW_REVOLVE_REVERSE) {
      for (int i = 0; i < attr->n_states; i++) s->body.in[i + 1] = hand + s->forward.of->offset[i];
      status = carry(s, call, attr->loop.n - 1 - action.from, action.from, compensation);
    }
  }
  if (status == TW_OK) tw_loop_finish(&attr->loop, call->out, compensation);
  return status;
}
