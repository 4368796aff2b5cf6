/* Runs a fuzz target on every file of the folders given, and on up to 256 prefixes of each file. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LARGEST = 1 << 20, PREFIXES = 256 };

/* From an exact heap copy, so that a sanitizer sees any read past the end. */
static void run(const uint8_t *data, size_t size) {
  uint8_t *copy = malloc(size ? size : 1);
  if (!copy) return;
  memcpy(copy, data, size);
  LLVMFuzzerTestOneInput(copy, size);
  free(copy);
}

static int replay_file(const char *path) {
  static uint8_t data[LARGEST];
  FILE *file = fopen(path, "rb");
  if (!file) return 0;
  size_t size = fread(data, 1, sizeof data, file);
  int failed = ferror(file);
  fclose(file);
  if (failed) return 0; /* a folder */
  for (size_t prefix = 0; prefix < size; prefix += size / PREFIXES + 1) run(data, prefix);
  run(data, size);
  return 1;
}

int main(int argc, char **argv) {
  int files = 0;
  for (int k = 1; k < argc; k++) {
    DIR *folder = opendir(argv[k]);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
      char path[4096];
      if (snprintf(path, sizeof path, "%s/%s", argv[k], entry->d_name) < (int)sizeof path)
        files += replay_file(path);
    }
    if (folder) closedir(folder);
  }
  printf("%d files\n", files);
  return files > 0 ? 0 : 1;
}
