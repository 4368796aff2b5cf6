/* The formulas of loops.def as text. */
#include "graph/ops/elementwise.h"

const char *tw_loop_formula(tw_loop_id id, tw_dtype dtype) {
  static const char *const text[TW_LOOP_COUNT][2] = {
#define NUMERIC1(name, real, whole) [TW_LOOP_##name] = {#real, #whole},
#define NUMERIC2(name, real, whole) NUMERIC1(name, real, whole)
#define SLOW2(name, real, whole) NUMERIC1(name, real, whole)
#define FLOATS1(name, real) [TW_LOOP_##name] = {#real, NULL},
#define FLOATS2(name, real) FLOATS1(name, real)
#define TEST1(name, test) FLOATS1(name, test)
#define FUNCTION1(name, real) FLOATS1(name, real)
#define FUNCTION2(name, real) FLOATS1(name, real)
#define COMPARE2(name, test) [TW_LOOP_##name] = {#test, #test},
#define LOGIC1(name, test) COMPARE2(name, test)
#define LOGIC2(name, test) COMPARE2(name, test)
#define BYTES(name)
#include "graph/ops/loops.def"
  };
  return text[id][tw_dtype_get(dtype)->kind == TW_KIND_FLOAT ? 0 : 1];
}
