/* Formulas and views as C expressions, and as loops of their own. */
#include "graph/emit/emit.h"
#include "graph/ops/build.h"

#include <ctype.h>

void tw_emit_put_formula(tw_expr node, const char *const *operand, tw_text *out) {
  const int n = tw_arity_of(node);
  for (const char *p = tw_op_of(node)->formula(node); *p;) {
    size_t length = 1;
    if (isalpha((unsigned char)*p) || *p == '_') {
      while (isalnum((unsigned char)p[length]) || p[length] == '_') length++;
    } else if (isdigit((unsigned char)*p)) {
      while (isalnum((unsigned char)p[length]) || p[length] == '.') length++;
    }
    if (length == 1 && *p >= 'a' && *p < 'a' + n)
      tw_text_puts(out, operand[*p - 'a']);
    else
      tw_text_append(out, p, length);
    p += length;
  }
}

/* offset + sum_k digit_k(i) stride_k. */
void tw_emit_put_view_index(const tw_view *view, tw_text *out) {
  const char *plus = "";
  int64_t size = 1;
  for (int k = 0; k < view->rank; size *= view->dim[k++]) {
    if (view->stride[k] == 0) continue;
    tw_text_printf(out, "%si", plus);
    if (size > 1) tw_text_printf(out, " / %lld", (long long)size);
    if (k + 1 < view->rank) tw_text_printf(out, " %% %lld", (long long)view->dim[k]);
    if (view->stride[k] != 1) tw_text_printf(out, " * %lld", (long long)view->stride[k]);
    plus = " + ";
  }
  if (view->offset || !*plus) tw_text_printf(out, "%s%lld", plus, (long long)view->offset);
}

static void emit_assignment(tw_emitter *e, tw_expr node, const char *out, const tw_text *value) {
  const char *type = tw_c_type(tw_dtype_of(node));
  if (value->failed) e->text->failed = true;
  tw_emit_line(e, "for (int64_t i = 0; i < %lld; i++) %s[i] = (%s)(%s);", (long long)tw_size_of(node), out, type,
               value->data ? value->data : "0");
}

void tw_emit_view(tw_emitter *e, tw_expr node, const char *in, const char *out) {
  tw_text value = {0};
  tw_view view;
  tw_op_of(node)->view(node, &view);
  tw_text_printf(&value, "%s[", in);
  tw_emit_put_view_index(&view, &value);
  tw_text_puts(&value, "]");
  emit_assignment(e, node, out, &value);
  tw_text_free(&value);
}

void tw_emit_formula(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  tw_text name[TW_MAX_OPERANDS] = {{0}}, value = {0};
  const char *operand[TW_MAX_OPERANDS] = {0};
  const int n = tw_arity_of(node);
  const tw_shape to = tw_shape_of(node);
  for (int k = 0; k < n; k++) {
    const tw_shape from = tw_shape_of(tw_input_of(node, k));
    const tw_view view = tw_broadcast_view(&from, &to);
    tw_text_printf(&name[k], "%s[", in[k]);
    tw_emit_put_view_index(&view, &name[k]);
    tw_text_puts(&name[k], "]");
    if (name[k].failed) e->text->failed = true;
    operand[k] = name[k].data ? name[k].data : "";
  }
  tw_emit_put_formula(node, operand, &value);
  emit_assignment(e, node, out, &value);
  for (int k = 0; k < n; k++) tw_text_free(&name[k]);
  tw_text_free(&value);
}
