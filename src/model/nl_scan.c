/* Numbers and words of .nl files, text and binary. */
#include "model/nl.h"

#include <math.h>
#include <string.h>

static bool fail_v(tw_nl_scan *s, tw_status status, const char *format, va_list args) {
  tw_error own;
  tw_fail_v(&own, status, format, args);
  if (s->binary)
    tw_fail(s->error, status, "%s: byte %lld: %s", s->name, (long long)(s->at - s->begin), own.message);
  else
    tw_fail(s->error, status, "%s:%lld: %s", s->name, (long long)s->line, own.message);
  return false;
}

bool tw_nl_fail(tw_nl_scan *s, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fail_v(s, TW_ERR_PARSE, format, args);
  va_end(args);
  return false;
}

bool tw_nl_unsupported(tw_nl_scan *s, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fail_v(s, TW_ERR_UNSUPPORTED, format, args);
  va_end(args);
  return false;
}

static void skip_blanks(tw_nl_scan *s) {
  while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\r')) s->at++;
}

char tw_nl_key(tw_nl_scan *s) {
  if (!s->binary)
    for (skip_blanks(s); s->at < s->end && *s->at == '\n'; skip_blanks(s)) {
      s->at++;
      s->line++;
    }
  return s->at < s->end ? *s->at++ : '\0';
}

bool tw_nl_end_line(tw_nl_scan *s) {
  if (s->binary) return true;
  skip_blanks(s);
  if (s->at < s->end && *s->at != '\n' && *s->at != '#')
    return tw_nl_fail(s, "'%.*s' at the end of the line, expected nothing or a comment", (int)(s->end - s->at > 20 ? 20 : s->end - s->at),
                      s->at);
  while (s->at < s->end && *s->at != '\n') s->at++;
  if (s->at < s->end) {
    s->at++;
    s->line++;
  }
  return true;
}

/* ------------------------------------------------------------------ binary */

/* `size` bytes, in this machine's order. */
static bool read_bytes(tw_nl_scan *s, const char *what, size_t size, void *out) {
  if ((size_t)(s->end - s->at) < size) return tw_nl_fail(s, "the file ends, expected %s", what);
  unsigned char *to = out;
  for (size_t k = 0; k < size; k++) to[k] = (unsigned char)s->at[s->swap ? size - 1 - k : k];
  s->at += size;
  return true;
}

/* ------------------------------------------------------------------ both */

static bool text_number(tw_nl_scan *s, const char *what, double *value) {
  skip_blanks(s);
  const char *end = s->at;
  while (end < s->end && *end != ' ' && *end != '\t' && *end != '\r' && *end != '\n' && *end != '#') end++;
  const char *from = s->at + (s->at < end && *s->at == '+');
  if (tw_parse_number(from, end, true, value) == end && end > from) {
    s->at = end;
    return true;
  }
  if (s->at == end) return tw_nl_fail(s, "%s, expected %s", s->at < s->end ? "the line ends" : "the file ends", what);
  return tw_nl_fail(s, "'%.*s' is no number, expected %s", (int)(end - s->at > 40 ? 40 : end - s->at), s->at, what);
}

bool tw_nl_integer(tw_nl_scan *s, const char *what, int64_t low, int64_t high, int64_t *value) {
  double real = 0;
  if (s->binary) {
    int32_t word = 0;
    if (!read_bytes(s, what, sizeof word, &word)) return false;
    real = word;
  } else if (!text_number(s, what, &real)) {
    return false;
  }
  if (real != floor(real) || !(real >= (double)low && real <= (double)high))
    return tw_nl_fail(s, "%s is %.17g, expected an integer in %lld..%lld", what, real, (long long)low, (long long)high);
  *value = (int64_t)real;
  return true;
}

bool tw_nl_real(tw_nl_scan *s, const char *what, double *value) {
  return s->binary ? read_bytes(s, what, sizeof *value, value) : text_number(s, what, value);
}

bool tw_nl_short(tw_nl_scan *s, const char *what, double *value) {
  int16_t word = 0;
  if (!s->binary) return text_number(s, what, value);
  if (!read_bytes(s, what, sizeof word, &word)) return false;
  *value = word;
  return true;
}

bool tw_nl_word(tw_nl_scan *s, const char *what, char *word, size_t size) {
  int64_t length = 0;
  if (s->binary) {
    if (!tw_nl_integer(s, what, 1, (int64_t)size - 1, &length)) return false;
    if (s->end - s->at < length) return tw_nl_fail(s, "the file ends, expected %s", what);
  } else {
    skip_blanks(s);
    while (s->at + length < s->end && (unsigned char)s->at[length] > ' ') length++;
    if (length == 0) return tw_nl_fail(s, "the line ends, expected %s", what);
    if (length >= (int64_t)size) return tw_nl_fail(s, "%s is longer than %d characters", what, (int)size - 1);
  }
  memcpy(word, s->at, (size_t)length);
  word[length] = '\0';
  s->at += length;
  return true;
}
