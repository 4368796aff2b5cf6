/* Index sets and affine forms: an element is found where it stands and nowhere else; sets that broadcast
 * together; bounds of an affine index are those of all its values. */
#include "test.h"

#include "model/index_set.h"
#include "model/scope.h"

enum { COUNT = 200 };

static void elements_are_found(void **state) {
  (void)state;
  tw_arena *arena = tw_arena_new();
  int64_t value[COUNT], twice;
  const char *label[COUNT];
  char text[COUNT][16], shown[64];
  for (int64_t k = 0; k < COUNT; k++) {
    value[k] = (k * 37 % COUNT) * 5 - 300; /* a permutation of -300, -295, .. */
    snprintf(text[k], sizeof text[k], "l%lld", (long long)value[k]);
    label[k] = text[k];
  }
  const tw_index_set *integers = tw_index_set_integers(arena, "I", value, COUNT, &twice);
  const tw_index_set *labels = tw_index_set_labels(arena, "L", label, COUNT, &twice);
  const tw_index_set *range = tw_index_set_range(arena, "R", -300, 5 * COUNT);
  assert_true(integers != NULL && labels != NULL && range != NULL);
  for (int64_t k = 0; k < COUNT; k++) {
    assert_int_equal(tw_index_set_find(integers, value[k]), k);
    assert_int_equal(tw_index_set_find(integers, value[k] + 1), -1);
    assert_int_equal(tw_index_set_find_label(labels, label[k]), k);
    assert_int_equal(tw_index_set_find(range, value[k]), value[k] + 300);
    assert_string_equal(tw_index_set_text(labels, k, shown), label[k]);
  }
  assert_int_equal(tw_index_set_find(range, -301), -1);
  assert_int_equal(tw_index_set_find(range, 5 * COUNT - 300), -1);
  assert_int_equal(tw_index_set_find(range, INT64_MIN), -1);
  assert_int_equal(tw_index_set_find(range, INT64_MAX), -1);
  assert_int_equal(tw_index_set_find_label(labels, "l1"), -1);
  assert_int_equal(tw_index_set_find_label(range, "l0"), -1);
  value[150] = value[20];
  value[170] = value[30];
  assert_null(tw_index_set_integers(arena, "I", value, COUNT, &twice));
  assert_int_equal(twice, 150);
  label[90] = label[80];
  assert_null(tw_index_set_labels(arena, "L", label, COUNT, &twice));
  assert_int_equal(twice, 90);
  tw_arena_free(arena);
}

static void sets_join(void **state) {
  (void)state;
  tw_arena *arena = tw_arena_new();
  int64_t twice;
  const tw_index_set *set[] = {NULL,
                               tw_index_set_range(arena, "", 0, 3),
                               tw_index_set_range(arena, "", 1, 3),
                               tw_index_set_integers(arena, "", (int64_t[]){5, 2, 9}, 3, &twice),
                               tw_index_set_integers(arena, "", (int64_t[]){2, 5, 9}, 3, &twice),
                               tw_index_set_labels(arena, "", (const char *[]){"a", "b", "c"}, 3, &twice),
                               tw_index_set_labels(arena, "", (const char *[]){"a", "c", "b"}, 3, &twice)};
  enum { SETS = sizeof set / sizeof *set };
  for (int i = 0; i < SETS; i++)
    for (int j = 0; j < SETS; j++) {
      const bool plain = i <= 1 && j <= 1;
      assert_int_equal(tw_index_set_same(set[i], set[j]), i == j || plain);
      const tw_index_set *joint = tw_index_set_join(set[i], set[j]);
      const bool labels_win = (i <= 1 && j >= 5) || (j <= 1 && i >= 5);
      if (i == j || plain)
        assert_true(tw_index_set_same(joint, set[i]));
      else if (labels_win)
        assert_ptr_equal(joint, set[i > j ? i : j]);
      else
        assert_ptr_equal(joint, &tw_mixed_set);
    }
  assert_true(tw_index_set_plain(set[0]) && tw_index_set_plain(set[1]) && !tw_index_set_plain(set[2]));
  tw_arena_free(arena);
}

/* 3 + f i - (j + 2 f), by its value at all i, j. */
static void affine_bounds(void **state) {
  (void)state;
  tw_arena *arena = tw_arena_new();
  const tw_symbol i = {.low = -2, .high = 4, .exact = true}, j = {.low = 1, .high = 3, .exact = true};
  for (int64_t f = -3; f <= 3; f++) {
    const tw_affine *form = tw_affine_add(arena, tw_affine_constant(arena, 3), tw_affine_index(arena, &i), f);
    const tw_affine *shift =
        tw_affine_add(arena, tw_affine_index(arena, &j), tw_affine_constant(arena, 2), f);
    form = tw_affine_add(arena, form, shift, -1);
    int64_t low = INT64_MAX, high = INT64_MIN, found_low, found_high;
    for (int64_t a = i.low; a <= i.high; a++)
      for (int64_t b = j.low; b <= j.high; b++) {
        const int64_t value = 3 + f * a - (b + 2 * f);
        low = value < low ? value : low;
        high = value > high ? value : high;
      }
    bool exact;
    assert_true(tw_affine_bounds(form, &found_low, &found_high, &exact));
    assert_true(exact);
    assert_int_equal(found_low, low);
    assert_int_equal(found_high, high);
  }
  tw_arena_free(arena);
}

/* Forms that cancel, multiply or overflow. */
static void affine_algebra(void **state) {
  (void)state;
  tw_arena *arena = tw_arena_new();
  const tw_symbol i = {.low = 0, .high = 9};
  const tw_affine *x = tw_affine_index(arena, &i), *two = tw_affine_constant(arena, 2);
  int64_t value, low, high;
  bool exact;
  assert_false(tw_affine_is_constant(x, &value));
  assert_true(tw_affine_is_constant(tw_affine_add(arena, tw_affine_multiply(arena, x, two), x, -2), &value));
  assert_int_equal(value, 0);
  assert_null(tw_affine_multiply(arena, x, x));
  assert_null(tw_affine_add(arena, x, NULL, 1));
  const tw_affine *large = tw_affine_constant(arena, INT64_MAX);
  assert_null(tw_affine_add(arena, large, two, 1));
  assert_null(tw_affine_multiply(arena, large, two));
  const tw_affine *steep = tw_affine_multiply(arena, large, x);
  assert_non_null(steep);
  assert_false(tw_affine_bounds(steep, &low, &high, &exact));
  tw_symbol many[TW_AFFINE_TERMS + 1] = {{.low = 0}};
  const tw_affine *sum = two;
  for (int k = 0; k <= TW_AFFINE_TERMS; k++) {
    sum = tw_affine_add(arena, sum, tw_affine_index(arena, &many[k]), 1);
    assert_int_equal(sum != NULL, k < TW_AFFINE_TERMS);
  }
  tw_arena_free(arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(elements_are_found),
      cmocka_unit_test(sets_join),
      cmocka_unit_test(affine_bounds),
      cmocka_unit_test(affine_algebra),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
