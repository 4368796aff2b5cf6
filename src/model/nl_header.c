/* The ten lines at the head of a .nl file. They are text in binary files too. */
#include "model/nl.h"

#include <string.h>

/* Up to `count` integers of a line; those that are missing stay 0. */
static bool read_line(tw_nl_scan *s, int count, int64_t **field) {
  static const int64_t most = INT32_MAX;
  for (int k = 0; k < count; k++) {
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\r')) s->at++;
    if (s->at >= s->end || *s->at == '\n' || *s->at == '#') break;
    if (!tw_nl_integer(s, "a count of the header", 0, most, field[k])) return false;
  }
  while (s->at < s->end && *s->at != '\n') s->at++;
  if (s->at >= s->end) return tw_nl_fail(s, "the header ends in line %lld, expected 10 lines", (long long)s->line);
  s->at++;
  s->line++;
  return true;
}
#define LINE(s, ...) read_line(s, (int)(sizeof((int64_t *[]){__VA_ARGS__}) / sizeof(int64_t *)), (int64_t *[]){__VA_ARGS__})

/* Options of AMPL's own, which a .sol file repeats: their number, they themselves, and a tolerance when the second is 3. */
static void read_options(const char *at, const char *end, tw_nl_header *h) {
  double value = 0;
  int count = -1;
  while (count < 9) {
    while (at < end && (*at == ' ' || *at == '\t')) at++;
    const char *next = tw_parse_number(at, end, false, &value);
    if (next == NULL || !(value >= -1e9 && value <= 1e9)) break;
    at = next;
    if (count >= 0 && count >= h->n_options) {
      if (h->n_options > 1 && h->option[1] == 3) h->tolerance = value;
      break;
    }
    if (count < 0)
      h->n_options = value >= 0 && value <= 9 ? (int)value : 0;
    else
      h->option[count] = (int64_t)value;
    count++;
  }
  if (count < h->n_options) h->n_options = count > 0 ? count : 0;
}

/* "g3 1 1 0  # problem NAME" */
static bool read_first(tw_nl_scan *s, tw_nl_header *h) {
  const char key = tw_nl_key(s);
  if (key != 'g' && key != 'b') return tw_nl_fail(s, "the file begins with '%c', expected g (text) or b (binary)", key > ' ' ? key : '?');
  const size_t left = (size_t)(s->end - s->at);
  const char *end = memchr(s->at, '\n', left);
  if (end == NULL) return tw_nl_fail(s, "the header has one line, expected 10");
  read_options(s->at, end, h);
  static const char word[] = "# problem ";
  for (const char *p = s->at; p + sizeof word - 1 < end; p++) {
    if (memcmp(p, word, sizeof word - 1) != 0) continue;
    p += sizeof word - 1;
    while (end > p && end[-1] == '\r') end--;
    snprintf(h->title, sizeof h->title, "%.*s", (int)(end - p), p);
    break;
  }
  s->at = (const char *)memchr(s->at, '\n', left) + 1;
  s->line++;
  s->binary = false; /* until the header is read */
  return true;
}

static bool check(tw_nl_scan *s, const tw_nl_header *h) {
  const int64_t bytes = s->end - s->begin;
  const int64_t common = h->common[0] + h->common[1] + h->common[2] + h->common[3] + h->common[4];
  if (h->n < 1) return tw_nl_fail(s, "the header says %lld variables, expected at least 1", (long long)h->n);
  if (h->n > bytes || h->m > bytes || common > bytes || h->objectives > bytes || h->logical > bytes)
    return tw_nl_fail(s,
                      "the header says %lld variables, %lld constraints, %lld objectives and %lld common expressions, "
                      "more than a file of %lld bytes holds",
                      (long long)h->n, (long long)(h->m + h->logical), (long long)h->objectives, (long long)common, (long long)bytes);
  if (h->vars_both > h->vars_rows || h->vars_rows > h->n || h->vars_objectives > h->n || h->binary + h->integer > h->n)
    return tw_nl_fail(s, "the header counts more nonlinear or integer variables than there are");
  if (h->complementarity > 0)
    return tw_nl_unsupported(s, "the model has %lld complementarity conditions, which no method handles", (long long)h->complementarity);
  return true;
}

/* 1 and 2 name the byte order; otherwise the first count behind the header tells: it is small. */
static void choose_order(tw_nl_scan *s, const tw_nl_header *h) {
  const uint16_t one = 1;
  const bool little = *(const unsigned char *)&one == 1;
  bool file_little = h->arithmetic != 2;
  if (h->arithmetic != 1 && h->arithmetic != 2 && s->end - s->at >= 5) {
    const unsigned char *b = (const unsigned char *)s->at + 1;
    file_little = b[3] == 0 || b[0] != 0;
  }
  s->swap = little != file_little;
}

bool tw_nl_read_header(tw_nl_scan *s, tw_nl_header *h) {
  *h = (tw_nl_header){0};
  const bool binary = s->at < s->end && *s->at == 'b';
  int64_t nonlinear_conditions = 0, ignored[4] = {0};
  bool good = read_first(s, h) && LINE(s, &h->n, &h->m, &h->objectives, &h->ranges, &h->equations, &h->logical) &&
              LINE(s, &h->nonlinear_rows, &h->nonlinear_objectives, &h->complementarity, &nonlinear_conditions) &&
              LINE(s, &ignored[0], &ignored[1]) && LINE(s, &h->vars_rows, &h->vars_objectives, &h->vars_both) &&
              LINE(s, &ignored[0], &h->functions, &h->arithmetic, &ignored[1]) &&
              LINE(s, &h->binary, &h->integer, &h->integer_both, &h->integer_rows, &h->integer_objectives) &&
              LINE(s, &h->jacobian, &h->gradients) && LINE(s, &ignored[0], &ignored[1]) &&
              LINE(s, &h->common[0], &h->common[1], &h->common[2], &h->common[3], &h->common[4]);
  h->complementarity += nonlinear_conditions;
  if (!good || !check(s, h)) return false;
  s->binary = binary;
  if (binary) choose_order(s, h);
  return true;
}

/* Nonlinear in both: the last integer_both of [0, vars_both); in constraints alone: the last integer_rows of [vars_both,
 * vars_rows); in objectives alone: the last integer_objectives of [vars_rows, vars_objectives); of the linear ones the last
 * `binary` and `integer`. */
void tw_nl_kinds(const tw_nl_header *h, tw_flat *flat) {
  const int64_t objectives = h->vars_objectives > h->vars_rows ? h->vars_objectives : h->vars_rows;
  const int64_t end[5] = {h->vars_both, h->vars_rows, objectives, h->n - h->integer, h->n};
  const int64_t count[5] = {h->integer_both, h->integer_rows, h->integer_objectives, h->binary, h->integer};
  for (int part = 0; part < 5; part++)
    for (int64_t j = end[part] - count[part]; j < end[part]; j++)
      if (j >= 0 && j < flat->n) flat->kind[j] = part == 3 ? TW_BINARY : TW_INTEGER;
}
