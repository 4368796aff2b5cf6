#include "test.h"

#include <locale.h>

static double from_bits(uint64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* Reads all of `text` from an exact heap copy without terminator, so that a sanitizer sees any overrun. */
static double parse_all(const char *text) {
  size_t length = strlen(text);
  char *copy = calloc(length + (length == 0), 1);
  memcpy(copy, text, length);
  double value = 0;
  const char *after = tw_parse_number(copy, copy + length, true, &value);
  bool whole = after == copy + length;
  free(copy);
  if (!whole) fail_msg("\"%s\" was not read to its end", text);
  return value;
}

/* write then read is the identity on all doubles (random bit patterns: subnormals, huge, tiny). */
static void round_trips(void **state) {
  (void)state;
  tw_text text = {0};
  for (uint64_t i = 0; i < 100000; i++) {
    uint64_t bits = tw_random_bits(1, i);
    if (i % 4 == 1) bits &= ~(UINT64_C(0x7FF) << 52);                                 /* subnormal */
    if (i % 4 == 2) bits = (bits & ~(UINT64_C(0x7FF) << 52)) | UINT64_C(0x3FF) << 52; /* 1 <= |v| < 2 */
    double value = from_bits(bits);
    if (isnan(value)) continue;
    tw_text_clear(&text);
    tw_text_number(&text, value);
    assert_same_bits(parse_all(text.data), value);
    assert_true(text.length <= 24);
  }
  tw_text_free(&text);
}

/* What came from few digits is written with few digits. */
static void writes_no_spare_digits(void **state) {
  (void)state;
  static const struct {
    double value;
    const char *text;
  } cases[] = {
      {0, "0"},
      {-0.0, "-0"},
      {1, "1"},
      {-2.5, "-2.5"},
      {0.1, "0.1"},
      {1e22, "1e+22"},
      {5e-324, "5e-324"},
      {1e-5, "0.00001"},
      {1e-6, "1e-06"},
      {123456789, "123456789"},
      {1e16, "10000000000000000"},
      {1.0 / 3, "0.3333333333333333"},
      {INFINITY, "inf"},
      {-INFINITY, "-inf"},
      {(double)NAN, "nan"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {9007199254740993.0, "9007199254740992"},
  };
  for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
    tw_text text = {0};
    tw_text_number(&text, cases[k].value);
    assert_string_equal(text.data, cases[k].text);
    tw_text_free(&text);
  }
}

/* Against the C library (correctly rounded in glibc) on random decimals of 1 to 60 digits. */
static void reads_like_the_c_library(void **state) {
  (void)state;
  for (uint64_t i = 0; i < 50000; i++) {
    char text[128];
    int digits = (int)tw_random_integer(2, i, 1, i % 2 ? 20 : 60), length = 0;
    int point = (int)tw_random_integer(3, i, 0, digits + 1);
    for (int k = 0; k < digits; k++) {
      if (k == point) text[length++] = '.';
      text[length++] = (char)('0' + tw_random_integer(4, i * 64 + (uint64_t)k, 0, 10));
    }
    sprintf(text + length, "e%d", (int)tw_random_integer(5, i, i % 3 ? -30 : -400, i % 3 ? 30 : 330));
    assert_same_bits(parse_all(text), strtod(text, NULL));
  }
}

/* Just below, at and above the midpoint of two doubles, where only the last of very many digits decides. */
static void rounds_midpoints_correctly(void **state) {
  (void)state;
  char text[1400];
  for (int k = 0; k < 3; k++) { /* 2^53 + 1 lies between 2^53 and 2^53 + 2; ties go to even */
    memset(text, '0', sizeof text);
    memcpy(text, k == 0 ? "9007199254740992." : "9007199254740993.", 17);
    if (k == 0) memset(text + 17, '9', 1200);
    text[1217] = k == 2 ? '1' : k == 0 ? '9' : '0';
    text[1218] = '\0';
    assert_same_bits(parse_all(text), k == 2 ? 9007199254740994.0 : 9007199254740992.0);
  }
  /* half of the smallest subnormal, 2^-1075, has 752 significant digits: to even, 0; a little more: 2^-1074
   */
  int length = snprintf(text, sizeof text, "%.1075f", 0x1p-1074);
  char half[1400] = {0}; /* long division of the digits by two */
  int carry = 0;
  for (int k = 0; k < length; k++) {
    if (text[k] == '.') {
      half[k] = '.';
      continue;
    }
    int digit = 10 * carry + (text[k] - '0');
    half[k] = (char)('0' + digit / 2);
    carry = digit % 2;
  }
  assert_int_equal(carry, 0);
  assert_same_bits(parse_all(half), 0.0);
  strcat(half, "000001");
  assert_same_bits(parse_all(half), 0x1p-1074);
}

static void extremes(void **state) {
  (void)state;
  assert_same_bits(parse_all("1e999999999999999999999999"), INFINITY);
  assert_same_bits(parse_all("-1e-999999999999999999999999"), -0.0);
  assert_same_bits(parse_all("0e999999999999999999999999"), 0.0);
  char text[3000]; /* 0.000...0001e2001 and 1000...000e-2001 */
  memset(text, '0', sizeof text);
  text[1] = '.';
  strcpy(text + 2002, "1e2001");
  assert_same_bits(parse_all(text), 1.0);
  memset(text, '0', sizeof text);
  text[0] = '1';
  strcpy(text + 2001, "e-2000");
  assert_same_bits(parse_all(text), 1.0);
}

static void stops_where_the_number_stops(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int length; /* -1: no number */
    bool words;
    double value;
  } cases[] = {
      {"1e", 1, false, 1},
      {"1e+", 1, false, 1},
      {"2.5x", 3, false, 2.5},
      {"5.", 2, false, 5},
      {".5", 2, false, 0.5},
      {".", -1, false, 0},
      {"", -1, false, 0},
      {"+", -1, false, 0},
      {"-.e1", -1, false, 0},
      {"1..3", 1, false, 1},
      {"1.2.3", 3, false, 1.2},
      {"0x10", 1, false, 0},
      {"--1", -1, false, 0},
      {" 1", -1, false, 0},
      {"1,5", 1, false, 1},
      {"inf", -1, false, 0},
      {"inf", 3, true, INFINITY},
      {"INFINITY", 8, true, INFINITY},
      {"infinit", 3, true, INFINITY},
      {"-Inf", 4, true, -INFINITY},
      {"in", -1, true, 0},
      {"e5", -1, true, 0},
      {"1E5", 3, false, 1e5},
      {"\xC9nf", -1, true, 0},
  };
  for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
    double value = 0;
    const char *end = cases[k].text + strlen(cases[k].text);
    const char *after = tw_parse_number(cases[k].text, end, cases[k].words, &value);
    int length = after ? (int)(after - cases[k].text) : -1;
    if (length != cases[k].length) fail_msg("\"%s\": read %d bytes", cases[k].text, length);
    if (after) assert_same_bits(value, cases[k].value);
  }
  double value = 0;
  const char *digits = "12345";
  assert_ptr_equal(tw_parse_number(digits, digits + 2, false, &value), digits + 2);
  assert_same_bits(value, 12.0);
  const char *word = "nan";
  assert_ptr_equal(tw_parse_number(word, word + 3, true, &value), word + 3);
  assert_true(isnan(value));
}

/* Makes a locale with a decimal comma (localedef is part of every Debian) and switches to it. */
static void use_decimal_comma(const char *folder) {
  char path[128], command[512];
  FILE *source = fopen(test_path(folder, "comma.src", path), "w");
  assert_non_null(source);
  fputs("LC_NUMERIC\ndecimal_point \",\"\nthousands_sep \".\"\ngrouping 3;3\nEND LC_NUMERIC\n", source);
  fclose(source);
  snprintf(command, sizeof command, "localedef -c -i %s --no-archive %s >/dev/null 2>&1", path, folder);
  int ignored = system(command); /* 1: warnings about the categories left out */
  (void)ignored;
  setenv("LOCPATH", "/tmp", 1);
  if (!setlocale(LC_NUMERIC, strrchr(folder, '/') + 1)) fail_msg("no locale from: %s", command);
}

/* A locale with a decimal comma changes neither direction. */
static void ignores_the_locale(void **state) {
  (void)state;
  char folder[64], path[128], printed[32];
  test_folder_make(folder);
  use_decimal_comma(folder);
  snprintf(printed, sizeof printed, "%.1f", 2.5);
  tw_text text = {0};
  tw_text_number(&text, 1234.5678);
  double slow = parse_all("0.12345678901234567890123"), fast = parse_all("2.5");
  setlocale(LC_NUMERIC, "C");
  test_folder_remove(test_path(folder, "LC_MESSAGES", path));
  test_folder_remove(folder);
  assert_string_equal(printed, "2,5");
  assert_string_equal(text.data, "1234.5678");
  assert_same_bits(slow, 0.12345678901234567890123);
  assert_same_bits(fast, 2.5);
  tw_text_free(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(round_trips),
      cmocka_unit_test(writes_no_spare_digits),
      cmocka_unit_test(reads_like_the_c_library),
      cmocka_unit_test(rounds_midpoints_correctly),
      cmocka_unit_test(extremes),
      cmocka_unit_test(stops_where_the_number_stops),
      cmocka_unit_test(ignores_the_locale),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
