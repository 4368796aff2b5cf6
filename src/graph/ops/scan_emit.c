/* Scans and their reverse sweeps as C: the loop of loop_emit.c with a state carried from step to step.
 *
 * A reverse sweep keeps states in the work area: all of them when the scan may, and then it runs forward and
 * back; else as many as it may, in the order of runtime/revolve.h. States lie in places 0 .. slots-1 and in
 * two more, between which steps whose states are not kept go to and fro. */
#include "graph/ops/loop_emit.h"
#include "graph/ops/scan.h"

#include <stdlib.h>

enum { SMALL = 512 }; /* bytes of a carried value that is a variable and copied; others change places */

/* A value carried through the lines of one step: x is what it was, y what it becomes. */
typedef struct carry {
  char x[TW_EMIT_NAME], y[TW_EMIT_NAME];
  int64_t size;
  bool small;
} carry;

typedef struct writer {
  const tw_scan_attr *attr;
  tw_loop_writer loop; /* the body whose results count: of a scan its only one, else the way back */
  tw_emit_body forward;
  carry *carry;
  int first, n; /* param of the first carry, how many */
  char k[TW_EMIT_NAME], kept[TW_EMIT_NAME], hand[TW_EMIT_NAME], next[TW_EMIT_NAME];
  size_t *state; /* bytes before state i in a place; last: all */
} writer;

static const char *type_of(const writer *w) {
  return tw_c_type((tw_dtype)w->attr->loop.dtype);
}
static size_t element_of(const writer *w) {
  return tw_dtype_get((tw_dtype)w->attr->loop.dtype)->size;
}

/* ------------------------------------------------------------------ carried values */

/* Where carries start: copies of in[..], the operands. */
static void put_carries(tw_emitter *e, writer *w, const char *const *in) {
  for (int c = 0; c < w->n; c++) {
    carry *v = &w->carry[c];
    const char *type = type_of(w);
    v->size = w->attr->loop.target[c].size;
    v->small = (size_t)v->size * element_of(w) <= SMALL;
    tw_emit_name(e, "x", v->x);
    tw_emit_name(e, "y", v->y);
    if (v->small) {
      tw_emit_array(e, type, element_of(w), v->x, v->size, false);
    } else {
      const size_t bytes = (size_t)v->size * element_of(w);
      tw_emit_line(e, "%s *%s = (%s *)(void *)(work + %zu);", type, v->x, type, tw_emit_work(e, bytes));
      tw_emit_line(e, "%s *%s = (%s *)(void *)(work + %zu);", type, v->y, type, tw_emit_work(e, bytes));
    }
    tw_emit_line(e, "for (int64_t i = 0; i < %lld; i++) %s[i] = %s[i];", (long long)v->size, v->x,
                 in[w->first - 1 + c]);
    tw_emit_body_param(&w->loop.body, w->first + c, "%s", v->x);
  }
}

/* Outputs that are found elsewhere, such as in another carry, are copied before any carry moves on. */
static void put_step(tw_emitter *e, writer *w) {
  tw_emit_body *body = &w->loop.body;
  char from[TW_EMIT_POINTER];
  for (int c = 0; c < w->n; c++) {
    const carry *v = &w->carry[c];
    if (v->small) tw_emit_array(e, type_of(w), element_of(w), v->y, v->size, false);
    tw_emit_body_target(body, c, "%s", v->y);
  }
  tw_loop_write_outputs(e, &w->loop);
  tw_emit_body_run(e, body);
  tw_loop_write_results(e, &w->loop);
  for (int c = 0; c < w->n; c++) {
    if (tw_emit_body_writes(body, c)) continue;
    tw_emit_body_output(body, c, from, sizeof from);
    tw_emit_line(e, "for (int64_t i = 0; i < %lld; i++) %s[i] = %s[i];", (long long)w->carry[c].size,
                 w->carry[c].y, from);
  }
  for (int c = 0; c < w->n; c++) {
    const carry *v = &w->carry[c];
    if (v->small) {
      tw_emit_line(e, "for (int64_t i = 0; i < %lld; i++) %s[i] = %s[i];", (long long)v->size, v->x, v->y);
      continue;
    }
    char before[TW_EMIT_NAME];
    tw_emit_name(e, "z", before);
    tw_emit_line(e, "%s *const %s = %s;", type_of(w), before, v->x);
    tw_emit_line(e, "%s = %s;", v->x, v->y);
    tw_emit_line(e, "%s = %s;", v->y, before);
  }
}

static void put_finals(tw_emitter *e, const writer *w) {
  for (int c = 0; c < w->n; c++)
    tw_emit_line(e, "for (int64_t i = 0; i < %lld; i++) %s[%lld + i] = %s[i];", (long long)w->carry[c].size,
                 w->loop.out, (long long)w->attr->loop.target[c].offset, w->carry[c].x);
}

/* ------------------------------------------------------------------ states that are kept */

static tw_dtype state_dtype(const writer *w, int i) {
  return tw_dtype_of(w->attr->forward->outputs[i]);
}

/* State i in place `place`, as a pointer expression. */
static void state_at(const writer *w, int i, const char *place, char *out, size_t size) {
  snprintf(out, size, "((%s *)(void *)(%s + %s * %zu + %zu))", tw_c_type(state_dtype(w, i)), w->kept, place,
           w->state[w->attr->n_states], w->state[i]);
}

static bool lay_out_states(tw_emitter *e, writer *w) {
  const int n = (int)w->attr->n_states;
  w->state = calloc((size_t)n + 1, sizeof *w->state);
  if (!w->state) {
    e->status = tw_fail(e->error, TW_ERR_MEMORY, "out of memory writing C");
    return false;
  }
  for (int i = 0; i < n; i++) { /* each at a multiple of a word */
    const size_t bytes =
        (size_t)tw_size_of(w->attr->forward->outputs[i]) * tw_dtype_get(state_dtype(w, i))->size;
    w->state[i + 1] = w->state[i] + (bytes + sizeof(double) - 1) / sizeof(double) * sizeof(double);
  }
  return true;
}

/* Both bodies read states where `hand` says. */
static void bind_states(writer *w) {
  char at[TW_EMIT_POINTER];
  for (int i = 0; i < w->attr->n_states; i++) {
    state_at(w, i, w->hand, at, sizeof at);
    tw_emit_body_param(&w->loop.body, 1 + i, "%s", at);
    tw_emit_body_param(&w->forward, 1 + i, "%s", at);
  }
}

static void put_kept(tw_emitter *e, writer *w, int64_t places, const char *const *in) {
  tw_emit_line(e, "unsigned char *const %s = work + %zu;", w->kept,
               tw_emit_work(e, (size_t)places * w->state[w->attr->n_states]));
  for (int i = 0; i < w->attr->n_states; i++) {
    char at[TW_EMIT_POINTER];
    state_at(w, i, "0", at, sizeof at);
    tw_emit_line(e, "for (int64_t i = 0; i < %lld; i++) %s[i] = %s[i];",
                 (long long)tw_size_of(w->attr->forward->outputs[i]), at, in[i]);
  }
}

/* A step from the state at place `hand` to place `next`. */
static void put_forward(tw_emitter *e, writer *w) {
  char to[TW_EMIT_POINTER], from[TW_EMIT_POINTER];
  for (int i = 0; i < w->attr->n_states; i++) {
    state_at(w, i, w->next, to, sizeof to);
    tw_emit_body_target(&w->forward, i, "%s", to);
  }
  tw_emit_body_run(e, &w->forward);
  for (int i = 0; i < w->attr->n_states; i++) {
    if (tw_emit_body_writes(&w->forward, i)) continue;
    state_at(w, i, w->next, to, sizeof to);
    tw_emit_body_output(&w->forward, i, from, sizeof from);
    tw_emit_line(e, "for (int64_t i = 0; i < %lld; i++) %s[i] = %s[i];",
                 (long long)tw_size_of(w->attr->forward->outputs[i]), to, from);
  }
}

/* ------------------------------------------------------------------ the three loops */

/* Leaves the loop when the states are final. */
static void put_until(tw_emitter *e, const writer *w) {
  const carry *flag = &w->carry[w->attr->until - 1];
  char over[TW_EMIT_NAME];
  tw_emit_name(e, "n", over);
  tw_emit_line(e, "int64_t %s = 0;", over);
  tw_emit_line(e, "for (int64_t i = 0; i < %lld; i++) %s += %s[i] != 0;", (long long)flag->size, over, flag->x);
  tw_emit_line(e, "if (%s == %lld) break;", over, (long long)flag->size);
}

static void put_scan(tw_emitter *e, writer *w) {
  tw_emit_open(e, "for (int64_t %s = 0; %s < %lld; %s++)", w->k, w->k, (long long)w->attr->loop.n, w->k);
  if (w->attr->until > 0) put_until(e, w);
  put_step(e, w);
  tw_emit_close(e);
}

/* Place k holds state k. */
static void put_there_and_back(tw_emitter *e, writer *w, const char *const *in) {
  const long long n = (long long)w->attr->loop.n;
  put_kept(e, w, n, in);
  tw_emit_open(e, "for (int64_t %s = 0; %s + 1 < %lld; %s++)", w->k, w->k, n, w->k);
  tw_emit_line(e, "const int64_t %s = %s, %s = %s + 1;", w->hand, w->k, w->next, w->k);
  tw_emit_line(e, "(void)%s;", w->hand);
  put_forward(e, w);
  tw_emit_close(e);
  tw_emit_open(e, "for (int64_t %s = %lld; %s >= 0; %s--)", w->k, n - 1, w->k, w->k);
  tw_emit_line(e, "const int64_t %s = %s;", w->hand, w->k);
  tw_emit_line(e, "(void)%s;", w->hand);
  put_step(e, w);
  tw_emit_close(e);
}

static void put_schedule(tw_emitter *e, writer *w, int64_t slots, const char *const *in) {
  char at[TW_EMIT_NAME], s[TW_EMIT_NAME];
  tw_emit_name(e, "at", at);
  tw_emit_name(e, "s", s);
  put_kept(e, w, slots + 2, in);
  tw_emit_line(e, "int64_t *const %s = (int64_t *)(void *)(work + %zu);", at,
               tw_emit_work(e, (size_t)slots * sizeof(int64_t)));
  tw_emit_line(
      e, "struct { int64_t used, position, end, from, to, slot; int next; } %s = {1, 0, %lld, 0, 0, 0, 0};",
      s, (long long)w->attr->loop.n);
  tw_emit_line(e, "int64_t %s = 0;", w->hand);
  tw_emit_line(e, "%s[0] = 0;", at);
  tw_emit_open(e,
               "while ((%s.next = rt_revolve(%lld, &%s.used, &%s.position, &%s.end, %s, &%s.from, &%s.to, "
               "&%s.slot)) != 3)",
               s, (long long)slots, s, s, s, at, s, s, s);
  tw_emit_line(e, "if (%s.next == 1) %s = %s.slot;", s, w->hand, s);
  tw_emit_open(e, "for (int64_t %s = %s.from; %s.next == 0 && %s < %s.to; %s++)", w->k, s, s, w->k, s, w->k);
  tw_emit_line(e, "const int64_t %s = %s == %s.to - 1 && %s.slot >= 0 ? %s.slot : %s == %lld ? %lld : %lld;",
               w->next, w->k, s, s, s, w->hand, (long long)slots, (long long)slots + 1, (long long)slots);
  put_forward(e, w);
  tw_emit_line(e, "%s = %s;", w->hand, w->next);
  tw_emit_close(e);
  tw_emit_line(e, "if (%s.next != 2) continue;", s);
  tw_emit_line(e, "const int64_t %s = %s.from;", w->k, s);
  tw_emit_line(e, "(void)%s;", w->k);
  put_step(e, w);
  tw_emit_close(e);
}

/* ------------------------------------------------------------------ the op */

static void put_all(tw_emitter *e, writer *w, const char *const *in) {
  const bool back = w->attr->forward != NULL;
  put_carries(e, w, in);
  if (back && !lay_out_states(e, w)) return;
  if (back) bind_states(w);
  tw_emit_body_before(e, &w->loop.body);
  if (back) tw_emit_body_before(e, &w->forward);
  tw_loop_write_start(e, &w->loop);
  const int64_t n = w->attr->loop.n, slots = back ? tw_scan_slots(w->attr) : 0;
  if (!back)
    put_scan(e, w);
  else if (n > 0 && slots >= n - 1)
    put_there_and_back(e, w, in);
  else if (n > 0)
    put_schedule(e, w, slots, in);
  tw_loop_write_end(e, &w->loop);
  put_finals(e, w);
}

static bool open_writer(tw_emitter *e, writer *w) {
  const int carries = tw_scan_carries(w->attr);
  w->carry = calloc((size_t)w->n + 1, sizeof *w->carry);
  if (!w->carry) e->status = tw_fail(e->error, TW_ERR_MEMORY, "out of memory writing C");
  if (!w->carry || tw_emit_body_open(e, &w->loop.body, w->attr->loop.body, 1 + carries) != TW_OK)
    return false;
  if (w->attr->forward && tw_emit_body_open(e, &w->forward, w->attr->forward, 1 + carries) != TW_OK)
    return false;
  tw_emit_name(e, "k", w->k);
  tw_emit_name(e, "m", w->kept);
  tw_emit_name(e, "h", w->hand);
  tw_emit_name(e, "h", w->next);
  w->loop.k = w->k;
  tw_emit_body_param(&w->loop.body, 0, "(&%s)", w->k);
  if (w->attr->forward) tw_emit_body_param(&w->forward, 0, "(&%s)", w->k);
  return true;
}

void tw_scan_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const tw_scan_attr *attr = tw_scan_attr_of(node);
  const int carries = tw_scan_carries(attr);
  writer w = {.attr = attr,
              .loop = {.attr = &attr->loop, .finals = tw_scan_finals(attr), .out = out, .id = e->names++},
              .n = tw_scan_finals(attr)};
  tw_text lines = {0};
  w.first = 1 + (attr->forward ? (int)attr->n_states : 0);
  if (open_writer(e, &w)) {
    tw_emit_block(e);
    tw_text *text = tw_emit_to(e, &lines);
    put_all(e, &w, in);
    tw_emit_to(e, text);
    tw_emit_body_captured(e, &w.loop.body, 1 + carries, in + carries, &lines);
    if (attr->forward) tw_emit_body_captured(e, &w.forward, 1 + carries, in + carries, &lines);
    tw_emit_lines(e, &lines);
    tw_emit_close(e);
  }
  tw_emit_body_close(&w.loop.body);
  tw_emit_body_close(&w.forward);
  free(w.carry);
  free(w.state);
}
