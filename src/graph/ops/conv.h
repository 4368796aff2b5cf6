/* Convolution and its two adjoints. With y = conv(x, w), the number sum(y . conv(x, w)) is linear in the
 * images x, the weights w and the responses y; each op is the derivative of it by one of the three, applied
 * to the other two: conv(x, w) has the shape of y, conv_input(y, w) that of x, conv_weight(x, y) that of w.
 * So their derivatives are these three ops again. */
#ifndef TALWEG_GRAPH_OPS_CONV_H
#define TALWEG_GRAPH_OPS_CONV_H

#include "graph/ops/linalg.h"

typedef enum tw_conv_role { TW_CONV_X, TW_CONV_W, TW_CONV_Y, TW_CONV_ROLES } tw_conv_role;

enum { TW_CONV_AXES = 3 };

/* Axes are set from the last one on, so that a kernel sees three; those in front have extent 1. */
typedef struct tw_conv_attr {
  int64_t axes, groups;
  int64_t stride[TW_CONV_AXES], dilation[TW_CONV_AXES], low[TW_CONV_AXES], high[TW_CONV_AXES];
  int64_t image[TW_CONV_AXES], kernel[TW_CONV_AXES];
} tw_conv_attr;

/* Positions of the kernel along an axis; below 1 when it does not fit. */
int64_t tw_conv_out(const tw_conv_attr *attr, int axis);

/* The op whose result has role `out`, of the operands with the other two roles. */
tw_expr tw_conv_make(tw_conv_role out, const tw_expr role[TW_CONV_ROLES], const tw_conv_attr *attr);
/* The roles of an op's operands, and of its result as the third. */
const tw_conv_role *tw_conv_roles(const tw_op *op);

/* Rules, in conv_rules.c. */
tw_expr tw_conv_jvp(tw_expr node, const tw_expr *tangents);
void tw_conv_vjp(tw_expr node, tw_expr cotangent, tw_expr *cotangents);
tw_expr tw_conv_batch(tw_expr node, int64_t size, const tw_expr *in, const bool *batched);

/* In conv_emit.c. */
void tw_conv_emit(tw_emitter *e, tw_expr node, const char *const *in, const char *out);

/* ------------------------------------------------------------------ evaluation, in conv_kernel.c */

tw_status tw_conv_kernel(const tw_call *call);
/* Besides the arrays, the gathered taps where it goes by products: written once and read once. */
double tw_conv_moved(tw_expr node, const void *prepared);
size_t tw_conv_scratch(tw_expr node);
tw_status tw_conv_prepare(tw_expr node, unsigned mode, void **prepared, tw_error *error);
void tw_conv_release(void *prepared);
tw_status tw_conv_open(tw_expr node, void *prepared, void **state, tw_error *error);
void tw_conv_close(void *state);

/* Extents as kernels want them: x is [images, groups, c, image], w [groups, k, c, kernel], y [images, groups,
 * k, out]. */
typedef struct tw_conv_shape {
  tw_dtype dtype;
  tw_conv_role role; /* of the result */
  int axes;
  int64_t images, groups, c, k;
  int64_t image[TW_CONV_AXES], kernel[TW_CONV_AXES], out[TW_CONV_AXES];
  int64_t stride[TW_CONV_AXES], dilation[TW_CONV_AXES], low[TW_CONV_AXES], high[TW_CONV_AXES];
  int64_t pixels, taps, positions; /* of an image, a kernel and a response */
  int64_t size[TW_CONV_ROLES];     /* elements */
  bool pointwise;                  /* one tap, which reads the pixel of its position */
} tw_conv_shape;
tw_conv_shape tw_conv_shape_of(tw_expr node);

/* col[c, t, p - first] = the pixel of channel c that tap t reads at position p, zero outside the image, for
 * the `count` positions from `first` on. x is the first of `channels` channels. */
void tw_conv_gather(const tw_conv_shape *s, int64_t channels, int64_t first, int64_t count, const void *x,
                    void *col);
/* x += the adjoint of that applied to col. */
void tw_conv_scatter(const tw_conv_shape *s, int64_t channels, int64_t first, int64_t count, const void *col,
                     void *x);

/* A result of role W is a sum over images: `chunks` partial sums, each of its size, that are added in pairs.
 */
void tw_conv_join(const tw_conv_shape *s, int64_t chunks, void *partial, void *out, int threads);
/* How many of them, by the extents alone; 1: none. */
int64_t tw_conv_chunks(const tw_conv_shape *s);

/* Threads for a call whose workspace has memory for so many workers. */
int tw_conv_threads(const tw_call *call, int workers);

/* A way to evaluate the ops. */
typedef struct tw_conv_way {
  /* Once per function; NULL where it is not for this shape, or out of memory. */
  void *(*make)(const tw_conv_shape *s);
  void (*release)(void *made);
  int64_t (*tasks)(const void *made); /* that threads can share */
  /* Once per workspace, for so many threads at most; NULL when out of memory. */
  void *(*open)(const void *made, int workers);
  void (*close)(void *state);
  /* Arrays by role, the result among them. */
  tw_status (*run)(void *state, const tw_call *call, void *const role[TW_CONV_ROLES]);
} tw_conv_way;
extern const tw_conv_way tw_conv_by_products; /* of matrices; for every shape */
extern const tw_conv_way tw_conv_by_dnnl;     /* where the build has oneDNN; f32, and not small */

#endif
