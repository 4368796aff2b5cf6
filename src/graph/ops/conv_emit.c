/* Convolutions as C. */
#include "graph/emit/emit.h"
#include "graph/ops/conv.h"

static void put_axes(tw_text *text, const int64_t *axes) {
  for (int a = 0; a < TW_CONV_AXES; a++) tw_text_printf(text, ", %lld", (long long)axes[a]);
}

/* The result is zeroed, then every product is added; operands are read alone. */
void tw_conv_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const tw_conv_shape s = tw_conv_shape_of(node);
  const tw_conv_role *role = tw_conv_roles(tw_op_of(node));
  const char *type = tw_c_type(s.dtype), *array[TW_CONV_ROLES];
  tw_text extents = {0};
  array[role[0]] = in[0];
  array[role[1]] = in[1];
  array[role[2]] = out;
  tw_text_printf(&extents, "%lld, %lld, %lld, %lld", (long long)s.images, (long long)s.groups, (long long)s.c, (long long)s.k);
  put_axes(&extents, s.image);
  put_axes(&extents, s.kernel);
  put_axes(&extents, s.out);
  put_axes(&extents, s.stride);
  put_axes(&extents, s.dilation);
  put_axes(&extents, s.low);
  if (extents.failed) e->text->failed = true;
  tw_emit_line(e, "for (int64_t i = 0; i < %lld; i++) %s[i] = 0;", (long long)tw_size_of(node), out);
  tw_emit_line(e, "rt_conv_%s(%d, (const int64_t[]){%s}, (%s *)(uintptr_t)%s, (%s *)(uintptr_t)%s, (%s *)(uintptr_t)%s);",
               tw_c_short(s.dtype), (int)role[2], extents.data ? extents.data : "", type, array[TW_CONV_X], type, array[TW_CONV_W], type,
               array[TW_CONV_Y]);
  tw_text_free(&extents);
}
