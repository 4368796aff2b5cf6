/* Atomic file writes, and bounded reads of regular files. */
#include <talweg/base.h>

#include "base/given.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct tw_file {
  FILE *stream;
  char *target;    /* the destination, symbolic links resolved */
  char *temporary; /* NULL: a device or pipe, written in place */
};

static tw_status fail_io(tw_error *error, const char *verb, const char *path, int code) {
  return tw_fail(error, code == ENOMEM ? TW_ERR_MEMORY : TW_ERR_IO, "cannot %s %s: %s", verb, path,
                 strerror(code));
}

static void release(tw_file *file) {
  if (file->stream) fclose(file->stream);
  if (file->temporary) unlink(file->temporary);
  free(file->target);
  free(file->temporary);
  free(file);
}

/* Opens a new file beside `target` into *temporary; the name differs between processes and threads. */
static int open_beside(const char *target, char **temporary) {
  size_t size = strlen(target) + 32;
  char *name = malloc(size);
  if (!name) return errno = ENOMEM, -1;
  int descriptor = -1;
  for (int attempt = 0; attempt < 100 && descriptor < 0; attempt++) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const uint64_t salt[] = {(uint64_t)getpid(), (uint64_t)now.tv_nsec, (uint64_t)attempt, (uintptr_t)name};
    snprintf(name, size, "%s.tmp%012llx", target,
             (unsigned long long)(tw_hash(salt, sizeof salt, 0) & UINT64_C(0xFFFFFFFFFFFF)));
    descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (descriptor < 0 && errno != EEXIST) break;
  }
  if (descriptor < 0) {
    int code = errno;
    free(name);
    return errno = code, -1;
  }
  *temporary = name;
  return descriptor;
}

/* Opens what will be written: devices and pipes themselves, otherwise a temporary that takes over the mode of
 * the file it replaces. */
static int open_for(tw_file *file, const char *path) {
  struct stat old;
  bool exists = stat(path, &old) == 0;
  if (exists && S_ISDIR(old.st_mode)) return errno = EISDIR, -1;
  if (exists && !S_ISREG(old.st_mode)) {
    int descriptor =
        open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY); /* a pipe nobody reads: ENXIO */
    if (descriptor >= 0) fcntl(descriptor, F_SETFL, 0);
    return descriptor;
  }
  if (exists && access(path, W_OK) != 0) return -1;
  file->target = exists ? realpath(path, NULL) : strdup(path);
  if (!file->target) return -1;
  int descriptor = open_beside(file->target, &file->temporary);
  if (descriptor >= 0 && exists && fchmod(descriptor, old.st_mode & 0777) != 0) {
    int code = errno;
    close(descriptor);
    return errno = code, -1;
  }
  return descriptor;
}

tw_status tw_file_create(tw_file **out, const char *path, tw_error *error) {
  if (!out || !path || !*path) return tw_fail(error, TW_ERR_ARGUMENT, "tw_file_create: empty path");
  *out = NULL;
  tw_file *file = calloc(1, sizeof *file);
  if (!file) return tw_fail(error, TW_ERR_MEMORY, "cannot write %s: out of memory", path);
  int descriptor = open_for(file, path);
  if (descriptor < 0) {
    int code = errno;
    release(file);
    return fail_io(error, "write", path, code);
  }
  file->stream = fdopen(descriptor, "w");
  if (!file->stream) {
    int code = errno;
    close(descriptor);
    release(file);
    return fail_io(error, "write", path, code);
  }
  if (!file->target) file->target = strdup(path);
  *out = file;
  return TW_OK;
}

FILE *tw_file_stream(tw_file *file) {
  if (!file) return NULL;
  return file->stream;
}

void tw_file_discard(tw_file *file) {
  if (file) release(file);
}

/* Makes a rename in the directory of `path` durable. Where directories cannot be synced, nothing is lost by
 * not doing so. */
static void sync_directory(const char *path) {
  const char *slash = strrchr(path, '/');
  char *folder = !slash ? strdup(".") : slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
  if (!folder) return;
  int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor >= 0) {
    fsync(descriptor);
    close(descriptor);
  }
  free(folder);
}

/* All is on disk, still under the temporary's name. 0 or an errno. */
static int finish(tw_file *file) {
  int code = 0;
  errno = 0;
  if (fflush(file->stream) != 0 || ferror(file->stream)) code = errno ? errno : EIO;
  if (!code && file->temporary && fsync(fileno(file->stream)) != 0 && errno != EINVAL) code = errno;
  if (fclose(file->stream) != 0 && !code) code = errno;
  file->stream = NULL;
  return code;
}

static int rename_to_target(tw_file *file) {
  if (!file->temporary) return 0;
  if (rename(file->temporary, file->target) != 0) return errno;
  sync_directory(file->target);
  free(file->temporary);
  file->temporary = NULL;
  return 0;
}

tw_status tw_file_commit(tw_file *file, tw_error *error) {
  if (!file) return tw_fail(error, TW_ERR_ARGUMENT, "tw_file_commit: no file");
  int code = finish(file);
  if (!code) code = rename_to_target(file);
  const tw_status status = code ? fail_io(error, "write", file->target ? file->target : "file", code) : TW_OK;
  release(file);
  return status;
}

/* Another name for what stands at the target, so that it can be put back; NULL where nothing does, or it cannot be linked. */
static char *keep_old(const tw_file *file) {
  const size_t size = strlen(file->temporary) + 5;
  char *name = malloc(size);
  if (!name) return NULL;
  snprintf(name, size, "%s.old", file->temporary);
  if (link(file->target, name) == 0) return name;
  free(name);
  return NULL;
}

/* Renames all, or leaves things as they were; *failed is the one that could not be. */
static int rename_all(int n, tw_file **file, char **old, int *failed) {
  int code = 0, k = 0;
  for (; k < n && !code; k++) {
    old[k] = file[k]->temporary ? keep_old(file[k]) : NULL;
    code = rename_to_target(file[k]);
    *failed = k;
  }
  for (int done = 0; code && done < k - 1; done++) {
    if (old[done]) rename(old[done], file[done]->target), free(old[done]), old[done] = NULL;
    else unlink(file[done]->target);
  }
  for (int i = 0; i < k; i++)
    if (old[i]) unlink(old[i]), free(old[i]);
  return code;
}

tw_status tw_files_commit(int n, tw_file **file, tw_error *error) {
  char **old = calloc((size_t)(n > 0 ? n : 0) + 1, sizeof *old);
  int code = old ? 0 : ENOMEM, failed = 0;
  for (int k = 0; k < n && !code; k++) code = finish(file[k]), failed = k;
  if (!code) code = rename_all(n, file, old, &failed);
  const tw_status status = code ? fail_io(error, "write", n > 0 && file[failed]->target ? file[failed]->target : "file", code) : TW_OK;
  for (int k = 0; k < n; k++) release(file[k]);
  free(old);
  return status;
}

/* ------------------------------------------------------------------ reading */

/* Reads to the end of the file, wherever that is: `expected`, the size stat told, is a hint. */
static tw_status read_all(int descriptor, const char *path, size_t expected, size_t max_bytes, tw_text *text,
                          tw_error *error) {
  size_t room = expected < 4096 ? 4096 : expected + 2; /* end of file is seen without another step */
  for (;; room = text->length + 2) {
    char *data = tw_grow(text->data, &text->capacity, room, 1);
    if (!data) return fail_io(error, "read", path, ENOMEM);
    text->data = data;
    ssize_t got = read(descriptor, text->data + text->length, text->capacity - text->length - 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_io(error, "read", path, errno);
    if (got == 0) break;
    text->length += (size_t)got;
    if (text->length > max_bytes)
      return tw_fail(error, TW_ERR_IO, "cannot read %s: larger than the limit of %zu bytes", path, max_bytes);
  }
  text->data[text->length] = '\0';
  return TW_OK;
}

tw_status tw_file_read(const char *path, size_t max_bytes, char **data, size_t *length, tw_error *error) {
  if (!path || !data || !length) return tw_fail(error, TW_ERR_ARGUMENT, "tw_file_read: missing argument");
  *data = NULL;
  *length = 0;
  int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY); /* never waits on a pipe */
  if (descriptor < 0) return fail_io(error, "read", path, errno);
  struct stat info;
  tw_text text = {0};
  tw_status status;
  if (fstat(descriptor, &info) != 0)
    status = fail_io(error, "read", path, errno);
  else if (!S_ISREG(info.st_mode))
    status = tw_fail(error, TW_ERR_IO, "cannot read %s: not a regular file", path);
  else if (info.st_size > 0 && (uintmax_t)info.st_size > max_bytes)
    status = tw_fail(error, TW_ERR_IO, "cannot read %s: %jd bytes, larger than the limit of %zu bytes", path,
                     (intmax_t)info.st_size, max_bytes);
  else
    status = read_all(descriptor, path, (size_t)info.st_size, max_bytes, &text, error);
  close(descriptor);
  if (status != TW_OK) {
    tw_text_free(&text);
    return status;
  }
  *data = text.data;
  *length = text.length;
  return TW_OK;
}

tw_status tw_file_write(const char *path, const tw_text *text, tw_error *error) {
  TW_GIVEN(path);
  TW_GIVEN(text);
  tw_file *file = NULL;
  if (text->failed) return tw_fail(error, TW_ERR_MEMORY, "out of memory for %s", path);
  const tw_status status = tw_file_create(&file, path, error);
  if (status != TW_OK) return status;
  fwrite(text->data, 1, text->length, tw_file_stream(file));
  return tw_file_commit(file, error);
}
