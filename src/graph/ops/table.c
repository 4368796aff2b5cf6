/* The table of built-in ops. */
#include "graph/ops/ops.h"

#include <stddef.h>

const tw_op *const *tw_op_table(void) {
  static const tw_op *const table[] = {
#define X(name) &tw_op_##name,
#include "graph/ops/ops.def"
#undef X
      NULL};
  return table;
}
