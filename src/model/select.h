/* Indexing: what each axis of x[..] selects. */
#ifndef TALWEG_MODEL_SELECT_H
#define TALWEG_MODEL_SELECT_H

#include "model/builder.h"

typedef enum tw_selector_kind {
  TW_SELECT_SLICE,
  TW_SELECT_ELEMENT, /* one position known when the model is read */
  TW_SELECT_TAKE     /* computed positions, or an array of them */
} tw_selector_kind;

typedef struct tw_selector {
  tw_selector_kind kind;
  int64_t start, count, step; /* SLICE; ELEMENT: start */
  bool whole;                 /* SLICE of everything: the axis keeps its set */
  tw_expr index;              /* TAKE: integer positions */
} tw_selector;

typedef struct tw_indexing {
  tw_builder *b;
  const tw_ast *node;
  tw_value base;
  tw_shape shape; /* of base */
  int axis;       /* being selected */
  tw_selector select[TW_MAX_RANK];
  bool varies, looped; /* an index does */
} tw_indexing;

/* Selects on x->axis what `item` says. */
bool tw_select_item(tw_indexing *x, const tw_ast *item);
bool tw_select_slice(tw_indexing *x, const tw_ast *item);
/* A name or string that is a label of the axis' set; an index of a comprehension of the same name comes
 * first. */
bool tw_select_is_label(const tw_indexing *x, const tw_ast *item);
/* The position of a label, element or negative position on x->axis. */
bool tw_select_label(tw_indexing *x, const tw_ast *item, const char *label);
bool tw_select_locate(tw_indexing *x, const tw_ast *item, int64_t element, int64_t *position);
/* Positions of an affine index over the axis' range that starts at `first`; checked against the axis where
 * that is possible, made valid under a guard. */
bool tw_select_affine(tw_indexing *x, const tw_ast *item, const tw_affine *affine, int64_t first,
                      tw_expr *position);
/* Tries a scalar position at all iterations of the comprehension around, where that is what it depends on. */
bool tw_select_try(tw_indexing *x, const tw_ast *item, const tw_value *value, tw_expr position);
bool tw_select_fail_range(tw_indexing *x, const tw_ast *item, const char *what);

#endif
