/* Decimal <-> double, correctly rounded and independent of the locale.
 *
 * Reading: when the digits w < 2^53 and the power of ten |e| <= 22 are both exact doubles, one
 * rounding of w * 10^e or w / 10^-e is correct (Clinger, 1990). Otherwise the C library converts
 * a bounded copy written as an integer with an exponent, which has no decimal point to localise. */
#include <talweg/base.h>

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* No double or midpoint of two has more than 767 significant digits: what follows can only say
 * "a little more", which one non-zero digit says as well. */
enum { MAX_DIGITS = 800 };

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static const char *match_word(const char *text, const char *end, const char *word) {
  for (; *word; word++, text++)
    if (text == end || (*text | 0x20) != *word) return NULL;
  return text;
}

static const char *parse_word(const char *text, const char *end, double *value) {
  static const struct {
    const char *word;
    double value;
  } words[] = {{"infinity", HUGE_VAL}, {"inf", HUGE_VAL}, {"nan", (double)NAN}};
  for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
    const char *after = match_word(text, end, words[k].word);
    if (!after) continue;
    *value = words[k].value;
    return after;
  }
  return NULL;
}

/* 0.digits as they were read: value = digits * 10^exponent with leading zeros dropped. */
typedef struct decimal {
  char digits[MAX_DIGITS + 2];
  int count;
  int64_t exponent;
  bool more; /* a non-zero digit did not fit */
} decimal;

/* Takes a run of digits; those after the point lower the exponent. */
static const char *take_digits(const char *text, const char *end, bool fraction, decimal *d) {
  for (; text < end && is_digit(*text); text++) {
    if (fraction) d->exponent--;
    if (d->count == 0 && *text == '0') continue;
    if (d->count < MAX_DIGITS) {
      d->digits[d->count++] = *text;
    } else {
      d->exponent++;
      if (*text != '0') d->more = true;
    }
  }
  return text;
}

/* An exponent part is taken only when it is complete: "1e" ends after the 1. */
static const char *take_exponent(const char *text, const char *end, decimal *d) {
  const char *p = text;
  if (p == end || (*p | 0x20) != 'e') return text;
  p++;
  bool negative = p < end && *p == '-';
  if (p < end && (*p == '-' || *p == '+')) p++;
  if (p == end || !is_digit(*p)) return text;
  int64_t e = 0;
  for (; p < end && is_digit(*p); p++)
    if (e < INT64_MAX / 100) e = 10 * e + (*p - '0');
  d->exponent += negative ? -e : e;
  return p;
}

static bool convert_exactly(const decimal *d, double *value) {
  static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  if (d->count > 19 || d->exponent < -22 || d->exponent > 22) return false;
  uint64_t w = 0;
  for (int k = 0; k < d->count; k++) w = 10 * w + (uint64_t)(d->digits[k] - '0');
  if (w > (UINT64_C(1) << 53)) return false;
  *value = d->exponent < 0 ? (double)w / power[-d->exponent] : (double)w * power[d->exponent];
  return true;
}

static double convert_by_library(decimal *d) {
  if (d->more) {
    d->digits[d->count++] = '1';
    d->exponent--;
  }
  int64_t e = d->exponent > 99999 ? 99999 : d->exponent < -99999 ? -99999 : d->exponent;
  char token[MAX_DIGITS + 32];
  memcpy(token, d->digits, (size_t)d->count);
  snprintf(token + d->count, sizeof token - (size_t)d->count, "e%d", (int)e);
  int saved = errno;
  double value = strtod(token, NULL);
  errno = saved;
  return value;
}

const char *tw_parse_number(const char *text, const char *end, bool words, double *value) {
  if (!text || !end) return NULL;
  bool negative = text < end && *text == '-';
  if (text < end && (*text == '-' || *text == '+')) text++;
  const char *after = words ? parse_word(text, end, value) : NULL;
  if (!after) {
    decimal d;
    d.count = 0;
    d.exponent = 0;
    d.more = false;
    after = take_digits(text, end, false, &d);
    bool whole = after > text;
    bool range = end - after >= 2 && after[0] == '.' && after[1] == '.'; /* the 1 of "1..3" */
    if (after < end && *after == '.' && !range) {
      const char *fraction = after + 1;
      after = take_digits(fraction, end, true, &d);
      if (!whole && after == fraction) return NULL;
    } else if (!whole) {
      return NULL;
    }
    after = take_exponent(after, end, &d);
    if (d.count == 0)
      *value = 0.0;
    else if (!convert_exactly(&d, value))
      *value = convert_by_library(&d);
  }
  if (negative) *value = -*value;
  return after;
}

/* ------------------------------------------------------------------ writing */

/* Significant digits of |value| > 0 rounded to `precision`: 0.d1d2... * 10^(*point). */
static int round_digits(double value, int precision, char digits[32], int *point) {
  char text[64];
  snprintf(text, sizeof text, "%.*e", precision - 1, value);
  int count = 0;
  const char *p = text;
  for (; *p != 'e'; p++) /* whatever the locale puts for a point is not a digit */
    if (is_digit(*p) && count < 31) digits[count++] = *p;
  *point = atoi(p + 1) + 1;
  while (count > 1 && digits[count - 1] == '0') count--;
  digits[count] = '\0';
  return count;
}

/* Positional within [1e-5, 1e17), scientific outside. */
static void layout(tw_text *text, const char *digits, int count, int point) {
  static const char zeros[] = "00000000000000000000";
  if (point > 17 || point < -4) {
    tw_text_append(text, digits, 1);
    if (count > 1) {
      tw_text_append(text, ".", 1);
      tw_text_append(text, digits + 1, (size_t)(count - 1));
    }
    tw_text_printf(text, "e%+03d", point - 1);
  } else if (point <= 0) {
    tw_text_append(text, "0.", 2);
    tw_text_append(text, zeros, (size_t)-point);
    tw_text_append(text, digits, (size_t)count);
  } else if (point >= count) {
    tw_text_append(text, digits, (size_t)count);
    tw_text_append(text, zeros, (size_t)(point - count));
  } else {
    tw_text_append(text, digits, (size_t)point);
    tw_text_append(text, ".", 1);
    tw_text_append(text, digits + point, (size_t)(count - point));
  }
}

void tw_text_number(tw_text *text, double value) {
  if (!text) return;
  if (isnan(value)) {
    tw_text_puts(text, "nan");
    return;
  }
  if (signbit(value)) tw_text_append(text, "-", 1);
  value = fabs(value);
  if (isinf(value) || value == 0) {
    tw_text_puts(text, value == 0 ? "0" : "inf");
    return;
  }
  char digits[32], token[64];
  int count = 0, point = 0;
  /* 15 digits survive decimal -> double -> decimal, except among subnormals. */
  for (int precision = value < DBL_MIN ? 1 : 15; precision <= 17; precision++) {
    count = round_digits(value, precision, digits, &point);
    int length = snprintf(token, sizeof token, "%se%d", digits, point - count);
    double back = 0;
    tw_parse_number(token, token + length, false, &back);
    if (back == value) break;
  }
  layout(text, digits, count, point);
}
