/* The interpreter: a workspace holds the buffers and, for every step, a call made ready once. */
#include "graph/plan/plan.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct tw_patch { /* a pointer that is the caller's and changes from call to call */
  const void **in;        /* one of the two */
  void **out;
  tw_place place;
} tw_patch;

struct tw_work {
  const tw_fn *fn;
  char *memory;
  const void **pointer; /* operands of all steps */
  tw_call *call;        /* one per step */
  tw_patch *patch;
  int n_patches;
  tw_exec exec;
  bool valid; /* what lower levels left behind can be used */
};

static void *resolve_out(const tw_work *work, const tw_place *place, void *const *outputs) {
  if (place->space == TW_IN_WORK) return work->memory + place->offset;
  return outputs ? (char *)outputs[place->index] + place->offset : NULL;
}

static const void *resolve(const tw_work *work, const tw_place *place, const void *const *inputs,
                           void *const *outputs) {
  switch (place->space) {
  case TW_IN_CONSTANT: return (const char *)place->data + place->offset;
  case TW_IN_INPUT: return inputs ? (const char *)inputs[place->index] + place->offset : NULL;
  default: return resolve_out(work, place, outputs);
  }
}

/* Fills in a pointer for good, or notes that it has to be filled in on every call. */
static void bind(tw_work *work, const void **in, void **out, const tw_place *place) {
  if (in)
    *in = resolve(work, place, NULL, NULL);
  else
    *out = resolve_out(work, place, NULL);
  if (place->space == TW_IN_INPUT || place->space == TW_IN_OUTPUT)
    work->patch[work->n_patches++] = (tw_patch){in, out, *place};
}

static tw_status open_step(tw_work *work, int s, tw_error *error) {
  const tw_step *step = &work->fn->step[s];
  tw_call *call = &work->call[s];
  call->node = step->node;
  call->in = work->pointer + step->first_in;
  call->scratch = work->memory + step->scratch;
  call->exec = &work->exec;
  for (int i = 0; i < step->n; i++)
    bind(work, &work->pointer[step->first_in + i], NULL, &work->fn->operand[step->first_in + i]);
  bind(work, NULL, &call->out, &step->out);
  const tw_op *op = tw_op_of(step->node);
  return op->open ? op->open(step->node, step->prepared, &call->state, error) : TW_OK;
}

static tw_status check_memory(size_t bytes, tw_error *error) {
  long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page <= 0 || bytes / (size_t)page < (size_t)pages) return TW_OK;
  return tw_fail(error, TW_ERR_MEMORY, "function: its buffers need %.3g GiB, more than this machine's memory",
                 (double)bytes / (double)(1u << 30));
}

tw_status tw_work_new(tw_work **out, const tw_fn *fn, tw_error *error) {
  *out = NULL;
  tw_status status = check_memory(fn->work_bytes, error);
  if (status != TW_OK) return status;
  tw_work *work = calloc(1, sizeof *work);
  if (!work) return tw_fail(error, TW_ERR_MEMORY, "function: out of memory for a workspace");
  work->fn = fn;
  work->exec.threads = fn->serial ? 1 : 0;
  work->memory = tw_alloc(fn->work_bytes + TW_ALIGN, 1);
  work->pointer = calloc((size_t)fn->n_operands + 1, sizeof *work->pointer);
  work->call = calloc((size_t)fn->n_steps + 1, sizeof *work->call);
  work->patch = calloc((size_t)(fn->n_operands + fn->n_steps) + 1, sizeof *work->patch);
  if (!work->memory || !work->pointer || !work->call || !work->patch)
    status = tw_fail(error, TW_ERR_MEMORY, "function: out of memory for a workspace of %zu bytes", fn->work_bytes);
  for (int s = 0; s < fn->n_steps && status == TW_OK; s++) status = open_step(work, s, error);
  if (status != TW_OK) {
    tw_work_free(work);
    return status;
  }
  *out = work;
  return TW_OK;
}

void tw_work_free(tw_work *work) {
  if (!work) return;
  for (int s = 0; s < work->fn->n_steps && work->call; s++) {
    const tw_op *op = work->call[s].state ? tw_op_of(work->call[s].node) : NULL;
    if (op && op->close) op->close(work->call[s].state);
  }
  free(work->memory);
  free(work->pointer);
  free(work->call);
  free(work->patch);
  free(work);
}

void tw_work_exec(tw_work *work, const tw_exec *exec) {
  work->exec = exec ? *exec : (tw_exec){0};
  if (work->fn->serial) work->exec.threads = 1;
}

void tw_work_visit(tw_work *work, tw_state_visitor *visitor, void *context) {
  for (int s = 0; s < work->fn->n_steps; s++) {
    const tw_call *call = &work->call[s];
    if (!call->state) continue;
    visitor(context, call->node, call->state);
    const tw_op *op = tw_op_of(call->node);
    if (op->visit) op->visit(call->state, visitor, context);
  }
}

void tw_work_memory(tw_work *work, tw_memory_visitor *visitor, void *context) {
  for (int s = 0; s < work->fn->n_steps; s++) {
    const tw_op *op = tw_op_of(work->call[s].node);
    if (work->call[s].state && op->memory) op->memory(work->call[s].state, visitor, context);
  }
}

tw_status tw_fn_call(const tw_fn *fn, tw_work *work, const void *const *inputs, void *const *outputs, int level,
                     tw_error *error) {
  for (int k = 0; k < work->n_patches; k++) {
    const tw_patch *patch = &work->patch[k];
    if (patch->in)
      *patch->in = resolve(work, &patch->place, inputs, outputs);
    else
      *patch->out = resolve_out(work, &patch->place, outputs);
  }
  /* Steps of the highest level write to the caller's outputs, which are new in every call. */
  int from = !work->valid ? -1 : level < fn->max_level ? level : fn->max_level;
  work->valid = false;
  tw_error local;
  for (int s = 0; s < fn->n_steps; s++) {
    if (fn->step[s].level < from) continue;
    tw_call *call = &work->call[s];
    call->error = error ? error : &local;
    tw_status status = tw_data(call->node)->op->kernel(call);
    if (status != TW_OK) return status;
  }
  for (int k = 0; k < fn->n_copies; k++)
    if (fn->copy[k].bytes)
      memcpy(outputs[fn->copy[k].output], resolve(work, &fn->copy[k].from, inputs, outputs), fn->copy[k].bytes);
  work->valid = true;
  return TW_OK;
}

tw_status tw_eval(tw_expr e, tw_array *out, tw_error *error) {
  tw_fn *fn = NULL;
  tw_work *work = NULL;
  *out = (tw_array){0};
  tw_status status = tw_fn_new(&fn, 0, NULL, 1, &e, NULL, error);
  if (status == TW_OK) status = tw_work_new(&work, fn, error);
  if (status == TW_OK) status = tw_array_new(out, tw_dtype_of(e), tw_shape_of(e), error);
  if (status == TW_OK) status = tw_fn_call(fn, work, NULL, (void *[]){out->data}, 0, error);
  if (status != TW_OK) tw_array_free(out);
  tw_work_free(work);
  tw_fn_free(fn);
  return status;
}
