/* Words, numbers and signs of LP files. A backslash begins a comment. Headings of sections stand first in a line. */
#include "model/lp.h"

#include <math.h>
#include <string.h>
#include <strings.h>

static const struct {
  const char *word;
  tw_lp_section section;
} headings[] = {{"maximize", TW_LP_MAXIMIZE},
                {"maximise", TW_LP_MAXIMIZE},
                {"maximum", TW_LP_MAXIMIZE},
                {"max", TW_LP_MAXIMIZE},
                {"minimize", TW_LP_MINIMIZE},
                {"minimise", TW_LP_MINIMIZE},
                {"minimum", TW_LP_MINIMIZE},
                {"min", TW_LP_MINIMIZE},
                {"subject to", TW_LP_ROWS},
                {"such that", TW_LP_ROWS},
                {"st", TW_LP_ROWS},
                {"s.t.", TW_LP_ROWS},
                {"st.", TW_LP_ROWS},
                {"bounds", TW_LP_BOUNDS},
                {"bound", TW_LP_BOUNDS},
                {"generals", TW_LP_GENERAL},
                {"general", TW_LP_GENERAL},
                {"gen", TW_LP_GENERAL},
                {"integers", TW_LP_GENERAL},
                {"integer", TW_LP_GENERAL},
                {"int", TW_LP_GENERAL},
                {"binaries", TW_LP_BINARY},
                {"binary", TW_LP_BINARY},
                {"bin", TW_LP_BINARY},
                {"semi-continuous", TW_LP_SEMI},
                {"semis", TW_LP_SEMI},
                {"semi", TW_LP_SEMI},
                {"sos1", TW_LP_OTHER},
                {"sos2", TW_LP_OTHER},
                {"sos", TW_LP_OTHER},
                {"pwlobj", TW_LP_OTHER},
                {"general constraints", TW_LP_OTHER},
                {"general constraint", TW_LP_OTHER},
                {"gencons", TW_LP_OTHER},
                {"lazy constraints", TW_LP_OTHER},
                {"user cuts", TW_LP_OTHER},
                {"end", TW_LP_LAST}};

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || (c != '\0' && strchr("!\"#$%&(),.;?@_'`{}~|", c) != NULL);
}

static void skip(tw_lp_scan *s) {
  for (; s->at < s->end; s->at++) {
    if (*s->at == '\\')
      while (s->at + 1 < s->end && s->at[1] != '\n') s->at++;
    else if (*s->at == '\n') {
      s->line++;
      s->fresh = true;
    } else if (*s->at != ' ' && *s->at != '\t' && *s->at != '\r' && *s->at != '\0')
      return;
  }
}

/* The length of a heading here, 0: none. One blank of it stands for any number of blanks; the longest that fits is meant. */
static size_t heading(const tw_lp_scan *s, tw_lp_section *section) {
  size_t best = 0;
  for (size_t k = 0; k < sizeof headings / sizeof *headings; k++) {
    const char *p = s->at, *w = headings[k].word;
    while (*w != '\0' && p < s->end) {
      if (*w == ' ') {
        if (*p != ' ' && *p != '\t') break;
        while (p < s->end && (*p == ' ' || *p == '\t')) p++;
        w++;
      } else if (strncasecmp(p, w, 1) == 0) {
        p++;
        w++;
      } else {
        break;
      }
    }
    if (*w != '\0' || (p < s->end && (is_name(*p) || *p == '-')) || (size_t)(p - s->at) <= best) continue;
    const char *after = p;
    while (after < s->end && (*after == ' ' || *after == '\t')) after++;
    if (after < s->end && *after == ':') continue; /* the name of a row */
    best = (size_t)(p - s->at);
    *section = headings[k].section;
  }
  return best;
}

static tw_lp_token take(tw_lp_scan *s, tw_lp_token t, size_t length) {
  t.at = s->at;
  t.length = length;
  s->at += length;
  return t;
}

static tw_lp_token relation(tw_lp_scan *s, tw_lp_token t) {
  t.kind = TW_LP_RELATION;
  t.sign = *s->at;
  size_t length = 1;
  if (s->at + 1 < s->end && (s->at[1] == '=' || s->at[1] == '<' || s->at[1] == '>') && s->at[1] != *s->at) { /* <= =< >= => */
    length = 2;
    if (t.sign == '=') t.sign = s->at[1];
  }
  return take(s, t, length);
}

/* inf and infinity stand for a number. */
static tw_lp_token word(tw_lp_scan *s, tw_lp_token t) {
  size_t length = 1;
  while (s->at + length < s->end && is_name(s->at[length])) length++;
  t.kind = TW_LP_NAME;
  if ((length == 3 && strncasecmp(s->at, "inf", 3) == 0) || (length == 8 && strncasecmp(s->at, "infinity", 8) == 0)) {
    t.kind = TW_LP_NUMBER;
    t.number = (double)INFINITY;
  }
  return take(s, t, length);
}

tw_lp_token tw_lp_next(tw_lp_scan *s) {
  skip(s);
  tw_lp_token t = {.kind = TW_LP_BAD, .line = s->line, .at = s->at};
  if (s->at >= s->end) {
    t.kind = TW_LP_END;
    return t;
  }
  const bool fresh = s->fresh;
  s->fresh = false;
  size_t length = fresh ? heading(s, &t.section) : 0;
  if (length > 0) {
    t.kind = TW_LP_SECTION;
    return take(s, t, length);
  }
  const char *end = is_digit(*s->at) || *s->at == '.' ? tw_parse_number(s->at, s->end, false, &t.number) : NULL;
  if (end != NULL) {
    t.kind = TW_LP_NUMBER;
    return take(s, t, (size_t)(end - s->at));
  }
  if (*s->at == '<' || *s->at == '>' || *s->at == '=') return relation(s, t);
  if (strchr("+-*^/[]:", *s->at) != NULL) {
    t.kind = TW_LP_SIGN;
    t.sign = *s->at;
    return take(s, t, 1);
  }
  return is_name(*s->at) && !is_digit(*s->at) && *s->at != '.' ? word(s, t) : take(s, t, 1);
}
