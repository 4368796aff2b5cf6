/* Classes of nodes, shares of fused steps, sums, peaks. */
#include "analysis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const class_names[CLASSES] = {"Attention",        "Convolution", "Linear",    "Norm",     "Elementwise",
                                          "Embedding/Gather", "Memory",      "Reduction", "FFT/Scan", "Other"};

bool in_scope(tw_expr node, const char *name) {
  const size_t length = strlen(name);
  for (const char *at = tw_scope_of(node); *at;) {
    const size_t word = strcspn(at, "/");
    if (word == length && strncmp(at, name, length) == 0) return true;
    at += word + (at[word] == '/');
  }
  return false;
}

op_class class_of(tw_expr node) {
  static const op_class of_kind[TW_OP_KINDS] = {
      [TW_OP_KIND_OTHER] = CLASS_OTHER, [TW_OP_KIND_ELEMENTWISE] = CLASS_ELEMENTWISE, [TW_OP_KIND_PRODUCT] = CLASS_LINEAR,
      [TW_OP_KIND_CONVOLUTION] = CLASS_CONVOLUTION, [TW_OP_KIND_ATTENTION] = CLASS_ATTENTION, [TW_OP_KIND_FACTORIZATION] = CLASS_OTHER,
      [TW_OP_KIND_REDUCTION] = CLASS_REDUCTION, [TW_OP_KIND_LOOKUP] = CLASS_EMBEDDING, [TW_OP_KIND_MOVEMENT] = CLASS_MEMORY,
      [TW_OP_KIND_SCAN] = CLASS_SCAN, [TW_OP_KIND_LOOP] = CLASS_OTHER, [TW_OP_KIND_NESTED] = CLASS_OTHER};
  if (in_scope(node, "attend")) return CLASS_ATTENTION;
  return in_scope(node, "norm") ? CLASS_NORM : of_kind[tw_op_kind_of(tw_op_of(node))];
}

const char *attention_part(tw_expr node) {
  const tw_op_kind kind = tw_op_kind_of(tw_op_of(node));
  if (class_of(node) != CLASS_ATTENTION) return "";
  if (kind == TW_OP_KIND_ATTENTION) return "tiled";
  if (kind != TW_OP_KIND_PRODUCT) return "softmax";
  return strcmp(tw_op_of(tw_input_of(node, 0))->name, "softmax") == 0 ? "AV" : "QK";
}

bool is_of_class(tw_expr node, const void *class) { return class_of(node) == *(const op_class *)class; }
bool is_in_scope(tw_expr node, const void *name) { return in_scope(node, name); }

/* ------------------------------------------------------------------ opening */

static tw_status no_memory(const part *p, tw_error *error) { return tw_fail(error, TW_ERR_MEMORY, "%s: out of memory", p->n.name); }

static tw_status list_costs(part *p, tw_error *error) {
  p->n_steps = tw_fn_steps(p->fn);
  p->n_costs = tw_fn_costs(p->fn, 0, NULL);
  p->n_held = tw_fn_held(p->fn, 0, NULL);
  const size_t steps = (size_t)p->n_steps + 1, costs = (size_t)p->n_costs + 1;
  p->cost = calloc(costs, sizeof *p->cost);
  p->seconds = calloc(costs, sizeof *p->seconds);
  p->held = calloc((size_t)p->n_held + 1, sizeof *p->held);
  p->nodes = calloc(steps, sizeof *p->nodes);
  p->time = calloc(steps, sizeof *p->time);
  p->step_flops = calloc(steps, sizeof *p->step_flops);
  p->step_bytes = calloc(steps, sizeof *p->step_bytes);
  if (!p->cost || !p->seconds || !p->held || !p->nodes || !p->time || !p->step_flops || !p->step_bytes) return no_memory(p, error);
  tw_fn_costs(p->fn, p->n_costs, p->cost);
  tw_fn_held(p->fn, p->n_held, p->held);
  for (int k = 0; k < p->n_costs; k++) {
    const tw_cost *c = &p->cost[k];
    p->nodes[c->step] += c->flops > 0 || c->bytes > 0;
    p->step_flops[c->step] += c->flops;
    p->step_bytes[c->step] += c->bytes;
  }
  return TW_OK;
}

tw_status part_open(part *p, const workload *w, int which, const workload_size *size, bool tiled, tw_error *error) {
  memset(p, 0, sizeof *p);
  w->build[which](&p->n, size, tiled);
  if (net_status(&p->n) != TW_OK) return tw_fail(error, p->n.error.status, "%s: %s", w->name, p->n.error.message);
  const tw_status status = tw_fn_new(&p->fn, p->n.n_inputs, p->n.input, p->n.n_outputs, p->n.output, NULL, error);
  return status == TW_OK ? list_costs(p, error) : status;
}

void part_close(part *p) {
  for (int i = 0; p->out && i < p->n.n_outputs; i++) free(p->out[i]);
  free(p->out);
  free(p->cost);
  free(p->seconds);
  free(p->held);
  free(p->nodes);
  free(p->time);
  free(p->step_flops);
  free(p->step_bytes);
  tw_work_free(p->work);
  tw_fn_free(p->fn);
  net_close(&p->n);
}

/* ------------------------------------------------------------------ times */

/* A pass' time goes to its nodes by what the roof predicts of each alone. */
static void share_out(part *p) {
  double *all = calloc((size_t)p->n_steps + 1, sizeof *all);
  for (int k = 0; all && k < p->n_costs; k++) {
    const tw_cost *c = &p->cost[k];
    p->seconds[k] = tw_machine_least(&p->machine, tw_dtype_of(c->node) == TW_F32, c->flops, c->bytes);
    all[c->step] += p->seconds[k];
  }
  for (int k = 0; all && k < p->n_costs; k++) {
    const int s = p->cost[k].step;
    p->seconds[k] = all[s] > 0 ? p->time[s].median * p->seconds[k] / all[s] : 0;
  }
  free(all);
}

static tw_status open_outputs(part *p, tw_error *error) {
  p->out = calloc((size_t)p->n.n_outputs + 1, sizeof *p->out);
  for (int i = 0; p->out && i < p->n.n_outputs; i++) {
    p->out[i] = tw_alloc((size_t)tw_size_of(p->n.output[i]), tw_dtype_get(tw_dtype_of(p->n.output[i]))->size);
    if (!p->out[i]) return no_memory(p, error);
  }
  return p->out ? tw_work_new(&p->work, p->fn, error) : no_memory(p, error);
}

tw_status part_measure(part *p, const tw_machine *machine, int runs, bool counters, tw_error *error) {
  const void *in[NET_INPUTS];
  tw_status status = p->work ? TW_OK : open_outputs(p, error);
  if (status != TW_OK) return status;
  for (int i = 0; i < p->n.n_inputs; i++) in[i] = p->n.value[i].data;
  p->machine = *machine;
  tw_work_exec(p->work, &(tw_exec){.threads = machine->threads, .jit = TW_JIT_ON});
  const tw_measure_options options = {.runs = runs, .counters = counters};
  status = tw_fn_measure(p->fn, p->work, in, p->out, &options, p->time, &p->whole, error);
  if (status == TW_OK) share_out(p);
  return status;
}

/* ------------------------------------------------------------------ sums */

const char *part_phase(const part *p) {
  bool all = p->n.n_calls > 0, one = p->n.n_calls > 0;
  for (int i = 0; i < p->n.n_calls; i++) {
    const attention_call *c = &p->n.call[i];
    if (strcmp(c->kind, "cross") == 0) continue;
    all = all && c->nq == c->nk;
    one = one && c->nq == 1;
  }
  return one ? "decode-like" : all ? "prefill-like" : "";
}

totals part_totals(const part *p, node_test *holds, const void *context) {
  totals t = {0};
  for (int k = 0; k < p->n_costs; k++) {
    const tw_cost *c = &p->cost[k];
    if (holds && !holds(c->node, context)) continue;
    t.seconds += p->seconds[k];
    t.flops += c->flops;
    t.bytes += c->bytes;
    t.moved += c->moved;
  }
  return t;
}

double part_flops(const part *p) { return part_totals(p, NULL, NULL).flops; }

double part_peak(const part *p, node_test *holds, const void *context) {
  double *change = calloc((size_t)p->n_steps + 2, sizeof *change), now = 0, peak = 0;
  for (int k = 0; change && k < p->n_held; k++) {
    const tw_held *h = &p->held[k];
    if (h->last < h->first || (holds && !holds(h->node, context))) continue;
    change[h->first] += (double)h->bytes;
    change[h->last + 1] -= (double)h->bytes;
  }
  for (int s = 0; change && s < p->n_steps; s++) {
    now += change[s];
    peak = fmax(peak, now);
  }
  free(change);
  return peak;
}

double log_slope(int n, const double *x, const double *y) {
  double sx = 0, sy = 0, sxx = 0, sxy = 0;
  for (int i = 0; i < n; i++) {
    const double a = log(x[i]), b = log(y[i]);
    sx += a, sy += b, sxx += a * a, sxy += a * b;
  }
  return (n * sxy - sx * sy) / (n * sxx - sx * sx);
}
