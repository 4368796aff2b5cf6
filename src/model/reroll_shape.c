/* Shapes of trees. Two trees have the same shape when they differ in numbers and in which variables they read alone; operands
 * of sums, minima, maxima and counts are compared as multisets, exponents by value. Shapes are numbered as they appear, so
 * a tree's shape has a larger number than those of its parts, and than those of the common expressions that it reads. */
#include "model/reroll.h"

#include <stdlib.h>
#include <string.h>

static bool is_exchangeable(int op) {
  return tw_scalar_is_sum(op) || op == TW_S_MIN || op == TW_S_MAX || op == TW_S_COUNT || op == TW_S_ALL || op == TW_S_ANY;
}

/* ------------------------------------------------------------------ numbering */

static bool rehash(tw_reroll *r) {
  const size_t slots = r->slots > 0 ? 2 * r->slots : 256;
  int32_t *slot = tw_alloc(slots, sizeof *slot);
  if (slot == NULL) return false;
  for (size_t i = 0; i < slots; i++) slot[i] = -1;
  for (size_t s = 0; s < r->n_shapes; s++) {
    size_t at = r->key[s].hash & (slots - 1);
    while (slot[at] >= 0) at = (at + 1) & (slots - 1);
    slot[at] = (int32_t)s;
  }
  free(r->slot);
  r->slot = slot;
  r->slots = slots;
  return true;
}

static bool push(tw_reroll *r, int64_t word) {
  int64_t *grown = tw_grow(r->word, &r->word_capacity, r->n_words + 1, sizeof *grown);
  if (grown == NULL) r->failed = true;
  if (grown == NULL) return false;
  r->word = grown;
  r->word[r->n_words++] = word;
  return true;
}

/* The number of the shape whose key is what stands behind `first`; the words stay when it appears for the first time. */
static int32_t number_of(tw_reroll *r, size_t first) {
  const size_t length = r->n_words - first;
  const uint64_t hash = tw_hash(r->word + first, length * sizeof *r->word, 0);
  if (r->failed || (2 * r->n_shapes >= r->slots && !rehash(r))) goto memory;
  size_t at = hash & (r->slots - 1);
  for (; r->slot[at] >= 0; at = (at + 1) & (r->slots - 1)) {
    const tw_shape_key *key = &r->key[r->slot[at]];
    if (key->hash != hash || (size_t)key->length != length || memcmp(r->word + key->first, r->word + first, length * sizeof *r->word) != 0)
      continue;
    r->n_words = first;
    return r->slot[at];
  }
  tw_shape_key *grown = tw_grow(r->key, &r->shape_capacity, r->n_shapes + 1, sizeof *grown);
  if (grown == NULL) goto memory;
  r->key = grown;
  r->key[r->n_shapes] = (tw_shape_key){first, (int32_t)length, hash};
  r->slot[at] = (int32_t)r->n_shapes;
  return (int32_t)r->n_shapes++;
memory:
  r->failed = true;
  return 0;
}

/* ------------------------------------------------------------------ sums */

typedef struct entry {
  int32_t node, sign;
} entry;

static bool push_entry(entry **stack, size_t *count, size_t *capacity, entry e) {
  entry *grown = tw_grow(*stack, capacity, *count + 1, sizeof *grown);
  if (grown == NULL) return false;
  *stack = grown;
  grown[(*count)++] = e;
  return true;
}

static bool append(tw_reroll *r, tw_summand **list, size_t *count, size_t *capacity, entry e) {
  tw_summand *grown = tw_grow(*list, capacity, *count + 1, sizeof *grown);
  if (grown == NULL) return false;
  *list = grown;
  grown[*count] = (tw_summand){tw_reroll_shape(r, e.node), e.sign, (int32_t)*count, e.node};
  (*count)++;
  return true;
}

bool tw_reroll_collect(tw_reroll *r, int32_t node, tw_summand **list, size_t *count, size_t *capacity) {
  entry *stack = NULL;
  size_t waiting = 0, room = 0;
  bool good = push_entry(&stack, &waiting, &room, (entry){node, 1});
  while (good && waiting > 0) {
    const entry e = stack[--waiting];
    const tw_tree *s = &r->flat->node[e.node];
    if (!tw_scalar_is_sum(s->op)) {
      good = append(r, list, count, capacity, e);
      continue;
    }
    for (int32_t k = s->count; good && k-- > 0;) { /* the first on top */
      const int32_t child = r->flat->operand[s->is.first + k];
      const bool negative = s->op == TW_S_NEG || (s->op == TW_S_SUB && k == 1);
      good = push_entry(&stack, &waiting, &room, (entry){child, negative ? -e.sign : e.sign});
    }
  }
  free(stack);
  if (!good) r->failed = true;
  return good;
}

static int by_shape(const void *a, const void *b) {
  const tw_summand *x = a, *y = b;
  if (x->shape != y->shape) return x->shape < y->shape ? -1 : 1;
  if (x->sign != y->sign) return x->sign > y->sign ? -1 : 1;
  return x->order < y->order ? -1 : x->order > y->order;
}

/* The sorted operands of a node whose operands may be exchanged, and its key: shape, sign and number of each kind. */
static int32_t shape_of_list(tw_reroll *r, int32_t node) {
  const tw_tree *s = &r->flat->node[node];
  tw_summand *list = NULL;
  size_t count = 0, capacity = 0;
  bool good = true;
  if (tw_scalar_is_sum(s->op))
    good = tw_reroll_collect(r, node, &list, &count, &capacity);
  else
    for (int32_t k = 0; good && k < s->count; k++)
      good = append(r, &list, &count, &capacity, (entry){r->flat->operand[s->is.first + k], 1});
  tw_summand *grown = good ? tw_grow(r->summand, &r->summand_capacity, r->n_summands + count, sizeof *grown) : NULL;
  if (grown == NULL) {
    r->failed = true;
    free(list);
    return 0;
  }
  r->summand = grown;
  if (count > 0) {
    qsort(list, count, sizeof *list, by_shape);
    memcpy(grown + r->n_summands, list, count * sizeof *list);
  }
  free(list);
  r->list[node] = r->n_summands;
  r->count[node] = (int32_t)count;
  r->n_summands += count;
  const size_t first = r->n_words;
  push(r, tw_scalar_is_sum(s->op) ? TW_S_SUM : s->op);
  const tw_summand *own = r->summand + r->list[node];
  for (size_t k = 0, next; k < count; k = next) {
    for (next = k; next < count && own[next].shape == own[k].shape && own[next].sign == own[k].sign; next++) {}
    push(r, own[k].shape);
    push(r, own[k].sign);
    push(r, (int64_t)(next - k));
  }
  return number_of(r, first);
}

/* ------------------------------------------------------------------ all nodes */

static int32_t shape_of_node(tw_reroll *r, int32_t node) {
  const tw_tree *s = &r->flat->node[node];
  if (is_exchangeable(s->op)) return shape_of_list(r, node);
  int32_t child[8], *of = s->count <= 8 ? child : tw_alloc((size_t)s->count, sizeof *of);
  const bool leaf = s->op == TW_S_NUMBER || s->op == TW_S_VARIABLE || s->op == TW_S_COMMON;
  if (of == NULL) {
    r->failed = true;
    return 0;
  }
  for (int32_t k = 0; k < s->count; k++) of[k] = tw_reroll_shape(r, r->flat->operand[s->is.first + k]);
  const int32_t body = s->op == TW_S_COMMON ? tw_reroll_shape(r, r->flat->common[s->is.index]) : 0;
  const size_t first = r->n_words;
  push(r, s->op);
  if (s->op == TW_S_COMMON) push(r, body);
  for (int32_t k = 0; !leaf && k < s->count; k++) push(r, of[k]);
  if (s->op == TW_S_POW_CONSTANT) {
    int64_t bits;
    memcpy(&bits, &r->flat->node[r->flat->operand[s->is.first + 1]].is.number, sizeof bits);
    push(r, bits);
  }
  if (of != child) free(of);
  return number_of(r, first);
}

/* Operands that are no sums come before in the loop of tw_reroll_shapes, so this goes down one step at most. */
int32_t tw_reroll_shape(tw_reroll *r, int32_t node) {
  if (r->shape[node] < 0) {
    const int32_t shape = shape_of_node(r, node);
    r->shape[node] = shape;
  }
  return r->shape[node];
}

/* ------------------------------------------------------------------ opening */

static bool alloc_nodes(tw_reroll *r) {
  const size_t nodes = r->flat->n_nodes;
  r->shape = tw_alloc(nodes, sizeof *r->shape);
  r->list = tw_alloc(nodes, sizeof *r->list);
  r->count = tw_alloc(nodes, sizeof *r->count);
  r->place = tw_alloc((size_t)r->flat->n_common, sizeof *r->place);
  if (r->shape == NULL || r->list == NULL || r->count == NULL || r->place == NULL) r->failed = true;
  for (size_t i = 0; !r->failed && i < nodes; i++) r->shape[i] = -1;
  return !r->failed;
}

/* The common expressions of one shape become one array; shapes in ascending order, so that what they read is there. */
static bool build_commons(tw_reroll *r) {
  const int64_t n = r->flat->n_common;
  int32_t *member = tw_alloc((size_t)n, sizeof *member);
  tw_summand *order = tw_alloc((size_t)n, sizeof *order);
  r->group = tw_alloc(r->n_shapes, sizeof *r->group);
  size_t count = 0;
  r->failed |= member == NULL || order == NULL || r->group == NULL;
  for (size_t s = 0; !r->failed && s < r->n_shapes; s++) r->group[s] = TW_NONE;
  for (int64_t i = 0; !r->failed && i < n; i++)
    if (r->flat->common[i] >= 0) order[count++] = (tw_summand){tw_reroll_shape(r, r->flat->common[i]), 1, (int32_t)i, r->flat->common[i]};
  if (!r->failed && count > 0) qsort(order, count, sizeof *order, by_shape);
  for (size_t k = 0, next; !r->failed && k < count; k = next) {
    for (next = k; next < count && order[next].shape == order[k].shape; next++) {
      r->place[order[next].order] = (int64_t)(next - k);
      member[next - k] = order[next].node;
    }
    const int64_t length = (int64_t)(next - k);
    r->group[order[k].shape] = tw_broadcast(tw_scalar_real(tw_reroll_build(r, member, length)), TW_SHAPE(length));
  }
  free(member);
  free(order);
  return !r->failed && tw_graph_status(r->graph) == TW_OK;
}

bool tw_reroll_open(tw_reroll *r, const tw_flat *flat, tw_graph *graph, tw_expr x) {
  *r = (tw_reroll){.flat = flat, .graph = graph, .x = x};
  if (!alloc_nodes(r)) return false;
  for (size_t i = 0; i < flat->n_nodes && !r->failed; i++)
    if (!tw_scalar_is_sum(flat->node[i].op)) tw_reroll_shape(r, (int32_t)i);
  for (int64_t i = 0; i < flat->n_common && !r->failed; i++) /* before the arrays are sized by the number of shapes */
    if (flat->common[i] >= 0) tw_reroll_shape(r, flat->common[i]);
  return !r->failed && build_commons(r);
}

void tw_reroll_close(tw_reroll *r) {
  free(r->shape);
  free(r->list);
  free(r->count);
  free(r->summand);
  free(r->word);
  free(r->key);
  free(r->slot);
  free(r->group);
  free(r->place);
  *r = (tw_reroll){0};
}
