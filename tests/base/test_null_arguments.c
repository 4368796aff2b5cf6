/* Public functions of base/ without what they need: a status and a message, or a neutral answer. */
#include "test.h"

#include <talweg/base.h>

#include "null_arguments.h"

static void refused(void **state) {
  (void)state;
  tw_error error;
  REFUSED(tw_file_create(NULL, NULL, &error));
  REFUSED(tw_file_commit(NULL, &error));
  REFUSED(tw_file_write(NULL, NULL, &error));
  REFUSED(tw_file_read(NULL, 0, NULL, NULL, &error));
  REFUSED(tw_cache_folder(NULL, 0, &error));
  REFUSED(tw_temporary_folder(NULL, 0, &error));
  REFUSED(tw_program_find(NULL, NULL, 0, &error));
  REFUSED(tw_program_run(NULL, 0, NULL, &error));
  REFUSED(tw_run_apart(NULL, NULL, &error));
}

static void neutral(void **state) {
  (void)state;
  (void)tw_status_name((tw_status){0});
  free(tw_alloc(0, 0));
  (void)tw_grow(NULL, NULL, 0, 0);
  tw_arena_free(NULL);
  (void)tw_arena_alloc(NULL, 0, 0);
  (void)tw_arena_strdup(NULL, NULL);
  (void)tw_arena_dup(NULL, NULL, 0, 0);
  (void)tw_arena_bytes(NULL);
  tw_text_append(NULL, NULL, 0);
  tw_text_puts(NULL, NULL);
  tw_text_printf(NULL, "x");
  tw_text_number(NULL, 0);
  tw_text_json_string(NULL, NULL);
  tw_text_json_number(NULL, 0);
  tw_text_clear(NULL);
  tw_text_free(NULL);
  (void)tw_parse_number(NULL, NULL, false, NULL);
  (void)tw_hash(NULL, 0, 0);
  tw_map_free(NULL);
  (void)tw_map_set(NULL, NULL, NULL);
  (void)tw_map_get(NULL, NULL);
  (void)tw_map_count(NULL);
  (void)tw_vec_sum(NULL, 0);
  (void)tw_vec_dot(NULL, NULL, 0);
  (void)tw_vec_norm2(NULL, 0);
  (void)tw_vec_norm_inf(NULL, 0);
  (void)tw_vec_dot_on(0, NULL, NULL, 0);
  (void)tw_vec_norm2_on(0, NULL, 0);
  (void)tw_vec_norm_inf_on(0, NULL, 0);
  tw_cpu_name(NULL, 0);
  (void)tw_file_stream(NULL);
  tw_file_discard(NULL);
  tw_trim_folder(NULL, 0);
  (void)tw_shared_alloc(0);
  tw_shared_free(NULL, 0);
  tw_log_write(NULL, (tw_level){0}, "x");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(refused), cmocka_unit_test(neutral)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
