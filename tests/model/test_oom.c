/* Every allocation of reading a model fails once: the result is TW_ERR_MEMORY, nothing leaks (under the
 * address sanitizer). */
#include "failing_malloc.h"
#include "test.h"

#include <talweg/model.h>

static const char *const texts[] = {
    "set P = {a, b}\nset T = 1..3\nset Q = {3, 1}\nparam n = 3\nparam lam = 2\nparam cap[P] = {a: 1, b: "
    "2}\nparam q[Q] = [1, 2]\n"
    "param w[i in T] = i^2\nvar x[P, T] >= 0 <= 10 init {(a, 1): 1, (a, 2): 1, (a, 3): 1, (b, 1): 1, (b, 2): "
    "1, (b, 3): 1}\n"
    "let y = [sum(x[i, t] * w[t] for t in T if t != 2) for i in P]\n"
    "minimize cost: sum(y^2) + lam * sum(sum(x[i, j] for j in T) for i in P)\n"
    "subject to c[i in P]: sum(x[i, :]) >= cap[i]\nreport grad(cost, lam), x[a, 1:3], x[:, [1, 3]], q[3]\n"
    "solve with auglag(tol=1e-6)\nmodel \"memory\"\n",
    "param a = 2\nvar x init 1\nlet z = argmin { var y  minimize (y - a * x)^2 + exp(y)  solve with bfgs }\n"
    "let r = root { var y init 1  subject to y^3 == x }\nlet f = fixpoint { var y  y = cos(y) * x }\n"
    "minimize z^2 + r + f + min { var y[3] in simplex  minimize sum((y - x)^2) }\n",
    "var x\nminimize (x + \n",
    "var speed\nminimize sped\n",
};

static void reading_survives(void **state) {
  (void)state;
  for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
    const tw_override override = {"lam", "3 * n"};
    const tw_model_options options = {.n_overrides = t == 0, .overrides = &override};
    tw_error whole = {0};
    tw_model *model = NULL;
    const tw_status expected = tw_model_parse(&model, texts[t], strlen(texts[t]), "oom.tw", &options, &whole);
    tw_model_free(model);
    for (long k = 0;; k++) {
      tw_error error = {0};
      failing_arm(k);
      const tw_status status = tw_model_parse(&model, texts[t], strlen(texts[t]), "oom.tw", &options, &error);
      const bool happened = failing_disarm();
      assert_true((status == TW_OK) == (model != NULL));
      tw_model_free(model);
      if (!happened) {
        assert_int_equal(status, expected);
        assert_true(k > 10);
        break;
      }
      if (status == expected) continue; /* an allocation for what is nice to have: a hint, a simplification */
      if (status != TW_ERR_MEMORY)
        fail_msg("allocation %ld: %s (%s)", k, error.message, tw_status_name(status));
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(reading_survives)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
