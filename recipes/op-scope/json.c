/* A report as JSON: one object for each node, then sums. Absent numbers (counters that are not permitted) are null. */
#include "report.h"

#include <string.h>

static void put_number(tw_text *out, const char *name, double value) {
  tw_text_printf(out, ",\"%s\":", name);
  tw_text_json_number(out, value);
}

static void put_string(tw_text *out, const char *name, const char *value) {
  tw_text_printf(out, ",\"%s\":", name);
  tw_text_json_string(out, value);
}

static void put_shape(tw_text *out, tw_expr e) {
  const tw_shape s = tw_shape_of(e);
  tw_text_puts(out, "[");
  for (int k = 0; k < s.rank; k++) tw_text_printf(out, "%s%lld", k ? "," : "", (long long)s.dim[k]);
  tw_text_puts(out, "]");
}

static void put_times(const part *p, int k, tw_text *out) {
  const tw_cost *c = &p->cost[k];
  const tw_step_time *t = &p->time[c->step];
  const bool single = tw_dtype_of(c->node) == TW_F32;
  const double share = t->median > 0 ? p->seconds[k] / t->median : 0, seconds = p->seconds[k];
  put_number(out, "median", seconds);
  put_number(out, "p10", share * t->low);
  put_number(out, "p90", share * t->high);
  tw_text_printf(out, ",\"repeats\":%d", t->repeats);
  put_number(out, "intensity", c->bytes > 0 ? c->flops / c->bytes : 0);
  put_number(out, "flopsPerSecond", seconds > 0 ? c->flops / seconds : 0);
  put_number(out, "bytesPerSecond", seconds > 0 ? c->bytes / seconds : 0);
  const double all_flops = p->step_flops[c->step], all_bytes = p->step_bytes[c->step];
  put_number(out, "ofRoof", t->median > 0 ? tw_machine_least(&p->machine, single, all_flops, all_bytes) / t->median : 0);
  put_string(out, "bound", tw_machine_bound(&p->machine, single, all_flops, all_bytes, t->median));
  put_number(out, "cycles", share * t->cycles);
  put_number(out, "instructions", share * t->instructions);
  put_number(out, "cacheMisses", share * t->misses);
}

static void put_node(const part *p, int k, tw_text *out) {
  const tw_cost *c = &p->cost[k];
  tw_text_printf(out, "%s\n  {\"id\":%d,\"step\":%d", k ? "," : "", (int)c->node.id, c->step);
  put_string(out, "op", tw_op_of(c->node)->name);
  put_string(out, "class", class_names[class_of(c->node)]);
  if (*attention_part(c->node)) put_string(out, "part", attention_part(c->node));
  put_string(out, "scope", tw_scope_of(c->node));
  put_string(out, "phase", part_phase(p));
  put_string(out, "dtype", tw_dtype_get(tw_dtype_of(c->node))->name);
  tw_text_puts(out, ",\"inputs\":[");
  for (int i = 0; i < tw_arity_of(c->node); i++) {
    if (i) tw_text_puts(out, ",");
    put_shape(out, tw_input_of(c->node, i));
  }
  tw_text_puts(out, "],\"shape\":");
  put_shape(out, c->node);
  put_number(out, "flops", c->flops);
  put_number(out, "bytesLeast", c->bytes);
  put_number(out, "bytesMoved", c->moved);
  tw_text_printf(out, ",\"fused\":%s", p->nodes[c->step] > 1 ? "true" : "false");
  put_times(p, k, out);
  tw_text_puts(out, "}");
}

static void put_classes(const part *p, tw_text *out) {
  for (int c = 0; c < CLASSES; c++) {
    const op_class class = (op_class)c;
    const totals t = part_totals(p, is_of_class, &class);
    tw_text_puts(out, c ? ",\n  {" : "\n  {");
    tw_text_printf(out, "\"class\":\"%s\"", class_names[c]);
    put_number(out, "seconds", t.seconds);
    put_number(out, "flops", t.flops);
    put_number(out, "bytesLeast", t.bytes);
    put_number(out, "bytesMoved", t.moved);
    put_number(out, "peakBytes", part_peak(p, is_of_class, &class));
    tw_text_puts(out, "}");
  }
}

static void put_calls(const part *p, tw_text *out) {
  for (int k = 0; k < p->n.n_calls; k++) {
    const attention_call *c = &p->n.call[k];
    tw_text_printf(out, "%s\n  {\"call\":%d,\"kind\":\"%s\",\"nq\":%lld,\"nk\":%lld,\"batch\":%lld,\"heads\":%lld,\"width\":%lld}",
                   k ? "," : "", k, c->kind, (long long)c->nq, (long long)c->nk, (long long)c->batch, (long long)c->heads,
                   (long long)c->width);
  }
}

static void put_part(const part *p, int64_t calls, tw_text *out) {
  tw_text_printf(out, "{\"part\":\"%s\",\"attention\":\"%s\",\"calls\":%lld", p->n.name, p->n.tiled ? "tiled" : "naive", (long long)calls);
  put_string(out, "phase", part_phase(p));
  tw_text_printf(out, ",\"runs\":%d", p->whole.runs);
  put_number(out, "seconds", p->whole.plain);
  put_number(out, "secondsTimed", p->whole.wall);
  put_number(out, "coverage", p->whole.coverage);
  put_number(out, "probe", p->whole.probe);
  put_number(out, "peakBytes", (double)tw_fn_live_bytes(p->fn));
  tw_text_puts(out, ",\"nodes\":[");
  for (int k = 0; k < p->n_costs; k++) put_node(p, k, out);
  tw_text_puts(out, "],\n\"classes\":[");
  put_classes(p, out);
  tw_text_puts(out, "],\n\"attentions\":[");
  put_calls(p, out);
  tw_text_puts(out, "]}");
}

void report_json(const report *r, tw_text *out) {
  const tw_machine *m = &r->machine;
  tw_text_printf(
      out, "{\"workload\":\"%s\",\"size\":%lld,\"frames\":%lld,\"batch\":%lld,\"text\":%lld,\"steps\":%lld,\n\"machine\":{\"threads\":%d",
      r->w->name, (long long)r->size.size, (long long)r->size.frames, (long long)r->size.batch, (long long)r->size.text,
      (long long)r->steps, m->threads);
  put_number(out, "flops", m->flops);
  put_number(out, "flopsSingle", m->flops_single);
  tw_text_puts(out, ",\"levels\":[");
  for (int k = 0; k < TW_MEMORY_LEVELS; k++) {
    tw_text_puts(out, k ? ",{\"bytes\":" : "{\"bytes\":");
    tw_text_json_number(out, m->size[k]);
    put_number(out, "rate", m->rate[k]);
    tw_text_puts(out, "}");
  }
  tw_text_puts(out, "]},\n\"parts\":[");
  for (int i = 0; i < r->n; i++) {
    if (i) tw_text_puts(out, ",\n");
    put_part(r->part[i], workload_calls(r->w, r->which[i], &r->size, r->steps), out);
  }
  tw_text_puts(out, "]}\n");
}
