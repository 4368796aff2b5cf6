/* Views: arrays seen through steps along axes. */
#include "graph/ops/build.h"

void tw_view_add(tw_view *view, int64_t extent, int64_t stride) {
  const int last = view->rank - 1;
  if (extent == 1) return;
  if (last >= 0 && stride == view->stride[last] * view->dim[last]) {
    view->dim[last] *= extent;
    return;
  }
  view->dim[view->rank] = extent;
  view->stride[view->rank++] = stride;
}

tw_view tw_broadcast_view(const tw_shape *from, const tw_shape *to) {
  tw_view view = {0};
  const int shift = to->rank - from->rank;
  int64_t size = 1;
  for (int k = to->rank - 1; k >= 0; k--) {
    const int64_t d = k >= shift ? from->dim[k - shift] : 1;
    tw_view_add(&view, to->dim[k], d == 1 ? 0 : size);
    size *= d;
  }
  return view;
}
