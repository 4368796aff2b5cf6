/* The three ops of convolution: shapes, builders, descriptors. */
#include "graph/ops/conv.h"

static const tw_op *const op_of[TW_CONV_ROLES] = {&tw_op_conv_input, &tw_op_conv_weight, &tw_op_conv};
/* Operands, then the result, by the role of the result. */
static const tw_conv_role roles_of[TW_CONV_ROLES][TW_CONV_ROLES] = {
    [TW_CONV_X] = {TW_CONV_Y, TW_CONV_W, TW_CONV_X},
    [TW_CONV_W] = {TW_CONV_X, TW_CONV_Y, TW_CONV_W},
    [TW_CONV_Y] = {TW_CONV_X, TW_CONV_W, TW_CONV_Y},
};

const tw_conv_role *tw_conv_roles(const tw_op *op) {
  int out = 0;
  while (op_of[out] != op) out++;
  return roles_of[out];
}

tw_expr tw_conv_make(tw_conv_role out, const tw_expr role[TW_CONV_ROLES], const tw_conv_attr *attr) {
  const tw_expr a = role[roles_of[out][0]], b = role[roles_of[out][1]];
  return tw_node(tw_is_none(a) ? b.graph : a.graph, op_of[out], 2, (tw_expr[]){a, b}, attr);
}

int64_t tw_conv_out(const tw_conv_attr *attr, int axis) {
  const int64_t reach = attr->dilation[axis] * (attr->kernel[axis] - 1);
  const int64_t room = attr->image[axis] + attr->low[axis] + attr->high[axis] - reach - 1;
  return room < 0 ? 0 : room / attr->stride[axis] + 1;
}

/* ------------------------------------------------------------------ shape rule */

static bool fail(const tw_args *args, const char *what, int axis, int64_t value) {
  tw_graph_fail(args->graph, TW_ERR_SHAPE, "%s: %s of spatial axis %d is %lld", args->op->name, what, axis,
                (long long)value);
  return false;
}

/* Every extent counts in 32 bits, so that none of their products here overflows. */
static bool check_attr(const tw_args *args) {
  const tw_conv_attr *attr = args->attr;
  if (attr->groups < 1 || attr->groups > INT32_MAX) {
    tw_graph_fail(args->graph, TW_ERR_ARGUMENT, "%s: %lld groups", args->op->name, (long long)attr->groups);
    return false;
  }
  for (int i = 0; i < TW_CONV_AXES; i++) {
    const int axis = i - (TW_CONV_AXES - (int)attr->axes);
    const struct {
      const char *name;
      int64_t value, least;
    } of[] = {{"the stride", attr->stride[i], 1},        {"the dilation", attr->dilation[i], 1},
              {"the padding before", attr->low[i], 0},   {"the padding after", attr->high[i], 0},
              {"the image's extent", attr->image[i], 0}, {"the kernel's extent", attr->kernel[i], 1}};
    for (size_t k = 0; k < sizeof of / sizeof *of; k++)
      if (of[k].value < of[k].least || of[k].value > INT32_MAX)
        return fail(args, of[k].name, axis, of[k].value);
    if (tw_conv_out(attr, i) > 0) continue;
    tw_graph_fail(args->graph, TW_ERR_SHAPE,
                  "%s: along spatial axis %d a kernel of %lld, dilated by %lld, is longer than an image of "
                  "%lld and its padding",
                  args->op->name, axis, (long long)attr->kernel[i], (long long)attr->dilation[i],
                  (long long)attr->image[i]);
    return false;
  }
  return true;
}

/* What the shapes tell of N, C and K; -1 while nothing does. */
typedef struct counts {
  int64_t n, c, k;
} counts;

static bool agree(int64_t *known, int64_t value) {
  if (*known >= 0 && *known != value) return false;
  *known = value;
  return true;
}

static const int64_t *extents_of(const tw_conv_attr *attr, tw_conv_role role, int64_t out[TW_CONV_AXES]) {
  for (int i = 0; i < TW_CONV_AXES; i++) out[i] = tw_conv_out(attr, i);
  return role == TW_CONV_X ? attr->image : role == TW_CONV_W ? attr->kernel : out;
}

static bool check_operand(const tw_args *args, int i, tw_conv_role role, counts *known) {
  static const char *const name[] = {"x", "w", "y"}, *const want[] = {"[N, C, image..]",
                                                                      "[K, C / groups, kernel..]",
                                                                      "[N, K, out..]"};
  const tw_conv_attr *attr = args->attr;
  const tw_shape shape = tw_shape_of(args->in[i]);
  char text[TW_SHAPE_TEXT];
  int64_t out[TW_CONV_AXES];
  const int64_t *extent = extents_of(attr, role, out);
  bool fits = shape.rank == attr->axes + 2;
  for (int k = 2; k < shape.rank && fits; k++)
    fits = shape.dim[k] == extent[TW_CONV_AXES - attr->axes + k - 2];
  if (!fits) {
    const tw_shape wanted = tw_shape_make((int)attr->axes, extent + TW_CONV_AXES - attr->axes);
    char other[TW_SHAPE_TEXT];
    tw_graph_fail(args->graph, TW_ERR_SHAPE, "%s: %s is %s, expected %s with spatial extents %s",
                  args->op->name, name[role], tw_shape_text(&shape, text), want[role],
                  tw_shape_text(&wanted, other));
    return false;
  }
  const int64_t a = shape.dim[0], b = shape.dim[1];
  if (!tw_infer_int(args, a) || !tw_infer_int(args, b)) return false;
  const bool agrees = role == TW_CONV_X   ? agree(&known->n, a) && agree(&known->c, b)
                      : role == TW_CONV_W ? agree(&known->k, a) && agree(&known->c, b * attr->groups)
                                          : agree(&known->n, a) && agree(&known->k, b);
  if (agrees) return true;
  const tw_shape other = tw_shape_of(args->in[1 - i]);
  char text_other[TW_SHAPE_TEXT];
  tw_graph_fail(args->graph, TW_ERR_SHAPE, "%s: %s is %s beside %s, expected %s (%lld group%s)",
                args->op->name, name[role], tw_shape_text(&shape, text), tw_shape_text(&other, text_other),
                want[role], (long long)attr->groups, attr->groups == 1 ? "" : "s");
  return false;
}

static bool conv_infer(const tw_args *args, tw_type *type) {
  const tw_conv_attr *attr = args->attr;
  const tw_conv_role *roles = tw_conv_roles(args->op);
  const tw_dtype dtype = tw_dtype_of(args->in[0]);
  counts known = {-1, -1, -1};
  int64_t out[TW_CONV_AXES];
  if (!tw_is_real(dtype) || dtype != tw_dtype_of(args->in[1])) {
    tw_graph_fail(args->graph, TW_ERR_DTYPE, "%s: operands are %s and %s, expected both f64 or both f32",
                  args->op->name, tw_dtype_get(dtype)->name, tw_dtype_get(tw_dtype_of(args->in[1]))->name);
    return false;
  }
  if (!check_attr(args) || !check_operand(args, 0, roles[0], &known) ||
      !check_operand(args, 1, roles[1], &known))
    return false;
  if (known.c % attr->groups != 0 || known.k % attr->groups != 0) {
    tw_graph_fail(args->graph, TW_ERR_SHAPE,
                  "%s: %lld input and %lld output channels do not fall into %lld groups", args->op->name,
                  (long long)known.c, (long long)known.k, (long long)attr->groups);
    return false;
  }
  *type = (tw_type){dtype, {.rank = (int)attr->axes + 2}};
  type->shape.dim[0] = roles[2] == TW_CONV_W ? known.k : known.n;
  type->shape.dim[1] = roles[2] == TW_CONV_Y   ? known.k
                       : roles[2] == TW_CONV_X ? known.c
                                               : known.c / attr->groups;
  const int64_t *extent = extents_of(attr, roles[2], out);
  int64_t pixels = 1, positions = 1, taps = known.c / attr->groups; /* of a group */
  if (!tw_infer_int(args, taps)) return false;
  for (int i = 0; i < TW_CONV_AXES; i++) {
    pixels *= attr->image[i], positions *= out[i], taps *= attr->kernel[i];
    if (!tw_infer_int(args, pixels) || !tw_infer_int(args, positions) || !tw_infer_int(args, taps))
      return false;
  }
  for (int i = 0; i < attr->axes; i++) type->shape.dim[2 + i] = extent[TW_CONV_AXES - attr->axes + i];
  return true;
}

/* ------------------------------------------------------------------ the rest of the descriptors */

static tw_expr conv_simplify(const tw_args *args) {
  tw_type type;
  if ((tw_is_constant(args->in[0], 0) || tw_is_constant(args->in[1], 0)) && conv_infer(args, &type))
    return tw_fill(args->graph, type.dtype, type.shape, 0);
  return TW_NONE;
}

static double conv_flops(tw_expr node) {
  const tw_conv_shape s = tw_conv_shape_of(node);
  return 2.0 * (double)s.size[TW_CONV_Y] * (double)(s.c * s.taps);
}

/* Operands of role `a` and `b` for sizes that try every option. */
static tw_expr example_of(const tw_op *op, tw_graph *graph, tw_dtype dtype, int variant) {
  static const struct {
    int64_t n, c, k;
    tw_conv_attr attr;
  } of[] = {
      {2, 2, 3, {1, 1, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}, {1, 1, 6}, {1, 1, 3}}},
      {2, 2, 2, {1, 1, {1, 1, 2}, {1, 1, 2}, {0, 0, 2}, {0, 0, 1}, {1, 1, 6}, {1, 1, 3}}},
      {2, 3, 2, {2, 1, {1, 1, 1}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}, {1, 4, 3}, {1, 3, 2}}},
      {1, 4, 6, {2, 2, {1, 2, 1}, {1, 1, 1}, {0, 0, 2}, {0, 1, 0}, {1, 5, 4}, {1, 2, 3}}},
      {2, 3, 3, {2, 3, {1, 2, 3}, {1, 2, 1}, {0, 2, 1}, {0, 3, 1}, {1, 4, 5}, {1, 3, 2}}},
      {2, 3, 4, {2, 1, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}, {1, 3, 4}, {1, 1, 1}}},
      {1, 2, 2, {3, 1, {1, 2, 1}, {1, 1, 2}, {1, 0, 1}, {0, 1, 1}, {2, 3, 4}, {2, 2, 2}}},
      {0, 2, 2, {1, 1, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}, {1, 1, 4}, {1, 1, 2}}},
      {2, 0, 2, {1, 1, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}, {1, 1, 4}, {1, 1, 2}}},
      {2, 1, 1, {1, 1, {1, 1, 3}, {1, 1, 1}, {0, 0, 4}, {0, 0, 5}, {1, 1, 2}, {1, 1, 1}}},
  };
  if (variant >= (int)(sizeof of / sizeof *of)) return TW_NONE;
  const tw_conv_attr *attr = &of[variant].attr;
  const tw_conv_role *roles = tw_conv_roles(op);
  tw_expr role[TW_CONV_ROLES];
  for (int i = 0; i < 2; i++) {
    const bool weights = roles[i] == TW_CONV_W;
    int64_t out[TW_CONV_AXES], dim[TW_CONV_AXES + 2] = {weights ? of[variant].k : of[variant].n};
    const int64_t *extent = extents_of(attr, roles[i], out);
    dim[1] = weights ? of[variant].c / attr->groups : roles[i] == TW_CONV_X ? of[variant].c : of[variant].k;
    for (int64_t k = 0; k < attr->axes; k++) dim[2 + k] = extent[TW_CONV_AXES - attr->axes + k];
    role[roles[i]] = tw_input(graph, "a", dtype, tw_shape_make((int)attr->axes + 2, dim));
  }
  return tw_conv_make(roles[2], role, attr);
}

#define DEFINE_OP(id, what)                                                                                  \
  static tw_expr id##_example(tw_graph *graph, tw_dtype dtype, int variant) {                                \
    return example_of(&tw_op_##id, graph, dtype, variant);                                                   \
  }                                                                                                          \
  const tw_op tw_op_##id = {.name = #id,                                                                     \
                            .summary = what,                                                                 \
                            .kind = TW_OP_KIND_CONVOLUTION,                                                  \
                            .arity = 2,                                                                      \
                            .attr_bytes = sizeof(tw_conv_attr),                                              \
                            .infer = conv_infer,                                                             \
                            .simplify = conv_simplify,                                                       \
                            .kernel = tw_conv_kernel,                                                        \
                            .emit = tw_conv_emit,                                                            \
                            .scratch = tw_conv_scratch,                                                      \
                            .jvp = tw_conv_jvp,                                                              \
                            .vjp = tw_conv_vjp,                                                              \
                            .batch = tw_conv_batch,                                                          \
                            .flops = conv_flops,                                                             \
                            .moved = tw_conv_moved,                                                          \
                            .prepare = tw_conv_prepare,                                                      \
                            .release = tw_conv_release,                                                      \
                            .open = tw_conv_open,                                                            \
                            .close = tw_conv_close,                                                          \
                            .example = id##_example,                                                         \
                            .low = -2,                                                                       \
                            .high = 2};
DEFINE_OP(conv, "convolution (cross-correlation) over one to three axes")
DEFINE_OP(conv_input, "transposed convolution: the adjoint of conv in its images")
DEFINE_OP(conv_weight, "the adjoint of conv in its weights")

/* ------------------------------------------------------------------ builders */

/* The operands of one floating dtype and the attribute but for the extents; false when the graph has failed.
 */
static bool begin(const char *op, tw_expr in[2], const tw_conv_options *options, tw_conv_attr *attr) {
  static const tw_conv_options none = {.groups = 1};
  char text[TW_SHAPE_TEXT];
  if (!tw_linalg_operands(op, 2, in)) return false;
  const tw_shape shape = tw_shape_of(in[0]), other = tw_shape_of(in[1]);
  if (shape.rank < 3 || shape.rank > 2 + TW_CONV_AXES) {
    tw_graph_fail(in[0].graph, TW_ERR_SHAPE,
                  "%s: shape %s has no one to three spatial axes after the first two", op,
                  tw_shape_text(&shape, text));
    return false;
  }
  if (other.rank != shape.rank)
    return tw_fail_shapes(in[0].graph, op, &shape, &other, "have different ranks");
  const tw_conv_options *o = options ? options : &none;
  *attr = (tw_conv_attr){.axes = shape.rank - 2, .groups = o->groups ? o->groups : 1};
  for (int i = 0; i < TW_CONV_AXES; i++) {
    const int axis = i - (TW_CONV_AXES - (int)attr->axes);
    attr->stride[i] = axis >= 0 && o->stride[axis] ? o->stride[axis] : 1;
    attr->dilation[i] = axis >= 0 && o->dilation[axis] ? o->dilation[axis] : 1;
    attr->low[i] = axis >= 0 ? o->low[axis] : 0;
    attr->high[i] = axis >= 0 ? o->high[axis] : 0;
    attr->image[i] = attr->kernel[i] = 1;
  }
  return true;
}

static void set_extents(const tw_conv_attr *attr, int64_t *extent, const int64_t *value) {
  for (int64_t k = 0; k < attr->axes; k++) extent[TW_CONV_AXES - attr->axes + k] = value[k];
}

tw_expr tw_conv(tw_expr x, tw_expr w, const tw_conv_options *options) {
  tw_expr in[2] = {x, w};
  tw_conv_attr attr;
  if (!begin("conv", in, options, &attr)) return TW_NONE;
  const tw_shape image = tw_shape_of(in[0]), kernel = tw_shape_of(in[1]);
  set_extents(&attr, attr.image, image.dim + 2);
  set_extents(&attr, attr.kernel, kernel.dim + 2);
  return tw_node(in[0].graph, &tw_op_conv, 2, in, &attr);
}

tw_expr tw_conv_input(tw_expr y, tw_expr w, const int64_t *image, const tw_conv_options *options) {
  tw_expr in[2] = {y, w};
  tw_conv_attr attr;
  if (!begin("conv_input", in, options, &attr)) return TW_NONE;
  const tw_shape kernel = tw_shape_of(in[1]);
  set_extents(&attr, attr.image, image);
  set_extents(&attr, attr.kernel, kernel.dim + 2);
  return tw_node(in[0].graph, &tw_op_conv_input, 2, in, &attr);
}

tw_expr tw_conv_weight(tw_expr x, tw_expr y, const int64_t *kernel, const tw_conv_options *options) {
  tw_expr in[2] = {x, y};
  tw_conv_attr attr;
  if (!begin("conv_weight", in, options, &attr)) return TW_NONE;
  const tw_shape image = tw_shape_of(in[0]);
  set_extents(&attr, attr.image, image.dim + 2);
  set_extents(&attr, attr.kernel, kernel);
  return tw_node(in[0].graph, &tw_op_conv_weight, 2, in, &attr);
}
