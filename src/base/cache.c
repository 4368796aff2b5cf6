/* Folders for files that can be made again. */
#define _DEFAULT_SOURCE /* mkdtemp */
#include <talweg/base.h>

#include "base/given.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder that is ours and that nobody else may write. */
static bool is_ours(const char *path) {
  struct stat info;
  return lstat(path, &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == geteuid() && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static tw_status make_folder(const char *path, tw_error *error) {
  if (mkdir(path, 0700) != 0 && errno != EEXIST) return tw_fail(error, TW_ERR_IO, "%s: %s", path, strerror(errno));
  return TW_OK;
}

tw_status tw_cache_folder(char *path, size_t size, tw_error *error) {
  TW_GIVEN(path);
  const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  int length = 0;
  if (cache && cache[0] == '/')
    length = snprintf(path, size, "%s", cache);
  else if (home && home[0] == '/')
    length = snprintf(path, size, "%s/.cache", home);
  else
    return tw_fail(error, TW_ERR_IO, "cache: neither XDG_CACHE_HOME nor HOME names a folder");
  if (length < 0 || (size_t)length + sizeof "/talweg" > size) return tw_fail(error, TW_ERR_IO, "cache: the path is too long");
  if (make_folder(path, error) != TW_OK) return TW_ERR_IO;
  memcpy(path + length, "/talweg", sizeof "/talweg");
  if (make_folder(path, error) != TW_OK) return TW_ERR_IO;
  if (!is_ours(path) || access(path, W_OK) != 0) return tw_fail(error, TW_ERR_IO, "%s: not a folder that is ours alone to write", path);
  return TW_OK;
}

tw_status tw_temporary_folder(char *path, size_t size, tw_error *error) {
  TW_GIVEN(path);
  const char *under = getenv("TMPDIR");
  if (!under || under[0] != '/') under = "/tmp";
  const int length = snprintf(path, size, "%s/talweg-XXXXXX", under);
  if (length < 0 || (size_t)length >= size || !mkdtemp(path)) return tw_fail(error, TW_ERR_IO, "%s: no temporary folder", under);
  return TW_OK;
}

typedef struct entry {
  char name[256];
  time_t time;
  size_t bytes;
} entry;

static int by_age(const void *a, const void *b) {
  const entry *x = a, *y = b;
  if (x->time != y->time) return x->time < y->time ? -1 : 1;
  return strcmp(x->name, y->name);
}

void tw_trim_folder(const char *folder, size_t bytes) {
  if (!folder) return;
  DIR *stream = opendir(folder);
  entry *list = NULL;
  size_t count = 0, capacity = 0, total = 0;
  for (struct dirent *e; stream && (e = readdir(stream));) {
    struct stat info;
    if (strlen(e->d_name) >= sizeof list->name || fstatat(dirfd(stream), e->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (!S_ISREG(info.st_mode)) continue;
    entry *grown = tw_grow(list, &capacity, count + 1, sizeof *grown);
    if (!grown) break;
    list = grown;
    memcpy(list[count].name, e->d_name, strlen(e->d_name) + 1);
    list[count].time = info.st_mtime;
    list[count++].bytes = (size_t)info.st_size;
    total += (size_t)info.st_size;
  }
  if (list) qsort(list, count, sizeof *list, by_age);
  for (size_t k = 0; k < count && total > bytes; k++) {
    if (unlinkat(dirfd(stream), list[k].name, 0) == 0) total -= list[k].bytes;
  }
  free(list);
  if (stream) closedir(stream);
}
