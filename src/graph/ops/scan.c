/* Making loops with a carried state. */
#include "graph/ops/scan.h"
#include "graph/ops/build.h"
#include "graph/ops/ops.h"
#include "graph/ops/revolve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

tw_expr tw_scan_end(tw_loop_builder *b, const tw_scan_form *form, int n_operands, const tw_expr *operands) {
  tw_graph *graph = b->graph;
  const int n_states = form->n_states, n_adjoints = form->n_adjoints;
  int n_carries = n_states + n_adjoints, n_captured = n_operands - n_carries;
  size_t most = (size_t)n_operands + 1;
  tw_expr *params = calloc(most, sizeof *params), *from = calloc(most, sizeof *from),
          *in = calloc(most, sizeof *in);
  tw_expr scan = TW_NONE;
  if (!params || !from || !in) tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory making a scan");
  if (graph->status == TW_OK) {
    params[0] = tw_param(graph, 0, TW_I64, TW_SCALAR);
    for (int c = 0; c < n_carries; c++) {
      in[c] = operands[c];
      params[c + 1] = tw_param(graph, c + 1, tw_dtype_of(in[c]), tw_shape_of(in[c]));
    }
    int used = tw_loop_drop_unused(b, n_carries + 1, n_captured, operands + n_carries, from,
                                   params + 1 + n_carries, in + n_carries);
    int n_params = 1 + n_carries + used, n_outputs = b->n_outputs - (n_adjoints ? n_states : 0);
    tw_scan_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.n_states = n_states;
    attr.n_adjoints = n_adjoints;
    attr.checkpoints = form->checkpoints;
    attr.until = form->until;
    bool ok = tw_loop_pack(b, n_params, params, n_outputs, &attr.loop);
    if (ok && n_adjoints)
      attr.forward = tw_body_make(graph, n_params, params, n_states, b->output + n_outputs);
    if (ok && (attr.forward || !n_adjoints))
      scan = tw_node(graph, n_adjoints ? &tw_op_scan_reverse : &tw_op_scan, n_carries + used, in, &attr);
  }
  free(params), free(from), free(in);
  tw_loop_release_builder(b);
  return scan;
}

int64_t tw_scan_slots(const tw_scan_attr *attr) {
  int64_t n = attr->loop.n, most = n > 1 ? n - 1 : 1, slots = attr->checkpoints;
  if (slots == 0) {
    size_t bytes = tw_loop_layout(attr->forward, 1, NULL);
    double fit = (double)TW_SCAN_STORE / ((double)bytes + 1), least = ceil(sqrt(2 * (double)n));
    slots = fit >= (double)most ? most : (int64_t)fmax(fit, least);
  }
  if (slots > INT32_MAX) slots = INT32_MAX;
  return slots < most ? slots : most;
}

/* ------------------------------------------------------------------ the public builder */

static bool same_type(tw_expr a, tw_expr b) {
  tw_shape x = tw_shape_of(a), y = tw_shape_of(b);
  return tw_dtype_of(a) == tw_dtype_of(b) && tw_shape_equal(&x, &y);
}

static bool refuse_type(const char *what, int i, tw_expr e, tw_expr carry) {
  char is[TW_SHAPE_TEXT], want[TW_SHAPE_TEXT];
  tw_shape a = tw_shape_of(e), b = tw_shape_of(carry);
  tw_graph_fail(carry.graph, tw_shape_equal(&a, &b) ? TW_ERR_DTYPE : TW_ERR_SHAPE,
                "scan: %s of carry %d is %s %s, but the carry is %s %s", what, i,
                tw_dtype_get(tw_dtype_of(e))->name, tw_shape_text(&a, is),
                tw_dtype_get(tw_dtype_of(carry))->name, tw_shape_text(&b, want));
  return false;
}

static bool carries_fit(tw_expr k, int n, const tw_expr *carry, const tw_expr *init, const tw_expr *next) {
  for (int i = 0; i < n; i++) {
    if (!tw_operands("scan", 3, (tw_expr[]){carry[i], init[i], next[i]})) return false;
    bool fresh = tw_is_input(carry[i]) && !tw_same(carry[i], k);
    for (int j = 0; j < i; j++) fresh &= !tw_same(carry[i], carry[j]);
    if (!fresh) {
      tw_graph_fail(k.graph, TW_ERR_ARGUMENT, "scan: carry %d must be an input of its own", i);
      return false;
    }
    if (!tw_is_float(tw_dtype_of(carry[i])) || tw_dtype_of(carry[i]) != tw_dtype_of(carry[0])) {
      tw_graph_fail(k.graph, TW_ERR_DTYPE, "scan: carry %d is %s: carries are all f64 or all f32", i,
                    tw_dtype_get(tw_dtype_of(carry[i]))->name);
      return false;
    }
    if (!same_type(init[i], carry[i])) return refuse_type("the start", i, init[i], carry[i]);
    if (!same_type(next[i], carry[i])) return refuse_type("the next value", i, next[i], carry[i]);
  }
  return true;
}

static bool outputs_fit(int64_t n, int n_out, const tw_expr *out, tw_expr carry) {
  for (int j = 0; j < n_out; j++) {
    if (!tw_operands("scan", 2, (tw_expr[]){out[j], carry})) return false;
    tw_shape shape = tw_shape_of(out[j]);
    if (tw_dtype_of(out[j]) != tw_dtype_of(carry)) {
      tw_graph_fail(carry.graph, TW_ERR_DTYPE, "scan: output %d is %s, but the carries are %s", j,
                    tw_dtype_get(tw_dtype_of(out[j]))->name, tw_dtype_get(tw_dtype_of(carry))->name);
      return false;
    }
    if (shape.rank == TW_MAX_RANK) {
      tw_graph_fail(carry.graph, TW_ERR_SHAPE, "scan: output %d has rank %d already, the largest", j,
                    shape.rank);
      return false;
    }
    shape = tw_shape_insert(shape, 0, n);
    if (!tw_shape_possible(carry.graph, "scan", &shape)) return false;
  }
  return true;
}

/* The node over a closed body. */
static tw_expr close_scan(tw_graph *graph, int64_t n, const tw_scan_form *form, const tw_body *body,
                          const tw_expr *init, int n_captured, const tw_expr *captured) {
  const int n_carry = form->n_states;
  tw_expr *operands = calloc((size_t)(n_carry + n_captured), sizeof *operands);
  if (!operands) return tw_graph_fail(graph, TW_ERR_MEMORY, "out of memory making a scan");
  tw_loop_builder b;
  tw_loop_begin(&b, graph, n, tw_dtype_of(init[0]));
  for (int i = 0; i < n_carry + n_captured; i++) operands[i] = i < n_carry ? init[i] : captured[i - n_carry];
  for (int i = 0; i < n_carry; i++) {
    tw_loop_target_add(&b, tw_shape_of(init[i]));
    tw_loop_output_add(&b, body->outputs[i]);
  }
  for (int j = n_carry; j < body->n_outputs; j++) {
    int target = tw_loop_target_add(&b, tw_shape_insert(tw_shape_of(body->outputs[j]), 0, n));
    tw_loop_result_add(&b, TW_LOOP_STACK, target, body->outputs[j], 0, NULL);
  }
  tw_expr scan = tw_scan_end(&b, form, n_carry + n_captured, operands);
  free(operands);
  return scan;
}

tw_expr tw_scan_make(tw_expr k, int64_t n, const tw_scan_form *form, const tw_expr *carry, const tw_expr *init, const tw_expr *next,
                     int n_out, const tw_expr *out) {
  const int n_carry = form->n_states;
  tw_expr *bound = calloc((size_t)n_carry + 1, sizeof *bound), scan = TW_NONE;
  tw_expr *outputs = calloc((size_t)(n_carry + n_out), sizeof *outputs);
  if (bound && outputs) {
    int n_captured;
    tw_expr *captured;
    bound[0] = k;
    for (int i = 0; i < n_carry; i++) bound[i + 1] = carry[i];
    for (int i = 0; i < n_carry + n_out; i++) outputs[i] = i < n_carry ? next[i] : out[i - n_carry];
    const tw_body *body =
        tw_body_close(k.graph, n_carry + 1, bound, n_carry + n_out, outputs, &n_captured, &captured);
    if (body) scan = close_scan(k.graph, n, form, body, init, n_captured, captured);
  } else {
    tw_graph_fail(k.graph, TW_ERR_MEMORY, "out of memory making a scan");
  }
  free(bound), free(outputs);
  return scan;
}

tw_expr tw_scan(tw_expr k, int64_t n, int n_carry, const tw_expr *carry, const tw_expr *init,
                const tw_expr *next, int n_out, const tw_expr *out, const tw_scan_options *options) {
  if (!tw_operands("scan", 1, &k)) return TW_NONE;
  tw_graph *graph = k.graph;
  const tw_expr until = options ? options->until : TW_NONE;
  const tw_scan_form form = {.n_states = n_carry, .checkpoints = options ? options->checkpoints : 0};
  if (!tw_is_input(k) || tw_dtype_of(k) != TW_I64 || tw_shape_of(k).rank != 0)
    return tw_graph_fail(graph, TW_ERR_ARGUMENT, "scan: the index must be an i64 scalar input");
  if (n < 0) return tw_graph_fail(graph, TW_ERR_RANGE, "scan: %lld steps", (long long)n);
  if (n_carry < 1 || n_out < 0)
    return tw_graph_fail(graph, TW_ERR_ARGUMENT,
                         "scan: %d carries and %d outputs; it needs at least one carry", n_carry, n_out);
  if (form.checkpoints < 0)
    return tw_graph_fail(graph, TW_ERR_RANGE, "scan: %lld checkpoints", (long long)form.checkpoints);
  if (!carries_fit(k, n_carry, carry, init, next) || !outputs_fit(n, n_out, out, carry[0])) return TW_NONE;
  if (tw_is_none(until)) return tw_scan_make(k, n, &form, carry, init, next, n_out, out);
  if (n_out > 0) return tw_graph_fail(graph, TW_ERR_ARGUMENT, "scan: it has outputs, which a scan with `until` has none of");
  return tw_scan_make_until(k, n, &form, carry, init, next, until);
}

/* ------------------------------------------------------------------ its parts */

/* Output o of the body in the only step. */
static tw_expr only_step(tw_expr scan, int o) {
  const tw_body *body = tw_scan_attr_of(scan)->loop.body;
  tw_expr *args = calloc((size_t)body->n_params, sizeof *args), e = TW_NONE;
  if (!args) return tw_graph_fail(scan.graph, TW_ERR_MEMORY, "out of memory opening a scan");
  args[0] = tw_integer(scan.graph, 0);
  for (int j = 1; j < body->n_params; j++) args[j] = tw_input_of(scan, j - 1);
  tw_substitute(1, &body->outputs[o], body->n_params, body->params, args, &e);
  free(args);
  return e;
}

static bool is_part(tw_expr scan, const char *what, int i, bool last) {
  if (tw_is_none(scan)) return false;
  const tw_scan_attr *attr = tw_op_of(scan) == &tw_op_scan ? tw_scan_attr_of(scan) : NULL;
  int64_t parts = !attr ? 0 : last ? attr->n_states : attr->loop.n_results;
  if (i >= 0 && i < parts) return true;
  tw_graph_fail(scan.graph, TW_ERR_ARGUMENT,
                attr ? "scan: no %s %d: there are %lld" : "scan: %s %d of another op", what, i,
                (long long)parts);
  return false;
}

tw_expr tw_scan_final(tw_expr scan, int i) {
  if (!is_part(scan, "carry", i, true)) return TW_NONE;
  int64_t n = tw_scan_attr_of(scan)->loop.n;
  return n == 0 ? tw_input_of(scan, i) : n == 1 ? only_step(scan, i) : tw_loop_part(scan, i);
}

tw_expr tw_scan_out(tw_expr scan, int j) {
  if (!is_part(scan, "output", j, false)) return TW_NONE;
  const tw_scan_attr *attr = tw_scan_attr_of(scan);
  int i = (int)attr->n_states + j;
  if (attr->loop.n == 0) return tw_fill(scan.graph, tw_dtype_of(scan), attr->loop.target[i].shape, 0);
  return attr->loop.n == 1 ? tw_expand(only_step(scan, i), 0) : tw_loop_part(scan, i);
}

/* ------------------------------------------------------------------ the ops */

static bool scan_infer(const tw_args *args, tw_type *type) {
  const tw_loop_attr *attr = args->attr;
  *type = (tw_type){(tw_dtype)attr->dtype, tw_shape_make(1, &attr->size)};
  return true;
}

static double scan_flops(tw_expr node) {
  const tw_scan_attr *attr = tw_scan_attr_of(node);
  double flops = (double)attr->loop.n * tw_body_flops(attr->loop.body);
  if (attr->forward)
    flops += tw_revolve_evaluations(attr->loop.n, tw_scan_slots(attr)) * tw_body_flops(attr->forward);
  return flops;
}

/* A pendulum that is pushed; a matrix and a vector that feed on each other; a scan without captured values.
 */
static tw_expr scan_example(tw_graph *graph, tw_dtype dtype, int variant) {
  tw_expr k = tw_input(graph, "k", TW_I64, TW_SCALAR);
  tw_scan_options options = {.checkpoints = variant};
  if (variant == 0) {
    tw_expr angle = tw_input(graph, "angle", dtype, TW_SCALAR),
            speed = tw_input(graph, "speed", dtype, TW_SCALAR);
    tw_expr push = tw_input(graph, "push", dtype, TW_SHAPE(6)),
            pull = tw_input(graph, "pull", dtype, TW_SCALAR);
    tw_expr start[2] = {tw_input(graph, "x", dtype, TW_SCALAR), tw_input(graph, "v", dtype, TW_SCALAR)};
    tw_expr v = tw_add(speed, tw_sub(tw_take(push, 1, &k), tw_mul(pull, tw_sin(angle))));
    tw_expr next[2] = {tw_add(angle, tw_mul(v, tw_weak(v, 0.5))), v}, energy = tw_mul(v, angle);
    return tw_scan(k, 6, 2, (tw_expr[]){angle, speed}, start, next, 1, &energy, &options);
  }
  if (variant == 1) {
    tw_expr a = tw_input(graph, "a", dtype, TW_SHAPE(2, 2)), x = tw_input(graph, "x", dtype, TW_SHAPE(2));
    tw_expr start[2] = {tw_input(graph, "A", dtype, TW_SHAPE(2, 2)),
                        tw_input(graph, "X", dtype, TW_SHAPE(2))};
    tw_expr b = tw_input(graph, "b", dtype, TW_SHAPE(2));
    tw_expr y = tw_tanh(tw_add(tw_matmul(a, x), b)),
            next[2] = {tw_add(tw_sin(a), tw_mul(tw_expand(y, 1), x)), y};
    return tw_scan(k, 4, 2, (tw_expr[]){a, x}, start, next, 0, NULL, &options);
  }
  if (variant == 3) { /* one that stops */
    tw_expr x = tw_input(graph, "x", dtype, TW_SHAPE(3)), b = tw_input(graph, "b", dtype, TW_SHAPE(3)), start = tw_sin(b);
    tw_expr next = tw_add(tw_mul(tw_sin(x), tw_weak(x, 0.5)), b), far = tw_reduce_max(tw_abs(tw_sub(next, x)), TW_ALL, false);
    options.until = tw_le(far, tw_weak(far, 0.01));
    return tw_scan(k, 12, 1, &x, &start, &next, 0, NULL, &options);
  }
  if (variant == 2) {
    tw_expr x = tw_input(graph, "x", dtype, TW_SHAPE(3)), start = tw_input(graph, "X", dtype, TW_SHAPE(3));
    tw_expr next = tw_cos(tw_cumsum(x, 0, false));
    return tw_scan(k, 5, 1, &x, &start, &next, 1, &x, &options);
  }
  return TW_NONE;
}

/* The reverse sweeps of the examples above. */
static tw_expr reverse_example(tw_graph *graph, tw_dtype dtype, int variant) {
  tw_expr scan = scan_example(graph, dtype, variant), e;
  if (tw_is_none(scan)) return TW_NONE;
  tw_expr start = tw_input_of(scan, 0), cotangent = tw_input(graph, "c", dtype, tw_shape_of(scan));
  if (tw_vjp(1, &scan, &cotangent, 1, &start, &e) != TW_OK) return TW_NONE;
  while (!tw_is_none(e) && tw_op_of(e) != &tw_op_scan_reverse) e = tw_input_of(e, 0);
  return e;
}

#define SCAN(op, word, run, reverse_mode, from)                                                              \
  const tw_op tw_op_##op = {.name = #op,                                                                     \
                            .summary = word,                                                                 \
                            .kind = TW_OP_KIND_SCAN,                                                         \
                            .arity = -1,                                                                     \
                            .attr_bytes = sizeof(tw_scan_attr),                                              \
                            .infer = scan_infer,                                                             \
                            .kernel = run,                                                                   \
                            .scratch = tw_scan_scratch,                                                      \
                            .jvp = tw_scan_jvp,                                                              \
                            .vjp = reverse_mode,                                                             \
                            .batch = tw_scan_batch,                                                          \
                            .flops = scan_flops,                                                             \
                            .emit = tw_scan_emit,                                                            \
                            .prepare = tw_scan_prepare,                                                      \
                            .function = tw_scan_function,                                                      \
                            .release = tw_scan_release,                                                      \
                            .open = tw_scan_open,                                                            \
                            .close = tw_scan_close,                                                          \
                            .visit = tw_scan_visit,                                                          \
                            .memory = tw_scan_memory,                                                        \
                            .example = from,                                                                 \
                            .low = -1,                                                                       \
                            .high = 1}
SCAN(scan, "a body run step after step with a carried state", tw_scan_kernel, tw_scan_vjp, scan_example);
SCAN(scan_reverse, "adjoints carried back over the steps of a scan", tw_scan_reverse_kernel,
     tw_scan_reverse_vjp, reverse_example);
