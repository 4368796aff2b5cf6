/* The npy dictionary: a tiny recursive-descent reader of the one Python literal it can be. */
#include "array/npy.h"

#include <string.h>

typedef struct reader {
  const char *at, *end;
  const char *name;
  tw_error *error;
} reader;

static tw_status malformed(reader *r, const char *expected) {
  return tw_fail(r->error, TW_ERR_PARSE, "%s: npy header: expected %s", r->name, expected);
}

static void skip_space(reader *r) {
  while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')) r->at++;
}

static bool accept(reader *r, char c) {
  skip_space(r);
  if (r->at == r->end || *r->at != c) return false;
  r->at++;
  return true;
}

static bool accept_word(reader *r, const char *word) {
  skip_space(r);
  size_t length = strlen(word);
  if ((size_t)(r->end - r->at) < length || memcmp(r->at, word, length) != 0) return false;
  r->at += length;
  return true;
}

/* A quoted string of at most size - 1 printable characters without escapes. */
static bool read_string(reader *r, char *out, size_t size) {
  skip_space(r);
  if (r->at == r->end || (*r->at != '\'' && *r->at != '"')) return false;
  char quote = *r->at++;
  size_t length = 0;
  for (; r->at < r->end && *r->at != quote; r->at++) {
    if (length + 1 >= size || *r->at < ' ' || *r->at > '~' || *r->at == '\\') return false;
    out[length++] = *r->at;
  }
  out[length] = '\0';
  return r->at++ < r->end;
}

static tw_status read_descr(reader *r, tw_npy_header *h) {
  skip_space(r);
  if (r->at < r->end && *r->at == '[')
    return tw_fail(r->error, TW_ERR_UNSUPPORTED, "%s: structured npy dtypes are not supported", r->name);
  char descr[sizeof h->type + 1];
  if (!read_string(r, descr, sizeof descr) || descr[0] == '\0') return malformed(r, "a dtype such as '<f8'");
  bool has_order = strchr("<>|=", descr[0]) != NULL;
  h->order = has_order ? descr[0] : '=';
  if (h->order == '=') h->order = '<';
  strcpy(h->type, descr + (has_order ? 1 : 0));
  return TW_OK;
}

static tw_status read_order(reader *r, tw_npy_header *h) {
  if (accept_word(r, "True"))
    h->fortran = true;
  else if (accept_word(r, "False"))
    h->fortran = false;
  else
    return malformed(r, "True or False after 'fortran_order'");
  return TW_OK;
}

static tw_status read_extent(reader *r, int64_t *extent) {
  skip_space(r);
  if (r->at == r->end || *r->at < '0' || *r->at > '9')
    return malformed(r, "a non-negative extent in 'shape'");
  int64_t d = 0;
  for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
    int digit = *r->at - '0';
    if (d > (INT64_MAX - digit) / 10)
      return tw_fail(r->error, TW_ERR_SHAPE, "%s: npy header: an extent exceeds 2^63", r->name);
    d = 10 * d + digit;
  }
  if (r->at < r->end && *r->at == 'L') r->at++; /* long integers as Python 2 wrote them */
  *extent = d;
  return TW_OK;
}

static tw_status read_shape(reader *r, tw_npy_header *h) {
  if (!accept(r, '(')) return malformed(r, "a tuple after 'shape'");
  while (!accept(r, ')')) {
    if (h->shape.rank == TW_MAX_RANK)
      return tw_fail(r->error, TW_ERR_SHAPE, "%s: more than %d axes", r->name, TW_MAX_RANK);
    tw_status status = read_extent(r, &h->shape.dim[h->shape.rank]);
    if (status != TW_OK) return status;
    h->shape.rank++;
    if (accept(r, ',')) continue;
    if (h->shape.rank == 1 || !accept(r, ')')) return malformed(r, "',' or ')' in 'shape'");
    break;
  }
  return TW_OK;
}

tw_status tw_npy_header_parse(const char *text, size_t length, const char *name, tw_npy_header *header,
                              tw_error *error) {
  static const struct {
    const char *key;
    tw_status (*read)(reader *r, tw_npy_header *h);
  } entries[] = {{"descr", read_descr}, {"fortran_order", read_order}, {"shape", read_shape}};
  enum { ENTRIES = 3 };

  reader r = {text, text + length, name, error};
  bool seen[ENTRIES] = {false};
  *header = (tw_npy_header){0};
  if (!accept(&r, '{')) return malformed(&r, "'{'");
  while (!accept(&r, '}')) {
    char key[16];
    if (!read_string(&r, key, sizeof key) || !accept(&r, ':')) return malformed(&r, "a quoted key and ':'");
    int k = 0;
    while (k < ENTRIES && strcmp(key, entries[k].key) != 0) k++;
    if (k == ENTRIES || seen[k]) return malformed(&r, "'descr', 'fortran_order' and 'shape', once each");
    seen[k] = true;
    tw_status status = entries[k].read(&r, header);
    if (status != TW_OK) return status;
    if (accept(&r, ',')) continue;
    if (!accept(&r, '}')) return malformed(&r, "',' or '}'");
    break;
  }
  skip_space(&r);
  if (r.at != r.end) return malformed(&r, "nothing after '}'");
  if (!seen[0] || !seen[1] || !seen[2])
    return malformed(&r, "'descr', 'fortran_order' and 'shape', once each");
  return TW_OK;
}
