/* Scalars as sums over rows. */
#ifndef TALWEG_PROBLEM_SUMMANDS_H
#define TALWEG_PROBLEM_SUMMANDS_H

#include "problem/facts.h"
#include "problem/oracle.h"

/* body = sum_{k < *rows} *row, *row a scalar that reads k (an i64 scalar input); false: of no such form. */
bool tw_summands(tw_expr body, tw_expr k, int64_t *rows, tw_expr *row);
/* e with x[k] replaced by `by`; *rest: does it read x in another way? */
tw_expr tw_replace_row(tw_expr e, tw_expr x, tw_expr k, tw_expr by, bool *rest);

/* A compiled function over the parameters (level 0) and `n` more inputs (level 1), with what it was last called with. */
typedef struct tw_asker {
  tw_fn *fn;
  tw_work *work;
  const void **in;
  int n_parameters, n_out;
  bool fresh; /* the parameters are those of the last call */
} tw_asker;
tw_status tw_asker_open(tw_asker *a, const tw_kit *kit, const tw_exec *exec, int n, const tw_expr *inputs, int n_out,
                        const tw_expr *outputs, tw_error *error);
tw_status tw_asker_call(tw_asker *a, void *const *parameters, const void *const *more, int n, void *const *out, tw_error *error);
void tw_asker_close(tw_asker *a);

/* sample.c: the finite sum behind an oracle. */
typedef struct tw_sampler tw_sampler;
tw_status tw_sampler_new(tw_sampler **out, const tw_kit *kit, tw_error *error);
int64_t tw_sampler_rows(const tw_sampler *s);
tw_status tw_sampler_call(tw_sampler *s, const tw_exec *exec, void *const *parameters, const double *x, int64_t count, const int64_t *row,
                          const double *weight, double *f, double *g, tw_error *error);
void tw_sampler_stale(tw_sampler *s); /* the parameters have changed */
void tw_sampler_free(tw_sampler *s);

/* blocks.c: the blocks of an oracle. */
typedef struct tw_block_set tw_block_set;
tw_status tw_block_set_new(tw_block_set **out, const tw_kit *kit, const tw_exec *exec, void *const *parameters, tw_error *error);
tw_status tw_block_set_get(tw_block_set *s, const tw_blocks **out, tw_error *error);
void tw_block_set_stale(tw_block_set *s);
/* Visits what its functions carry from call to call (tw_work_memory). */
void tw_block_set_memory(tw_block_set *s, tw_memory_visitor *visitor, void *context);
void tw_block_set_free(tw_block_set *s);

#endif
