/* Placements of buffers: none overlap, and few bytes are lost, for few buffers and for many. */
#include "graph/plan/plan.h"

#include <talweg/talweg.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t draw(uint64_t *seed, uint64_t below) {
  *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (*seed >> 33) % below;
}

static int by_offset(const void *a_, const void *b_) {
  const tw_buffer *a = a_, *b = b_;
  return (a->offset > b->offset) - (a->offset < b->offset);
}

/* Places them; checks that no two overlap; what is used beyond the largest live set, as a fraction of that. */
static double loss_of(tw_buffer *buffer, size_t n, int32_t steps) {
  size_t bytes, live, end = 0;
  assert_true(tw_buffers_place(buffer, n, steps, &bytes, &live));
  qsort(buffer, n, sizeof *buffer, by_offset);
  for (size_t i = 0; i < n; i++) {
    if (buffer[i].offset + buffer[i].bytes > end) end = buffer[i].offset + buffer[i].bytes;
    for (size_t j = i + 1; j < n && buffer[j].offset < buffer[i].offset + buffer[i].bytes; j++)
      if (buffer[i].first <= buffer[j].last && buffer[j].first <= buffer[i].last) fail_msg("buffers %zu and %zu of %zu overlap", i, j, n);
  }
  assert_int_equal(bytes, end);
  assert_true(bytes >= live);
  return live > 0 ? (double)(bytes - live) / (double)live : 0;
}

static tw_buffer *make(size_t n) {
  tw_buffer *buffer = calloc(n + 1, sizeof *buffer);
  assert_non_null(buffer);
  return buffer;
}

/* Each in use until the next is made, or, mirrored, until its turn in the way back: equal sizes lose nothing. */
static void chains(void **state) {
  (void)state;
  static const size_t count[] = {10, 150, 3000, 60000};
  for (size_t c = 0; c < sizeof count / sizeof *count; c++)
    for (int back = 0; back < 2; back++) {
      const size_t n = count[c];
      tw_buffer *buffer = make(n);
      for (size_t k = 0; k < n; k++) {
        const int32_t first = (int32_t)k;
        buffer[k] = (tw_buffer){first, back ? (int32_t)(2 * n - k) : first + 1, 128, 0};
      }
      if (back && n > 5000) /* all at once in use: the check would compare them all */
        for (size_t k = 0; k < n; k++) buffer[k].last = buffer[k].first + 20 - (int32_t)(k % 20);
      assert_true(loss_of(buffer, n, (int32_t)(2 * n + 1)) == 0);
      free(buffer);
    }
}

static void of_any_size(void **state) {
  (void)state;
  static const struct {
    size_t n;
    double loss;
  } tried[] = {{1, 0}, {40, 0.1}, {300, 0.1}, {1500, 0.15}, {4000, 0.25}, {30000, 0.25}};
  for (size_t c = 0; c < sizeof tried / sizeof *tried; c++) {
    uint64_t seed = 7 + c;
    const size_t n = tried[c].n;
    tw_buffer *buffer = make(n);
    for (size_t k = 0; k < n; k++) {
      const int32_t first = (int32_t)k, lives = (int32_t)(draw(&seed, 8) == 0 ? draw(&seed, 60) : draw(&seed, 6));
      buffer[k] = (tw_buffer){first, first + lives, TW_ALIGN * (1 + (size_t)draw(&seed, 64)), 0};
    }
    const double loss = loss_of(buffer, n, (int32_t)n + 100);
    if (loss > tried[c].loss) fail_msg("%zu buffers: %.1f %% above the largest live set", n, 100 * loss);
    free(buffer);
  }
}

/* Sweeps of all kinds place without overlaps. */
static void sweeps(void **state) {
  (void)state;
  uint64_t seed = 3;
  for (int kind = 0; kind < 4; kind++) {
    enum { N = 500 };
    tw_buffer buffer[N];
    size_t bytes, end = 0;
    for (int k = 0; k < N; k++) {
      const int32_t first = (int32_t)draw(&seed, 100);
      buffer[k] = (tw_buffer){first, first + (int32_t)draw(&seed, 30), TW_ALIGN * (1 + (size_t)draw(&seed, 9)), 0};
    }
    assert_true(tw_buffers_sweep(buffer, N, (tw_sweep){kind & 1, kind & 2}, &bytes));
    for (int i = 0; i < N; i++) {
      const tw_buffer *a = &buffer[i];
      if (a->offset + a->bytes > end) end = a->offset + a->bytes;
      for (int j = 0; j < i; j++) {
        const tw_buffer *b = &buffer[j];
        if (a->first <= b->last && b->first <= a->last) assert_true(a->offset + a->bytes <= b->offset || b->offset + b->bytes <= a->offset);
      }
    }
    assert_int_equal(bytes, end);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(chains), cmocka_unit_test(of_any_size), cmocka_unit_test(sweeps)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
