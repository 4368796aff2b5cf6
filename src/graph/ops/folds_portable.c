/* The portable build of the folds. */
#include "graph/ops/folds.h"

static const tw_fold_table portable = FOLDS;

tw_fold_loop *tw_fold_get(tw_fold_id id, tw_dtype dtype) {
#ifdef TALWEG_X86
  if (tw_cpu_features().avx2) return tw_folds_avx2[id][dtype];
#endif
  return portable[id][dtype];
}
