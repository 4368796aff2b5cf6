/* Calls without what they need. */
#ifndef TALWEG_TEST_NULL_ARGUMENTS_H
#define TALWEG_TEST_NULL_ARGUMENTS_H

#include "test.h"

/* The call, which is handed &error, fails and says why. */
#define REFUSED(call)                                                                                        \
  do {                                                                                                       \
    error = (tw_error){0};                                                                                   \
    const tw_status refused_status = (call);                                                                 \
    if (refused_status == TW_OK || error.status != refused_status || error.message[0] == '\0')               \
      fail_msg("%s: status '%s', error '%s' \"%s\"", #call, tw_status_name(refused_status),                  \
               tw_status_name(error.status), error.message);                                                 \
  } while (0)

/* The same of calls that have no error to fill. */
#define FAILS(call)                                                                                          \
  do {                                                                                                       \
    if ((call) == TW_OK) fail_msg("%s: all is well", #call);                                                 \
  } while (0)

#endif
