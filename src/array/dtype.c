/* The dtype table. */
#include <talweg/array.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "the npy names below are those of little-endian machines");

static const tw_dtype_info table[TW_DTYPE_COUNT] = {
    [TW_F64] = {"f64", "<f8", 8, TW_KIND_FLOAT},   [TW_F32] = {"f32", "<f4", 4, TW_KIND_FLOAT},
    [TW_I64] = {"i64", "<i8", 8, TW_KIND_INTEGER}, [TW_I32] = {"i32", "<i4", 4, TW_KIND_INTEGER},
    [TW_U8] = {"u8", "|u1", 1, TW_KIND_INTEGER},   [TW_BOOL] = {"bool", "|b1", 1, TW_KIND_BOOL},
};

const tw_dtype_info *tw_dtype_get(tw_dtype dtype) {
  return (unsigned)dtype < TW_DTYPE_COUNT ? &table[dtype] : NULL;
}

tw_dtype tw_dtype_promote(tw_dtype a, tw_dtype b) {
  static const unsigned char rank[TW_DTYPE_COUNT] = {
      [TW_BOOL] = 0, [TW_U8] = 1, [TW_I32] = 2, [TW_I64] = 3, [TW_F32] = 4, [TW_F64] = 5};
  if ((unsigned)a >= TW_DTYPE_COUNT || (unsigned)b >= TW_DTYPE_COUNT) return TW_F64;
  if (rank[a] < rank[b]) {
    tw_dtype swap = a;
    a = b;
    b = swap;
  }
  return a == TW_F32 && b == TW_I64 ? TW_F64 : a;
}
