#define FUZZ_NAME "fuzz.nl"
#include "fuzz_format.h"
