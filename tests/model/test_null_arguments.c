/* Public functions of model/ without what they need: a status and a message, or a neutral answer. */
#include "test.h"

#include <talweg/model.h>

#include "null_arguments.h"

static void refused(void **state) {
  (void)state;
  tw_error error;
  REFUSED(tw_model_read(NULL, NULL, NULL, &error));
  REFUSED(tw_model_parse(NULL, NULL, 0, NULL, NULL, &error));
  REFUSED(tw_model_write(NULL, NULL, &error));
}

static void neutral(void **state) {
  (void)state;
  tw_model_free(NULL);
  (void)tw_model_table_of(NULL);
  (void)tw_model_entry(NULL, NULL, 0, NULL);
  (void)tw_model_title(NULL);
  (void)tw_model_problem(NULL);
  (void)tw_model_method(NULL);
  (void)tw_model_labels(NULL, NULL, 0);
  (void)tw_model_element(NULL, NULL, 0, 0, NULL);
  (void)tw_model_fixed(NULL, NULL);
  (void)tw_model_where(NULL, NULL);
}

static const char text[] = "param t = 1\nvar x >= 0\nminimize (x - t)^2\n";

/* Options that promise overrides and have none, or parts of one. */
static void overrides(void **state) {
  (void)state;
  tw_error error = {0};
  tw_model *model = NULL;
  const tw_override nothing = {NULL, NULL}, no_value = {"t", NULL}, no_name = {NULL, "2"};
  const tw_override *const cases[] = {NULL, &nothing, &no_value, &no_name};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const tw_model_options options = {.n_overrides = 1, .overrides = cases[i]};
    REFUSED(tw_model_parse(&model, text, strlen(text), "m.tw", &options, &error));
    REFUSED(tw_model_parse(&model, text, strlen(text), "m.nl", &options, &error));
    assert_null(model);
  }
  REFUSED(tw_model_parse(&model, text, strlen(text), "m.tw", &(tw_model_options){.n_overrides = -1}, &error));
}

static void parts(void **state) {
  (void)state;
  tw_error error = {0};
  tw_model *model = NULL;
  REFUSED(tw_model_parse(&model, text, strlen(text), NULL, NULL, &error));
  REFUSED(tw_model_parse(&model, NULL, 0, "m", NULL, &error));
  REFUSED(tw_model_parse(NULL, text, strlen(text), "m", NULL, &error));
  REFUSED(tw_model_read(&model, NULL, NULL, &error));
  REFUSED(tw_model_read(NULL, "m.tw", NULL, &error));
  assert_null(tw_model_problem(NULL));
  assert_string_equal(tw_model_title(NULL), "");
  assert_ok(tw_model_parse(&model, text, strlen(text), "m", NULL, &error));
  assert_false(tw_model_fixed(model, NULL));
  assert_null(tw_model_where(model, NULL));
  REFUSED(tw_model_write(model, NULL, &error));
  tw_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(overrides), cmocka_unit_test(parts),
                                     cmocka_unit_test(refused), cmocka_unit_test(neutral)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
