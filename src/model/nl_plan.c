/* Before a .nl file is written: linear and nonlinear parts, and the order of variables and rows that the format asks for. */
#include "model/nl_write.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int32_t tw_nl_tree(const tw_flat *flat, int32_t node) {
  while (flat->node[node].op == TW_S_COMMON) node = flat->common[flat->node[node].is.index];
  return node;
}

static int32_t operand_of(const tw_flat *f, int32_t node, int32_t k) {
  return tw_nl_tree(f, f->operand[f->node[node].is.first + k]);
}

static bool is_number(const tw_flat *f, int32_t node) {
  return f->node[node].op == TW_S_NUMBER;
}
static bool is_leaf(const tw_flat *f, int32_t node) {
  return is_number(f, node) || f->node[node].op == TW_S_VARIABLE;
}

/* ------------------------------------------------------------------ nodes */

/* Operands come before, so one sweep tells. */
static void find_affine(tw_nl_plan *p) {
  const tw_flat *f = p->flat;
  for (size_t i = 0; i < f->n_nodes; i++) {
    const int32_t node = (int32_t)i;
    const int op = f->node[i].op;
    bool affine = op == TW_S_NUMBER || op == TW_S_VARIABLE || op == TW_S_COMMON || tw_scalar_is_sum(op) || op == TW_S_MUL || op == TW_S_DIV;
    if (op == TW_S_COMMON) affine = p->affine[tw_nl_tree(f, node)];
    for (int32_t k = 0; !is_leaf(f, node) && affine && op != TW_S_COMMON && k < f->node[i].count; k++)
      affine = p->affine[operand_of(f, node, k)];
    if (op == TW_S_MUL) affine = affine && (is_number(f, operand_of(f, node, 0)) || is_number(f, operand_of(f, node, 1)));
    if (op == TW_S_DIV) affine = affine && is_number(f, operand_of(f, node, 1));
    p->affine[i] = affine;
  }
}

/* Growing list of nodes to visit. */
typedef struct pile {
  tw_nl_rest *item;
  size_t count, capacity;
} pile;

static void push(tw_nl_plan *p, pile *s, int32_t node, double scale) {
  tw_nl_rest *grown = p->failed ? NULL : tw_grow(s->item, &s->capacity, s->count + 1, sizeof *grown);
  if (grown == NULL) {
    p->failed = true;
    return;
  }
  s->item = grown;
  s->item[s->count++] = (tw_nl_rest){node, scale};
}

/* How often each node is read from what is written; operands are looked at the first time alone. */
static void count_uses(tw_nl_plan *p) {
  const tw_flat *f = p->flat;
  pile s = {0};
  for (int64_t i = -1; i < f->m; i++) {
    const int32_t body = i < 0 ? f->objective : f->body[i];
    if (body >= 0) push(p, &s, tw_nl_tree(f, body), 1);
    while (s.count > 0 && !p->failed) {
      const int32_t node = s.item[--s.count].node;
      if (p->uses[node]++ > 0 || is_leaf(f, node)) continue;
      for (int32_t k = 0; k < f->node[node].count; k++) push(p, &s, operand_of(f, node, k), 1);
    }
  }
  free(s.item);
}

/* Shared operators, unless linear, and what piecewise-linear terms read. Smaller numbers first, so they are there when read. */
static void choose_commons(tw_nl_plan *p) {
  const tw_flat *f = p->flat;
  for (size_t i = 0; i < f->n_nodes; i++) p->common[i] = -1;
  for (size_t i = 0; i < f->n_nodes; i++) {
    if (p->uses[i] > 0 && f->node[i].op == TW_S_PIECEWISE) {
      const int32_t argument = operand_of(f, (int32_t)i, 0);
      if (f->node[argument].op != TW_S_VARIABLE) p->common[argument] = 0;
    }
    if (p->uses[i] > 1 && !is_leaf(f, (int32_t)i) && !p->affine[i]) p->common[i] = 0;
  }
  for (size_t i = 0; i < f->n_nodes; i++)
    if (p->common[i] == 0) p->common[i] = p->n_common++;
}

/* ------------------------------------------------------------------ rows */

typedef struct scatter { /* a sparse row being collected */
  double *value;
  int64_t *stamp, *touched; /* of the row that a column was last met in; columns met */
  size_t count;
} scatter;

static void meet(scatter *s, int64_t row, int64_t col, double value) {
  if (s->stamp[col] != row + 2) {
    s->stamp[col] = row + 2;
    s->touched[s->count++] = col;
    s->value[col] = 0;
  }
  s->value[col] += value;
}

/* Linear terms into `s`, the rest into p->rest. */
static void split(tw_nl_plan *p, pile *stack, scatter *s, int64_t row, int32_t body) {
  const tw_flat *f = p->flat;
  tw_nl_row *r = &p->row[row + 1];
  push(p, stack, tw_nl_tree(f, body), 1);
  while (stack->count > 0 && !p->failed) {
    const tw_nl_rest at = stack->item[--stack->count];
    const tw_tree *t = &f->node[at.node];
    const bool open = p->affine[at.node] || p->common[at.node] < 0;
    if (t->op == TW_S_NUMBER) {
      r->constant += at.scale * t->is.number;
    } else if (t->op == TW_S_VARIABLE) {
      meet(s, row, t->is.index, at.scale);
    } else if (open && tw_scalar_is_sum(t->op)) {
      for (int32_t k = t->count; k-- > 0;)
        push(p, stack, operand_of(f, at.node, k), t->op == TW_S_NEG || (t->op == TW_S_SUB && k == 1) ? -at.scale : at.scale);
    } else if (open && t->op == TW_S_MUL && is_number(f, operand_of(f, at.node, 0))) {
      push(p, stack, operand_of(f, at.node, 1), at.scale * f->node[operand_of(f, at.node, 0)].is.number);
    } else if (open && (t->op == TW_S_MUL || t->op == TW_S_DIV) && is_number(f, operand_of(f, at.node, 1))) {
      const double factor = f->node[operand_of(f, at.node, 1)].is.number;
      push(p, stack, operand_of(f, at.node, 0), t->op == TW_S_MUL ? at.scale * factor : at.scale / factor);
    } else {
      tw_nl_rest *grown = tw_grow(p->rest, &p->rest_capacity, p->n_rest + 1, sizeof *grown);
      p->failed |= grown == NULL;
      if (grown != NULL) p->rest = grown;
      if (grown != NULL) p->rest[p->n_rest++] = at;
    }
  }
}

/* The variables of the row's nonlinear part: entries of the derivative, whose linear coefficient may be 0. `seen` holds the row
 * that a node was last met in. */
static void meet_nonlinear(tw_nl_plan *p, pile *stack, scatter *s, int64_t *seen, int64_t row) {
  const tw_flat *f = p->flat;
  const tw_nl_row *r = &p->row[row + 1];
  for (size_t k = r->rest; k < p->n_rest; k++) push(p, stack, p->rest[k].node, 1);
  while (stack->count > 0 && !p->failed) {
    const int32_t node = stack->item[--stack->count].node;
    if (seen[node] == row + 2) continue;
    seen[node] = row + 2;
    if (f->node[node].op == TW_S_VARIABLE) {
      meet(s, row, f->node[node].is.index, 0);
      p->where[f->node[node].is.index] |= row < 0 ? 2 : 1;
    } else if (f->node[node].op != TW_S_NUMBER) {
      for (int32_t i = 0; i < f->node[node].count; i++) push(p, stack, operand_of(f, node, i), 1);
    }
  }
}

static int by_column(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return x < y ? -1 : x > y;
}

static void keep_row(tw_nl_plan *p, scatter *s, int64_t row) {
  tw_nl_row *r = &p->row[row + 1];
  tw_nl_entry *grown = p->failed ? NULL : tw_grow(p->entry, &p->entry_capacity, p->n_entries + s->count, sizeof *grown);
  p->failed |= grown == NULL;
  if (grown == NULL) return;
  p->entry = grown;
  r->n_rest = p->n_rest - r->rest;
  r->entry = p->n_entries;
  if (s->count > 0) qsort(s->touched, s->count, sizeof *s->touched, by_column);
  for (size_t k = 0; k < s->count; k++) p->entry[p->n_entries++] = (tw_nl_entry){s->touched[k], s->value[s->touched[k]]};
  r->n_entries = p->n_entries - r->entry;
  if (row >= 0) p->jacobian += (int64_t)r->n_entries;
}

static int by_row(const void *a, const void *b) {
  const tw_linear_term *const *x = a, *const *y = b;
  return (*x)->row < (*y)->row ? -1 : (*x)->row > (*y)->row;
}

static void make_rows(tw_nl_plan *p) {
  const tw_flat *f = p->flat;
  const size_t n = (size_t)f->n;
  scatter s = {.value = tw_alloc(n, sizeof *s.value), .stamp = tw_alloc(n, sizeof *s.stamp), .touched = tw_alloc(n, sizeof *s.touched)};
  int64_t *seen = tw_alloc(f->n_nodes, sizeof *seen);
  const tw_linear_term **term = tw_alloc(f->n_linear, sizeof *term);
  pile stack = {0};
  p->failed |= s.value == NULL || s.stamp == NULL || s.touched == NULL || seen == NULL || term == NULL;
  for (size_t k = 0; !p->failed && k < f->n_linear; k++) term[k] = &f->linear[k];
  if (!p->failed && f->n_linear > 0) qsort(term, f->n_linear, sizeof *term, by_row);
  size_t next = 0;
  for (int64_t i = -1; !p->failed && i < f->m; i++) {
    const int32_t body = i < 0 ? f->objective : f->body[i];
    p->row[i + 1] = (tw_nl_row){.constant = i < 0 ? f->constant : 0, .rest = p->n_rest};
    s.count = 0;
    for (; next < f->n_linear && term[next]->row == i; next++) meet(&s, i, term[next]->col, term[next]->value);
    if (body >= 0) split(p, &stack, &s, i, body);
    meet_nonlinear(p, &stack, &s, seen, i);
    keep_row(p, &s, i);
  }
  free(s.value);
  free(s.stamp);
  free(s.touched);
  free(seen);
  free(term);
  free(stack.item);
}

/* ------------------------------------------------------------------ the order */

/* Nonlinear in both, in constraints, in the objective, linear; in each the integer ones last, of the linear ones binary before
 * integer (Gay 2005, table 3). */
static void order_columns(tw_nl_plan *p) {
  static const unsigned char wanted[4] = {3, 1, 2, 0};
  const tw_flat *f = p->flat;
  int64_t at = 0, count[4][3] = {{0}};
  for (int part = 0; part < 4; part++)
    for (int kind = 0; kind < 3; kind++)
      for (int64_t j = 0; j < f->n; j++) {
        const int own = f->kind[j] == TW_CONTINUOUS ? 0 : f->kind[j] == TW_BINARY && part == 3 ? 1 : 2;
        if (p->where[j] != wanted[part] || own != kind) continue;
        p->place[j] = at;
        p->column[at++] = j;
        count[part][kind]++;
      }
  int64_t whole[4];
  for (int part = 0; part < 4; part++) whole[part] = count[part][0] + count[part][1] + count[part][2];
  p->vars_both = whole[0];
  p->vars_rows = whole[0] + whole[1];
  p->vars_objective = whole[2] > 0 ? p->vars_rows + whole[2] : whole[0];
  p->integer_both = count[0][2];
  p->integer_rows = count[1][2];
  p->integer_objective = count[2][2];
  p->binary = count[3][1];
  p->integer = count[3][2];
}

static void order_rows(tw_nl_plan *p) {
  int64_t at = 0;
  for (int linear = 0; linear < 2; linear++) {
    for (int64_t i = 0; i < p->flat->m; i++) {
      if ((p->row[i + 1].n_rest == 0) != (linear == 1)) continue;
      p->line_place[i] = at;
      p->line[at++] = i;
    }
    if (linear == 0) p->nonlinear_rows = at;
  }
}

bool tw_nl_plan_make(tw_nl_plan *p, const tw_flat *f) {
  const size_t nodes = f->n_nodes, n = (size_t)f->n, m = (size_t)f->m;
  *p = (tw_nl_plan){.flat = f,
                    .affine = tw_alloc(nodes, sizeof *p->affine),
                    .uses = tw_alloc(nodes, sizeof *p->uses),
                    .common = tw_alloc(nodes, sizeof *p->common),
                    .row = tw_alloc(m + 1, sizeof *p->row),
                    .where = tw_alloc(n, 1),
                    .column = tw_alloc(n, sizeof *p->column),
                    .place = tw_alloc(n, sizeof *p->place),
                    .line = tw_alloc(m, sizeof *p->line),
                    .line_place = tw_alloc(m, sizeof *p->line_place)};
  p->failed =
      f->failed || !p->affine || !p->uses || !p->common || !p->row || !p->where || !p->column || !p->place || !p->line || !p->line_place;
  if (p->failed) return false;
  find_affine(p);
  count_uses(p);
  if (!p->failed) choose_commons(p);
  if (!p->failed) make_rows(p);
  if (p->failed) return false;
  order_columns(p);
  order_rows(p);
  return true;
}

void tw_nl_plan_free(tw_nl_plan *p) {
  free(p->affine);
  free(p->uses);
  free(p->common);
  free(p->row);
  free(p->rest);
  free(p->entry);
  free(p->where);
  free(p->column);
  free(p->place);
  free(p->line);
  free(p->line_place);
  *p = (tw_nl_plan){0};
}
