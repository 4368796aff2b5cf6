/* base: the ground floor. Status and messages, memory, text, hashing, counter-based
 * random numbers, threads, clock and atomic file writes.
 *
 * Ownership: whatever a `*_new` returns is released by the matching `*_free`, which
 * accepts NULL. Nothing in this room prints, exits or keeps global mutable state. */
#ifndef TALWEG_BASE_H
#define TALWEG_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TW_PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))
#else
#define TW_PRINTF(format_index, first)
#endif

/* ------------------------------------------------------------------ status */

typedef enum tw_status {
  TW_OK = 0,
  TW_ERR_ARGUMENT,    /* an argument makes no sense (NULL, unknown option, bad range) */
  TW_ERR_NAME,        /* a name that nobody knows */
  TW_ERR_SHAPE,       /* shapes do not fit */
  TW_ERR_DTYPE,       /* dtypes do not fit */
  TW_ERR_RANGE,       /* an index or value outside its range */
  TW_ERR_MEMORY,      /* out of memory */
  TW_ERR_IO,          /* a file could not be read or written */
  TW_ERR_PARSE,       /* malformed text or file */
  TW_ERR_DATA,        /* data hold NaN, infinities or missing values */
  TW_ERR_UNSUPPORTED, /* well-formed, but needs a part this build does not have */
  TW_ERR_INFEASIBLE,  /* constraints that cannot hold */
  TW_ERR_UNBOUNDED,   /* an objective without a finite optimum */
  TW_ERR_LIMIT,       /* stopped by an iteration, evaluation or time limit */
  TW_ERR_INTERRUPT,   /* stopped by the caller */
  TW_ERR_NUMERIC,     /* NaN, breakdown or loss of precision */
  TW_ERR_SINGULAR,    /* a linear system without a unique solution */
  TW_STATUS_COUNT
} tw_status;

#define TW_MESSAGE_MAX 1024

/* A caller-owned error record. Functions that take one accept NULL; on failure they
 * fill it and return its status, on success they leave it alone. */
typedef struct tw_error {
  tw_status status;
  char message[TW_MESSAGE_MAX];
} tw_error;

const char *tw_status_name(tw_status status);

/* Fills `error` (when not NULL) and returns `status`. */
tw_status tw_fail(tw_error *error, tw_status status, const char *format, ...) TW_PRINTF(3, 4);
tw_status tw_fail_v(tw_error *error, tw_status status, const char *format, va_list args);

/* Puts "context: " before the message already in `error`; returns its status. */
tw_status tw_error_prefix(tw_error *error, const char *format, ...) TW_PRINTF(2, 3);

/* ------------------------------------------------------------------ memory */

/* 64-byte aligned, zeroed, `count * size` checked for overflow; NULL when out of memory.
 * Released by free(). A zero-sized request returns a valid pointer. */
void *tw_alloc(size_t count, size_t size);
/* `items` (NULL at first; released by free()) moved if need be so that `count` of `size` bytes fit; *capacity
 * grows by halves. NULL, with `items` and *capacity untouched, when out of memory. */
void *tw_grow(void *items, size_t *capacity, size_t count, size_t size);

/* An arena: many small allocations, one release. Not thread-safe. */
typedef struct tw_arena tw_arena;
tw_arena *tw_arena_new(void);
void tw_arena_free(tw_arena *arena);
/* Zeroed, aligned for any type up to 64 bytes (`align` a power of two); NULL when out of memory. */
void *tw_arena_alloc(tw_arena *arena, size_t bytes, size_t align);
char *tw_arena_strdup(tw_arena *arena, const char *text);
void *tw_arena_dup(tw_arena *arena, const void *data, size_t bytes, size_t align);
/* Bytes taken from the system so far. */
size_t tw_arena_bytes(const tw_arena *arena);

/* ------------------------------------------------------------------ text */

/* A growing text buffer; zero-initialise. Always NUL-terminated once written to. Out of
 * memory sets `failed` and later writes are no-ops. */
typedef struct tw_text {
  char *data;
  size_t length, capacity;
  bool failed;
} tw_text;

void tw_text_append(tw_text *text, const char *data, size_t length);
void tw_text_puts(tw_text *text, const char *string);
void tw_text_printf(tw_text *text, const char *format, ...) TW_PRINTF(2, 3);
void tw_text_vprintf(tw_text *text, const char *format, va_list args) TW_PRINTF(2, 0);
/* Shortest decimal that reads back to the same double (inf, -inf, nan as words). */
void tw_text_number(tw_text *text, double value);
/* `string` as a JSON string literal with quotes (RFC 8259 escapes; invalid UTF-8 replaced). */
void tw_text_json_string(tw_text *text, const char *string);
/* `value` as JSON: the shortest decimal, or null when not finite. */
void tw_text_json_number(tw_text *text, double value);
void tw_text_clear(tw_text *text);
void tw_text_free(tw_text *text);

/* Correctly rounded decimal -> double independent of locale; returns the end of the number
 * or NULL if `text` does not start with one. Accepts inf and nan words only when `words`. */
const char *tw_parse_number(const char *text, const char *end, bool words, double *value);

/* ------------------------------------------------------------------ hashing */

uint64_t tw_hash(const void *data, size_t bytes, uint64_t seed);

/* Hash map from strings to pointers; keys are copied, values are not owned. Expected O(1). */
typedef struct tw_map tw_map;
tw_map *tw_map_new(void);
void tw_map_free(tw_map *map);
bool tw_map_set(tw_map *map, const char *key, void *value); /* false when out of memory */
void *tw_map_get(const tw_map *map, const char *key);       /* NULL when absent */
size_t tw_map_count(const tw_map *map);

/* ------------------------------------------------------------------ random numbers
 * Philox4x32-10 (Salmon et al., 2011): draw number i under `key` is a pure function of both,
 * so a run resumes exactly and its draws do not depend on the number of threads. */

void tw_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);
uint64_t tw_key_split(uint64_t key, uint64_t branch);              /* an independent key */
uint64_t tw_random_bits(uint64_t key, uint64_t index);             /* 64 uniform bits */
double tw_random_uniform(uint64_t key, uint64_t index);            /* [0, 1), 53 bits */
double tw_random_normal(uint64_t key, uint64_t index);             /* N(0, 1), Box-Muller */
int64_t tw_random_integer(uint64_t key, uint64_t index, int64_t low, int64_t high); /* low <= . < high, unbiased */
void tw_random_uniform_fill(uint64_t key, uint64_t first, size_t n, double *out); /* draws first .. first+n-1 */
void tw_random_normal_fill(uint64_t key, uint64_t first, size_t n, double *out);
void tw_random_permutation(uint64_t key, size_t n, int64_t *out); /* Fisher-Yates of 0..n-1 */

/* ------------------------------------------------------------------ threads */

/* Calls task(context, tile, worker) for every tile in 0..tiles-1, each exactly once, on at
 * most `threads` threads (0: all cores; 1, a single tile or a call from inside a parallel
 * region: the calling thread). worker is in 0..threads-1. Tiles are independent; what they
 * compute must depend on `tile` alone, so results do not depend on the number of threads. */
typedef void tw_task(void *context, int64_t tile, int worker);
void tw_parallel(int threads, int64_t tiles, tw_task *task, void *context);
int tw_cores(void);
/* Calls run(context) on the calling thread; a library that uses OpenMP starts no threads of its own meanwhile. */
void tw_alone(void (*run)(void *context), void *context);

/* memcpy on at most `threads` threads; what is larger than the caches is sent past them to memory. */
void tw_copy_on(int threads, void *to, const void *from, size_t bytes);

/* Fixed-tile pairwise sum and inner product: the same bits whatever the threads. */
double tw_vec_sum(const double *x, size_t n);
double tw_vec_dot(const double *x, const double *y, size_t n);
double tw_vec_norm2(const double *x, size_t n);   /* no overflow or underflow in between */
double tw_vec_norm_inf(const double *x, size_t n); /* NaN if any entry is NaN */
/* The same on at most `threads` threads (0: all cores, as above). */
double tw_vec_dot_on(int threads, const double *x, const double *y, size_t n);
double tw_vec_norm2_on(int threads, const double *x, size_t n);
double tw_vec_norm_inf_on(int threads, const double *x, size_t n);
/* x'y, with the bits of tw_vec_dot, and |x|_inf into *norm_inf: one pass instead of two. */
double tw_vec_dot_norm_inf_on(int threads, const double *x, const double *y, size_t n, double *norm_inf);

/* ------------------------------------------------------------------ clock, cpu */

double tw_now(void); /* seconds, monotonic */

/* The sets of vector instructions that kernels choose by, where processor and system both have them. */
typedef struct tw_cpu {
  bool avx2;   /* and FMA */
  bool avx512; /* F, DQ, VL and BW, and avx2 */
} tw_cpu;
tw_cpu tw_cpu_features(void);
size_t tw_cache_bytes(void); /* of the last level; 8 MiB where the system does not tell */
uint64_t tw_cpu_hash(void); /* of what the system says of the processor's kind and features */
void tw_cpu_name(char *name, size_t size); /* "AMD EPYC .."; "unknown" where the system does not tell */

/* ------------------------------------------------------------------ files */

/* A file written beside its destination and renamed onto it by commit: readers see the old
 * content or the new one, never a part. */
typedef struct tw_file tw_file;
tw_status tw_file_create(tw_file **file, const char *path, tw_error *error);
FILE *tw_file_stream(tw_file *file);
/* Flush, fsync, rename, release. On failure the temporary is removed and released too. */
tw_status tw_file_commit(tw_file *file, tw_error *error);
/* Several at once, or none: all are on disk before the first is renamed, and where a rename fails those before it are taken back. All
 * n are released, whatever happens. */
tw_status tw_files_commit(int n, tw_file **file, tw_error *error);
/* A text as the content of a file; TW_ERR_MEMORY where the text has failed. */
tw_status tw_file_write(const char *path, const tw_text *text, tw_error *error);
void tw_file_discard(tw_file *file);

/* Whole file into a malloc'd, NUL-terminated buffer; refuses more than `max_bytes`, and
 * anything that is not a regular file. */
tw_status tw_file_read(const char *path, size_t max_bytes, char **data, size_t *length, tw_error *error);

/* The user's folder for files that can be made again, `$XDG_CACHE_HOME/talweg` or `$HOME/.cache/talweg`, made with
 * owner-only permissions when it is missing. TW_ERR_IO when there is none that is ours alone to write. */
tw_status tw_cache_folder(char *path, size_t size, tw_error *error);
/* A new folder of our own under $TMPDIR or /tmp, owner-only. */
tw_status tw_temporary_folder(char *path, size_t size, tw_error *error);
/* Removes what is in `folder` (plain files) beyond `bytes` in all, the oldest first. */
void tw_trim_folder(const char *folder, size_t bytes);

/* ------------------------------------------------------------------ programs */

/* The absolute path of `program` in $PATH. TW_ERR_NAME when it is nowhere. */
tw_status tw_program_find(const char *program, char *path, size_t size, tw_error *error);
/* Runs argv[0] (a path) without a shell, its output thrown away: TW_ERR_IO unless it ends with 0, TW_ERR_LIMIT where that takes more than
 * `seconds`, TW_ERR_INTERRUPT once *stop (NULL: never) is not 0; it and what it started are then killed. */
tw_status tw_program_run(const char *const *argv, double seconds, const volatile int *stop, tw_error *error);

/* Runs task(context) in a copy of this process (fork), where a foreign library can neither write on this process' streams nor
 * bring it down, and can be stopped at any time. Memory is as it was, what the copy writes there is lost but in memory of
 * tw_shared_alloc. The task starts no threads. Where other threads run, the allocator must release its locks in a fork, as those
 * of glibc and musl do. */
typedef struct tw_apart {
  void (*task)(void *context);
  void (*line)(void *context, const char *line); /* of what the copy prints, cut at 1000 bytes; may be NULL */
  bool (*go_on)(void *context); /* asked 50 times a second; false: the copy gets SIGINT, and SIGKILL `grace` seconds later; may be NULL */
  void *context;
  double grace;
} tw_apart;
/* *stopped: go_on said so. TW_ERR_NUMERIC: the copy ended by a signal or a status of its own. */
tw_status tw_run_apart(const tw_apart *apart, bool *stopped, tw_error *error);
/* Zeroed; NULL when out of memory. */
void *tw_shared_alloc(size_t bytes);
void tw_shared_free(void *memory, size_t bytes);

/* ------------------------------------------------------------------ log */

typedef enum tw_level { TW_LOG_ERROR, TW_LOG_WARNING, TW_LOG_INFO, TW_LOG_DEBUG } tw_level;

/* Where messages go; a zero-initialised log drops them. */
typedef struct tw_logger {
  void (*write)(void *context, tw_level level, const char *message);
  void *context;
  tw_level level; /* messages above it are dropped */
} tw_logger;
void tw_log_write(const tw_logger *log, tw_level level, const char *format, ...) TW_PRINTF(3, 4);

#ifdef __cplusplus
}
#endif
#endif
