/* Convolution by oneDNN, for f32: a fixed tile of images and a block of channels at a time, each on one
 * thread, reordered into the library's blocked layouts and back. Everything is created once per function or
 * workspace. */
#ifdef TALWEG_DNNL
#include "graph/ops/conv_dnnl.h"

#include <stdlib.h>
#include <string.h>

enum {
  LEAST_WORK = 1 << 17, /* multiplications that are worth it */
  TILE_BYTES = 1 << 20, /* of images and responses of a tile */
  TASKS = 16,           /* as many as there should be at least */
  LANES = 8             /* channels of a block are a multiple of it */
};

/* ------------------------------------------------------------------ how work is cut */

static int64_t divisor_below(int64_t n, int64_t most) {
  int64_t d = most < 1 ? 1 : most < n ? most : n;
  while (n % d != 0) d--;
  return d;
}

/* Halves of the groups or, in one group, of the channels that the result has (of its output channels, role
 * W). */
static void cut_blocks(tw_conv_dnnl *d, int64_t wanted) {
  const tw_conv_shape *s = &d->s;
  d->blocks = 1;
  d->block_groups = s->groups, d->block_c = s->c, d->block_k = s->k;
  int64_t *cut = s->groups > 1 ? &d->block_groups : s->role == TW_CONV_X ? &d->block_c : &d->block_k;
  const int64_t unit = s->groups > 1 && s->c % LANES == 0 && s->k % LANES == 0 ? 1 : LANES;
  while (d->blocks < wanted && *cut % (2 * unit) == 0 && (s->groups > 1 || *cut >= 4 * LANES)) {
    *cut /= 2;
    d->blocks *= 2;
  }
  const bool groups = s->groups > 1;
  d->step[TW_CONV_X] = groups                 ? d->block_groups * s->c * s->pixels
                       : s->role == TW_CONV_X ? d->block_c * s->pixels
                                              : 0;
  d->step[TW_CONV_Y] = groups                 ? d->block_groups * s->k * s->positions
                       : s->role == TW_CONV_X ? 0
                                              : d->block_k * s->positions;
  d->step[TW_CONV_W] = groups                 ? d->block_groups * s->k * s->c * s->taps
                       : s->role == TW_CONV_X ? d->block_c * s->taps
                                              : d->block_k * s->c * s->taps;
}

/* Plain layouts of blocks are not contiguous, which not every loop of the library takes. */
static void cut_work(tw_conv_dnnl *d, bool plain) {
  const tw_conv_shape *s = &d->s;
  const int64_t each = s->groups * (s->c * s->pixels + s->k * s->positions) * (int64_t)sizeof(float);
  int64_t shares = TASKS;
  if (s->role == TW_CONV_W) { /* blocks before partial sums, which cost memory */
    cut_blocks(d, plain ? 1 : TASKS);
    const int64_t most = tw_conv_chunks(s), wanted = (TASKS + d->blocks - 1) / d->blocks;
    shares = wanted < most ? wanted : most;
  }
  d->images = divisor_below(s->images,
                            s->images / shares < TILE_BYTES / each ? s->images / shares : TILE_BYTES / each);
  d->tiles = s->images / d->images;
  d->chunks = d->tiles < shares ? d->tiles : shares;
  if (s->role != TW_CONV_W) {
    cut_blocks(d, plain ? 1 : TASKS / d->tiles);
    d->chunks = 1;
  }
}

int64_t tw_conv_dnnl_tasks(const void *made) {
  const tw_conv_dnnl *d = made;
  return d->blocks * (d->s.role == TW_CONV_W ? d->chunks : d->tiles);
}

/* ------------------------------------------------------------------ descriptors */

/* Dimensions of a tile and block of an array, and the strides they have in the whole one. */
static int dims_of(const tw_conv_dnnl *d, tw_conv_role role, dnnl_dims_t dim, dnnl_dims_t stride) {
  const tw_conv_shape *s = &d->s;
  const int64_t *extent = role == TW_CONV_X ? s->image : role == TW_CONV_W ? s->kernel : s->out;
  int64_t size = role == TW_CONV_X ? s->pixels : role == TW_CONV_W ? s->taps : s->positions;
  int n = 0;
  if (role == TW_CONV_W) {
    if (s->groups > 1) dim[n] = d->block_groups, stride[n++] = s->k * s->c * size;
    dim[n] = d->block_k, stride[n++] = s->c * size;
    dim[n] = d->block_c, stride[n++] = size;
  } else {
    const int64_t all = role == TW_CONV_X ? s->c : s->k, block = role == TW_CONV_X ? d->block_c : d->block_k;
    dim[n] = d->images, stride[n++] = s->groups * all * size;
    dim[n] = d->block_groups * block, stride[n++] = size;
  }
  for (int axis = TW_CONV_AXES - s->axes; axis < TW_CONV_AXES; axis++) {
    size /= extent[axis];
    dim[n] = extent[axis], stride[n++] = size;
  }
  return n;
}

/* Layouts are the library's choice unless `plain`. */
static bool describe(tw_conv_dnnl *d, bool plain) {
  for (int role = 0; role < ROLES; role++) {
    dnnl_dims_t dim, stride;
    const int n = dims_of(d, (tw_conv_role)role, dim, stride);
    if (dnnl_memory_desc_init_by_strides(&d->theirs[role], n, dim, dnnl_f32, stride) != dnnl_success)
      return false;
    d->own[role] = d->theirs[role];
    if (!plain &&
        dnnl_memory_desc_init_by_tag(&d->own[role], n, dim, dnnl_f32, dnnl_format_tag_any) != dnnl_success)
      return false;
  }
  return true;
}

/* The convolution of d's role with the layouts of d->own; the backward ones take the forward one for a hint.
 */
static dnnl_status_t describe_primitive(const tw_conv_dnnl *d, dnnl_primitive_attr_t attr,
                                        dnnl_primitive_desc_t *out) {
  const tw_conv_shape *s = &d->s;
  const int front = TW_CONV_AXES - s->axes;
  const dnnl_alg_kind_t kind = dnnl_convolution_direct;
  const dnnl_memory_desc_t *x = &d->own[TW_CONV_X], *w = &d->own[TW_CONV_W], *y = &d->own[TW_CONV_Y];
  dnnl_dims_t stride, dilation, low, high;
  dnnl_convolution_desc_t forward, backward;
  dnnl_primitive_desc_t hint = NULL;
  for (int i = 0; i < s->axes; i++) {
    stride[i] = s->stride[front + i], dilation[i] = s->dilation[front + i] - 1;
    low[i] = s->low[front + i], high[i] = s->high[front + i];
  }
  dnnl_status_t status = dnnl_dilated_convolution_forward_desc_init(&forward, dnnl_forward_training, kind, x,
                                                                    w, NULL, y, stride, dilation, low, high);
  if (status != dnnl_success) return status;
  if (s->role == TW_CONV_Y) return dnnl_primitive_desc_create(out, &forward, attr, d->engine, NULL);
  status = s->role == TW_CONV_X
               ? dnnl_dilated_convolution_backward_data_desc_init(&backward, kind, x, w, y, stride, dilation,
                                                                  low, high)
               : dnnl_dilated_convolution_backward_weights_desc_init(&backward, kind, x, w, NULL, y, stride,
                                                                     dilation, low, high);
  if (status == dnnl_success) status = dnnl_primitive_desc_create(&hint, &forward, attr, d->engine, NULL);
  if (status == dnnl_success) status = dnnl_primitive_desc_create(out, &backward, attr, d->engine, hint);
  if (hint) dnnl_primitive_desc_destroy(hint);
  return status;
}

static dnnl_query_t layout_query(const tw_conv_dnnl *d, int role) {
  static const dnnl_query_t given[ROLES] = {dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md};
  static const dnnl_query_t wanted[ROLES] = {dnnl_query_diff_src_md, dnnl_query_diff_weights_md,
                                             dnnl_query_diff_dst_md};
  const bool differs = d->s.role != TW_CONV_Y && (role == (int)d->s.role || role == TW_CONV_Y);
  return differs ? wanted[role] : given[role];
}

/* Makes primitive `at` of a descriptor and notes the memory it needs. */
static bool make(tw_conv_dnnl *d, int at, const_dnnl_primitive_desc_t desc) {
  const dnnl_memory_desc_t *pad = dnnl_primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0);
  if (pad) d->pad[at] = *pad;
  return dnnl_primitive_create(&d->primitive[at], desc) == dnnl_success;
}

static bool make_reorder(tw_conv_dnnl *d, int role, const_dnnl_primitive_attr_t attr) {
  dnnl_primitive_desc_t desc;
  const bool out = role == (int)d->s.role;
  const dnnl_memory_desc_t *from = out ? &d->own[role] : &d->theirs[role],
                           *to = out ? &d->theirs[role] : &d->own[role];
  if (dnnl_reorder_primitive_desc_create(&desc, from, d->engine, to, d->engine, attr) != dnnl_success)
    return false;
  const bool made = make(d, role, desc);
  dnnl_primitive_desc_destroy(desc);
  return made;
}

/* False also where the library has its reference loops only. */
static bool make_all(tw_conv_dnnl *d, dnnl_primitive_attr_t attr) {
  dnnl_primitive_desc_t desc;
  const char *name = "";
  if (describe_primitive(d, attr, &desc) != dnnl_success) return false;
  bool made = dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, &name) == dnnl_success &&
              strncmp(name, "ref", 3) != 0;
  made = made && make(d, ROLES, desc);
  for (int role = 0; role < ROLES && made; role++) {
    d->own[role] = *dnnl_primitive_desc_query_md(desc, layout_query(d, role), 0);
    if (!dnnl_memory_desc_equal(&d->own[role], &d->theirs[role])) made = make_reorder(d, role, attr);
  }
  dnnl_primitive_desc_destroy(desc);
  return made;
}

static void dnnl_release(void *made) {
  tw_conv_dnnl *d = made;
  if (!d) return;
  for (int i = 0; i < PRIMITIVES; i++)
    if (d->primitive[i]) dnnl_primitive_destroy(d->primitive[i]);
  if (d->engine) dnnl_engine_destroy(d->engine);
  free(d);
}

static void make_alone(void *context) {
  tw_conv_dnnl **d = context;
  const tw_conv_shape *s = &(*d)->s;
  /* Blocks of 8 channels waste most of their lanes on one or two of them, but forwards. */
  const bool plain = s->role != TW_CONV_Y && s->groups == 1 && s->c <= 2;
  dnnl_primitive_attr_t attr = NULL;
  cut_work(*d, plain);
  const bool made =
      dnnl_engine_create(&(*d)->engine, dnnl_cpu, 0) == dnnl_success &&
      dnnl_primitive_attr_create(&attr) == dnnl_success &&
      dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user) == dnnl_success &&
      describe(*d, plain) && make_all(*d, attr);
  if (attr) dnnl_primitive_attr_destroy(attr);
  if (made) return;
  dnnl_release(*d);
  *d = NULL;
}

static void *dnnl_make(const tw_conv_shape *s) {
  const double work = (double)s->size[TW_CONV_Y] * (double)(s->c * s->taps);
  tw_conv_dnnl *d = s->dtype == TW_F32 && !s->pointwise && work >= LEAST_WORK ? calloc(1, sizeof *d) : NULL;
  if (!d) return NULL;
  d->s = *s;
  tw_alone(make_alone, &d);
  return d;
}

const tw_conv_way tw_conv_by_dnnl = {dnnl_make,         dnnl_release,       tw_conv_dnnl_tasks,
                                     tw_conv_dnnl_open, tw_conv_dnnl_close, tw_conv_dnnl_run};
#else
typedef int tw_no_dnnl; /* a translation unit must declare something */
#endif
