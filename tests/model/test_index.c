/* Indexing and slicing: NumPy's rules by brute force, elements of sets, labels, windows in comprehensions. */
#include "model.h"

enum { EXTENT = 5 };

/* Python's slice.indices: positions of start:stop:step over an axis of `n`. Bounds of INT64_MIN are left out.
 */
static int slice_positions(int64_t start, int64_t stop, int64_t step, int64_t n, int64_t *position) {
  const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? n : n - 1;
  int64_t bound[2] = {start, stop};
  for (int k = 0; k < 2; k++) {
    if (bound[k] == INT64_MIN)
      bound[k] = (k == 0) == (step > 0) ? low : high;
    else if (bound[k] < 0)
      bound[k] = bound[k] + n < low ? low : bound[k] + n;
    else if (bound[k] > high)
      bound[k] = high;
  }
  int count = 0;
  for (int64_t at = bound[0]; step > 0 ? at < bound[1] : at > bound[1]; at += step) position[count++] = at;
  return count;
}

static void write_bound(tw_text *text, int64_t bound) {
  if (bound != INT64_MIN) tw_text_printf(text, "%lld", (long long)bound);
}

static void every_slice(void **state) {
  (void)state;
  const int64_t bounds[] = {INT64_MIN, -7, -5, -3, -1, 0, 2, 4, 5, 9}, steps[] = {-9, -2, -1, 1, 2, 3};
  enum { BOUNDS = sizeof bounds / sizeof *bounds, STEPS = sizeof steps / sizeof *steps };
  for (int c = 0; c < BOUNDS * BOUNDS * STEPS; c++) {
    const int64_t start = bounds[c % BOUNDS], stop = bounds[c / BOUNDS % BOUNDS],
                  step = steps[c / (BOUNDS * BOUNDS)];
    tw_text text = {0};
    tw_text_puts(&text, "x[");
    write_bound(&text, start);
    tw_text_puts(&text, ":");
    write_bound(&text, stop);
    tw_text_printf(&text, ":%lld, 1]", (long long)step);
    int64_t position[EXTENT];
    const int count = slice_positions(start, stop, step, EXTENT, position);
    char shape[16];
    snprintf(shape, sizeof shape, "[%d]", count);
    value_case expected = {.expression = text.data, .shape = shape};
    for (int k = 0; k < count; k++) expected.value[k] = (double)(10 * position[k] + 1);
    check_values("param x = [10 * i + j for i in 0..4, j in 0..2]", &expected, 1, 0);
    tw_text_free(&text);
  }
}

static void positions(void **state) {
  (void)state;
  static const value_case cases[] = {
      {"v[0]", "[]", {3}},
      {"v[-1]", "[]", {2}},
      {"X[1]", "[3]", {4, 5, 6}},
      {"X[-1, -2]", "[]", {5}},
      {"X[1][0]", "[]", {4}},
      {"X[:, 0]", "[2]", {1, 4}},
      {"X[:, -1]", "[2]", {3, 6}},
      {"X[:]", "[2, 3]", {1, 2, 3, 4, 5, 6}},
      {"X[0:10, 1:]", "[2, 2]", {2, 3, 5, 6}},
      {"X[5:]", "[0, 3]", {0}},
      {"X[::-1, ::2]", "[2, 2]", {4, 6, 1, 3}},
      {"X[[1, 0]]", "[2, 3]", {4, 5, 6, 1, 2, 3}},
      {"X[[1, 0], [0, 2]]", "[2]", {4, 3}},
      {"X[:, [0, 0, -1]]", "[2, 3]", {1, 1, 3, 4, 4, 6}},
      {"X[[[0, 1], [1, 0]], 0]", "[2, 2]", {1, 4, 4, 1}},
      {"X[[0, 1], 1:]", "[2, 2]", {2, 3, 5, 6}},
      {"v[v > 1]", "[2]", {3, 2}},
      {"X[:, v > 1]", "[2, 2]", {1, 3, 4, 6}},
      {"v[[i for i in 0..1]]", "[2]", {3, 1}},
      {"v[argmax(v)]", "[]", {3}},
      {"v[2 * 1]", "[]", {2}},
      {"v[n - 1]", "[]", {2}},
      {"X[n - 2, 0:n - 1]", "[2]", {4, 5}},
      {"T[1, 0:2, 1]", "[2]", {5, 7}},
      {"T[:, 1, [1, 0]]", "[2, 2]", {3, 2, 7, 6}},
      {"T[[0, 1], :, [0, 1]]", "[2, 2]", {0, 2, 5, 7}},
      {"T[1, :, [0, 1]]", "[2, 2]", {4, 6, 5, 7}},
      {"(v + 1)[1]", "[]", {2}},
      {"[5, 6, 7][1:]", "[2]", {6, 7}},
  };
  CHECK_VALUES("param n = 3\nparam v = [3, 1, 2]\nparam X = [[1, 2, 3], [4, 5, 6]]\n"
               "param T = [4 * i + 2 * j + k for i in 0..1, j in 0..1, k in 0..1]",
               cases);
}

/* An axis over a set is indexed by the set's elements. */
static void elements_of_sets(void **state) {
  (void)state;
  static const value_case cases[] = {
      {"t[1]", "[]", {10}},
      {"t[4]", "[]", {40}},
      {"t[1:3]", "[2]", {10, 20}},
      {"t[2:]", "[3]", {20, 30, 40}},
      {"t[:3]", "[2]", {10, 20}},
      {"t[[4, 1]]", "[2]", {40, 10}},
      {"(2 * t)[4]", "[]", {80}},
      {"(t + t)[1]", "[]", {20}},
      {"q[7]", "[]", {70}},
      {"q[[5, 3]]", "[2]", {50, 30}},
      {"q[:]", "[3]", {30, 70, 50}},
      {"z[-2]", "[]", {1}},
      {"z[-2:0]", "[2]", {1, 2}},
      {"cap[a]", "[]", {350}},
      {"cap[\"b\"]", "[]", {600}},
      {"d[b, x]", "[]", {4}},
      {"d[a]", "[3]", {1, 2, 3}},
      {"d[a][y]", "[]", {2}},
      {"d[:, y]", "[2]", {2, 5}},
      {"d[b, x:z]", "[2]", {4, 5}},
      {"d'[z, a]", "[]", {3}},
      {"sum(d, 0)[y]", "[]", {7}},
      {"sum(d, 1)[b]", "[]", {15}},
      {"(d + 1)[a, x]", "[]", {2}},
      {"(d * cap2)[a, y]", "[]", {40}},
      {"d[0, 1]", "[]", {2}},
      {"[cap[i] for i in P][b]", "[]", {600}},
      {"[2 * k for k in T][4]", "[]", {8}},
      {"diag(t)[0, 0]", "[]", {10}},
  };
  CHECK_VALUES("set P = {a, b}\nset M = {x, y, z}\nset T = 1..4\nset Q = {3, 7, 5}\nset Z = -2..1\n"
               "param cap[P] = {a: 350, b: 600}\nparam cap2[M] = {x: 10, y: 20, z: 30}\n"
               "param d[P, M] = [[1, 2, 3], [4, 5, 6]]\nparam t[T] = [10, 20, 30, 40]\n"
               "param q[Q] = {3: 30, 7: 70, 5: 50}\nparam z[Z] = [1, 2, 3, 4]",
               cases);
}

/* Indices of comprehensions: affine, computed, windows, under conditions that keep them inside. */
static void computed(void **state) {
  (void)state;
  static const value_case cases[] = {
      {"[v[i] for i in 0..4]", "[5]", {0, 1, 4, 9, 16}},
      {"[v[4 - i] for i in 0..4]", "[5]", {16, 9, 4, 1, 0}},
      {"[v[2 * i + j] for i in 0..1, j in 0..2]", "[2, 3]", {0, 1, 4, 4, 9, 16}},
      {"[v[i + 1] - v[i] for i in 0..3]", "[4]", {1, 3, 5, 7}},
      {"[v[i // 2] for i in 0..3]", "[4]", {0, 0, 1, 1}},
      {"[v[floor(i / 2)] for i in 0..3]", "[4]", {0, 0, 1, 1}},
      {"[v[i % 2] for i in 0..3]", "[4]", {0, 1, 0, 1}},
      {"[v[w[i]] for i in 0..2]", "[3]", {9, 1, 0}},
      {"[sum(v[i:i + 3]) for i in 0..2]", "[3]", {5, 14, 29}},
      {"[v[i:i + 2] for i in 1..2]", "[2, 2]", {1, 4, 4, 9}},
      {"[v[i - 1] if i > 0 else -1 for i in 0..2]", "[3]", {-1, 0, 1}},
      {"sum(v[i - 1] for i in 0..4 if i >= 1)", "[]", {14}},
      {"[v[i]^i for i in {3, 1}]", "[2]", {729, 1}},
      {"[t[i] for i in T]", "[3]", {10, 20, 30}},
      {"[t[i - 1] for i in 2..4]", "[3]", {10, 20, 30}},
      {"[q[k] for k in Q]", "[2]", {90, 20}},
      {"[q[k + 1] for k in {1, 8}]", "[2]", {20, 90}},
      {"[M[i, :] @ M[:, i] for i in 0..1]", "[2]", {7, 22}},
      {"[M[i, 1 - i] for i in 0..1]", "[2]", {2, 3}},
  };
  CHECK_VALUES("set T = 1..3\nset Q = {9, 2}\nparam v = [i^2 for i in 0..4]\nparam w = [3, 1, 0]\n"
               "param t[T] = [10, 20, 30]\nparam q[Q] = {9: 90, 2: 20}\nparam M = [[1, 2], [3, 4]]",
               cases);
}

static void mistakes(void **state) {
  (void)state;
  static const refusal_case cases[] = {
      {"var x[3]\nminimize x[3]\n", "2:12", "index 3 is outside axis 0 of x, expected 0..2"},
      {"var x[3]\nminimize x[-4]\n", "2:12", "index -4 is outside"},
      {"var x[3]\nminimize x[1.5]\n", "2:12", "an index is 1.5, expected an integer"},
      {"var x[3]\nminimize x[0, 1]\n", "2:11", "2 indices into an array of shape [3], expected at most 1"},
      {"var x\nminimize x[0]\n", "2:11", "1 indices into an array of shape [], expected none"},
      {"var x[3]\nminimize sum(x[::0])\n", "2:18", "a slice of step 0"},
      {"var x[3]\nminimize sum(x[0..1])\n", "2:17", "expected a slice first:end, its end excluded"},
      {"var x[3]\nminimize x[0\n", "2:13", "expected `]` or `,` after an index"},
      {"var x[3]\nvar k\nminimize x[k]\n", "3:12", "computed in floating point"},
      {"set T = 1..3\nvar x[T]\nminimize x[0]\n", "3:12", "expected an element of T = 1..3"},
      {"set T = 1..3\nvar x[T]\nminimize x[-1]\n", "3:12", "expected an element of T = 1..3"},
      {"set P = {a, bb}\nvar x[P]\nminimize x[bc]\n", "3:12", "did you mean `bb`?"},
      {"set P = {a, b}\nset Q = {a, b, c}\nvar x[P]\nminimize sum(x[i] for i in Q)\n", "4:16",
       "runs over the set Q"},
      {"var x[3]\nminimize sum(x[i + 1] for i in 0..2)\n", "2:16",
       "index that runs from 1 to 3 is outside axis 0 of x"},
      {"var x[3]\nminimize sum(x[i + 1] for i in 0..3 if i != 1)\n", "2:16",
       "index that becomes 3 is outside axis 0 of x"},
      {"var x[3]\nminimize sum(x[i - j] for i in 0..2, j in 0..i + 1)\n", "2:16",
       "index that becomes -1 is outside"},
      {"param v = [1, 9]\nvar x[3]\nminimize sum(x[v[i]] for i in 0..1)\n", "3:16",
       "index that becomes 9 is outside axis 0 of x"},
      {"param v = [1, 9]\nvar x[3]\nminimize sum(sum(x[v[j]] for j in 0..1) for i in 0..1)\n", "3:20",
       "index that becomes 9"},
      {"set T = 1..3\nvar x[T]\nminimize sum(x[i // 2] for i in 1..6)\n", "3:16",
       "index that becomes 0 is outside"},
      {"set Q = {9, 2}\nvar x[Q]\nminimize sum(x[i + 1] for i in 1..2)\n", "3:16",
       "index that is no element is outside"},
      {"var x[5]\nminimize sum(sum(x[i:i + 3]) for i in 0..4 if i != 2)\n", "2:20",
       "index that becomes 5 is outside"},
      {"var x[3]\nminimize sum(x[[true]])\n", "2:17", "unknown name `true`"},
      {"var x[3]\nminimize sum(x[[0, 5]])\n", "2:16", "index 5 is outside axis 0 of x"},
      {"var x[3]\nminimize sum(x[[1, 2] > 1])\n", "2:16", "a mask of shape [2] on axis 0, expected [3]"},
      {"set A = 1..3\nset B = 2..4\nvar x[A]\nvar y[B]\nminimize (x + y)[2]\n", "5:18",
       "axis 0 joins different sets"},
      {"set Q = {9, 2}\nvar x[Q]\nminimize sum(x[2:9])\n", "3:16", "an axis whose set is no range"},
  };
  CHECK_REFUSALS(cases);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_slice), cmocka_unit_test(positions), cmocka_unit_test(elements_of_sets),
      cmocka_unit_test(computed),    cmocka_unit_test(mistakes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
