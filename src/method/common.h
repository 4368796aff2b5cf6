/* What every method's descriptor is written with. Private to method/. */
#ifndef TALWEG_METHOD_COMMON_H
#define TALWEG_METHOD_COMMON_H

#include "base/try.h"

#include <talweg/method.h>

/* The two options of every method's table. */
#define TW_OPTION_TOL(default_value)                                                                         \
  {                                                                                                          \
    "tol", TW_OPTION_REAL, default_value, 0, 1, NULL,                                                        \
        "solved when stationarity / max(1, its scale at the start, but at most 100) is at most this"             \
  }
#define TW_OPTION_MAX_ITER(default_value)                                                                    \
  { "max_iter", TW_OPTION_INTEGER, default_value, 0, 1e15, NULL, "iteration limit" }
#define TW_OPTION_END                                                                                        \
  { NULL, TW_OPTION_REAL, 0, 0, 0, NULL, NULL }

#endif
