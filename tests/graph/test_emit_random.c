/* Random graphs with their gradients as written C, against the library fused and unfused. */
#include "random_graph.h"
#include "written_file.h"

static void add(written_file *file, random_graph *g, uint64_t key, tw_dtype dtype, int64_t m, int64_t n,
                unsigned mode) {
  written w = {.n = RANDOM_INPUTS};
  tw_error error = {0};
  random_graph_open(g, key, dtype, m, n);
  g->smooth = true;
  random_graph_grow(g, 20);
  snprintf(w.label, sizeof w.label, "graph %llu", (unsigned long long)key);
  for (int i = 0; i < RANDOM_INPUTS; i++) {
    w.in[i] = g->input[i];
    w.value[i] = g->value[i].data;
  }
  for (int i = 0; i < 4; i++) w.out[w.n_out++] = g->pool[RANDOM_INPUTS + pick(g, g->count - RANDOM_INPUTS)];
  w.out[w.n_out++] = g->pool[g->count - 1];
  tw_expr f = tw_sum(tw_square(w.out[0]), TW_ALL, false);
  for (int i = 0; i < RANDOM_INPUTS; i++) w.out[w.n_out++] = tw_grad(f, g->input[i]);
  if (written_file_add(file, &w, mode, &error) != TW_OK) fail_msg("%s: %s", w.label, error.message);
}

static void compare(tw_dtype dtype, unsigned mode, uint64_t first) {
  enum { GRAPHS = 40 };
  random_graph *g = calloc(GRAPHS, sizeof *g);
  written_file file;
  written_file_open(&file);
  for (int k = 0; k < GRAPHS; k++) {
    const bool large = k % 10 == 9;
    add(&file, &g[k], first + (uint64_t)k, dtype, large ? 97 : 1 + k % 7, large ? 160 : 1 + k % 11, mode);
  }
  written_file_compile(&file);
  for (int k = 0; k < file.n; k++) written_check(&file, &file.item[k], dtype == TW_F32 ? 1e-2 : 1e-10);
  written_file_close(&file);
  for (int k = 0; k < GRAPHS; k++) random_graph_close(&g[k]);
  free(g);
}

static void graphs_f64(void **state) {
  (void)state;
  compare(TW_F64, 0, 1);
}

static void graphs_f32(void **state) {
  (void)state;
  compare(TW_F32, 0, 1001);
}

static void unfused_graphs(void **state) {
  (void)state;
  compare(TW_F64, TW_MODE_UNFUSED, 2001);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(graphs_f64), cmocka_unit_test(graphs_f32),
                                     cmocka_unit_test(unfused_graphs)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
