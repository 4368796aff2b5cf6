#include "test.h"

#include <talweg/array.h>

static void table_is_complete(void **state) {
  (void)state;
  for (int d = 0; d < TW_DTYPE_COUNT; d++) {
    const tw_dtype_info *info = tw_dtype_get((tw_dtype)d);
    assert_non_null(info);
    assert_int_equal(info->npy[2] - '0', info->size);
    for (int other = 0; other < d; other++)
      assert_string_not_equal(info->name, tw_dtype_get((tw_dtype)other)->name);
  }
  assert_null(tw_dtype_get(TW_DTYPE_COUNT));
  assert_null(tw_dtype_get((tw_dtype)-1));
}

/* Promotion is a join: idempotent, commutative, associative, with bool below and f64 above everything. */
static void promotion_is_a_join(void **state) {
  (void)state;
  for (tw_dtype a = 0; a < TW_DTYPE_COUNT; a++) {
    assert_int_equal(tw_dtype_promote(a, a), a);
    assert_int_equal(tw_dtype_promote(a, TW_BOOL), a);
    assert_int_equal(tw_dtype_promote(a, TW_F64), TW_F64);
    for (tw_dtype b = 0; b < TW_DTYPE_COUNT; b++) {
      tw_dtype ab = tw_dtype_promote(a, b);
      assert_int_equal(ab, tw_dtype_promote(b, a));
      assert_int_equal(tw_dtype_promote(a, ab), ab);
      for (tw_dtype c = 0; c < TW_DTYPE_COUNT; c++)
        assert_int_equal(tw_dtype_promote(ab, c), tw_dtype_promote(a, tw_dtype_promote(b, c)));
    }
  }
  assert_int_equal(tw_dtype_promote(TW_I64, TW_F32), TW_F64);
  assert_int_equal(tw_dtype_promote(TW_I32, TW_F32), TW_F32);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(table_is_complete),
      cmocka_unit_test(promotion_is_a_join),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
