/* Builder: dependence on the variables of the problem being stated. Operands are older than their users, so
 * that one pass over new nodes continues what is known of the older ones. */
#include "model/builder.h"

#include <string.h>

static bool reserve(tw_builder *b, tw_reach *reach, int32_t count) {
  if (count <= reach->capacity) return true;
  int32_t capacity = reach->capacity > 0 ? reach->capacity : 64;
  while (capacity < count) capacity = capacity > INT32_MAX / 2 ? INT32_MAX : 2 * capacity;
  bool *grown = tw_build_alloc(b, (size_t)capacity, sizeof *grown);
  if (!grown) return false;
  if (reach->on) memcpy(grown, reach->on, (size_t)(reach->known - reach->first) * sizeof *grown);
  reach->on = grown;
  reach->capacity = capacity;
  return true;
}

/* Makes nodes known up to `id`. */
static bool extend(tw_builder *b, tw_reach *reach, int32_t id) {
  if (!reserve(b, reach, id - reach->first + 1)) return false;
  for (; reach->known <= id; reach->known++) {
    tw_expr e = {b->graph, reach->known};
    bool on = false;
    for (int i = 0; i < tw_arity_of(e) && !on; i++) {
      int32_t in = tw_input_of(e, i).id;
      on = in >= reach->first && reach->on[in - reach->first];
    }
    reach->on[reach->known - reach->first] = on;
  }
  return true;
}

bool tw_build_reach(tw_builder *b, tw_expr x) {
  tw_reach *reach = &b->site->reach;
  if (!reach->on) reach->first = reach->known = x.id;
  if (!extend(b, reach, x.id)) return false;
  reach->on[x.id - reach->first] = true;
  return true;
}

bool tw_build_on_variables(tw_builder *b, tw_expr e) {
  tw_reach *reach = &b->site->reach;
  if (tw_is_none(e) || !reach->on || e.id < reach->first) return false;
  return extend(b, reach, e.id) && reach->on[e.id - reach->first];
}
