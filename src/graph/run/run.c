/* The interpreter: a workspace holds the buffers and, for every step, a call made ready once. */
#include "base/given.h"
#include "graph/emit/native.h"
#include "graph/run/profile.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct tw_patch { /* a pointer that is the caller's and changes from call to call */
  const void **in;        /* one of the two */
  void **out;
  tw_place place;
} tw_patch;

/* About what the compiler takes for a function, and for an instruction of its segments. */
#define COMPILE_SECONDS 0.3
#define WRITTEN_SECONDS 5e-3

struct tw_work {
  const tw_fn *fn;
  char *memory;
  const void **pointer; /* operands of all steps */
  void **result;        /* results of all steps */
  tw_call *call;        /* one per step */
  tw_patch *patch;
  int n_patches;
  tw_exec exec;
  uint64_t profiled; /* the serial number of the profile whose rows are in `row`; 0: none */
  int32_t *row;               /* per step */
  const tw_native *native; /* compiled code of this call; NULL: none */
  double gain; /* seconds that compiled code would have saved so far */
  const tw_timing *timing; /* NULL: steps are not timed */
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
  for (int i = 0; i < step->n_out; i++)
    bind(work, NULL, &work->result[step->first_out + i], &work->fn->result[step->first_out + i]);
  const tw_op *op = tw_op_of(step->node);
  return op->open && !step->pass ? op->open(step->node, step->prepared, &call->state, error) : TW_OK;
}

static tw_status check_memory(size_t bytes, tw_error *error) {
  long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page <= 0 || bytes / (size_t)page < (size_t)pages) return TW_OK;
  return tw_fail(error, TW_ERR_MEMORY, "function: its buffers need %.3g GiB, more than this machine's memory",
                 (double)bytes / (double)(1u << 30));
}

tw_status tw_work_new(tw_work **out, const tw_fn *fn, tw_error *error) {
  TW_GIVEN(out);
  TW_GIVEN(fn);
  *out = NULL;
  tw_status status = check_memory(fn->work_bytes, error);
  if (status != TW_OK) return status;
  tw_work *work = calloc(1, sizeof *work);
  if (!work) return tw_fail(error, TW_ERR_MEMORY, "function: out of memory for a workspace");
  work->fn = fn;
  work->exec.threads = fn->mode & TW_MODE_SERIAL ? 1 : 0;
  work->memory = tw_alloc(fn->work_bytes + TW_ALIGN, 1);
  work->pointer = calloc((size_t)fn->n_operands + 1, sizeof *work->pointer);
  work->result = calloc((size_t)fn->n_results + 1, sizeof *work->result);
  work->call = calloc((size_t)fn->n_steps + 1, sizeof *work->call);
  work->row = calloc((size_t)fn->n_steps + 1, sizeof *work->row);
  work->patch = calloc((size_t)(fn->n_operands + fn->n_results) + 1, sizeof *work->patch);
  if (!work->memory || !work->pointer || !work->result || !work->call || !work->row || !work->patch)
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
  free(work->result);
  free(work->call);
  free(work->row);
  free(work->patch);
  free(work);
}

void tw_work_exec(tw_work *work, const tw_exec *exec) {
  if (!work) return;
  work->exec = exec ? *exec : (tw_exec){0};
  if (work->fn->mode & TW_MODE_SERIAL) work->exec.threads = 1;
}

void tw_work_time(tw_work *work, const tw_timing *timing) { work->timing = timing; }

static bool overlap(const char *a, size_t a_bytes, const char *b, size_t b_bytes) { return a < b + b_bytes && b < a + a_bytes; }

static size_t bytes_of(tw_expr e) { return (size_t)tw_size_of(e) * tw_dtype_get(tw_dtype_of(e))->size; }

bool tw_work_repeatable(const tw_work *work, int s) {
  const tw_step *step = &work->fn->step[s];
  if (work->call[s].state) return false;
  for (int r = 0; r < step->n_out; r++)
    for (int i = 0; i < step->n; i++) {
      const tw_expr from = step->pass ? tw_at(step->node.graph, step->pass->operand[i]) : tw_input_of(step->node, i);
      const tw_expr to = step->pass ? tw_at(step->node.graph, step->pass->result[r]) : step->node;
      if (overlap(work->result[step->first_out + r], bytes_of(to), work->pointer[step->first_in + i], bytes_of(from))) return false;
    }
  return true;
}

void tw_work_visit(tw_work *work, tw_state_visitor *visitor, void *context) {
  if (!work || !visitor) return;
  for (int s = 0; s < work->fn->n_steps; s++) {
    const tw_call *call = &work->call[s];
    if (!call->state) continue;
    visitor(context, call->node, call->state);
    const tw_op *op = tw_op_of(call->node);
    if (op->visit) op->visit(call->state, visitor, context);
  }
}

void tw_work_memory(tw_work *work, tw_memory_visitor *visitor, void *context) {
  if (!work || !visitor) return;
  for (int s = 0; s < work->fn->n_steps; s++) {
    const tw_op *op = tw_op_of(work->call[s].node);
    if (work->call[s].state && op->memory) op->memory(work->call[s].state, visitor, context);
  }
}

static tw_status run_step(tw_work *work, int s, tw_error *error) {
  const tw_step *step = &work->fn->step[s];
  tw_call *call = &work->call[s];
  if (step->pass) {
    const tw_native *native = step->pass->native ? work->native : NULL;
    const tw_pass_call pass = {.pass = native ? step->pass->native : step->pass, .graph = step->node.graph, .in = call->in,
                               .out = work->result + step->first_out, .scratch = call->scratch,
                               .native = native ? native->map : NULL, .exec = call->exec, .error = error};
    return tw_pass_run(&pass);
  }
  call->out = work->result[step->first_out];
  call->error = error;
  return tw_data(call->node)->op->kernel(call);
}

/* Step s, as often as asked for; the time of one run. Steps follow each other without a pause, so one look at the clock ends
 * one step and starts the next. */
static tw_status time_step(tw_work *work, int s, double *clock, tw_error *error) {
  const tw_timing *t = work->timing;
  const int times = t->repeat ? t->repeat[s] : 1;
  tw_status status = TW_OK;
  if (t->counters) tw_counters_start(t->counters);
  for (int k = 0; k < times && status == TW_OK; k++) status = run_step(work, s, error);
  if (t->counters) tw_counters_read(t->counters, t->count + s * TW_COUNTERS);
  const double now = tw_now();
  t->seconds[s] = (now - *clock) / times;
  *clock = now;
  return status;
}

/* The same, in a profile. */
static tw_status profile_step(tw_work *work, int s, tw_error *error) {
  tw_profile *profile = work->exec.profile;
  if (work->profiled != tw_profile_serial(profile)) { /* rows are known by number from the first call on */
    for (int k = 0; k < work->fn->n_steps; k++) work->row[k] = -1;
    work->profiled = tw_profile_serial(profile);
  }
  if (work->row[s] < 0) work->row[s] = tw_profile_row_of(profile, work->fn, s, work->exec.depth);
  const int32_t row = work->row[s];
  const double start = tw_now();
  const tw_status status = run_step(work, s, error);
  const double seconds = tw_now() - start;
  if (row >= 0) tw_profile_add(profile, row, start, seconds, tw_step_flops(&work->fn->step[s]), tw_step_bytes(&work->fn->step[s]));
  return status;
}

/* Compiles once what interpretation has cost beyond compiled code exceeds what compiling takes. */
static void consider_native(tw_work *work) {
  const tw_fn *fn = work->fn;
  work->native = work->exec.jit == TW_JIT_OFF ? NULL : atomic_load(&fn->native);
  if (work->native || fn->n_clusters + fn->n_segments == 0 || work->exec.jit == TW_JIT_OFF) return;
  work->gain += fn->gain;
  if (work->exec.jit == TW_JIT_AUTO && work->gain < COMPILE_SECONDS + WRITTEN_SECONDS * fn->n_written) return;
  work->gain = 0;
  tw_native_make(fn, &work->exec);
  work->native = atomic_load(&fn->native);
}

static tw_status run_alone(tw_work *work, int s, double *clock, tw_error *error) {
  if (work->timing) return time_step(work, s, clock, error);
  return work->exec.profile ? profile_step(work, s, error) : run_step(work, s, error);
}

/* Steps of level `from` and above; those of segments in one call, where `whole`. When a segment reads outside an array all steps
 * run again, one by one, for the message: buffers may have been overwritten, inputs have not. */
static tw_status run_steps(tw_work *work, int from, bool whole, tw_error *error) {
  const tw_fn *fn = work->fn;
  const tw_native *native = work->native;
  double clock = work->timing ? tw_now() : 0;
  tw_status status = TW_OK;
  for (int s = 0; s < fn->n_steps && status == TW_OK; s++) {
    const tw_step *step = &fn->step[s];
    if (step->level < from) continue;
    if (whole && step->n_segment > 0) {
      if (native->segment[step->segment](work->pointer, work->result, work->memory, native->loop) != 0)
        return run_steps(work, -1, false, error);
      s += step->n_segment - 1;
    } else {
      status = run_alone(work, s, &clock, error);
    }
  }
  return status;
}

tw_status tw_fn_call(const tw_fn *fn, tw_work *work, const void *const *inputs, void *const *outputs, int level,
                     tw_error *error) {
  TW_GIVEN(fn);
  TW_GIVEN(work);
  if ((fn->n_inputs > 0 && !inputs) || (fn->n_outputs > 0 && !outputs))
    return tw_fail(error, TW_ERR_ARGUMENT, "tw_fn_call: inputs or outputs are NULL");
  for (int k = 0; k < work->n_patches; k++) {
    const tw_patch *patch = &work->patch[k];
    if (patch->in)
      *patch->in = resolve(work, &patch->place, inputs, outputs);
    else
      *patch->out = resolve_out(work, &patch->place, outputs);
  }
  consider_native(work);
  /* Steps of the highest level write to the caller's outputs, which are new in every call. */
  int from = !work->valid ? -1 : level < fn->max_level ? level : fn->max_level;
  work->valid = false;
  tw_error local, *to = error ? error : &local;
  const bool whole = work->native && !work->timing && !work->exec.profile;
  const tw_status status = run_steps(work, from, whole, to);
  if (status != TW_OK) return status;
  for (int k = 0; k < fn->n_copies; k++)
    if (fn->copy[k].bytes)
      memcpy(outputs[fn->copy[k].output], resolve(work, &fn->copy[k].from, inputs, outputs), fn->copy[k].bytes);
  work->valid = true;
  return TW_OK;
}

tw_status tw_eval(tw_expr e, tw_array *out, tw_error *error) {
  TW_GIVEN(out);
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
