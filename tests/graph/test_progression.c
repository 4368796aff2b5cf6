/* Integer sequences as loops: the C that is written gives the sequence again; nests are found; long irregular ones are refused. */
#include "compiled.h"

#include "graph/emit/progression.h"

enum { MOST = 40000 };
static tw_error error;

typedef struct sequence {
  int64_t n, value[MOST];
} sequence;

static void put(sequence *s, int64_t value) {
  assert_true(s->n < MOST);
  s->value[s->n++] = value;
}

static int64_t draw(uint64_t key, uint64_t k, int64_t below) {
  return (int64_t)((double)below * tw_random_uniform(key, k));
}

/* Nests of up to three loops of random lengths and steps with single numbers between them. */
static void put_nests(sequence *s, uint64_t key) {
  s->n = 0;
  for (uint64_t part = 0; part < 4; part++) {
    int64_t count[3], step[3], at[3], items = 1 + draw(key, 100 * part, 3);
    for (uint64_t d = 0; d < 3; d++) {
      count[d] = 1 + draw(key, 100 * part + d + 1, d == 2 ? 30 : 12);
      step[d] = draw(key, 100 * part + d + 5, 9) - 4;
    }
    for (at[0] = 0; at[0] < count[0]; at[0]++)
      for (at[1] = 0; at[1] < count[1]; at[1]++) {
        for (at[2] = 0; at[2] < count[2]; at[2]++)
          for (int64_t q = 0; q < items; q++)
            put(s, 7 * q + (1 + q) * step[0] * at[0] + step[1] * at[1] - q * step[2] * at[2]);
        if (part % 2) put(s, step[1] * at[1] - 3);
      }
    for (int64_t i = draw(key, 100 * part + 9, 12); i > 0; i--) put(s, draw(key, (uint64_t)(1000 + i), 50));
  }
}

static void put_grid(sequence *s, int64_t n) {
  s->n = 0;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) {
      if (i > 0) put(s, (i - 1) * n + j);
      if (j > 0) put(s, i * n + j - 1);
      put(s, i * n + j);
    }
}

static void put_random(sequence *s, uint64_t key, int64_t n, int64_t below) {
  s->n = 0;
  for (uint64_t k = 0; k < (uint64_t)n; k++) put(s, draw(key, k, below));
}

/* Appends a function `void s<number>(int64_t *to, int64_t **end)`, which tells where it ended. */
static void write_function(tw_text *c, int number, const sequence *s) {
  tw_progression p;
  assert_ok(tw_progression_find(s->n, s->value, &p, &error));
  assert_true(tw_progression_length(&p) <= s->n);
  tw_text_printf(c, "int s%d(int64_t *to, int64_t **end);\nint s%d(int64_t *to, int64_t **end) {\n", number, number);
  tw_progression_write(&p, "to", c);
  tw_text_puts(c, "  *end = to;\n  return 0;\n}\n");
  tw_progression_free(&p);
}

static void check_function(const compiled *library, int number, const sequence *s) {
  char name[16];
  int64_t *to = tw_alloc((size_t)s->n + 1, sizeof *to), *end = NULL;
  snprintf(name, sizeof name, "s%d", number);
  to[s->n] = -99;
  compiled_call(library, name, 2, (void *[]){to, &end});
  assert_ptr_equal(end, to + s->n);
  assert_int_equal(to[s->n], -99);
  if (s->n > 0) assert_memory_equal(to, s->value, (size_t)s->n * sizeof *to);
  free(to);
}

static void make(int which, sequence *s) {
  if (which < 40) put_nests(s, (uint64_t)which);
  else if (which < 44) put_grid(s, which - 38);
  else if (which == 44) put_grid(s, 100);
  else if (which < 50) put_random(s, (uint64_t)which, 700, 2 + which % 3); /* full of short runs */
  else if (which == 50) put_random(s, 5, 16384, 1000000);
  else s->n = which - 51; /* nothing, one number */
  if (which == 52) s->value[0] = INT64_C(1) << 40;
}

static void loops_give_the_sequence(void **state) {
  (void)state;
  enum { CASES = 53 };
  sequence *s = tw_alloc(1, sizeof *s);
  tw_text c = {0};
  compiled library;
  tw_text_puts(&c, "#include <stdint.h>\n");
  for (int i = 0; i < CASES; i++) {
    make(i, s);
    write_function(&c, i, s);
  }
  assert_false(c.failed);
  compiled_open(&library, c.data, "code.h", "");
  for (int i = 0; i < CASES; i++) {
    make(i, s);
    check_function(&library, i, s);
  }
  compiled_close(&library, "code.h");
  tw_text_free(&c);
  free(s);
}

static int64_t length_of(const sequence *s) {
  tw_progression p;
  assert_ok(tw_progression_find(s->n, s->value, &p, &error));
  const int64_t length = tw_progression_length(&p);
  tw_progression_free(&p);
  return length;
}

/* Text does not grow with the loops. */
static void nests_are_short(void **state) {
  (void)state;
  sequence *s = tw_alloc(1, sizeof *s);
  put_grid(s, 40);
  const int64_t length = length_of(s);
  put_grid(s, 110);
  assert_int_equal(length_of(s), length);
  assert_true(length < 60);
  s->n = 0;
  for (int64_t i = 0; i < 200; i++) /* two interleaved sequences, one of which starts again */
    for (int64_t j = 0; j < 100; j++) put(s, i), put(s, 200 + j);
  assert_true(length_of(s) <= 2 + 2 * TW_PROGRESSION_LOOP);
  free(s);
}

static void long_irregular_sequences_are_refused(void **state) {
  (void)state;
  sequence *s = tw_alloc(1, sizeof *s);
  tw_progression p;
  put_random(s, 9, 20000, 1000000);
  assert_fails(tw_progression_find(s->n, s->value, &p, &error), TW_ERR_UNSUPPORTED, "more than 16384 numbers");
  tw_progression_free(&p);
  free(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(loops_give_the_sequence), cmocka_unit_test(nests_are_short),
                                     cmocka_unit_test(long_irregular_sequences_are_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
