/* Files of other modelling systems: any bytes give a model or a message that names the file. */
#include <talweg/model.h>

#include <stdlib.h>
#include <string.h>

#define REQUIRE(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  tw_model *model;
  tw_error error = {0};
  const tw_status status = tw_model_parse(&model, (const char *)data, size, FUZZ_NAME, NULL, &error);
  REQUIRE((status == TW_OK) == (model != NULL));
  if (status != TW_OK) REQUIRE(error.status == status && strncmp(error.message, FUZZ_NAME, strlen(FUZZ_NAME)) == 0);
  if (model) REQUIRE(tw_problem_size(tw_model_problem(model)) == tw_model_table_of(model)->n);
  tw_model_free(model);
  return 0;
}
