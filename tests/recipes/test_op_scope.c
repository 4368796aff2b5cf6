/* The counts behind op-scope's figures, worked out by hand, and a small run of the program. Nothing here depends on time. */
#include "test.h"

#include "acceptance.h"
#include "report.h"

#include <jansson.h>
#include <stdlib.h>

static void open_part(part *p, const char *name, int which, const workload_size *size, bool tiled) {
  tw_error error = {0};
  const workload *w = workload_find(name);
  const workload_size all = workload_sizes(w, size);
  assert_ok(part_open(p, w, which, &all, tiled, &error));
}

static double flops_of(const part *p, op_class class) { return part_totals(p, is_of_class, &class).flops; }

static double conv(double in, double out, double kernel, double side) { return 2 * in * out * kernel * kernel * side * side; }

/* Two 3 x 3 convolutions, and one 1 x 1 where channels change. */
static double residual(double in, double out, double side) {
  return conv(in, out, 3, side) + conv(out, out, 3, side) + (in != out ? conv(in, out, 1, side) : 0);
}

/* Queries, keys, values and what comes out, of self and of cross attention with text of width 64. */
static double projections(double width, double tokens, double text) {
  return 2 * (6 * tokens * width * width + 2 * text * 64 * width);
}

static void unet_counts(void **state) {
  (void)state;
  for (int64_t side = 8; side <= 32; side += 12) {
    for (int tiled = 0; tiled < 2; tiled++) {
      part p;
      open_part(&p, "unet", 0, &(workload_size){.size = side}, tiled);
      const double l = (double)side, fine = l * l / 4, coarse = l * l / 16, text = 77;
      const double convs = conv(4, 32, 3, l) + residual(32, 32, l) + conv(32, 32, 3, l / 2) + residual(32, 64, l / 2) +
                           conv(64, 64, 3, l / 4) + residual(64, 128, l / 4) + residual(192, 64, l / 2) + residual(96, 32, l) +
                           conv(32, 4, 3, l);
      const double times = 2 * (32 * 128 + 128 * 128 + 128 * (32 + 64 + 128 + 64 + 32));
      const double attention = 2 * (fine * fine + fine * text) * 4 * (4 * 16 + 5) + (coarse * coarse + coarse * text) * 4 * (4 * 32 + 5);
      assert_true(flops_of(&p, CLASS_CONVOLUTION) == convs);
      assert_true(flops_of(&p, CLASS_LINEAR) == times + 2 * projections(64, fine, text) + projections(128, coarse, text));
      if (tiled) assert_true(flops_of(&p, CLASS_ATTENTION) == attention);
      part_close(&p);
    }
  }
}

static void decoder_counts(void **state) {
  (void)state;
  const double width = 256, layers = 4, words = 1024, t = 48, weights = layers * 12 * width * width + width * words;
  part p;
  open_part(&p, "decoder", 0, &(workload_size){.size = 48}, true);
  assert_true(flops_of(&p, CLASS_LINEAR) == 2 * t * weights);
  assert_true(flops_of(&p, CLASS_ATTENTION) == layers * 4 * (t * (t + 1) / 2) * (4 * 64 + 5)); /* causal */
  assert_string_equal(part_phase(&p), "prefill-like");
  part_close(&p);
  open_part(&p, "decoder", 1, &(workload_size){.size = 48}, true);
  assert_true(flops_of(&p, CLASS_LINEAR) == 2 * weights);
  assert_true(flops_of(&p, CLASS_ATTENTION) == layers * 4 * t * (4 * 64 + 5));
  assert_string_equal(part_phase(&p), "decode-like");
  part_close(&p);
}

static bool attends_in(tw_expr node, const void *module) { return in_scope(node, module) && class_of(node) == CLASS_ATTENTION; }

/* Spatial over temporal attention: H W / F, exactly, in flops. */
static void video_ratio(void **state) {
  (void)state;
  for (int tiled = 0; tiled < 2; tiled++) {
    part p;
    open_part(&p, "video", 0, &(workload_size){.size = 12, .frames = 6}, tiled);
    assert_true(part_totals(&p, attends_in, "spatial-module").flops == 24 * part_totals(&p, attends_in, "temporal-module").flops);
    part_close(&p);
  }
}

/* Scores of self attention take memory as the fourth power of the latent side; tiles at most as the square. */
static void memory_slopes(void **state) {
  (void)state;
  static const double side[] = {8, 16, 32, 48};
  for (int tiled = 0; tiled < 2; tiled++) {
    double bytes[4];
    tw_error error = {0};
    for (int i = 0; i < 4; i++) assert_ok(unet_attention_bytes((int64_t)side[i], tiled, &bytes[i], &error));
    const double slope = log_slope(4, side, bytes);
    if (tiled ? slope > 2.1 : fabs(slope - 4) > 0.1) fail_msg("%s: slope %.3f", tiled ? "tiled" : "naive", slope);
  }
}

static void sequences(void **state) {
  (void)state;
  part p;
  open_part(&p, "unet", 0, &(workload_size){.size = 16}, true);
  static const int64_t nq[] = {64, 64, 16, 16, 64, 64}, nk[] = {64, 77, 16, 77, 64, 77};
  assert_int_equal(p.n.n_calls, 6);
  for (int k = 0; k < 6; k++) assert_true(p.n.call[k].nq == nq[k] && p.n.call[k].nk == nk[k]);
  part_close(&p);
}

/* Both forms of attention give the same function. */
static void same_results(void **state) {
  (void)state;
  for (int w = 0; w < WORKLOADS; w++)
    for (int which = 0; which < workloads[w].n_parts; which++) {
      part p[2];
      const tw_machine machine = {1, 1e10, 2e10, {32768, 524288, 1 << 23, INFINITY}, {1e11, 5e10, 2e10, 1e10}, 1e10, 1};
      tw_error error = {0};
      for (int tiled = 0; tiled < 2; tiled++) {
        open_part(&p[tiled], workloads[w].name, which, &(workload_size){.size = 8, .frames = 4}, tiled);
        assert_ok(part_measure(&p[tiled], &machine, 1, false, &error));
      }
      const int n = p[0].n.n_outputs;
      for (int k = 0; k < n; k++)
        for (int64_t i = 0; i < tw_size_of(p[0].n.output[k]); i++)
          if (!(fabsf(((float *)p[0].out[k])[i] - ((float *)p[1].out[k])[i]) <= 1e-3f * fmaxf(1, fabsf(((float *)p[0].out[k])[i]))))
            fail_msg("%s, output %d: element %lld differs", p[0].n.name, k, (long long)i);
      part_close(&p[0]);
      part_close(&p[1]);
    }
}

/* ------------------------------------------------------------------ the program */

static double number(const json_t *o, const char *name) {
  const json_t *value = json_object_get(o, name);
  if (!json_is_number(value)) fail_msg("%s is no number", name);
  return json_number_value(value);
}

static int run(const char *arguments) {
  char command[8192];
  snprintf(command, sizeof command, "%s %s >/dev/null 2>&1", RECIPE_PROGRAM, arguments);
  const int status = system(command);
  return status < 0 ? -1 : status >> 8;
}

static void program(void **state) {
  (void)state;
  char folder[1024], path[1100], arguments[4000];
  tw_error error = {0};
  assert_ok(tw_temporary_folder(folder, sizeof folder, &error));
  snprintf(path, sizeof path, "%s/unet.json", folder);
  snprintf(arguments, sizeof arguments, "unet --size 8 --text 5 --attention tiled,naive --by class,scope --json %s --roofline %s.svg", path,
           path);
  const int code = run(arguments);
  if (code != 0) fail_msg("op-scope %s: %d", arguments, code);
  json_t *all = json_load_file(path, 0, NULL);
  assert_non_null(all);
  assert_int_equal(json_array_size(json_object_get(all, "parts")), 2);
  for (size_t i = 0; i < 2; i++) {
    const json_t *one = json_array_get(json_object_get(all, "parts"), i), *nodes = json_object_get(one, "nodes"),
                 *classes = json_object_get(one, "classes");
    double of_nodes = 0, of_classes = 0;
    for (size_t k = 0; k < json_array_size(nodes); k++) of_nodes += number(json_array_get(nodes, k), "flops");
    for (size_t k = 0; k < json_array_size(classes); k++) of_classes += number(json_array_get(classes, k), "flops");
    assert_true(of_nodes > 0 && of_nodes == of_classes);
    assert_true(number(one, "coverage") <= 1);
  }
  json_decref(all);
  snprintf(arguments, sizeof arguments, "%s.svg", path);
  assert_int_equal(remove(arguments), 0);
  assert_int_equal(remove(path), 0);
  assert_int_equal(remove(folder), 0);
  assert_int_equal(run("nothing"), 2);
  assert_int_equal(run("unet --size 6"), 2);
  assert_int_equal(run(""), 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(unet_counts),   cmocka_unit_test(decoder_counts), cmocka_unit_test(video_ratio),
                                     cmocka_unit_test(memory_slopes), cmocka_unit_test(sequences),      cmocka_unit_test(same_results),
                                     cmocka_unit_test(program)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
