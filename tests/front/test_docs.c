/* The pages: every ```tw block of docs/ and README.md is a model that checks, solves and has the values
 * behind its `# =`; the language's page names every function and set there is. */
#include "command.h"

#include "model/functions.h"

static char *read_page(const char *path) {
  tw_error error = {0};
  char *text = NULL;
  size_t bytes;
  assert_ok(tw_file_read(path, 1 << 24, &text, &bytes, &error));
  return text;
}

/* ------------------------------------------------------------------ one block */

static void check_value(const char *label, const json_t *got, const json_t *expected) {
  if (json_is_array(expected)) {
    if (json_array_size(got) != json_array_size(expected)) fail_msg("%s: another number of elements", label);
    for (size_t i = 0; i < json_array_size(expected); i++)
      check_value(label, json_array_get(got, i), json_array_get(expected, i));
  } else if (json_is_boolean(expected)) {
    if (!json_equal(got, expected)) fail_msg("%s: another truth value", label);
  } else {
    if (!json_is_number(got)) fail_msg("%s: no number", label);
    const double a = json_number_value(got), b = json_number_value(expected);
    if (!(fabs(a - b) <= 1e-6 * fmax(1, fabs(b)))) fail_msg("%s: %.12g, expected %.12g", label, a, b);
  }
}

/* As a report is named: blanks between its tokens as one. */
static void join_blanks(char *text) {
  char *out = text;
  for (const char *at = text; *at != '\0'; at++)
    if (*at != ' ' || at[1] != ' ') *out++ = *at;
  *out = '\0';
}

/* `report e  # = value` and `minimize ..  # = value`: a line of the block against the command's object. */
static bool check_line(const char *line, size_t length, json_t *object) {
  static const char mark[] = "  # = ";
  char text[512], label[512];
  assert_true(length < sizeof text);
  snprintf(text, sizeof text, "%.*s", (int)length, line);
  char *value = strstr(text, mark);
  if (value == NULL) return false;
  *value = '\0';
  value += strlen(mark);
  json_t *expected = json_loads(value, JSON_DECODE_ANY, NULL);
  if (expected == NULL) fail_msg("no value: %s", value);
  const bool report = strncmp(text, "report ", 7) == 0;
  snprintf(label, sizeof label, "%s", report ? text + 7 : text);
  join_blanks(label);
  check_value(
      label, report ? json_object_get(find_value(object, "reports"), label) : find_value(object, "objective"),
      expected);
  json_decref(expected);
  return true;
}

static int check_block(const char *folder, const char *block, size_t length) {
  int values = 0;
  char *text = strndup(block, length);
  assert_non_null(text);
  write_text(folder, "block.tw", text);
  outcome o = command("check %s/block.tw", folder);
  if (o.code != 0) fail_msg("%s%s\nin\n%s", o.out, o.err, text);
  outcome_free(&o);
  o = command("solve %s/block.tw --json", folder);
  if (o.code != 0) fail_msg("%s%s\nin\n%s", o.out, o.err, text);
  json_t *object = parse_object(&o);
  for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
    values += check_line(line, strcspn(line, "\n"), object);
  json_decref(object);
  outcome_free(&o);
  free(text);
  return values;
}

/* ------------------------------------------------------------------ all blocks of a page */

typedef struct tally {
  int blocks, values;
} tally;

/* Files are looked for where the examples find theirs. */
static void check_page(const char *page, tally *t) {
  char folder[64], path[128];
  char *text = read_page(page);
  test_folder_make(folder);
  assert_int_equal(symlink(TALWEG_SOURCE_DIR "/examples/data", test_path(folder, "data", path)), 0);
  for (const char *at = text; (at = strstr(at, "\n```tw\n")) != NULL;) {
    const char *block = at + strlen("\n```tw\n"), *end = strstr(block, "\n```");
    if (end == NULL) fail_msg("%s: a block without its end", page);
    t->values += check_block(folder, block, (size_t)(end + 1 - block));
    t->blocks++;
    at = end;
  }
  test_folder_remove(folder);
  free(text);
}

static void check_pages_of(const char *folder, tally *t) {
  DIR *dir = opendir(folder);
  assert_non_null(dir);
  for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
    char path[512];
    const char *dot = strrchr(entry->d_name, '.');
    if (dot == NULL || strcmp(dot, ".md") != 0) continue;
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    check_page(path, t);
  }
  closedir(dir);
}

static void blocks_solve(void **state) {
  (void)state;
  tally t = {0};
  check_page(TALWEG_SOURCE_DIR "/README.md", &t);
  assert_true(t.blocks > 0);
  check_pages_of(TALWEG_SOURCE_DIR "/docs", &t);
  check_pages_of(TALWEG_SOURCE_DIR "/docs/methods", &t);
  assert_true(t.blocks > 15);
  assert_true(t.values > 40);
}

static void expect_mention(const char *page, const char *name, const char *behind) {
  char call[64];
  snprintf(call, sizeof call, "`%s%s", name, behind);
  if (strstr(page, call) == NULL) fail_msg("docs/language.md does not mention %s", call);
}

static void everything_is_mentioned(void **state) {
  (void)state;
  char *page = read_page(TALWEG_SOURCE_DIR "/docs/language.md");
  for (const tw_function *f = tw_function_table(); f->name != NULL; f++) expect_mention(page, f->name, "(");
  for (const tw_domain_kind *const *k = tw_domain_kinds(); *k != NULL; k++)
    expect_mention(page, (*k)->name, "");
  free(page);
}

/* ------------------------------------------------------------------ the man page */

/* "--max-iter" as roff writes it. */
static const char *escape_dashes(const char *word, char roff[64]) {
  size_t used = 0;
  for (; *word != '\0' && used < 62; word++) {
    if (*word == '-') roff[used++] = '\\';
    roff[used++] = *word;
  }
  roff[used] = '\0';
  return roff;
}

/* The page has every option of --help with its value's name and what it does, and nothing else. */
static void man_page_agrees_with_help(void **state) {
  (void)state;
  static const char *const verbs[] = {"solve", "check", "methods", "version"};
  char *page = read_page(TALWEG_SOURCE_DIR "/docs/talweg.1");
  tw_text helps = {0};
  for (size_t v = 0; v < sizeof verbs / sizeof *verbs; v++) {
    outcome o = command("%s --help", verbs[v]);
    expect_code(&o, 0);
    expect_text(page, verbs[v]);
    tw_text_puts(&helps, o.out);
    for (char *line = strtok(o.out, "\n"); line != NULL; line = strtok(NULL, "\n")) {
      char name[32], value[32] = "", roff[64], head[160];
      if (sscanf(line, "  %31[a-z-] %31[][A-Za-z.,=:]", name, value) < 1 || strncmp(name, "--", 2) != 0)
        continue;
      const bool flag = value[0] == '\0' || line[2 + strlen(name) + 1] == ' ';
      snprintf(head, sizeof head, "\\fB%s\\fR%s%s%s", escape_dashes(name, roff), flag ? "" : " \\fI",
               flag ? "" : value, flag ? "\n" : "\\fR\n");
      expect_text(page, head);
    }
    outcome_free(&o);
  }
  for (const char *at = page; (at = strstr(at, ".TP\n\\fB")) != NULL; at++) {
    char name[32] = "";
    size_t used = 0;
    for (const char *c = at + strlen(".TP\n\\fB"); strncmp(c, "\\fR", 3) != 0 && used < 31; c++)
      if (*c != '\\') name[used++] = *c;
    expect_text(helps.data, name);
  }
  tw_text_free(&helps);
  free(page);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(blocks_solve),
                                     cmocka_unit_test(everything_is_mentioned),
                                     cmocka_unit_test(man_page_agrees_with_help)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
