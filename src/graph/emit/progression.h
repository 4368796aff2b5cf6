/* Integer sequences as nested loops: 0, 0, 1, 0, 1, 2, 1, 2, 3, .. is 0 and then "for i: i, i, i + 1" and so on. */
#ifndef TALWEG_GRAPH_PROGRESSION_H
#define TALWEG_GRAPH_PROGRESSION_H

#include <talweg/base.h>

/* What a number (shape 0) or a loop does, but for its first numbers: for i = 0 .. count-1 it yields `items` shapes one after
 * the other. A shape has as many bases as it has numbers to write: base[q] belongs to number q of a run, to which
 * step[q] i is added. So number q of a nest of loops is base[q] + sum_d step_d[q] i_d. */
typedef struct tw_progression_shape {
  int64_t count;
  int64_t written; /* numbers of its text; a loop's head counts as TW_PROGRESSION_LOOP */
  int32_t items, numbers;
  size_t item, step; /* where its items' shapes and its steps begin */
} tw_progression_shape;

typedef struct tw_progression {
  int32_t *item; /* shapes, n of them */
  int64_t *base; /* of all items, one after the other */
  size_t n;
  tw_progression_shape *shape; /* 0 is the single number */
  int32_t *inner;              /* items of shapes */
  int64_t *step;
  size_t n_shapes, n_inner, n_steps, shape_capacity, inner_capacity, step_capacity;
} tw_progression;

enum {
  TW_PROGRESSION_MOST = 1 << 14, /* numbers that a sequence may take */
  TW_PROGRESSION_LOOP = 8,
  TW_PROGRESSION_DEPTH = 8 /* of nests */
};

/* value[0 .. n-1] as loops; TW_ERR_UNSUPPORTED when they take more than TW_PROGRESSION_MOST numbers. O(n) time and memory.
 * Release with tw_progression_free, whatever the status. */
tw_status tw_progression_find(int64_t n, const int64_t *value, tw_progression *out, tw_error *error);
void tw_progression_free(tw_progression *p);
int64_t tw_progression_length(const tw_progression *p); /* numbers that it takes */
/* C statements that write the sequence to the pointer `array` and on, which moves along. */
void tw_progression_write(const tw_progression *p, const char *array, tw_text *out);

#endif
