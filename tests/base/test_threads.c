#include "test.h"

enum { TILES = 1000 };

typedef struct tally {
  int visits[TILES];
  int worker_limit;
  int bad_worker[TILES];
} tally;

static void visit(void *context, int64_t tile, int worker) {
  tally *t = context;
  t->visits[tile]++;
  t->bad_worker[tile] = worker < 0 || worker >= t->worker_limit;
}

static void every_tile_runs_once(void **state) {
  (void)state;
  for (int threads = 0; threads <= 5; threads++) {
    for (int64_t tiles = 0; tiles <= TILES; tiles += tiles < 4 ? 1 : 83) {
      tally t = {.worker_limit = threads ? threads : tw_cores()};
      tw_parallel(threads, tiles, visit, &t);
      for (int64_t k = 0; k < TILES; k++) {
        assert_int_equal(t.visits[k], k < tiles);
        assert_int_equal(t.bad_worker[k], 0);
      }
    }
  }
  assert_true(tw_cores() >= 1);
}

static void nested(void *context, int64_t tile, int worker) {
  (void)worker;
  tally *t = (tally *)context + tile;
  t->worker_limit = 1; /* a nested region runs on the calling thread: worker 0 */
  tw_parallel(4, TILES, visit, t);
}

static void nested_regions_are_serial(void **state) {
  (void)state;
  static tally tallies[8];
  tw_parallel(4, 8, nested, tallies);
  for (int k = 0; k < 8; k++) {
    for (int i = 0; i < TILES; i++) {
      assert_int_equal(tallies[k].visits[i], 1);
      assert_int_equal(tallies[k].bad_worker[i], 0);
    }
  }
}

static void count_cores(void *context) {
  *(int *)context = tw_cores();
}

static void alone_there_is_one_core(void **state) {
  (void)state;
  const int before = tw_cores();
  int within = 0;
  tw_alone(count_cores, &within);
  assert_int_equal(within, 1);
  assert_int_equal(tw_cores(), before);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_tile_runs_once),
      cmocka_unit_test(nested_regions_are_serial),
      cmocka_unit_test(alone_there_is_one_core),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
