/* The growing text buffer and JSON literals. */
#include <talweg/base.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Room for `extra` more bytes and the terminator. */
static bool reserve(tw_text *text, size_t extra) {
  if (text->failed) return false;
  if (extra >= PTRDIFF_MAX - text->length) {
    text->failed = true;
    return false;
  }
  char *data = tw_grow(text->data, &text->capacity, text->length + extra + 1, 1);
  if (data)
    text->data = data;
  else
    text->failed = true;
  return data != NULL;
}

void tw_text_append(tw_text *text, const char *data, size_t length) {
  if (!text || (!data && length > 0)) return;
  if (!reserve(text, length)) return;
  if (length) memcpy(text->data + text->length, data, length);
  text->length += length;
  text->data[text->length] = '\0';
}

void tw_text_puts(tw_text *text, const char *string) {
  if (!text || !string) return;
  tw_text_append(text, string, strlen(string));
}

void tw_text_vprintf(tw_text *text, const char *format, va_list args) {
  if (!text) return;
  va_list again;
  va_copy(again, args);
  const int length = vsnprintf(NULL, 0, format, args);
  if (length < 0) text->failed = true;
  if (length >= 0 && reserve(text, (size_t)length)) {
    vsnprintf(text->data + text->length, (size_t)length + 1, format, again);
    text->length += (size_t)length;
  }
  va_end(again);
}

void tw_text_printf(tw_text *text, const char *format, ...) {
  va_list args;
  va_start(args, format);
  tw_text_vprintf(text, format, args);
  va_end(args);
}

void tw_text_clear(tw_text *text) {
  if (!text) return;
  text->length = 0;
  text->failed = false;
  if (text->data) text->data[0] = '\0';
}

void tw_text_free(tw_text *text) {
  if (!text) return;
  free(text->data);
  *text = (tw_text){0};
}

/* Length of the well-formed UTF-8 sequence at `s` (Unicode 15, table 3-7), 0 if there is none. */
static size_t utf8_length(const unsigned char *s) {
  static const struct {
    unsigned char first_low, first_high, second_low, second_high, length;
  } rows[] = {
      {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
      {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
      {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
  };
  if (s[0] < 0x80) return 1;
  for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
    if (s[0] < rows[r].first_low || s[0] > rows[r].first_high) continue;
    if (s[1] < rows[r].second_low || s[1] > rows[r].second_high) return 0;
    for (size_t k = 2; k < rows[r].length; k++)
      if ((s[k] & 0xC0) != 0x80) return 0; /* stops at the terminator too */
    return rows[r].length;
  }
  return 0;
}

void tw_text_json_string(tw_text *text, const char *string) {
  if (!text) return;
  if (!string) {
    tw_text_puts(text, "null");
    return;
  }
  static const char shorthand[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* byte, escape letter */
  tw_text_append(text, "\"", 1);
  for (const char *s = string; *s;) {
    const char *escape = NULL;
    for (const char *p = shorthand; *p; p += 2)
      if (*p == *s) escape = p + 1;
    size_t length = utf8_length((const unsigned char *)s);
    if (escape) {
      tw_text_append(text, "\\", 1);
      tw_text_append(text, escape, 1);
    } else if ((unsigned char)*s < 0x20 || *s == 0x7F) {
      tw_text_printf(text, "\\u%04x", (unsigned)(unsigned char)*s);
    } else if (length == 0) {
      tw_text_puts(text, "\xEF\xBF\xBD"); /* U+FFFD, the replacement character */
    } else {
      tw_text_append(text, s, length);
    }
    s += length ? length : 1;
  }
  tw_text_append(text, "\"", 1);
}

void tw_text_json_number(tw_text *text, double value) {
  if (!text) return;
  if (isfinite(value))
    tw_text_number(text, value);
  else
    tw_text_puts(text, "null");
}
