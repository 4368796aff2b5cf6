#define FUZZ_NAME "fuzz.lp"
#include "fuzz_format.h"
