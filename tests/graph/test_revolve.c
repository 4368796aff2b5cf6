/* Binomial checkpointing: what the schedule does is possible, reverses every step in order, keeps no more
 * states than allowed, and evaluates as few steps as any schedule can. */
#include "test.h"

#include "graph/ops/revolve.h"

/* ------------------------------------------------------------------ following the schedule */

typedef struct walk {
  double evaluations;
  int64_t most_kept, most_repeated;
} walk;

/* Does what the schedule says with states that know their number. */
static walk follow(int64_t n, int64_t slots) {
  int64_t *at = tw_alloc((size_t)slots, sizeof *at), *slot = tw_alloc((size_t)slots, sizeof *slot);
  int64_t *count = tw_alloc((size_t)n + 1, sizeof *count), hand = 0, left = n;
  walk w = {0};
  tw_revolve r;
  assert_true(at && slot && count);
  for (int64_t i = 1; i < slots; i++) slot[i] = -1;
  tw_revolve_begin(&r, n, slots, at);
  for (;;) {
    tw_revolve_action a = tw_revolve_next(&r);
    if (a.kind == TW_REVOLVE_DONE) break;
    if (a.kind == TW_REVOLVE_ADVANCE) {
      assert_int_equal(a.from, hand);
      assert_true(a.to > a.from && a.to < left && a.slot < slots);
      for (hand = a.from; hand < a.to; hand++) {
        w.evaluations++;
        if (++count[hand] > w.most_repeated) w.most_repeated = count[hand];
      }
      if (a.slot >= 0) slot[a.slot] = hand;
      if (a.slot + 1 > w.most_kept) w.most_kept = a.slot + 1;
    } else if (a.kind == TW_REVOLVE_RESTORE) {
      hand = slot[a.slot];
    } else {
      assert_int_equal(a.from, --left);
      assert_int_equal(hand, left);
    }
  }
  assert_int_equal(left, 0);
  free(at), free(slot), free(count);
  return w;
}

/* ------------------------------------------------------------------ the optimum, by looking at every
 * schedule */

enum { MOST = 8, HANDS = MOST, SETS = 1 << MOST };

static int bits_of(int set) {
  int n = 0;
  for (; set; set &= set - 1) n++;
  return n;
}

/* Cheapest way to every situation (state at hand, states kept, steps left), by relaxation until nothing
 * improves: advance one step (1), keep or restore a state, forget one, reverse the last step when its state
 * is at hand (0). */
static int cheapest(int n, int slots) {
  static int cost[MOST + 1][HANDS][SETS];
  for (int left = 0; left <= n; left++)
    for (int hand = 0; hand < HANDS; hand++)
      for (int set = 0; set < SETS; set++) cost[left][hand][set] = 1 << 20;
  cost[n][0][1] = 0;
#define REACH(l, h, s, c)                                                                                    \
  do {                                                                                                       \
    if ((c) < cost[l][h][s]) cost[l][h][s] = (c), moved = true;                                              \
  } while (0)
  for (int left = n; left > 0; left--)
    for (bool moved = true; moved;) {
      moved = false;
      for (int hand = 0; hand < n; hand++)
        for (int set = 0; set < 1 << n; set++) {
          int c = cost[left][hand][set];
          if (c >= 1 << 20) continue;
          if (hand + 1 < n) REACH(left, hand + 1, set, c + 1);
          if (bits_of(set | 1 << hand) <= slots) REACH(left, hand, set | 1 << hand, c);
          for (int i = 0; i < n; i++) {
            if (!(set >> i & 1)) continue;
            REACH(left, i, set, c);
            REACH(left, hand, set & ~(1 << i), c);
          }
          if (hand == left - 1) REACH(left - 1, hand, set, c);
        }
    }
  int best = 1 << 20;
  for (int hand = 0; hand < n; hand++)
    for (int set = 0; set < 1 << n; set++)
      if (cost[0][hand][set] < best) best = cost[0][hand][set];
  return best;
}

static void no_schedule_is_cheaper(void **state) {
  (void)state;
  for (int n = 1; n <= MOST; n++)
    for (int slots = 1; slots <= n; slots++) {
      assert_int_equal(follow(n, slots).evaluations, cheapest(n, slots));
      assert_true(tw_revolve_evaluations(n, slots) == cheapest(n, slots));
    }
}

/* p(l, c) = min over m of m + p(l-m, c-1) + p(m, c) */
static void counts_meet_the_recurrence(void **state) {
  (void)state;
  enum { N = 300, C = 12 };
  static double p[N + 1][C + 1];
  for (int c = 1; c <= C; c++)
    for (int l = 2; l <= N; l++) {
      p[l][c] = c == 1 ? l * (l - 1) / 2.0 : INFINITY;
      for (int m = 1; m < l && c > 1; m++) p[l][c] = fmin(p[l][c], m + p[l - m][c - 1] + p[m][c]);
    }
  for (int c = 1; c <= C; c++)
    for (int l = 1; l <= N; l++) {
      walk w = follow(l, c);
      assert_true(w.evaluations == p[l][c]);
      assert_true(tw_revolve_evaluations(l, c) == p[l][c]);
      assert_true(w.most_kept <= c);
    }
}

/* beta(16, 9) is the first above a million: nothing is evaluated more than nine times; with all states kept,
 * once. */
static void long_chains_repeat_little(void **state) {
  (void)state;
  walk w = follow(1000000, 16), all = follow(1000000, 1000000), two = follow(1000000, 1414);
  assert_true(w.most_kept <= 16 && w.most_repeated <= 9);
  assert_true(w.evaluations == tw_revolve_evaluations(1000000, 16));
  assert_true(all.evaluations == 999999 && all.most_repeated == 1);
  assert_true(two.most_repeated == 2);
  /* The formula does not overflow where nobody could follow the schedule. */
  assert_close(tw_revolve_evaluations(INT64_C(4000000000000), 1), 8e24, 1e-6);
  assert_true(isfinite(tw_revolve_evaluations(INT64_MAX / 2, 1 << 30)));
}

static void nothing_to_reverse(void **state) {
  (void)state;
  for (int64_t slots = 1; slots < 4; slots++) {
    assert_true(follow(0, slots).evaluations == 0 && follow(1, slots).evaluations == 0);
    assert_true(tw_revolve_evaluations(0, slots) == 0 && tw_revolve_evaluations(1, slots) == 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(no_schedule_is_cheaper),
      cmocka_unit_test(counts_meet_the_recurrence),
      cmocka_unit_test(long_chains_repeat_little),
      cmocka_unit_test(nothing_to_reverse),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
