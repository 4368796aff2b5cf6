/* Constants of written functions: static arrays, or functions that fill work memory with what is regular. While the file is
 * made they are named after their addresses; tw_emit_constants_number numbers them, so that equal graphs give equal files. */
#include "graph/emit/emit.h"
#include "graph/emit/progression.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
  LONG = 1024, /* numbers from which on loops are looked for */
  FEW = 4      /* loops are written where they take at most 1/FEW of the numbers */
};

void tw_emit_constants_free(tw_emit_constants *c) {
  tw_text_free(&c->text);
  free(c->item);
}

static unsigned long long name_of(const void *data) { return (unsigned long long)(uintptr_t)data; }

static tw_emit_constant *find(const tw_emit_constants *c, const void *data) {
  for (size_t k = 0; k < c->n; k++)
    if (c->item[k].data == data) return &c->item[k];
  return NULL;
}

static tw_emit_constant *find_or_add(tw_emit_constants *c, const void *data) {
  tw_emit_constant *known = find(c, data);
  if (known) return known;
  tw_emit_constant *grown = tw_grow(c->item, &c->capacity, c->n + 1, sizeof *grown);
  if (!grown) return NULL;
  c->item = grown;
  grown[c->n] = (tw_emit_constant){.data = data};
  return &grown[c->n++];
}

/* ------------------------------------------------------------------ what a function needs */

typedef struct need {
  tw_expr node;
  bool filled;
  tw_progression loops; /* where filled */
} need;

typedef struct needs {
  need *item;
  size_t n, capacity;
  int64_t numbers; /* that they add to the file */
} needs;

static void free_needs(needs *all) {
  for (size_t k = 0; k < all->n; k++) tw_progression_free(&all->item[k].loops);
  free(all->item);
}

/* The constants that a text reads in place, by address. */
typedef struct reading {
  unsigned long long name;
  bool added; /* to the needs */
} reading;

typedef struct readings {
  reading *item;
  size_t n, capacity;
} readings;

static int by_name(const void *a_, const void *b_) {
  const reading *a = a_, *b = b_;
  return (a->name > b->name) - (a->name < b->name);
}

/* All that look like (c7f00 .. in the text, which names each in this way when it is read; O(length log length). */
static bool find_readings(const tw_text *written, readings *r) {
  for (const char *p = written->data; p && (p = strstr(p, "(c")) != NULL; p += 2) {
    char *end = NULL;
    if (!isxdigit((unsigned char)p[2])) continue;
    const unsigned long long name = strtoull(p + 2, &end, 16);
    if (*end != ' ' || (r->n > 0 && r->item[r->n - 1].name == name)) continue;
    reading *grown = tw_grow(r->item, &r->capacity, r->n + 1, sizeof *grown);
    if (!grown) return false;
    r->item = grown;
    grown[r->n++] = (reading){.name = name};
  }
  if (r->n > 0) qsort(r->item, r->n, sizeof *r->item, by_name);
  size_t n = 0;
  for (size_t k = 0; k < r->n; k++)
    if (k == 0 || r->item[k].name != r->item[n - 1].name) r->item[n++] = r->item[k];
  r->n = n;
  return true;
}

static bool is_to_be_added(readings *r, tw_expr node) {
  if (tw_op_of(node) != &tw_op_constant || r->n == 0) return false;
  reading *found = bsearch(&(reading){.name = name_of(tw_constant_data(node))}, r->item, r->n, sizeof *r->item, by_name);
  if (!found || found->added) return false;
  found->added = true;
  return true;
}

/* Loops for the constant's numbers, where they are integers and that is much shorter. */
static tw_status find_loops(need *n, int64_t size, tw_error *error) {
  tw_error refusal = {0};
  const tw_status status = tw_progression_find(size, tw_constant_data(n->node), &n->loops, &refusal);
  n->filled = status == TW_OK && tw_progression_length(&n->loops) <= size / FEW;
  if (!n->filled) tw_progression_free(&n->loops);
  return status == TW_OK || status == TW_ERR_UNSUPPORTED ? TW_OK : tw_fail(error, status, "%s", refusal.message);
}

static tw_status add_need(needs *all, const tw_emit_constants *c, tw_expr node, bool loops, tw_error *error) {
  const void *data = tw_constant_data(node);
  const int64_t size = tw_size_of(node);
  const tw_emit_constant *known = find(c, data);
  if (known && known->literal) return TW_OK;
  need *grown = tw_grow(all->item, &all->capacity, all->n + 1, sizeof *grown);
  if (!grown) return tw_fail(error, TW_ERR_MEMORY, "out of memory writing C");
  all->item = grown;
  need *n = &grown[all->n++];
  *n = (need){.node = node};
  tw_status status = TW_OK;
  if (loops && tw_dtype_of(node) == TW_I64 && size >= LONG) status = find_loops(n, size, error);
  if (!n->filled)
    all->numbers += size;
  else if (!known)
    all->numbers += tw_progression_length(&n->loops);
  return status;
}

/* ------------------------------------------------------------------ writing */

/* C has no arrays without elements: what is never read stands for one. */
static void put_literal(tw_text *out, tw_expr node) {
  const char *data = tw_constant_data(node);
  const tw_dtype dtype = tw_dtype_of(node);
  const size_t element = tw_dtype_get(dtype)->size;
  const int64_t n = tw_size_of(node);
  tw_text_printf(out, "static const %s c%llx[%lld] = {", tw_c_type(dtype), name_of(data), (long long)(n > 0 ? n : 1));
  if (n == 0) tw_text_puts(out, "0");
  for (int64_t i = 0; i < n; i++) {
    if (i) tw_text_puts(out, i % 8 ? ", " : ",\n  ");
    tw_emit_literal(out, dtype, data + (size_t)i * element);
  }
  tw_text_puts(out, "};\n");
}

static void put_filling(tw_text *out, const need *n) {
  tw_text_printf(out, "static void c%llx_fill(int64_t *to) {\n", name_of(tw_constant_data(n->node)));
  tw_progression_write(&n->loops, "to", out);
  tw_text_puts(out, "}\n");
}

/* Room at the end of the work memory, filled when the function begins. */
static void put_call(tw_text *before, const need *n, size_t *work) {
  const unsigned long long name = name_of(tw_constant_data(n->node));
  const size_t at = (*work + TW_ALIGN - 1) / TW_ALIGN * TW_ALIGN;
  *work = at + (size_t)tw_size_of(n->node) * sizeof(int64_t);
  tw_text_printf(before, "  const int64_t *const c%llx = (const int64_t *)(const void *)(work + %zu);\n", name, at);
  tw_text_printf(before, "  c%llx_fill((int64_t *)(void *)(work + %zu));\n", name, at);
}

static void put_need(tw_emit_constants *c, const need *n, tw_text *before, size_t *work) {
  tw_emit_constant *known = find_or_add(c, tw_constant_data(n->node));
  if (!known) {
    c->text.failed = true;
    return;
  }
  bool *there = n->filled ? &known->filled : &known->literal;
  if (n->filled) put_call(before, n, work);
  if (!*there && n->filled) put_filling(&c->text, n);
  if (!*there && !n->filled) put_literal(&c->text, n->node);
  *there = true;
}

tw_status tw_emit_constants_add(tw_emit_constants *c, tw_graph *graph, const tw_text *written, int64_t most, tw_text *before,
                                size_t *work, tw_error *error) {
  needs all = {0};
  readings r = {0};
  tw_status status = find_readings(written, &r) ? TW_OK : tw_fail(error, TW_ERR_MEMORY, "out of memory writing C");
  for (int32_t id = 0; id < graph->count && status == TW_OK; id++)
    if (is_to_be_added(&r, tw_at(graph, id))) status = add_need(&all, c, tw_at(graph, id), most < INT64_MAX, error);
  if (status == TW_OK && all.numbers > most)
    status = tw_fail(error, TW_ERR_UNSUPPORTED, "its tables of indices are not regular: they take more than %lld numbers",
                     (long long)most);
  for (size_t k = 0; k < all.n && status == TW_OK; k++) put_need(c, &all.item[k], before, work);
  free_needs(&all);
  free(r.item);
  return status;
}

/* ------------------------------------------------------------------ names */

void tw_emit_constants_number(const tw_emit_constants *c, const tw_text *text, tw_text *out) {
  const char *p = text->data ? text->data : "";
  while (*p) {
    const bool start = *p == 'c' && (p == text->data || !(isalnum((unsigned char)p[-1]) || p[-1] == '_'));
    const tw_emit_constant *known = NULL;
    char *end = NULL;
    if (start && isxdigit((unsigned char)p[1])) known = find(c, (const void *)(uintptr_t)strtoull(p + 1, &end, 16));
    if (known) {
      tw_text_printf(out, "constant_%zu", (size_t)(known - c->item));
      p = end;
    } else {
      const size_t length = strcspn(p + 1, "c") + 1;
      tw_text_append(out, p, length);
      p += length;
    }
  }
}
