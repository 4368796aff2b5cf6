/* TW_TRY: a status that is not TW_OK is the caller's result. */
#ifndef TALWEG_BASE_TRY_H
#define TALWEG_BASE_TRY_H

#include <talweg/base.h>

#define TW_TRY(call)                                                                                         \
  do {                                                                                                       \
    const tw_status tw_try_status = (call);                                                                  \
    if (tw_try_status != TW_OK) return tw_try_status;                                                        \
  } while (0)

#endif
