/* Names of single variables and rows. */
#include "front/names.h"

/* The statement that an index belongs to; its entry there. */
static const char *statement_of(const tw_problem *p, bool row, int64_t index, tw_shape *shape, int64_t *entry) {
  for (int i = 0; row && i < tw_problem_constraints(p); i++) {
    const tw_constraint *c = tw_problem_constraint_at(p, i);
    if (index < c->offset || index >= c->offset + c->size) continue;
    *shape = tw_shape_of(c->expr);
    *entry = index - c->offset;
    return c->name;
  }
  for (int i = 0; !row && i < tw_problem_variables(p); i++) {
    const tw_variable *v = tw_problem_variable_at(p, i);
    if (index < v->offset || index >= v->offset + v->size) continue;
    *shape = tw_shape_of(v->expr);
    *entry = index - v->offset;
    return v->name;
  }
  return NULL;
}

void tw_entry_name(const tw_model *model, bool row, int64_t index, tw_text *text) {
  tw_shape shape;
  int64_t entry = 0, at[TW_MAX_RANK];
  char own[64];
  const char *name = statement_of(tw_model_problem((tw_model *)(uintptr_t)model), row, index, &shape, &entry);
  if (name == NULL) return;
  const char *called = tw_model_entry(model, name, entry, own);
  if (called != NULL) {
    tw_text_puts(text, called);
    return;
  }
  for (int axis = shape.rank - 1; axis >= 0; axis--) {
    at[axis] = entry % shape.dim[axis];
    entry /= shape.dim[axis];
  }
  tw_text_puts(text, name);
  for (int axis = 0; axis < shape.rank; axis++) {
    tw_text_puts(text, axis == 0 ? "[" : ", ");
    tw_text_puts(text, tw_model_element(model, name, axis, at[axis], own));
  }
  if (shape.rank > 0) tw_text_puts(text, "]");
}

const char *tw_entry_where(tw_model *model, bool row, int64_t index) {
  tw_shape shape;
  int64_t entry;
  const char *name = statement_of(tw_model_problem(model), row, index, &shape, &entry);
  return name != NULL ? tw_model_where(model, name) : NULL;
}
