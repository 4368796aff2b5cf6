/* Convolution and its adjoints by their definition. */
#ifndef TALWEG_GRAPH_EMIT_RUNTIME_CONV_H
#define TALWEG_GRAPH_EMIT_RUNTIME_CONV_H
#include <stdint.h>
typedef double real;

/* With e = images, groups, c, k, then image[3], kernel[3], out[3], stride[3], dilation[3], low[3]: for every response y, tap w and pixel x
 * that belong together y += x w (role 2), w += x y (role 1) or x += w y (role 0). x is [images, groups, c, image], w [groups, k, c,
 * kernel], y [images, groups, k, out]. */
static inline void rt_conv_T(int role, const int64_t *e, real *x, real *w, real *y) {
  const int64_t *image = e + 4, *kernel = e + 7, *out = e + 10, *stride = e + 13, *dilation = e + 16, *low = e + 19;
  const int64_t pixels = image[0] * image[1] * image[2], taps = kernel[0] * kernel[1] * kernel[2], positions = out[0] * out[1] * out[2];
  for (int64_t ngk = 0; ngk < e[0] * e[1] * e[3]; ngk++)
    for (int64_t c = 0; c < e[2]; c++)
      for (int64_t t = 0; t < taps; t++) {
        const int64_t ng = ngk / e[3], tap[3] = {t / kernel[2] / kernel[1], t / kernel[2] % kernel[1], t % kernel[2]};
        real *const xs = x + (ng * e[2] + c) * pixels, *const ys = y + ngk * positions;
        real *const ws = w + ((ng % e[1] * e[3] + ngk % e[3]) * e[2] + c) * taps + t;
        for (int64_t p = 0; p < positions; p++) {
          const int64_t at[3] = {p / out[2] / out[1], p / out[2] % out[1], p % out[2]};
          int64_t pixel = 0;
          for (int a = 0; a < 3 && pixel >= 0; a++) {
            const int64_t i = at[a] * stride[a] + tap[a] * dilation[a] - low[a];
            pixel = i < 0 || i >= image[a] ? -1 : pixel * image[a] + i;
          }
          if (pixel < 0) continue;
          if (role == 2)
            ys[p] += xs[pixel] * *ws;
          else if (role == 1)
            *ws += xs[pixel] * ys[p];
          else
            xs[pixel] += *ws * ys[p];
        }
      }
}

#endif
