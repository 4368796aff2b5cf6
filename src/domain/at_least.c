/* Checked parameters: an op that passes its operand on, or fails when an element is below what the set
 * allows. */
#include "domain/kinds.h"
#include "graph/ops/build.h"

#include <string.h>

typedef struct at_least_attr {
  const char *kind, *name; /* of the set and of its parameter; static */
  double low;
} at_least_attr;

static tw_status at_least_kernel(const tw_call *call) {
  const at_least_attr *attr = tw_attr_of(call->node);
  const double *x = call->in[0];
  int64_t n = tw_size_of(call->node);
  for (int64_t i = 0; i < n; i++)
    if (!(x[i] >= attr->low))
      return tw_fail(call->error, TW_ERR_RANGE, "%s: %s is %g, expected at least %g", attr->kind, attr->name,
                     x[i], attr->low);
  memcpy(call->out, x, (size_t)n * sizeof *x);
  return TW_OK;
}

static tw_expr at_least_jvp(tw_expr node, const tw_expr *tangents) {
  (void)node;
  return tangents[0];
}

static void at_least_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents) {
  (void)node;
  cotangents[0] = cotangent;
}

static const tw_op at_least = {.name = "at_least",
                               .summary = "x, an error when an element is below a bound or NaN",
                               .flags = TW_OP_BY_ROWS,
                               .arity = 1,
                               .attr_bytes = sizeof(at_least_attr),
                               .infer = tw_infer_alias,
                               .kernel = at_least_kernel,
                               .jvp = at_least_jvp,
                               .vjp = at_least_vjp,
                               .batch = tw_batch_leading,
                               .flops = tw_flops_of_size};

const double *tw_known_elements(tw_expr e, double *uniform, int64_t *n) {
  const double *data = tw_dtype_of(e) == TW_F64 ? tw_constant_data(e) : NULL;
  bool known = data || tw_constant_value(e, uniform);
  *n = data ? tw_size_of(e) : known;
  return data ? data : uniform;
}

bool tw_check_at_least(tw_graph *graph, const char *kind, const char *name, tw_expr *param, double low) {
  if (tw_is_none(*param)) return false;
  double uniform;
  int64_t n;
  const double *x = tw_known_elements(*param, &uniform, &n);
  for (int64_t i = 0; i < n; i++)
    if (!(x[i] >= low)) {
      tw_graph_fail(graph, TW_ERR_RANGE, "%s: %s is %g, expected at least %g", kind, name, x[i], low);
      return false;
    }
  at_least_attr attr = {kind, name, low};
  if (n == 0 && tw_op_of(*param) != &at_least) *param = tw_node(graph, &at_least, 1, param, &attr);
  return !tw_is_none(*param);
}
