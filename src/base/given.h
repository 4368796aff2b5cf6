/* What public functions do about arguments that must be there and are NULL. */
#ifndef TALWEG_BASE_GIVEN_H
#define TALWEG_BASE_GIVEN_H

#include <talweg/base.h>

/* Leaves a function that has an `error` with TW_ERR_ARGUMENT, "FUNCTION: ARGUMENT is NULL". */
#define TW_GIVEN(argument)                                                                                    \
  do {                                                                                                       \
    if (!(argument)) return tw_fail(error, TW_ERR_ARGUMENT, "%s: %s is NULL", __func__, #argument);           \
  } while (0)

#endif
