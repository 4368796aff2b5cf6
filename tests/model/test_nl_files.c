/* The .nl files of tests/data/nl: what is rerolled agrees with the trees, and derivatives have the entries that the files
 * count. */
#include "flat_check.h"

#include "model/nl.h"

static tw_error error;

static void read_file(const char *name, char **text, size_t *bytes) {
  char path[512];
  snprintf(path, sizeof path, "tests/data/nl/%s", name);
  assert_ok(tw_file_read(path, 1 << 24, text, bytes, &error));
}

/* The column counts of segment k: running totals for all columns but the last. */
static void check_pattern(const char *name, const char *text, stated *s, const tw_flat *flat) {
  const char *counts = strstr(text, "\nk");
  if (counts == NULL || flat->m == 0) return;
  char *at = strchr(counts + 1, '\n');
  const tw_pattern *p = NULL;
  assert_ok(s->oracle.sparse_pattern(s->oracle.context, TW_MATRIX_CONSTRAINTS, &p, &error));
  for (int64_t j = 0; j + 1 < flat->n; j++) {
    const long total = strtol(at, &at, 10);
    if (p->colptr[j + 1] != total)
      fail_msg("%s: %lld entries in the first %lld columns, the file counts %ld", name, (long long)p->colptr[j + 1], (long long)j + 1,
               total);
  }
}

static void test_files(void **state) {
  (void)state;
  int files = 0;
  char *text = NULL;
  DIR *folder = opendir("tests/data/nl");
  assert_non_null(folder);
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    if (strstr(entry->d_name, ".nl") == NULL) continue;
    size_t bytes;
    read_file(entry->d_name, &text, &bytes);
    tw_flat *flat = tw_flat_new();
    if (strcmp(entry->d_name, "ssnlbeam.nl") == 0) { /* 30 bounds for 31 variables */
      assert_fails(tw_nl_parse(flat, text, bytes, entry->d_name, 0, &error), TW_ERR_PARSE, "ssnlbeam.nl:387: the bound of variable 30");
    } else {
      assert_ok(tw_nl_parse(flat, text, bytes, entry->d_name, 0, &error));
      check_flat(entry->d_name, flat, 0);
      check_flat(entry->d_name, flat, 0.01);
      stated s;
      stated_open(&s, flat);
      check_pattern(entry->d_name, text, &s, flat);
      stated_free(&s);
    }
    tw_flat_free(flat);
    free(text);
    files++;
  }
  closedir(folder);
  assert_int_equal(files, 50);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_files)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
