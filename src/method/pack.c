/* Packing of scalars, strings and vectors in the machine's own byte order; the checkpoint's header says
 * which. */
#include "method/driver.h"

#include <string.h>
#include <zlib.h>

void tw_pack_bytes(tw_packer *p, const void *data, size_t bytes) {
  if (p->failed || bytes == 0) return;
  if (p->text != NULL) {
    tw_text_append(p->text, data, bytes);
    p->failed = p->text->failed;
    return;
  }
  const Bytef *at = data;
  for (size_t left = bytes; left > 0;) { /* zlib counts in unsigned int */
    const uInt chunk = left > (1u << 30) ? (1u << 30) : (uInt)left;
    p->crc = (uint32_t)crc32(p->crc, at, chunk);
    at += chunk;
    left -= chunk;
  }
  if (fwrite(data, 1, bytes, p->stream) != bytes) p->failed = true;
}

void tw_pack_u32(tw_packer *p, uint32_t value) {
  tw_pack_bytes(p, &value, sizeof value);
}
void tw_pack_i64(tw_packer *p, int64_t value) {
  tw_pack_bytes(p, &value, sizeof value);
}
void tw_pack_f64(tw_packer *p, double value) {
  tw_pack_bytes(p, &value, sizeof value);
}

void tw_pack_string(tw_packer *p, const char *string) {
  const size_t length = strlen(string);
  tw_pack_i64(p, (int64_t)length);
  tw_pack_bytes(p, string, length);
}

void tw_pack_vector(tw_packer *p, const double *data, int64_t n) {
  tw_pack_i64(p, n);
  tw_pack_bytes(p, data, (size_t)n * sizeof *data);
}

void tw_unpack_bytes(tw_unpacker *u, void *data, size_t bytes) {
  if (u->failed || (size_t)(u->end - u->at) < bytes) {
    u->failed = true;
    memset(data, 0, bytes);
    return;
  }
  if (bytes > 0) memcpy(data, u->at, bytes);
  u->at += bytes;
}

uint32_t tw_unpack_u32(tw_unpacker *u) {
  uint32_t value;
  tw_unpack_bytes(u, &value, sizeof value);
  return value;
}

int64_t tw_unpack_i64(tw_unpacker *u) {
  int64_t value;
  tw_unpack_bytes(u, &value, sizeof value);
  return value;
}

double tw_unpack_f64(tw_unpacker *u) {
  double value;
  tw_unpack_bytes(u, &value, sizeof value);
  return value;
}

bool tw_unpack_string(tw_unpacker *u, char *out, size_t size) {
  const int64_t length = tw_unpack_i64(u);
  if (u->failed || length < 0 || (size_t)length >= size) {
    u->failed = true;
    out[0] = '\0';
    return false;
  }
  tw_unpack_bytes(u, out, (size_t)length);
  out[length] = '\0';
  return !u->failed;
}

bool tw_unpack_vector(tw_unpacker *u, double *data, int64_t n) {
  if (tw_unpack_i64(u) != n) u->failed = true;
  if (!u->failed) tw_unpack_bytes(u, data, (size_t)n * sizeof *data);
  return !u->failed;
}
