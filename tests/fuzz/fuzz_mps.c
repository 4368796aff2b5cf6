#define FUZZ_NAME "fuzz.mps"
#include "fuzz_format.h"
