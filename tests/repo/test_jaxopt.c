/* docs/jaxopt.md: every public name of JAXopt has a row, no cell is empty, what a row names is in a public header or a registry, functions
 * of the model language exist, and so do the tests. */
#include "test.h"

#include <talweg/model.h>

#include "model/functions.h"

#include <ctype.h>
#include <stdio.h>

static const char *const names[] = {
    /* solvers */
    "AndersonAcceleration", "AndersonWrapper", "ArmijoSGD", "BacktrackingLineSearch", "BFGS", "Bisection", "BlockCoordinateDescent",
    "BoxCDQP", "BoxOSQP", "Broyden", "CvxpyQP", "EqualityConstrainedQP", "FixedPointIteration", "GaussNewton", "GradientDescent",
    "HagerZhangLineSearch", "IterativeRefinement", "LBFGS", "LBFGSB", "LevenbergMarquardt", "MirrorDescent", "NonlinearCG", "OptaxSolver",
    "OptStep", "OSQP", "PolyakSGD", "ProjectedGradient", "ProximalGradient", "ScipyBoundedLeastSquares", "ScipyBoundedMinimize",
    "ScipyLeastSquares", "ScipyMinimize", "ScipyRootFinding", "ZoomLineSearch",
    /* projection */
    "projection_non_negative", "projection_box", "projection_hypercube", "projection_simplex", "projection_sparse_simplex",
    "projection_l1_sphere", "projection_l1_ball", "projection_l2_sphere", "projection_l2_ball", "projection_linf_ball",
    "projection_hyperplane", "projection_halfspace", "projection_affine_set", "projection_polyhedron", "projection_box_section",
    "projection_transport", "projection_birkhoff", "kl_projection_transport", "kl_projection_birkhoff",
    /* prox */
    "prox_none", "prox_lasso", "prox_non_negative_lasso", "prox_elastic_net", "prox_group_lasso", "prox_ridge", "prox_non_negative_ridge",
    "make_prox_from_projection",
    /* loss, objective */
    "huber_loss", "binary_logistic_loss", "binary_sparsemax_loss", "binary_hinge_loss", "binary_perceptron_loss", "sparse_plus",
    "sparse_sigmoid", "multiclass_logistic_loss", "multiclass_sparsemax_loss", "multiclass_hinge_loss", "multiclass_perceptron_loss",
    "make_fenchel_young_loss", "CompositeLinearFunction", "least_squares", "ridge_regression", "binary_logreg", "multiclass_logreg",
    "multiclass_logreg_with_intercept", "l2_multiclass_logreg", "l2_multiclass_logreg_with_intercept", "multiclass_linear_svm_dual",
    /* linear_solve, implicit_diff, isotonic, perturbations, base */
    "solve_lu", "solve_cholesky", "solve_inv", "solve_qr", "solve_cg", "solve_normal_cg", "solve_gmres", "solve_bicgstab",
    "solve_iterative_refinement", "custom_root", "custom_fixed_point", "root_jvp", "root_vjp", "sparse_root_vjp", "isotonic_l2_pav",
    "make_perturbed_argmax", "make_perturbed_max", "make_perturbed_fun", "Gumbel", "Normal", "LinearOperator",
    /* tree_util, support, loop */
    "tree_map", "tree_reduce", "tree_add", "tree_sub", "tree_mul", "tree_div", "tree_scalar_mul", "tree_add_scalar_mul", "tree_vdot",
    "tree_sum", "tree_l2_norm", "tree_zeros_like", "tree_ones_like", "tree_average", "tree_gram", "tree_inf_norm", "tree_where",
    "tree_negative", "tree_reciproqual", "tree_mean", "tree_single_dtype", "tree_conj", "tree_real", "tree_imag", "broadcast_pytrees",
    "support_all", "support_nonzero", "support_group_nonzero", "while_loop"};

static int faults;

#define FAULT(...) (print_error(__VA_ARGS__), print_error("\n"), faults++)

/* ------------------------------------------------------------------ files */

static char *append_file(char *text, const char *path) {
  FILE *file = fopen(path, "r");
  char line[4096];
  size_t size = text ? strlen(text) : 0;
  if (!file) fail_msg("cannot read %s", path);
  while (fgets(line, sizeof line, file)) {
    text = realloc(text, size + strlen(line) + 1);
    assert_non_null(text);
    strcpy(text + size, line);
    size += strlen(line);
  }
  fclose(file);
  return text;
}

static char *public_headers(void) {
  char *text = NULL, path[2048];
  DIR *dir = opendir(TALWEG_SOURCE_DIR "/include/talweg");
  assert_non_null(dir);
  for (struct dirent *entry; (entry = readdir(dir));) {
    if (entry->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "%s/include/talweg/%s", TALWEG_SOURCE_DIR, entry->d_name);
    text = append_file(text, path);
  }
  closedir(dir);
  return text;
}

static bool letter(char c) {
  return isalnum((unsigned char)c) || c == '_';
}

static bool has_word(const char *text, const char *word) {
  const size_t length = strlen(word);
  for (const char *at = text; (at = strstr(at, word)); at += length)
    if ((at == text || !letter(at[-1])) && !letter(at[length])) return true;
  return false;
}

/* ------------------------------------------------------------------ cells */

/* The next `code` of a cell, into out; where to go on, NULL at the end. */
static const char *next_code(const char *cell, char out[256]) {
  const char *open = strchr(cell, '`'), *close = open ? strchr(open + 1, '`') : NULL;
  if (!close || close - open > 255) return NULL;
  snprintf(out, 256, "%.*s", (int)(close - open - 1), open + 1);
  return close + 1;
}

/* method, or method:option=value with a value that the option has. */
static bool is_method(const char *spec) {
  char name[64], option[64] = "", value[64] = "";
  const int n = sscanf(spec, "%63[a-z_0-9]:%63[a-z_]=%63s", name, option, value);
  const tw_method *method = n == 1 || n == 3 ? tw_method_find(name) : NULL;
  if (!method || n == 1) return method != NULL;
  for (const tw_option *o = method->options; o->name; o++)
    if (strcmp(o->name, option) == 0) return o->choices && has_word(o->choices, value);
  return false;
}

static bool is_registered(const char *name) {
  return is_method(name) || tw_domain_find(name) || tw_regularizer_find(name);
}

static void check_c(const char *row, const char *cell, const char *headers) {
  char code[256];
  int found = 0;
  for (const char *at = cell; (at = next_code(at, code)); found++) {
    const bool own = strncmp(code, "tw_", 3) == 0 || strncmp(code, "TW_", 3) == 0;
    if (own ? !has_word(headers, code) : !is_registered(code)) FAULT("%s: `%s` is in no public header and no registry", row, code);
  }
  if (found == 0) FAULT("%s: no C name", row);
}

/* Every name before a bracket is a function, set, regularizer or method; so is the name after `solve with`. */
static void check_model(const char *row, const char *cell) {
  char code[256], name[256];
  for (const char *at = cell; (at = next_code(at, code));) {
    const char *with = strstr(code, "solve with ");
    if (with && (sscanf(with, "solve with %63[a-z_0-9]", name) != 1 || !tw_method_find(name))) FAULT("%s: no method in `%s`", row, code);
    for (const char *open = code; (open = strchr(open, '(')); open++) {
      const char *start = open;
      while (start > code && letter(start[-1])) start--;
      snprintf(name, sizeof name, "%.*s", (int)(open - start), start);
      if (*name && !tw_function_find(name) && !is_registered(name)) FAULT("%s: no function `%s` in `%s`", row, name, code);
    }
  }
}

static void check_tests(const char *row, const char *cell) {
  char list[1024];
  snprintf(list, sizeof list, "%s", cell);
  int found = 0;
  for (char *rest = NULL, *name = strtok_r(list, ", ", &rest); name; name = strtok_r(NULL, ", ", &rest), found++) {
    char path[2048];
    snprintf(path, sizeof path, "%s/%s", TALWEG_SOURCE_DIR, name);
    if (strncmp(name, "tests/", 6) != 0 || access(path, R_OK) != 0) FAULT("%s: no test %s", row, name);
  }
  if (found == 0) FAULT("%s: no test", row);
}

/* Cells of a row `| a | b | c | d |`, trimmed; how many. */
static int split(char *line, char *cell[8]) {
  int n = 0;
  for (char *at = line; n < 8 && (at = strchr(at, '|')) && at[1] && at[1] != '\n';) {
    char *start = ++at, *end = strchr(start, '|');
    if (!end) break;
    while (*start == ' ') start++;
    cell[n++] = start;
    at = end;
  }
  for (int k = 0; k < n; k++) {
    char *end = strchr(cell[k], '|');
    while (end > cell[k] && end[-1] == ' ') end--;
    *end = 0;
  }
  return n;
}

static void rows_are_whole(void **state) {
  (void)state;
  char *page = append_file(NULL, TALWEG_SOURCE_DIR "/docs/jaxopt.md"), *headers = public_headers(), *rest = NULL, first[16384] = "";
  int rows = 0;
  for (char *line = strtok_r(page, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
    char *cell[8];
    if (strncmp(line, "| `", 3) != 0) continue;
    const int n = split(line, cell);
    if (n != 4) fail_msg("%d cells, expected 4: %s", n, line);
    for (int k = 0; k < n; k++)
      if (!*cell[k]) FAULT("%s: cell %d is empty", cell[0], k + 1);
    check_c(cell[0], cell[1], headers);
    check_model(cell[0], cell[2]);
    check_tests(cell[0], cell[3]);
    assert_true(strlen(first) + strlen(cell[0]) + 2 < sizeof first);
    strcat(strcat(first, cell[0]), "\n");
    rows++;
  }
  for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
    char code[128];
    snprintf(code, sizeof code, "`%s`", names[k]);
    if (!strstr(first, code)) FAULT("no row for %s", names[k]);
  }
  free(page);
  free(headers);
  assert_true(rows > 100);
  assert_int_equal(faults, 0);
}

/* The reader sees what is wrong. */
static void the_check_can_fail(void **state) {
  (void)state;
  faults = 0;
  print_message("five complaints follow\n");
  check_c("row", "`tw_no_such_name`", "tw_such");
  check_c("row", "no code", "");
  check_model("row", "`projekt(x, simplex)`");
  check_model("row", "`solve with nothing`");
  check_tests("row", "tests/repo/test_nothing.c");
  assert_int_equal(faults, 5);
  faults = 0;
  assert_true(is_method("lbfgs:linesearch=wolfe") && !is_method("lbfgs:linesearch=wolf") && !is_method("lbfgs:line=wolfe"));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_check_can_fail), cmocka_unit_test(rows_are_whole)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
