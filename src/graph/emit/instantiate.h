/* Includes RUNTIME_FILE, a text of runtime/ without guard, for f64 and f32, and for i64, i32 and u8 when
 * RUNTIME_WHOLE is defined; then forgets both. The includer renames the text's templates, each by a line like
 *   #define rt_name_T TW_OF_TYPE(rt_name)
 * and finds rt_name_f64 and so on. So a kernel of the library and the C that is written are one text. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#ifndef TW_OF_TYPE
#define TW_JOIN_TYPE(name, type) name##_##type
#define TW_JOIN(name, type) TW_JOIN_TYPE(name, type)
#define TW_OF_TYPE(name) TW_JOIN(name, TW_SHORT)
/* Calls the function of the dtype: of_real_f64 .. or of_whole_i64 .. */
#define TW_CALL_BY_DTYPE(dtype, of_real, of_whole, ...)                                                      \
  switch (dtype) {                                                                                           \
  case TW_F64:                                                                                               \
    of_real##_f64(__VA_ARGS__);                                                                              \
    break;                                                                                                   \
  case TW_F32:                                                                                               \
    of_real##_f32(__VA_ARGS__);                                                                              \
    break;                                                                                                   \
  case TW_I64:                                                                                               \
    of_whole##_i64(__VA_ARGS__);                                                                             \
    break;                                                                                                   \
  case TW_I32:                                                                                               \
    of_whole##_i32(__VA_ARGS__);                                                                             \
    break;                                                                                                   \
  default:                                                                                                   \
    of_whole##_u8(__VA_ARGS__);                                                                              \
    break;                                                                                                   \
  }
#endif

#define real double
#define TW_SHORT f64
#include RUNTIME_FILE
#undef real
#undef TW_SHORT

#define real float
#define TW_SHORT f32
#include RUNTIME_FILE
#undef real
#undef TW_SHORT

#ifdef RUNTIME_WHOLE
#define real int64_t
#define TW_SHORT i64
#include RUNTIME_FILE
#undef real
#undef TW_SHORT

#define real int32_t
#define TW_SHORT i32
#include RUNTIME_FILE
#undef real
#undef TW_SHORT

#define real uint8_t
#define TW_SHORT u8
#include RUNTIME_FILE
#undef real
#undef TW_SHORT
#endif

#undef RUNTIME_FILE
#undef RUNTIME_WHOLE
