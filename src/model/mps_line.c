/* Lines of MPS files as records. In fixed files the fields stand in columns 2-3, 5-12, 15-22, 25-36, 40-47 and 50-61; in free
 * files they are words, and what may be left out is told by their number. */
#include "model/mps.h"

#include <string.h>

bool tw_mps_fail(tw_mps_lines *s, tw_status status, const char *format, ...) {
  tw_error own;
  va_list args;
  va_start(args, format);
  tw_fail_v(&own, status, format, args);
  va_end(args);
  tw_fail(s->error, status, "%s:%lld: %s", s->name, (long long)s->line, own.message);
  return false;
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\0';
}

/* The line's words; *count may exceed `most`, whose rest is not kept. */
static int split(char *from, char *end, int most, char **word) {
  int count = 0;
  while (from < end) {
    while (from < end && is_blank(*from)) from++;
    if (from == end) break;
    if (count < most) word[count] = from;
    count++;
    while (from < end && !is_blank(*from)) from++;
    if (from < end) *from++ = '\0';
  }
  return count;
}

/* ------------------------------------------------------------------ fixed */

/* The field in columns first .. last, from 0, without blanks around; NULL when empty. */
static char *field(char *line, char *end, ptrdiff_t first, ptrdiff_t last) {
  if (end - line <= first) return NULL;
  char *from = line + first, *to = end - line > last ? line + last + 1 : end;
  while (from < to && is_blank(*from)) from++;
  while (to > from && is_blank(to[-1])) to--;
  if (from == to) return NULL;
  if (to < end || *to != '\0') *to = '\0'; /* between fields there is a blank column */
  return from;
}

static bool read_fixed(tw_mps_lines *s, tw_mps_section section, char *line, char *end, tw_mps_record *r) {
  char *f[6] = {field(line, end, 1, 2),   field(line, end, 4, 11),  field(line, end, 14, 21),
                field(line, end, 24, 35), field(line, end, 39, 46), field(line, end, 49, 60)};
  r->type = f[0];
  r->set = f[1];
  if (section == TW_MPS_ROWS) return f[0] != NULL && f[1] != NULL ? true : tw_mps_fail(s, TW_ERR_PARSE, "expected a type and a name");
  for (int k = 0; k < 2; k++) {
    if (f[2 + 2 * k] == NULL) break;
    r->name[k] = f[2 + 2 * k];
    r->value[k] = f[3 + 2 * k];
    r->pairs = k + 1;
  }
  if (r->pairs == 0) return tw_mps_fail(s, TW_ERR_PARSE, "no name in columns 15 to 22");
  return true;
}

/* ------------------------------------------------------------------ free */

static bool take_pairs(tw_mps_record *r, int first) {
  for (int k = first; k + 1 < r->words; k += 2) {
    r->name[r->pairs] = r->word[k];
    r->value[r->pairs++] = r->word[k + 1];
  }
  return true;
}

static bool read_bound(tw_mps_lines *s, tw_mps_record *r) {
  r->type = r->word[0];
  const bool bare = strcmp(r->type, "FR") == 0 || strcmp(r->type, "MI") == 0 || strcmp(r->type, "PL") == 0 || strcmp(r->type, "BV") == 0;
  if (r->words < (bare ? 2 : 3) || r->words > 4)
    return tw_mps_fail(s, TW_ERR_PARSE, "%d words, expected type, set, column and value", r->words);
  const bool set = r->words == 4 || (bare && r->words == 3);
  r->set = set ? r->word[1] : NULL;
  r->name[0] = r->word[set ? 2 : 1];
  r->value[0] = r->words > (set ? 3 : 2) ? r->word[set ? 3 : 2] : NULL;
  r->pairs = 1;
  return true;
}

static bool read_free(tw_mps_lines *s, tw_mps_section section, tw_mps_record *r) {
  const int n = r->words;
  switch (section) {
  case TW_MPS_ROWS:
    if (n != 2) return tw_mps_fail(s, TW_ERR_PARSE, "%d words, expected a type and a name", n);
    r->type = r->word[0];
    r->set = r->word[1];
    return true;
  case TW_MPS_COLUMNS:
    if (n != 3 && n != 5) return tw_mps_fail(s, TW_ERR_PARSE, "%d words, expected a column and one or two pairs of row and value", n);
    r->set = r->word[0];
    if (strcmp(r->word[1], "'MARKER'") == 0) {
      r->name[0] = r->word[1];
      r->name[1] = r->word[n - 1];
      r->pairs = 2;
      return true;
    }
    return take_pairs(r, 1);
  case TW_MPS_RHS:
  case TW_MPS_RANGES:
    if (n < 2 || n > 5) return tw_mps_fail(s, TW_ERR_PARSE, "%d words, expected a set and one or two pairs of row and value", n);
    r->set = n % 2 == 1 ? r->word[0] : NULL;
    return take_pairs(r, n % 2);
  case TW_MPS_BOUNDS: return read_bound(s, r);
  case TW_MPS_OBJSENSE:
  case TW_MPS_OBJNAME: return true;
  case TW_MPS_QUADOBJ:
  case TW_MPS_QMATRIX:
  case TW_MPS_QCMATRIX:
    if (n != 3) return tw_mps_fail(s, TW_ERR_PARSE, "%d words, expected two columns and a value", n);
    r->set = r->word[0];
    return take_pairs(r, 1);
  default: return tw_mps_fail(s, TW_ERR_PARSE, "'%.40s' stands in no section", r->word[0]);
  }
}

/* ------------------------------------------------------------------ lines */

bool tw_mps_next(tw_mps_lines *s, tw_mps_section section, tw_mps_record *r, bool *failed) {
  *failed = false;
  while (s->at < s->end) {
    char *line = s->at, *newline = memchr(line, '\n', (size_t)(s->end - line)), *end = newline != NULL ? newline : s->end;
    s->at = newline != NULL ? newline + 1 : s->end;
    s->line++;
    *end = '\0';
    *r = (tw_mps_record){0};
    if (line == end || *line == '*') continue;
    r->section = !is_blank(*line);
    const bool by_words = r->section || !s->fixed || section == TW_MPS_OBJSENSE || section == TW_MPS_OBJNAME || section == TW_MPS_NONE;
    if (by_words) {
      r->words = split(line, end, 8, r->word);
      if (r->words == 0) continue;
      *failed = !r->section && !read_free(s, section, r);
      return !*failed;
    }
    bool empty = true;
    for (char *p = line; empty && p < end; p++) empty = is_blank(*p);
    if (empty) continue;
    *failed = !read_fixed(s, section, line, end, r);
    return !*failed;
  }
  return false;
}
