/* What an expression of the language stands for: an array with the sets its axes are indexed by, the label of
 * a set, or the solution of a nested problem with several variables. */
#ifndef TALWEG_MODEL_VALUE_H
#define TALWEG_MODEL_VALUE_H

#include "model/index_set.h"

#include <talweg/implicit.h>

typedef struct tw_symbol tw_symbol;
typedef struct tw_record tw_record;

/* The integer constant + sum factor_t * index_t over indices of comprehensions: what bounds an index. */
enum { TW_AFFINE_TERMS = 4 };
typedef struct tw_affine {
  int64_t constant;
  int n;
  struct {
    const tw_symbol *index;
    int64_t factor;
  } term[TW_AFFINE_TERMS];
} tw_affine;

typedef enum tw_value_kind { TW_VALUE_ARRAY, TW_VALUE_LABEL, TW_VALUE_RECORD } tw_value_kind;

typedef struct tw_value {
  tw_value_kind kind;
  tw_expr expr;                          /* of a LABEL: its position in `set` */
  const tw_index_set *axis[TW_MAX_RANK]; /* NULL: plain positions */
  const tw_index_set *set;               /* of a LABEL */
  const tw_record *record;               /* of a RECORD */
  const tw_affine *affine;               /* of an integer scalar, when it has that form */
  const tw_symbol *index;                /* when it is the index of a comprehension and nothing else */
  bool varies;                           /* depends on variables or parameters */
  bool looped;                           /* depends on indices of comprehensions */
} tw_value;

struct tw_record { /* the variables of a nested problem */
  int n;
  const char **name;
  tw_value *value;
};

tw_value tw_value_of(tw_expr expr); /* plain axes */
int tw_value_rank(const tw_value *value);
tw_shape tw_value_shape(const tw_value *value);
bool tw_value_constant(const tw_value *value); /* neither varies nor is looped */
/* The flags of a result computed from `operand` too. */
void tw_value_taint(tw_value *result, const tw_value *operand);
/* The axes of an element-wise result; result->expr is made. */
void tw_value_broadcast_axes(tw_value *result, const tw_value *a, const tw_value *b);

/* Affine forms, arena-owned; NULL where the result has none (or overflows). */
const tw_affine *tw_affine_constant(tw_arena *arena, int64_t value);
const tw_affine *tw_affine_index(tw_arena *arena, const tw_symbol *index);
const tw_affine *tw_affine_add(tw_arena *arena, const tw_affine *a, const tw_affine *b,
                               int64_t factor); /* a + factor*b */
const tw_affine *tw_affine_multiply(tw_arena *arena, const tw_affine *a, const tw_affine *b);
bool tw_affine_is_constant(const tw_affine *a, int64_t *value);
/* Smallest and largest value over the ranges of its indices; false on overflow. *exact: both are attained. */
bool tw_affine_bounds(const tw_affine *a, int64_t *low, int64_t *high, bool *exact);

#endif
