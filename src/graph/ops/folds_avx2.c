/* The AVX2 build of the folds (compiled with -mavx2, entered after a look at the processor). */
#ifdef TALWEG_X86
#include "graph/ops/folds.h"

const tw_fold_table tw_folds_avx2 = FOLDS;
#else
typedef int tw_no_avx2_folds; /* a translation unit must declare something */
#endif
