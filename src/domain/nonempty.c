/* Sets that are empty unless two quantities are equal: affine(A, b) unless A A+ b = b, transport(a, b) unless sum a = sum b,
 * order_simplex(l, u) unless l = min(l, u). An op passes the first on, or fails where the second is another. */
#include "domain/kinds.h"
#include "domain/spectral.h"
#include "graph/emit/emit.h"
#include "graph/ops/build.h"

#include <math.h>
#include <string.h>

typedef struct agree_attr {
  const char *message; /* static */
} agree_attr;

static const double TOLERANCE = 1e-6; /* of the largest element of both along the last axis */

static int64_t row_length(tw_expr node) {
  const tw_shape shape = tw_shape_of(node);
  return shape.rank > 0 ? shape.dim[shape.rank - 1] : 1;
}

static tw_status agree_kernel(const tw_call *call) {
  const agree_attr *attr = tw_attr_of(call->node);
  const double *x = call->in[0], *y = call->in[1];
  const int64_t size = tw_size_of(call->node), n = row_length(call->node);
  for (int64_t first = 0; first < size; first += n) {
    double scale = 0, off = 0;
    for (int64_t i = first; i < first + n; i++) {
      scale = fmax(scale, fmax(fabs(x[i]), fabs(y[i])));
      off = fmax(off, fabs(x[i] - y[i]));
    }
    if (off > TOLERANCE * scale) return tw_fail(call->error, TW_ERR_INFEASIBLE, "%s: off by %.3g", attr->message, off);
  }
  memcpy(call->out, x, (size_t)size * sizeof *x);
  return TW_OK;
}

static tw_expr agree_jvp(tw_expr node, const tw_expr *tangents) {
  (void)node;
  return tangents[0];
}

static void agree_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  (void)node;
  cotangents[0] = cotangent;
}

static void agree_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out) {
  const long long size = tw_size_of(node), n = row_length(node);
  tw_emit_open(e, "for (int64_t k = 0; k < %lld; k += %lld)", size, n > 0 ? n : 1);
  tw_emit_line(e, "double scale = 0, off = 0;");
  tw_emit_open(e, "for (int64_t i = k; i < k + %lld; i++)", n);
  tw_emit_line(e, "scale = fmax(scale, fmax(fabs(%s[i]), fabs(%s[i])));", in[0], in[1]);
  tw_emit_line(e, "off = fmax(off, fabs(%s[i] - %s[i]));", in[0], in[1]);
  tw_emit_line(e, "%s[i] = %s[i];", out, in[0]);
  tw_emit_close(e);
  tw_emit_fail_if(e, "off > %.17g * scale", TOLERANCE);
  tw_emit_close(e);
}

static double agree_flops(tw_expr node) {
  return 4 * (double)tw_size_of(node);
}

static const tw_op agree = {.name = "agree",
                            .summary = "x, an error where y is not equal to it",
                            .flags = TW_OP_BY_ROWS,
                            .arity = 2,
                            .attr_bytes = sizeof(agree_attr),
                            .infer = tw_infer_alias,
                            .kernel = agree_kernel,
                            .jvp = agree_jvp,
                            .vjp = agree_vjp,
                            .batch = tw_batch_leading,
                            .flops = agree_flops,
                            .emit = agree_emit};

/* x, with the check that y, which broadcasts to it, is equal. */
static tw_expr agreed(const char *message, tw_expr x, tw_expr y) {
  if (tw_is_none(x) || tw_is_none(y)) return TW_NONE;
  const tw_expr in[2] = {x, tw_broadcast(y, tw_shape_of(x))};
  const agree_attr attr = {message};
  return tw_node(x.graph, &agree, 2, in, &attr);
}

/* The rows of A do not contradict each other. */
static tw_expr checked_offset(tw_expr a, tw_expr b) {
  const tw_shape rows = TW_SHAPE(tw_shape_of(a).dim[0]), own = tw_shape_of(b);
  tw_shape full;
  if (!tw_shape_broadcast(&own, &rows, &full)) return TW_NONE;
  const tw_expr all = tw_broadcast(b, full), nearest = tw_matmul(all, tw_matrix_transpose(tw_pseudo_inverse(a)));
  return agreed("affine: no point satisfies all rows together", all, tw_matmul(nearest, tw_matrix_transpose(a)));
}

/* b = b + (sum b - sum b), the check in one of the sums. */
static tw_expr checked_sums(tw_expr a, tw_expr b, tw_shape shape) {
  const tw_expr rows = tw_broadcast(a, tw_shape_remove(shape, shape.rank - 1));
  const tw_expr columns = tw_broadcast(b, tw_shape_remove(shape, shape.rank - 2)), total = tw_row_sum(columns);
  const tw_expr checked = agreed("transport: no table has these sums, those of rows and those of columns have other totals", total,
                                 tw_row_sum(rows));
  return tw_is_none(checked) ? checked : tw_add(columns, tw_sub(checked, total));
}

static tw_expr checked_low(tw_expr low, tw_expr high) {
  const tw_shape own = tw_shape_of(low), other = tw_shape_of(high);
  tw_shape full;
  if (!tw_shape_broadcast(&own, &other, &full)) return TW_NONE;
  return agreed("order_simplex: the lower bound is above the upper one", tw_broadcast(low, full), tw_minimum(low, high));
}

tw_domain tw_domain_nonempty(tw_domain domain, tw_shape shape) {
  if (domain.kind == &tw_domain_affine) domain.param[1] = checked_offset(domain.param[0], domain.param[1]);
  if (domain.kind == &tw_domain_transport) domain.param[1] = checked_sums(domain.param[0], domain.param[1], shape);
  if (domain.kind == &tw_domain_order_simplex) domain.param[0] = checked_low(domain.param[0], domain.param[1]);
  return domain;
}
