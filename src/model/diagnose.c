/* Positions, the source line with its caret, and suggestions. */
#include "model/diagnose.h"

#include <string.h>

static bool starts_character(char c) {
  return ((unsigned char)c & 0xC0) != 0x80; /* not a UTF-8 continuation byte */
}

void tw_place_position(tw_place place, int64_t *line, int64_t *column) {
  *line = *column = 1;
  for (uint32_t k = 0; k < place.at && k < place.source->length; k++) {
    char c = place.source->text[k];
    if (c == '\n') {
      ++*line;
      *column = 1;
    } else if (starts_character(c)) {
      ++*column;
    }
  }
}

void tw_place_text(tw_place place, tw_text *text) {
  int64_t line, column;
  tw_place_position(place, &line, &column);
  tw_text_printf(text, "%s:%lld:%lld", place.source->name, (long long)line, (long long)column);
}

/* At most `max` bytes from `at` on, cut between characters. */
static size_t cut(const char *text, size_t length, size_t max) {
  if (length <= max) return length;
  while (max > 0 && !starts_character(text[max])) max--;
  return max;
}

/* The line that holds the place, cut to a window around it when it is long, then the caret under it. */
static void show_line(tw_place place, tw_text *out) {
  enum { BEFORE = 60, AFTER = 50 };
  const char *text = place.source->text;
  size_t at = place.at < place.source->length ? place.at : place.source->length;
  size_t begin = at, end = at;
  while (begin > 0 && text[begin - 1] != '\n' && at - begin < BEFORE) begin--;
  while (begin < at && !starts_character(text[begin])) begin++;
  while (end < place.source->length && text[end] != '\n' && text[end] != '\r') end++;
  end = at + cut(text + at, end - at, AFTER);
  tw_text_puts(out, "\n  ");
  for (size_t k = begin; k < end; k++) {
    unsigned char c = (unsigned char)text[k];
    tw_text_append(out, c < 0x20 && c != '\t' ? "?" : &text[k], 1);
  }
  tw_text_puts(out, "\n  ");
  for (size_t k = begin; k < at; k++)
    if (starts_character(text[k])) tw_text_append(out, text[k] == '\t' ? "\t" : " ", 1);
  tw_text_puts(out, "^");
}

tw_status tw_place_fail_v(tw_place place, tw_error *error, tw_status status, const char *format,
                          va_list args) {
  if (!error) return status;
  tw_text where = {0}, line = {0};
  tw_place_text(place, &where);
  show_line(place, &line);
  char message[TW_MESSAGE_MAX];
  vsnprintf(message, sizeof message, format, args);
  /* A long message gives way to the line and its caret. */
  size_t fixed = where.length + line.length + 3, room = sizeof error->message;
  int most = fixed < room ? (int)(room - fixed) : 0;
  tw_fail(error, status, "%s: %.*s%s", where.data ? where.data : "?", most, message,
          line.data ? line.data : "");
  tw_text_free(&where);
  tw_text_free(&line);
  return status;
}

tw_status tw_place_fail(tw_place place, tw_error *error, tw_status status, const char *format, ...) {
  va_list args;
  va_start(args, format);
  tw_place_fail_v(place, error, status, format, args);
  va_end(args);
  return status;
}

enum { LONGEST = 48 }; /* names longer than this are not compared */

/* Edit distance with transpositions of neighbours (Damerau, 1964, in its restricted form). */
static int distance(const char *a, const char *b) {
  size_t n = strlen(a), m = strlen(b);
  if (n > LONGEST || m > LONGEST) return LONGEST;
  int rows[3][LONGEST + 1];
  int *before = rows[0], *last = rows[1], *row = rows[2];
  for (size_t j = 0; j <= m; j++) last[j] = before[j] = (int)j;
  for (size_t i = 1; i <= n; i++) {
    row[0] = (int)i;
    for (size_t j = 1; j <= m; j++) {
      int best = last[j - 1] + (a[i - 1] != b[j - 1]);
      if (last[j] + 1 < best) best = last[j] + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped && before[j - 2] + 1 < best) best = before[j - 2] + 1;
      row[j] = best;
    }
    int *free_row = before;
    before = last;
    last = row;
    row = free_row;
  }
  return last[m];
}

tw_nearest tw_nearest_start(const char *wanted) {
  int length = (int)strlen(wanted);
  /* Nothing of which more than about a third would have to change. */
  return (tw_nearest){wanted, NULL, length <= 2 ? 2 : length <= 5 ? 3 : 4};
}

void tw_nearest_offer(tw_nearest *nearest, const char *candidate) {
  int d = distance(nearest->wanted, candidate);
  /* A name of one or two letters is near only to what shares a letter with it. */
  if (d >= nearest->distance || d >= (int)strlen(candidate)) return;
  nearest->best = candidate;
  nearest->distance = d;
}

const char *tw_nearest_text(const tw_nearest *nearest, char text[96]) {
  text[0] = '\0';
  if (nearest->best) snprintf(text, 96, ", did you mean `%.64s`?", nearest->best);
  return text;
}
