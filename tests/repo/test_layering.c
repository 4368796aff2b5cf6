/* The house's rules, read off the #include lines: a room leans on rooms above it only and reads no folder inside another, a
 * public header includes no private one, and lines fit the width. */
#include "test.h"

#include <stdio.h>

static const char *const rooms[] = {"base",   "array",    "graph", "linear", "domain", "loss",
                                    "problem", "method", "implicit", "model", "front",  NULL};

static int floor_of(const char *room, size_t length) {
  for (int i = 0; rooms[i]; i++)
    if (strlen(rooms[i]) == length && strncmp(rooms[i], room, length) == 0) return i;
  return -1;
}

/* The room of `"room/.."`, `<talweg/room.h>` or `<talweg/room_part.h>` in an include line; -1: not one of ours. talweg.h is
 * above all. */
static int included_floor(const char *line, bool *private_header) {
  const char *quote = strchr(line, '"'), *angle = strstr(line, "<talweg/");
  *private_header = quote != NULL;
  if (angle) {
    const char *name = angle + strlen("<talweg/");
    size_t length = strcspn(name, "._");
    return length == 6 && strncmp(name, "talweg", 6) == 0 ? 1000 : floor_of(name, length);
  }
  if (!quote) return -1;
  return floor_of(quote + 1, strcspn(quote + 1, "/\""));
}

/* "room/folder/..", but for those of graph, which ops in other rooms are written with. */
static bool is_inside(const char *line) {
  const char *quote = strchr(line, '"'), *slash = quote ? strchr(quote, '/') : NULL;
  return slash && strchr(slash + 1, '/') && strncmp(quote + 1, "graph/", 6) != 0;
}

enum { COLUMNS = 140 };
static int violations, files;

static void check_file(const char *path, int floor, bool public_header) {
  FILE *file = fopen(path, "r");
  char line[1024];
  if (!file) fail_msg("cannot read %s", path);
  for (int number = 1; fgets(line, sizeof line, file); number++) {
    bool private_header;
    if (strlen(line) > COLUMNS + 1) {
      print_error("%s:%d: longer than %d columns\n", path, number, COLUMNS);
      violations++;
    }
    if (strncmp(line, "#include", 8) != 0) continue;
    int included = included_floor(line, &private_header);
    if (included > floor) {
      print_error("%s:%d: %s leans on a higher room: %s", path, number, rooms[floor], line);
      violations++;
    }
    if (private_header && included != floor && is_inside(line)) {
      print_error("%s:%d: reads what is private to a folder of another room: %s", path, number, line);
      violations++;
    }
    if (public_header && private_header) {
      print_error("%s:%d: a public header includes a private one: %s", path, number, line);
      violations++;
    }
  }
  fclose(file);
  files++;
}

static void walk(const char *folder, int floor, bool public_header) {
  DIR *dir = opendir(folder);
  if (!dir) return;
  for (struct dirent *entry; (entry = readdir(dir));) {
    char path[4096];
    size_t length = strlen(entry->d_name);
    if (entry->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    bool source = length > 2 && (strcmp(entry->d_name + length - 2, ".c") == 0 || strcmp(entry->d_name + length - 2, ".h") == 0);
    int of = public_header ? floor_of(entry->d_name, strcspn(entry->d_name, "._")) : floor;
    if (source && of >= 0)
      check_file(path, of, public_header);
    else if (!source && !public_header)
      walk(path, floor, public_header);
  }
  closedir(dir);
}

static void rooms_lean_upwards_only(void **state) {
  (void)state;
  char path[2048];
  for (int i = 0; rooms[i]; i++) {
    snprintf(path, sizeof path, "%s/src/%s", TALWEG_SOURCE_DIR, rooms[i]);
    walk(path, i, false);
  }
  snprintf(path, sizeof path, "%s/include/talweg", TALWEG_SOURCE_DIR);
  walk(path, 0, true);
  assert_true(files > 100); /* it did look */
  assert_int_equal(violations, 0);
}

/* The reader itself sees a violation. */
static void the_check_can_fail(void **state) {
  (void)state;
  bool private_header;
  assert_int_equal(included_floor("#include \"graph/node.h\"\n", &private_header), 2);
  assert_true(private_header);
  assert_int_equal(included_floor("#include <talweg/method.h>\n", &private_header), 7);
  assert_false(private_header);
  assert_int_equal(included_floor("#include <talweg/graph_fn.h>\n", &private_header), 2);
  assert_int_equal(included_floor("#include <talweg/talweg.h>\n", &private_header), 1000);
  assert_int_equal(included_floor("#include <stdio.h>\n", &private_header), -1);
  assert_true(is_inside("#include \"method/program/qp.h\"\n") && !is_inside("#include \"method/options.h\"\n"));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(rooms_lean_upwards_only), cmocka_unit_test(the_check_can_fail)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
