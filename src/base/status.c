/* Status names and the caller-owned error record. */
#include <talweg/base.h>

#include <string.h>

static const char *const names[TW_STATUS_COUNT] = {
    [TW_OK] = "ok",
    [TW_ERR_ARGUMENT] = "bad argument",
    [TW_ERR_NAME] = "unknown name",
    [TW_ERR_SHAPE] = "shape mismatch",
    [TW_ERR_DTYPE] = "dtype mismatch",
    [TW_ERR_RANGE] = "out of range",
    [TW_ERR_MEMORY] = "out of memory",
    [TW_ERR_IO] = "input/output error",
    [TW_ERR_PARSE] = "malformed input",
    [TW_ERR_DATA] = "bad data",
    [TW_ERR_UNSUPPORTED] = "unsupported",
    [TW_ERR_INFEASIBLE] = "infeasible",
    [TW_ERR_UNBOUNDED] = "unbounded",
    [TW_ERR_LIMIT] = "limit reached",
    [TW_ERR_INTERRUPT] = "interrupted",
    [TW_ERR_NUMERIC] = "numerical breakdown",
    [TW_ERR_SINGULAR] = "singular system",
};

const char *tw_status_name(tw_status status) {
  return (unsigned)status < TW_STATUS_COUNT ? names[status] : "unknown status";
}

tw_status tw_fail_v(tw_error *error, tw_status status, const char *format, va_list args) {
  if (!error) return status;
  char text[TW_MESSAGE_MAX]; /* the arguments may point into error->message */
  vsnprintf(text, sizeof text, format, args);
  memcpy(error->message, text, sizeof text);
  error->status = status;
  return status;
}

tw_status tw_fail(tw_error *error, tw_status status, const char *format, ...) {
  va_list args;
  va_start(args, format);
  tw_fail_v(error, status, format, args);
  va_end(args);
  return status;
}

tw_status tw_error_prefix(tw_error *error, const char *format, ...) {
  if (!error) return TW_OK;
  char text[TW_MESSAGE_MAX];
  va_list args;
  va_start(args, format);
  int written = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  size_t used = written < 0 ? 0 : (size_t)written;
  const char *const parts[] = {": ", error->message};
  for (int k = 0; k < 2 && used < sizeof text; k++) {
    size_t length = strlen(parts[k]), room = sizeof text - 1 - used;
    if (length > room) length = room;
    memcpy(text + used, parts[k], length);
    used += length;
    text[used] = '\0';
  }
  memcpy(error->message, text, sizeof text);
  return error->status;
}
