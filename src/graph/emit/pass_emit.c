/* A pass as C: one loop over its elements, or straight lines when there is one; what is in between lives in variables. */
#include "graph/emit/emit.h"

#include <string.h>

typedef struct pass_writer {
  tw_emitter *e;
  const tw_emit_frame *frame;
  const tw_step *step;
  const tw_pass *pass;
  tw_graph *graph;
  int id; /* makes the names of this pass its own */
} pass_writer;

enum { POINTER = TW_EMIT_POINTER };

static tw_dtype dtype_of(const pass_writer *w, int32_t node) { return tw_node_at(w->graph, node)->type.dtype; }

static void operand_name(const pass_writer *w, int32_t k, char *out) {
  tw_emit_place(w->frame, &w->frame->fn->operand[w->step->first_in + k], dtype_of(w, w->pass->operand[k]), false, out, POINTER);
}
static void result_name(const pass_writer *w, int32_t k, char *out) {
  tw_emit_place(w->frame, &w->frame->fn->result[w->step->first_out + k], dtype_of(w, w->pass->result[k]), true, out, POINTER);
}

/* The value's name in expressions: a variable, an element of an operand, or a literal. */
static void value_name(const pass_writer *w, int32_t k, tw_text *out) {
  const tw_value *value = &w->pass->value[k];
  char pointer[POINTER];
  switch (value->kind) {
  case TW_VALUE_OPERAND:
    operand_name(w, value->at, pointer);
    tw_text_printf(out, "%s[i]", pointer);
    break;
  case TW_VALUE_SCALAR:
    operand_name(w, value->at, pointer);
    tw_text_printf(out, "*%s", pointer);
    break;
  case TW_VALUE_CONSTANT: tw_emit_literal(out, value->dtype, &value->bits); break;
  default: tw_text_printf(out, "t%d_%d", w->id, k);
  }
}

static void put_formula(const pass_writer *w, const tw_instr *instr, tw_text *out) {
  tw_text name[TW_MAX_OPERANDS] = {{0}};
  const char *operand[TW_MAX_OPERANDS];
  for (int k = 0; k < instr->n; k++) {
    value_name(w, instr->in[k], &name[k]);
    operand[k] = name[k].data ? name[k].data : "";
    if (name[k].failed) out->failed = true;
  }
  tw_emit_put_formula(tw_at(w->graph, instr->node), operand, out);
  for (int k = 0; k < instr->n; k++) tw_text_free(&name[k]);
}

/* Whether constant + slope i stays within int64_t; scalars may be anything. */
static bool cannot_wrap(const tw_affine *a, int64_t n) {
  int64_t last;
  return a->n == 0 && !__builtin_mul_overflow(a->slope, n, &last) && !__builtin_add_overflow(a->constant, last, &last);
}

/* As the ops compute it, modulo 2^64. */
static void put_affine(const pass_writer *w, const tw_affine *a, tw_text *out) {
  char pointer[POINTER];
  if (cannot_wrap(a, w->pass->n)) {
    tw_text_printf(out, "%lld + %lld * i", (long long)a->constant, (long long)a->slope);
    return;
  }
  tw_text_printf(out, "(int64_t)(UINT64_C(%llu) + UINT64_C(%llu) * (uint64_t)i", (unsigned long long)a->constant,
                 (unsigned long long)a->slope);
  for (int t = 0; t < a->n; t++) {
    operand_name(w, a->scalar[t], pointer);
    tw_text_printf(out, " + UINT64_C(%llu) * (uint64_t)*%s", (unsigned long long)a->coefficient[t], pointer);
  }
  tw_text_puts(out, ")");
}

/* The flat position of GATHER and SLIDE in a variable p.., checked. */
static void put_position(const pass_writer *w, const tw_instr *instr, const char *name) {
  tw_text index = {0};
  for (int d = 0; d < instr->rank; d++) {
    tw_text_clear(&index);
    if (instr->kind == TW_INSTR_GATHER)
      value_name(w, instr->in[d], &index);
    else
      put_affine(w, &instr->affine[d], &index);
    tw_emit_line(w->e, "const int64_t %s_%d = %s;", name, d, index.data ? index.data : "");
    tw_emit_fail_if(w->e, "%s_%d < 0 || %s_%d >= %lld", name, d, name, d, (long long)instr->extent[d]);
  }
  if (index.failed) w->e->text->failed = true;
  tw_text_clear(&index);
  tw_text_printf(&index, "%s_0", name);
  for (int d = 1; d < instr->rank; d++) {
    tw_text wider = {0};
    tw_text_printf(&wider, "(%s) * %lld + %s_%d", index.data ? index.data : "", (long long)instr->extent[d], name, d);
    tw_text_free(&index);
    index = wider;
  }
  tw_emit_line(w->e, "const int64_t %s = %s;", name, index.data ? index.data : "");
  tw_text_free(&index);
}

/* What `out` is, as an expression. */
static void put_expression(const pass_writer *w, const tw_instr *instr, int number, tw_text *out) {
  char pointer[POINTER];
  switch (instr->kind) {
  case TW_INSTR_MAP: put_formula(w, instr, out); break;
  case TW_INSTR_VIEW:
    operand_name(w, instr->array, pointer);
    tw_text_printf(out, "%s[", pointer);
    tw_emit_put_view_index(&instr->view, out);
    tw_text_puts(out, "]");
    break;
  case TW_INSTR_IOTA: tw_text_puts(out, "i"); break;
  default:
    operand_name(w, instr->array, pointer);
    tw_text_printf(out, "%s[p%d_%d]", pointer, w->id, number);
  }
}

/* Sums of real numbers are compensated (Neumaier 1974): s the sum, r what its roundings lost; of columns s is the result itself and r an
 * array. Integers wrap around. */
typedef enum fold_way { WAY_PLAIN, WAY_ALL, WAY_ROWS, WAY_COLUMNS, WAY_LANES } fold_way;

static fold_way way_of(const pass_writer *w, const tw_instr *instr) {
  static const fold_way of[] = {[TW_FOLD_ALL] = WAY_ALL, [TW_FOLD_ROWS] = WAY_ROWS, [TW_FOLD_COLUMNS] = WAY_COLUMNS};
  const bool real = tw_dtype_get(dtype_of(w, instr->node))->kind == TW_KIND_FLOAT;
  if (w->e->native) return WAY_LANES;
  return instr->fold == TW_FOLD_SUM && real ? of[instr->shape] : WAY_PLAIN;
}

static void put_sum(const pass_writer *w, const tw_instr *instr, fold_way way, const char *x) {
  const char *type = tw_c_short(dtype_of(w, instr->node));
  const long long row = w->pass->row;
  const int id = w->id, out = instr->out;
  char pointer[POINTER];
  result_name(w, out, pointer);
  if (way == WAY_COLUMNS) {
    tw_emit_line(w->e, "rt_add_%s(&%s[i %% %lld], &r%d_%d[i %% %lld], %s);", type, pointer, row, id, out, row, x);
    return;
  }
  if (way == WAY_ROWS) tw_emit_line(w->e, "if (i %% %lld == 0) s%d_%d = r%d_%d = 0;", row, id, out, id, out);
  tw_emit_line(w->e, "rt_add_%s(&s%d_%d, &r%d_%d, %s);", type, id, out, id, out, x);
  if (way == WAY_ROWS)
    tw_emit_line(w->e, "if (i %% %lld == %lld) %s[i / %lld] = rt_total_%s(s%d_%d, r%d_%d);", row, row - 1, pointer, row, type, id, out, id,
                 out);
}

static void put_plain_fold(const pass_writer *w, const tw_instr *instr, const char *x) {
  char pointer[POINTER], to[POINTER + 48];
  const long long row = w->pass->row;
  const tw_dtype dtype = dtype_of(w, instr->node);
  const char *type = tw_c_type(dtype), sign = instr->fold == TW_FOLD_SUM ? '+' : '*';
  const bool real = tw_dtype_get(dtype)->kind == TW_KIND_FLOAT;
  result_name(w, instr->out, pointer);
  if (instr->shape == TW_FOLD_ALL)
    snprintf(to, sizeof to, "*%s", pointer);
  else
    snprintf(to, sizeof to, "%s[i %c %lld]", pointer, instr->shape == TW_FOLD_COLUMNS ? '%' : '/', row);
  if (instr->fold != TW_FOLD_SUM && instr->fold != TW_FOLD_PROD) { /* NaN wins */
    const char before = instr->fold == TW_FOLD_MAX ? '>' : '<';
    if (real)
      tw_emit_line(w->e, "if (%s %c %s || %s != %s) %s = %s;", x, before, to, x, x, to, x);
    else
      tw_emit_line(w->e, "if (%s %c %s) %s = %s;", x, before, to, to, x);
  } else if (real) {
    tw_emit_line(w->e, "%s = (%s)(%s %c (%s)%s);", to, type, to, sign, type, x);
  } else {
    tw_emit_line(w->e, "%s = (%s)((uint64_t)%s %c (uint64_t)%s);", to, type, to, sign, x);
  }
}

/* Whole, from an array f.. of what is folded, which f32 is folded as f64 in. */
static void put_lanes(const pass_writer *w, const tw_instr *instr) {
  static const char *const name[TW_FOLD_COUNT] = {[TW_FOLD_SUM] = "sum(", [TW_FOLD_SQUARES] = "sum(", [TW_FOLD_PROD] = "prod(",
                                                  [TW_FOLD_MAX] = "extreme(true, ", [TW_FOLD_MIN] = "extreme(false, "};
  const char *type = tw_c_type(dtype_of(w, instr->node));
  const bool all = instr->shape == TW_FOLD_ALL;
  const long long n = (long long)w->pass->n, row = all ? n : (long long)w->pass->row;
  const int id = w->id, out = instr->out;
  char pointer[POINTER];
  result_name(w, out, pointer);
  if (instr->shape == TW_FOLD_COLUMNS)
    tw_emit_line(w->e, "for (int64_t i = 0; i < %lld; i++) %s[i] = (%s)rt_column_sum(%lld, %lld, f%d_%d + i);", row, pointer, type, n / row,
                 row, id, out);
  else
    tw_emit_line(w->e, "for (int64_t i = 0; i < %lld; i++) %s[i] = (%s)rt_lanes_%s%lld, f%d_%d + i * %lld);", n / row, pointer, type,
                 name[instr->fold], row, id, out, row);
}

static void put_fold(const pass_writer *w, const tw_instr *instr) {
  const fold_way way = way_of(w, instr);
  tw_text x = {0};
  value_name(w, instr->in[0], &x);
  if (x.failed) w->e->text->failed = true;
  if (way == WAY_LANES)
    tw_emit_line(w->e, instr->fold == TW_FOLD_SQUARES ? "f%d_%d[i] = (double)%s * (double)%s;" : "f%d_%d[i] = (double)%s;", w->id,
                 instr->out, x.data ? x.data : "", x.data ? x.data : "");
  else if (way == WAY_PLAIN)
    put_plain_fold(w, instr, x.data ? x.data : "");
  else
    put_sum(w, instr, way, x.data ? x.data : "");
  tw_text_free(&x);
}

/* Results of folds before the loop. */
static void put_fold_start(const pass_writer *w, const tw_instr *instr) {
  char pointer[POINTER];
  const tw_node_data *node = tw_node_at(w->graph, instr->node);
  const tw_dtype dtype = node->type.dtype;
  const bool real = tw_dtype_get(dtype)->kind == TW_KIND_FLOAT;
  const fold_way way = way_of(w, instr);
  if (way == WAY_LANES) {
    tw_emit_line(w->e, "double f%d_%d[%lld];", w->id, instr->out, (long long)w->pass->n);
    return;
  }
  if (way == WAY_ALL || (way == WAY_ROWS && w->pass->n > 0)) {
    tw_emit_line(w->e, "%s s%d_%d = 0, r%d_%d = 0;", tw_c_type(dtype), w->id, instr->out, w->id, instr->out);
    return;
  }
  if (way == WAY_COLUMNS) tw_emit_line(w->e, "%s r%d_%d[%lld] = {0};", tw_c_type(dtype), w->id, instr->out, (long long)w->pass->row);
  static const char *const least[TW_DTYPE_COUNT] = {[TW_I64] = "INT64_MIN", [TW_I32] = "INT32_MIN", [TW_U8] = "0", [TW_BOOL] = "0"};
  static const char *const most[TW_DTYPE_COUNT] = {[TW_I64] = "INT64_MAX", [TW_I32] = "INT32_MAX", [TW_U8] = "255", [TW_BOOL] = "255"};
  const char *identity = instr->fold == TW_FOLD_SUM    ? "0"
                         : instr->fold == TW_FOLD_PROD ? "1"
                         : instr->fold == TW_FOLD_MAX  ? (real ? "-INFINITY" : least[dtype])
                                                       : (real ? "INFINITY" : most[dtype]);
  result_name(w, instr->out, pointer);
  tw_emit_line(w->e, "for (int64_t i = 0; i < %lld; i++) %s[i] = %s;", (long long)node->size, pointer, identity);
}

static void put_fold_end(const pass_writer *w, const tw_instr *instr) {
  char pointer[POINTER];
  const char *type = tw_c_short(dtype_of(w, instr->node));
  const fold_way way = way_of(w, instr);
  const int id = w->id, out = instr->out;
  if (way == WAY_LANES) {
    put_lanes(w, instr);
    return;
  }
  result_name(w, out, pointer);
  if (way == WAY_ALL) tw_emit_line(w->e, "*%s = rt_total_%s(s%d_%d, r%d_%d);", pointer, type, id, out, id, out);
  if (way == WAY_COLUMNS)
    tw_emit_line(w->e, "for (int64_t i = 0; i < %lld; i++) %s[i] = rt_total_%s(%s[i], r%d_%d[i]);", (long long)w->pass->row, pointer, type,
                 pointer, id, out);
}

/* A function of a mathematical library, of one element, by the library's own loop. */
static void put_loop_call(const pass_writer *w, const tw_instr *instr) {
  const char *type = tw_c_type(w->pass->value[instr->out].dtype);
  tw_text in = {0}, step = {0};
  for (int k = 0; k < instr->n; k++) {
    const tw_value *value = &w->pass->value[instr->in[k]];
    tw_text_printf(&in, "%s&(const %s){", k ? ", " : "", tw_c_type(value->dtype));
    value_name(w, instr->in[k], &in);
    tw_text_puts(&in, "}");
    tw_text_printf(&step, k ? ", %d" : "%d", !tw_value_repeats(value));
  }
  if (in.failed || step.failed) w->e->text->failed = true;
  tw_emit_line(w->e, "%s t%d_%d;", type, w->id, instr->out);
  tw_emit_line(w->e, "loop[%d](1, 1, (const void *const[]){%s}, (const int64_t[%d]){0}, (const int64_t[]){%s}, &t%d_%d);", w->e->loops++,
               in.data ? in.data : "", TW_MAX_RANK, step.data ? step.data : "", w->id, instr->out);
  tw_text_free(&in);
  tw_text_free(&step);
}

static void put_instr(const pass_writer *w, int number) {
  const tw_instr *instr = &w->pass->instr[number];
  if (instr->kind == TW_INSTR_FOLD) {
    put_fold(w, instr);
    return;
  }
  if (w->e->native && tw_needs_loop(instr, w->graph)) {
    put_loop_call(w, instr);
    return;
  }
  const tw_value *value = &w->pass->value[instr->out];
  const char *type = tw_c_type(value->dtype);
  tw_text expression = {0};
  char name[TW_EMIT_NAME];
  if (instr->kind == TW_INSTR_GATHER || instr->kind == TW_INSTR_SLIDE) {
    snprintf(name, sizeof name, "p%d_%d", w->id, number);
    put_position(w, instr, name);
  }
  put_expression(w, instr, number, &expression);
  if (expression.failed) w->e->text->failed = true;
  tw_emit_line(w->e, "const %s t%d_%d = (%s)(%s);", type, w->id, instr->out, type, expression.data ? expression.data : "0");
  tw_text_free(&expression);
}

/* Stores come last, since a result may lie where an operand is. */
static void put_stores(const pass_writer *w) {
  char pointer[POINTER];
  for (int k = 0; k < w->pass->n_values; k++) {
    if (w->pass->value[k].kind != TW_VALUE_RESULT) continue;
    result_name(w, w->pass->value[k].at, pointer);
    tw_emit_line(w->e, "%s[i] = t%d_%d;", pointer, w->id, k);
  }
}

void tw_emit_pass(tw_emitter *e, const tw_emit_frame *frame, const tw_step *step) {
  const tw_pass *pass = step->pass;
  const pass_writer w = {e, frame, step, pass, step->node.graph, e->names++};
  tw_emit_block(e);
  for (int k = 0; k < pass->n_instrs; k++)
    if (pass->instr[k].kind == TW_INSTR_FOLD) put_fold_start(&w, &pass->instr[k]);
  if (pass->n == 1)
    tw_emit_line(e, "enum { i = 0 };");
  else
    tw_emit_open(e, "for (int64_t i = 0; i < %lld; i++)", (long long)pass->n);
  for (int k = 0; k < pass->n_instrs; k++) put_instr(&w, k);
  put_stores(&w);
  if (pass->n > 1) tw_emit_close(e);
  for (int k = 0; k < pass->n_instrs; k++)
    if (pass->instr[k].kind == TW_INSTR_FOLD) put_fold_end(&w, &pass->instr[k]);
  tw_emit_close(e);
}
