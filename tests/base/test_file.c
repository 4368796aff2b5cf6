#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static int setup(void **state) {
  (void)state;
  test_folder_make(folder);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  test_folder_remove(folder);
  return 0;
}

static void write_file(const char *path, const char *text) {
  tw_error error = {0};
  tw_file *file;
  assert_ok(tw_file_create(&file, path, &error));
  fputs(text, tw_file_stream(file));
  assert_ok(tw_file_commit(file, &error));
}

static void assert_content(const char *path, const char *expected) {
  tw_error error = {0};
  char *data;
  size_t length;
  assert_ok(tw_file_read(path, 1 << 20, &data, &length, &error));
  assert_int_equal(length, strlen(expected));
  assert_string_equal(data, expected);
  free(data);
}

static void readers_see_the_old_file_until_commit(void **state) {
  (void)state;
  char path[128];
  tw_error error = {0};
  tw_file *file;
  write_file(test_path(folder, "a.txt", path), "old");
  assert_ok(tw_file_create(&file, path, &error));
  fputs("new", tw_file_stream(file));
  fflush(tw_file_stream(file));
  assert_content(path, "old");
  assert_ok(tw_file_commit(file, &error));
  assert_content(path, "new");
  assert_ok(tw_file_create(&file, path, &error));
  fputs("never", tw_file_stream(file));
  tw_file_discard(file);
  tw_file_discard(NULL);
  assert_content(path, "new");
  assert_int_equal(test_folder_remove(folder), 1); /* no temporary is left */
}

static void mode_and_links_survive(void **state) {
  (void)state;
  char path[128], link_path[128];
  struct stat info;
  mode_t old_mask = umask(022);
  write_file(test_path(folder, "a.txt", path), "1");
  umask(old_mask);
  assert_int_equal(stat(path, &info), 0);
  assert_int_equal(info.st_mode & 0777, 0644);
  chmod(path, 0600);
  assert_int_equal(symlink(path, test_path(folder, "link", link_path)), 0);
  write_file(link_path, "2");
  assert_int_equal(lstat(link_path, &info), 0);
  assert_true(S_ISLNK(info.st_mode));
  assert_content(path, "2");
  assert_int_equal(stat(path, &info), 0);
  assert_int_equal(info.st_mode & 0777, 0600);
}

static void unwritable_paths_are_errors(void **state) {
  (void)state;
  char path[128];
  tw_error error;
  tw_file *file;
  assert_fails(tw_file_create(&file, test_path(folder, "none/a.txt", path), &error), TW_ERR_IO,
               "none/a.txt: No such file");
  assert_null(file);
  assert_fails(tw_file_create(&file, folder, &error), TW_ERR_IO, "Is a directory");
  assert_fails(tw_file_create(&file, "", &error), TW_ERR_ARGUMENT, "path");
  assert_int_equal(mkfifo(test_path(folder, "pipe", path), 0600), 0);
  assert_fails(tw_file_create(&file, path, &error), TW_ERR_IO, path); /* nobody reads: does not wait */
}

static void a_full_disk_is_an_error(void **state) {
  (void)state;
  tw_error error = {0};
  tw_file *file;
  struct stat info;
  assert_ok(tw_file_create(&file, "/dev/full", &error));
  fputs("x", tw_file_stream(file));
  assert_fails(tw_file_commit(file, &error), TW_ERR_IO, "/dev/full: No space left");
  write_file("/dev/null", "dropped"); /* devices are written in place, not replaced */
  assert_int_equal(stat("/dev/null", &info), 0);
  assert_true(S_ISCHR(info.st_mode));
}

static void several_files_or_none(void **state) {
  (void)state;
  char path[2][128];
  tw_error error = {0};
  tw_file *file[2];
  test_path(folder, "a", path[0]), test_path(folder, "b", path[1]);
  for (int round = 0; round < 4; round++) {
    const bool old = round % 2, spoiled = round < 2;
    if (old) write_file(path[0], "old");
    for (int k = 0; k < 2; k++) {
      assert_ok(tw_file_create(&file[k], path[k], &error));
      fprintf(tw_file_stream(file[k]), "content %d", k);
    }
    if (spoiled) assert_int_equal(mkdir(path[1], 0700), 0); /* the second rename fails */
    const tw_status status = tw_files_commit(2, file, &error);
    assert_int_equal(status, spoiled ? TW_ERR_IO : TW_OK);
    if (!spoiled) {
      assert_content(path[0], "content 0");
      assert_content(path[1], "content 1");
    } else if (old) {
      assert_content(path[0], "old");
    } else {
      assert_int_equal(access(path[0], F_OK), -1);
    }
    if (spoiled) assert_int_equal(rmdir(path[1]), 0);
  }
  assert_ok(tw_file_create(&file[0], path[0], &error));
  assert_ok(tw_file_create(&file[1], "/dev/full", &error));
  for (int k = 0; k < 2; k++) fputs("lost", tw_file_stream(file[k]));
  assert_fails(tw_files_commit(2, file, &error), TW_ERR_IO, "/dev/full: No space left");
  assert_content(path[0], "content 0");
  assert_int_equal(test_folder_remove(folder), 2);
}

static void reads_regular_files_within_the_limit(void **state) {
  (void)state;
  char path[128];
  tw_error error = {0};
  char *data;
  size_t length;
  tw_file *file;
  assert_ok(tw_file_create(&file, test_path(folder, "big", path), &error));
  for (int i = 0; i < 20000; i++) fputs("0123456789", tw_file_stream(file));
  assert_ok(tw_file_commit(file, &error));
  assert_ok(tw_file_read(path, 200000, &data, &length, &error));
  assert_int_equal(length, 200000);
  assert_int_equal(data[200000], 0);
  free(data);
  assert_fails(tw_file_read(path, 199999, &data, &length, &error), TW_ERR_IO, "limit of 199999 bytes");
  assert_null(data);
  assert_fails(tw_file_read(folder, 100, &data, &length, &error), TW_ERR_IO, "not a regular file");
  assert_fails(tw_file_read("/dev/zero", 100, &data, &length, &error), TW_ERR_IO, "not a regular file");
  assert_fails(tw_file_read("/proc/self/maps", 10, &data, &length, &error), TW_ERR_IO,
               "limit"); /* size 0 says stat */
  assert_int_equal(mkfifo(test_path(folder, "pipe", path), 0600), 0);
  assert_fails(tw_file_read(path, 100, &data, &length, &error), TW_ERR_IO, "not a regular file");
  assert_fails(tw_file_read(test_path(folder, "absent", path), 100, &data, &length, &error), TW_ERR_IO,
               "absent: No such file");
  write_file(test_path(folder, "empty", path), "");
  assert_content(path, "");
}

static void many_writers_at_once(void **state) {
  (void)state;
  enum { WRITERS = 8 };
  char path[128];
  tw_error error = {0};
  tw_file *file[WRITERS];
  test_path(folder, "same", path);
  for (int k = 0; k < WRITERS; k++) assert_ok(tw_file_create(&file[k], path, &error));
  for (int k = 0; k < WRITERS; k++) fprintf(tw_file_stream(file[k]), "writer %d", k);
  for (int k = 0; k < WRITERS; k++) {
    char expected[32];
    assert_ok(tw_file_commit(file[k], &error));
    sprintf(expected, "writer %d", k);
    assert_content(path, expected);
  }
  assert_int_equal(test_folder_remove(folder), 1);
}

int main(void) {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
  const struct CMUnitTest tests[] = {
      IN_FOLDER(readers_see_the_old_file_until_commit), IN_FOLDER(mode_and_links_survive),
      IN_FOLDER(unwritable_paths_are_errors),           IN_FOLDER(a_full_disk_is_an_error),
      IN_FOLDER(reads_regular_files_within_the_limit),  IN_FOLDER(many_writers_at_once),
      IN_FOLDER(several_files_or_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
