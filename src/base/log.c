#include <talweg/base.h>

void tw_log_write(const tw_logger *log, tw_level level, const char *format, ...) {
  if (!log || !log->write || level > log->level) return;
  char message[TW_MESSAGE_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  log->write(log->context, level, message);
}
