#ifndef TMPCOPY
#define TMPCOPY
#include <talweg/base.h>
size_t tw_cache_bytes(void);
void tw_stream(void *to, const void *from, size_t bytes);
void tw_copy_on(int threads, void *to, const void *from, size_t bytes);
#endif
