/* A map from three words to one. */
#ifndef TALWEG_GRAPH_MEMO_H
#define TALWEG_GRAPH_MEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tw_memo {
  uint64_t *key; /* capacity x 3 */
  int64_t *value;
  bool *used;
  size_t capacity, count;
} tw_memo;
bool tw_memo_get(const tw_memo *memo, uint64_t a, uint64_t b, uint64_t c, int64_t *value);
bool tw_memo_put(tw_memo *memo, uint64_t a, uint64_t b, uint64_t c, int64_t value); /* false: out of memory */
void tw_memo_free(tw_memo *memo);

#endif
