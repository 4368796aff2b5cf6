/* The model language: any bytes give a model or a message. Files are looked for in a folder that does not exist. */
#include <talweg/model.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  tw_model *model;
  const tw_model_options options = {.folder = "/nonexistent"};
  tw_error error;
  if (tw_model_parse(&model, (const char *)data, size, "fuzz.tw", &options, &error) == TW_OK) tw_model_free(model);
  return 0;
}
