/* Just-in-time compilation: the text of a function's clusters and segments goes to the system's `cc`; the library that comes back is kept
 * in the cache folder under a name that is a hash of text, processor and compiler, and is loaded.
 *
 * A cached file ends with a seal over its content, is owned by us and writable by us alone; anything else is not loaded but
 * made again. Two processes that race both compile, and the later rename wins. Without a cache folder a temporary one
 * serves. */
#include "graph/emit/native.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH = 512, LIBRARY_MOST = 64 << 20 };
#define CACHE_BYTES ((size_t)64 << 20)
#define COMPILE_MOST 60.0 /* seconds */
static const char magic[8] = {'T', 'A', 'L', 'W', 'E', 'G', '0', '1'};

typedef struct seal { /* the last bytes of a cached library */
  char magic[8];
  uint64_t content, source;
} seal;

typedef struct job {
  tw_text text;
  char cc[PATH], folder[PATH], library[PATH];
  uint64_t source; /* of text, processor and compiler */
  uint64_t maker;  /* of processor and compiler */
  bool temporary;
  const volatile int *stop;
  tw_error error;
} job;

static _Atomic uint64_t hangs; /* a maker whose compiler did not end in time: not tried again in this process */

/* The compiler is known by its file: path, size and time of change; the processor by what it can do, since code is made for it. */
static tw_status identify(job *j) {
  struct stat info;
  char key[PATH + 128];
  tw_status status = tw_program_find("cc", j->cc, sizeof j->cc, &j->error);
  if (status != TW_OK) return status;
  if (stat(j->cc, &info) != 0) return tw_fail(&j->error, TW_ERR_IO, "%s: cannot be read", j->cc);
  const int length = snprintf(key, sizeof key, "%s %lld %lld %llx", j->cc, (long long)info.st_size, (long long)info.st_mtime,
                              (unsigned long long)tw_cpu_hash());
  j->maker = tw_hash(key, (size_t)length, 1);
  j->source = tw_hash(j->text.data, j->text.length, j->maker);
  const uint64_t second = tw_hash(j->text.data, j->text.length, tw_hash(key, (size_t)length, 2));
  j->temporary = tw_cache_folder(j->folder, sizeof j->folder, &j->error) != TW_OK;
  if (j->temporary && tw_temporary_folder(j->folder, sizeof j->folder, &j->error) != TW_OK) return TW_ERR_IO;
  const int n = snprintf(j->library, sizeof j->library, "%s/%016llx%016llx.so", j->folder, (unsigned long long)j->source,
                         (unsigned long long)second);
  return n < (int)sizeof j->library ? TW_OK : tw_fail(&j->error, TW_ERR_IO, "the path of the cache is too long");
}

/* Whether the file is what we once wrote. */
static bool is_sealed(const job *j) {
  struct stat info;
  char *data;
  size_t length;
  seal end;
  if (lstat(j->library, &info) != 0 || !S_ISREG(info.st_mode) || info.st_uid != geteuid() || (info.st_mode & (S_IWGRP | S_IWOTH)))
    return false;
  if (tw_file_read(j->library, LIBRARY_MOST, &data, &length, NULL) != TW_OK) return false;
  const bool fits = length > sizeof end;
  if (fits) memcpy(&end, data + length - sizeof end, sizeof end);
  const bool right = fits && memcmp(end.magic, magic, sizeof magic) == 0 && end.source == j->source &&
                     end.content == tw_hash(data, length - sizeof end, 3);
  free(data);
  return right;
}

static tw_status write_whole(const char *path, const void *data, size_t length, const seal *end, tw_error *error) {
  tw_file *file;
  tw_status status = tw_file_create(&file, path, error);
  if (status != TW_OK) return status;
  fwrite(data, 1, length, tw_file_stream(file));
  if (end) fwrite(end, sizeof *end, 1, tw_file_stream(file));
  return tw_file_commit(file, error);
}

static tw_status run_compiler(job *j, const char *source, const char *made) {
  const char *const argv[] = {j->cc, "-std=c11", "-O3", "-march=native", "-fopenmp-simd", "-fno-math-errno", "-fno-trapping-math",
                              "-ffp-contract=off", "-w", "-shared", "-fPIC", source, "-o", made, "-lm", NULL};
  if (atomic_load(&hangs) == j->maker) return tw_fail(&j->error, TW_ERR_LIMIT, "%s did not end before", j->cc);
  const tw_status status = tw_program_run(argv, COMPILE_MOST, j->stop, &j->error);
  if (status == TW_ERR_LIMIT) atomic_store(&hangs, j->maker);
  return status;
}

/* Compiles in a folder of its own, then moves the sealed library to its place. */
static tw_status compile(job *j) {
  char folder[PATH], source[PATH + 16], made[PATH + 16];
  tw_status status = tw_temporary_folder(folder, sizeof folder, &j->error);
  if (status != TW_OK) return status;
  snprintf(source, sizeof source, "%s/m.c", folder);
  snprintf(made, sizeof made, "%s/m.so", folder);
  status = write_whole(source, j->text.data, j->text.length, NULL, &j->error);
  if (status == TW_OK) status = run_compiler(j, source, made);
  char *data = NULL;
  size_t length = 0;
  if (status == TW_OK) status = tw_file_read(made, LIBRARY_MOST, &data, &length, &j->error);
  if (status == TW_OK) {
    seal end = {.content = tw_hash(data, length, 3), .source = j->source};
    memcpy(end.magic, magic, sizeof magic);
    /* A link must not be followed. A file stays until it is replaced: another process may be about to load it. */
    struct stat info;
    if (lstat(j->library, &info) == 0 && !S_ISREG(info.st_mode)) unlink(j->library);
    status = write_whole(j->library, data, length, &end, &j->error);
    if (status == TW_OK) chmod(j->library, 0600);
  }
  free(data);
  unlink(source);
  unlink(made);
  rmdir(folder);
  if (status == TW_OK && !j->temporary) tw_trim_folder(j->folder, CACHE_BYTES);
  return status;
}

/* The functions stem0, stem1, .. into pointers of `bytes` each. */
static bool find_functions(void *library, const char *stem, int32_t n, size_t bytes, void *pointer) {
  for (int32_t k = 0; k < n; k++) {
    char name[24];
    snprintf(name, sizeof name, "%s%d", stem, k);
    void *symbol = dlsym(library, name);
    if (!symbol) return false;
    memcpy((char *)pointer + (size_t)k * bytes, &symbol, bytes);
  }
  return true;
}

static tw_native *load(job *j, const tw_fn *fn) {
  tw_native *native = calloc(1, sizeof *native);
  if (!native) return NULL;
  native->map = calloc((size_t)fn->n_clusters + 1, sizeof *native->map);
  native->segment = calloc((size_t)fn->n_segments + 1, sizeof *native->segment);
  native->loop = calloc((size_t)tw_native_loops(fn, NULL) + 1, sizeof *native->loop);
  if (native->loop) tw_native_loops(fn, native->loop);
  native->library = native->map && native->segment && native->loop ? dlopen(j->library, RTLD_NOW | RTLD_LOCAL) : NULL;
  if (native->library && find_functions(native->library, "m", fn->n_clusters, sizeof *native->map, native->map) &&
      find_functions(native->library, "s", fn->n_segments, sizeof *native->segment, native->segment))
    return native;
  tw_fail(&j->error, TW_ERR_IO, "%s: cannot be loaded", j->library);
  tw_native_free(native);
  return NULL;
}

static tw_native *make(job *j, const tw_fn *fn) {
  tw_native *native = NULL;
  if (tw_native_text(fn, &j->text, &j->error) != TW_OK || identify(j) != TW_OK) return NULL;
  const bool cached = is_sealed(j);
  if (cached || compile(j) == TW_OK) native = load(j, fn);
  if (j->temporary) { /* a loaded library stays when its name goes */
    unlink(j->library);
    rmdir(j->folder);
  }
  return native;
}

void tw_native_make(const tw_fn *fn, const tw_exec *exec) {
  tw_fn *shared = (tw_fn *)(uintptr_t)fn; /* the two atomic fields are for this */
  int expected = 0;
  if (fn->n_clusters + fn->n_segments == 0 || !atomic_compare_exchange_strong(&shared->native_state, &expected, 1)) return;
  job j = {.stop = exec->stop};
  const tw_logger *log = exec->log;
  const double start = tw_now();
  tw_native *native = make(&j, fn);
  if (log && native)
    tw_log_write(log, TW_LOG_DEBUG, "jit: %d loops of native code and %d segments of steps in %.0f ms", fn->n_clusters, fn->n_segments,
                 1e3 * (tw_now() - start));
  if (log && !native) tw_log_write(log, TW_LOG_DEBUG, "jit: goes on without native code: %s", j.error.message);
  tw_text_free(&j.text);
  if (native) atomic_store(&shared->native, native);
}

void tw_native_free(tw_native *native) {
  if (!native) return;
  if (native->library) dlclose(native->library);
  free(native->map);
  free(native->segment);
  free(native->loop);
  free(native);
}
