/* Writes .nl files, text and binary (Gay, Writing .nl Files, 2005). */
#include "model/nl_write.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct writer {
  tw_nl_plan plan;
  const tw_flat *flat;
  tw_nl_style style;
  tw_text *out;
  int32_t *stack; /* nodes whose text is still to come */
  size_t waiting, capacity;
} writer;

/* ------------------------------------------------------------------ numbers and keys */

static void put_bytes(writer *w, const void *data, size_t size) {
  const char *from = data;
  for (size_t k = 0; k < size; k++) tw_text_append(w->out, from + (w->style.swap ? size - 1 - k : k), 1);
}

/* A key and its integers make a line of text. */
static void put_key(writer *w, char key) {
  tw_text_append(w->out, &key, 1);
}

static void put_integer(writer *w, int64_t value) {
  const int32_t word = (int32_t)value;
  if (w->style.binary)
    put_bytes(w, &word, sizeof word);
  else
    tw_text_printf(w->out, "%lld", (long long)value);
}

static void put_real(writer *w, double value) {
  if (w->style.binary)
    put_bytes(w, &value, sizeof value);
  else
    tw_text_number(w->out, value);
}

static void put_blank(writer *w) {
  if (!w->style.binary) tw_text_puts(w->out, " ");
}

static void put_end(writer *w) {
  if (!w->style.binary) tw_text_puts(w->out, "\n");
}

static void put_line(writer *w, char key, int count, const int64_t *value) {
  put_key(w, key);
  for (int k = 0; k < count; k++) {
    if (k > 0) put_blank(w);
    put_integer(w, value[k]);
  }
  put_end(w);
}

static void put_number(writer *w, double value) {
  put_key(w, 'n');
  put_real(w, value);
  put_end(w);
}

static void put_operator(writer *w, int op) {
  put_line(w, 'o', 1, (int64_t[]){op});
}

static void put_operands(writer *w, int64_t count) {
  put_integer(w, count);
  put_end(w);
}

/* ------------------------------------------------------------------ expressions */

enum { TWO = -1 }; /* on the stack: the number 2 */

static bool push(writer *w, int32_t node) {
  int32_t *grown = tw_grow(w->stack, &w->capacity, w->waiting + 1, sizeof *grown);
  if (grown == NULL) w->out->failed = true;
  if (grown == NULL) return false;
  w->stack = grown;
  w->stack[w->waiting++] = node;
  return true;
}

static int32_t operand_of(const writer *w, const tw_tree *t, int32_t k) {
  return tw_nl_tree(w->flat, w->flat->operand[t->is.first + k]);
}

/* Lists of fewer than three operands have operators of their own. */
static int list_operator(int op, int32_t count) {
  if (count == 2 && op == TW_S_SUM) return TW_S_ADD;
  if (count == 2 && op == TW_S_ALL) return TW_S_AND;
  return count == 2 && op == TW_S_ANY ? TW_S_OR : op;
}

static void put_piecewise(writer *w, const tw_tree *t) {
  const int32_t argument = operand_of(w, t, 0), common = w->plan.common[argument];
  put_operator(w, TW_S_PIECEWISE);
  put_operands(w, t->count / 2);
  for (int32_t k = 1; k < t->count; k++) put_number(w, w->flat->node[operand_of(w, t, k)].is.number);
  put_line(w, 'v', 1, (int64_t[]){common >= 0 ? w->flat->n + common : w->plan.place[w->flat->node[argument].is.index]});
}

/* The head of a node; its operands go on the stack. */
static void put_head(writer *w, int32_t node) {
  const tw_tree *t = &w->flat->node[node];
  if (t->op == TW_S_NUMBER) {
    put_number(w, t->is.number);
    return;
  }
  if (t->op == TW_S_VARIABLE) {
    put_line(w, 'v', 1, (int64_t[]){w->plan.place[t->is.index]});
    return;
  }
  if (t->op == TW_S_PIECEWISE) {
    put_piecewise(w, t);
    return;
  }
  const bool power = t->op == TW_S_SQUARE || t->op == TW_S_POW_CONSTANT || t->op == TW_S_CONSTANT_POW;
  const bool single = t->count == 1 && (t->op == TW_S_SUM || t->op == TW_S_ALL || t->op == TW_S_ANY);
  const int op = power ? TW_S_POW : list_operator(t->op, t->count);
  if (!single) put_operator(w, op);
  if (!single && tw_scalar_arity_of(op) == TW_S_LIST) put_operands(w, t->count);
  if (t->op == TW_S_SQUARE) push(w, TWO);
  for (int32_t k = t->count; k-- > 0;)
    if (!push(w, operand_of(w, t, k))) return;
}

/* The tree, with common expressions named but for itself. */
static void put_tree(writer *w, int32_t root, bool own) {
  push(w, root);
  while (w->waiting > 0 && !w->out->failed) {
    const int32_t node = w->stack[--w->waiting];
    if (node == TWO)
      put_number(w, 2);
    else if (w->plan.common[node] >= 0 && !(own && node == root))
      put_line(w, 'v', 1, (int64_t[]){w->flat->n + w->plan.common[node]});
    else
      put_head(w, node);
  }
  w->waiting = 0;
}

/* The nonlinear part of a row, with its constant. */
static void put_body(writer *w, int64_t row) {
  const tw_nl_row *r = &w->plan.row[row + 1];
  int64_t terms = (int64_t)r->n_rest + (r->constant != 0);
  if (terms == 0) {
    put_number(w, 0);
    return;
  }
  if (terms == 2) put_operator(w, TW_S_ADD);
  if (terms > 2) {
    put_operator(w, TW_S_SUM);
    put_operands(w, terms);
  }
  for (size_t k = 0; k < r->n_rest; k++) {
    const tw_nl_rest *rest = &w->plan.rest[r->rest + k];
    if (rest->scale == -1) {
      put_operator(w, TW_S_NEG);
    } else if (rest->scale != 1) {
      put_operator(w, TW_S_MUL);
      put_number(w, rest->scale);
    }
    put_tree(w, rest->node, false);
  }
  if (r->constant != 0) put_number(w, r->constant);
}

/* ------------------------------------------------------------------ segments */

static void put_header(writer *w) {
  const tw_flat *f = w->flat;
  const tw_nl_plan *p = &w->plan;
  int64_t ranges = 0, equations = 0, gradient = f->has_objective ? (int64_t)p->row[0].n_entries : 0, common[3] = {0};
  for (int64_t i = 0; i < f->m; i++) {
    equations += f->row_lower[i] == f->row_upper[i];
    ranges += f->row_lower[i] != f->row_upper[i] && isfinite(f->row_lower[i]) && isfinite(f->row_upper[i]);
  }
  common[p->nonlinear_rows == 0 ? 2 : p->row[0].n_rest == 0 ? 1 : 0] = p->n_common;
  const uint16_t one = 1;
  const bool little = (*(const unsigned char *)&one == 1) != w->style.swap;
  tw_text *out = w->out;
  tw_text_printf(out, "%c3 1 1 0\t# problem %s\n", w->style.binary ? 'b' : 'g', f->title != NULL ? f->title : "unknown");
  tw_text_printf(out, " %lld %lld %d %lld %lld\t# vars, constraints, objectives, ranges, eqns\n", (long long)f->n, (long long)f->m,
                 f->has_objective, (long long)ranges, (long long)equations);
  tw_text_printf(out, " %lld %d\t# nonlinear constraints, objectives\n 0 0\t# network constraints: nonlinear, linear\n",
                 (long long)p->nonlinear_rows, p->row[0].n_rest > 0);
  tw_text_printf(out, " %lld %lld %lld\t# nonlinear vars in constraints, objectives, both\n", (long long)p->vars_rows,
                 (long long)p->vars_objective, (long long)p->vars_both);
  tw_text_printf(out, " 0 0 %d 1\t# linear network variables; functions; arith, flags\n", !w->style.binary ? 0 : little ? 1 : 2);
  tw_text_printf(out, " %lld %lld %lld %lld %lld\t# discrete variables: binary, integer, nonlinear (b,c,o)\n", (long long)p->binary,
                 (long long)p->integer, (long long)p->integer_both, (long long)p->integer_rows, (long long)p->integer_objective);
  tw_text_printf(out, " %lld %lld\t# nonzeros in Jacobian, gradients\n 0 0\t# max name lengths: constraints, variables\n",
                 (long long)p->jacobian, (long long)gradient);
  tw_text_printf(out, " %lld %lld %lld 0 0\t# common exprs: b,c,o,c1,o1\n", (long long)common[0], (long long)common[1],
                 (long long)common[2]);
}

static void put_trees(writer *w) {
  for (size_t i = 0; i < w->flat->n_nodes; i++) {
    if (w->plan.common[i] < 0) continue;
    put_line(w, 'V', 3, (int64_t[]){w->flat->n + w->plan.common[i], 0, 0});
    put_tree(w, (int32_t)i, true);
  }
  for (int64_t i = 0; i < w->flat->m; i++) {
    put_line(w, 'C', 1, &i);
    put_body(w, w->plan.line[i]);
  }
  if (!w->flat->has_objective) return;
  put_line(w, 'O', 2, (int64_t[]){0, w->flat->maximize});
  put_body(w, -1);
}

/* Values that are stated, at their places. */
static void put_starts(writer *w, char key, int64_t count, const int64_t *from, const double *value) {
  int64_t stated = 0;
  for (int64_t k = 0; k < count; k++) stated += !isnan(value[k]);
  if (stated == 0) return;
  put_line(w, key, 1, &stated);
  for (int64_t k = 0; k < count; k++) {
    if (isnan(value[from[k]])) continue;
    put_integer(w, k);
    put_blank(w);
    put_real(w, value[from[k]]);
    put_end(w);
  }
}

static void put_limits(writer *w, char key, int64_t count, const int64_t *from, const double *lower, const double *upper) {
  put_key(w, key);
  put_end(w);
  for (int64_t k = 0; k < count; k++) {
    const double low = lower[from[k]], high = upper[from[k]];
    const char type = low == high ? '4' : low == -INFINITY ? high == INFINITY ? '3' : '1' : high == INFINITY ? '2' : '0';
    put_key(w, type);
    if (type != '3') put_blank(w);
    if (type == '0' || type == '2' || type == '4') put_real(w, low);
    if (type == '0') put_blank(w);
    if (type == '0' || type == '1') put_real(w, high);
    put_end(w);
  }
}

static int by_column(const void *a, const void *b) {
  const tw_nl_entry *x = a, *y = b;
  return x->col < y->col ? -1 : x->col > y->col;
}

static void put_linear(writer *w, char key, int64_t number, int64_t row) {
  const tw_nl_row *r = &w->plan.row[row + 1];
  tw_nl_entry *entry = w->plan.entry + r->entry;
  if (r->n_entries == 0) return;
  put_line(w, key, 2, (int64_t[]){number, (int64_t)r->n_entries});
  for (size_t k = 0; k < r->n_entries; k++) {
    put_integer(w, entry[k].col);
    put_blank(w);
    put_real(w, entry[k].value);
    put_end(w);
  }
}

/* Columns by their places, and how many entries are in each. */
static void put_matrix(writer *w) {
  const tw_flat *f = w->flat;
  tw_nl_plan *p = &w->plan;
  int64_t *count = tw_alloc((size_t)f->n, sizeof *count), total = 0;
  if (count == NULL) w->out->failed = true;
  if (count == NULL) return;
  for (int64_t i = -1; i < f->m; i++) {
    const tw_nl_row *r = &p->row[i + 1];
    for (size_t k = r->entry; k < r->entry + r->n_entries; k++) {
      p->entry[k].col = p->place[p->entry[k].col];
      if (i >= 0) count[p->entry[k].col]++;
    }
    if (r->n_entries > 0) qsort(p->entry + r->entry, r->n_entries, sizeof *p->entry, by_column);
  }
  put_line(w, 'k', 1, (int64_t[]){f->n - 1});
  for (int64_t j = 0; j + 1 < f->n; j++) {
    total += count[j];
    put_integer(w, total);
    put_end(w);
  }
  free(count);
  for (int64_t i = 0; i < f->m; i++) put_linear(w, 'J', i, p->line[i]);
  if (f->has_objective) put_linear(w, 'G', 0, -1);
}

tw_status tw_nl_write(tw_flat *flat, const tw_nl_style *style, tw_text *out, int64_t **columns, int64_t **rows, tw_error *error) {
  writer w = {.flat = flat, .style = *style, .out = out};
  tw_flat_open_quadratic(flat);
  tw_status status = tw_nl_plan_make(&w.plan, flat) ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "out of memory writing a .nl file");
  if (status == TW_OK) {
    put_header(&w);
    put_trees(&w);
    put_starts(&w, 'd', flat->m, w.plan.line, flat->row_start);
    put_starts(&w, 'x', flat->n, w.plan.column, flat->start);
    if (flat->m > 0) put_limits(&w, 'r', flat->m, w.plan.line, flat->row_lower, flat->row_upper);
    put_limits(&w, 'b', flat->n, w.plan.column, flat->lower, flat->upper);
    put_matrix(&w);
    if (out->failed) status = tw_fail(error, TW_ERR_MEMORY, "out of memory writing a .nl file");
  }
  if (status == TW_OK && columns != NULL) {
    *columns = w.plan.column;
    w.plan.column = NULL;
  }
  if (status == TW_OK && rows != NULL) {
    *rows = w.plan.line;
    w.plan.line = NULL;
  }
  tw_nl_plan_free(&w.plan);
  free(w.stack);
  return status;
}
