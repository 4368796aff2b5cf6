/* Attention with the softmax carried along, over blocks of 64 keys. */
#ifndef TALWEG_GRAPH_EMIT_RUNTIME_ATTENTION_H
#define TALWEG_GRAPH_EMIT_RUNTIME_ATTENTION_H
#include "graph/emit/runtime/matmul.h"
#include <tgmath.h>

/* o_i = sum_j p_ij v_j, p_ij = e^(s_ij - m_i) / l_i, s_ij = scale q_i . k_j, over keys j < i + ahead: q nq x d, k nk x d,
 * v nk x e. From block to block o and l are multiplied by e^(m - m') as the maximum m of the scores grows to m'. */
static inline void rt_attention_T(int64_t stack, int64_t nq, int64_t nk, int64_t d, int64_t e, int64_t ahead, double scale,
                                  const real *q, const real *k, const real *v, real *restrict out) {
  for (int64_t b = 0; b < stack; b++, k += nk * d, v += nk * e)
    for (int64_t i = 0; i < nq; i++, q += d, out += e) {
      const int64_t seen = i + ahead < nk ? i + ahead : nk;
      real m = -INFINITY, l = 0;
      for (int64_t c = 0; c < e; c++) out[c] = 0;
      for (int64_t first = 0; first < seen; first += 64) {
        const int64_t n = seen - first < 64 ? seen - first : 64;
        real s[64], top = m;
        for (int64_t j = 0; j < n; j++) {
          s[j] = (real)scale * rt_dot_T(d, q, k + (first + j) * d);
          top = s[j] > top || s[j] != s[j] ? s[j] : top;
        }
        const real shift = top - top == 0 ? top : 0, before = m - m == 0 ? m : 0, a = exp(before - shift);
        for (int64_t c = 0; c < e; c++) out[c] *= a;
        l *= a;
        m = top;
        for (int64_t j = 0; j < n; j++) {
          const real p = exp(s[j] - shift);
          l += p;
          for (int64_t c = 0; c < e; c++) out[c] += p * v[(first + j) * e + c];
        }
      }
      for (int64_t c = 0; c < e && seen > 0; c++) out[c] /= l;
    }
}

#endif
