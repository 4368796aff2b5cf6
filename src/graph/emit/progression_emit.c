/* Integer sequences as C: nested loops that write their numbers one after the other. */
#include "graph/emit/progression.h"

#include <inttypes.h>

enum { TABLE_LEAST = 6 /* numbers in a row that are written as a table */ };

typedef struct writer {
  tw_text *text;
  const tw_progression *p;
  const char *array; /* a pointer that moves along */
  int depth;         /* of the loops around */
  const int64_t *step[TW_PROGRESSION_DEPTH]; /* theirs, for the number that comes next */
} writer;

static void put_indent(const writer *w) {
  for (int i = 0; i <= w->depth; i++) tw_text_puts(w->text, "  ");
}

/* " + 3 * i0", or the like. */
static void put_term(tw_text *out, int64_t step, int depth) {
  if (step == 0) return;
  tw_text_puts(out, step < 0 ? " - " : " + ");
  if (step != 1 && step != -1) tw_text_printf(out, "%" PRId64 " * ", step < 0 ? -step : step);
  tw_text_printf(out, "i%d", depth);
}

/* Number q of a run of the innermost loop: base + sum_d step_d i_d. */
static void put_number(const writer *w, int64_t base, int64_t q) {
  put_indent(w);
  tw_text_printf(w->text, "*%s++ = %" PRId64, w->array, base);
  for (int d = 0; d < w->depth; d++) put_term(w->text, w->step[d][q], d);
  tw_text_puts(w->text, ";\n");
}

/* n numbers outside of loops. */
static void put_table(const writer *w, const int64_t *base, size_t n) {
  tw_text_puts(w->text, "  {\n    static const int64_t number[] = {");
  for (size_t i = 0; i < n; i++) {
    if (i > 0) tw_text_puts(w->text, i % 16 ? ", " : ",\n      ");
    tw_text_printf(w->text, "%" PRId64, base[i]);
  }
  tw_text_printf(w->text, "};\n    for (int i0 = 0; i0 < %zu; i0++) *%s++ = number[i0];\n  }\n", n, w->array);
}

static void put_shape(writer *w, int32_t shape, const int64_t *base);

/* Items inside of loops, whose numbers come one after the other. */
static void put_items(writer *w, const int32_t *item, int32_t n, const int64_t *base) {
  int64_t q = 0;
  const int depth = w->depth;
  for (int32_t k = 0; k < n; k++) {
    writer inner = *w;
    for (int d = 0; d < depth; d++) inner.step[d] += q;
    put_shape(&inner, item[k], base + q);
    q += w->p->shape[item[k]].numbers;
  }
}

static void put_shape(writer *w, int32_t number, const int64_t *base) {
  const tw_progression_shape *shape = &w->p->shape[number];
  if (number == 0) {
    put_number(w, *base, 0);
    return;
  }
  put_indent(w);
  tw_text_printf(w->text, "for (int64_t i%d = 0; i%d < %" PRId64 "; i%d++) {\n", w->depth, w->depth, shape->count, w->depth);
  w->step[w->depth++] = w->p->step + shape->step;
  put_items(w, w->p->inner + shape->item, shape->items, base);
  w->depth--;
  put_indent(w);
  tw_text_puts(w->text, "}\n");
}

/* How many of the items from `first` on are single numbers. */
static size_t plain(const tw_progression *p, size_t first) {
  size_t k = first;
  while (k < p->n && p->item[k] == 0) k++;
  return k - first;
}

void tw_progression_write(const tw_progression *p, const char *array, tw_text *out) {
  const int64_t *base = p->base;
  for (size_t k = 0; k < p->n;) {
    writer w = {.text = out, .p = p, .array = array};
    const size_t numbers = plain(p, k);
    if (numbers >= TABLE_LEAST) {
      put_table(&w, base, numbers);
      k += numbers;
      base += numbers;
    } else {
      put_shape(&w, p->item[k], base);
      base += p->shape[p->item[k++]].numbers;
    }
  }
}
