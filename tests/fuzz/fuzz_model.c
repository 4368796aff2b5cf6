/* The model language: any bytes give a model or a message that says where. What comes behind a NUL byte, if
 * there is one, is the value of `--set n`. Files are looked for in a folder that does not exist. */
#include <talweg/model.h>

#include <stdlib.h>
#include <string.h>

#define REQUIRE(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require_message(const tw_error *error, tw_status status, size_t length) {
  REQUIRE(error->status == status && error->message[0] != '\0');
  if (status == TW_ERR_MEMORY || strncmp(error->message, "--set n", 7) == 0) return;
  REQUIRE(strncmp(error->message, "fuzz.tw:", 8) == 0);
  char *end;
  long line = strtol(error->message + 8, &end, 10);
  REQUIRE(*end == ':' && line >= 1 && line <= (long)length + 1);
  const char *caret = strrchr(error->message, '\n');
  REQUIRE(caret && caret[strlen(caret) - 1] == '^');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *text = (const char *)data, *nul = size ? memchr(text, 0, size) : NULL;
  size_t length = nul ? (size_t)(nul - text) : size;
  char *value = nul ? strndup(nul + 1, size - length - 1) : NULL;
  const tw_override override = {"n", value};
  const tw_model_options options = {.folder = "/nonexistent",
                                    .n_overrides = value != NULL,
                                    .overrides = &override,
                                    .max_elements = 1 << 16};
  tw_model *model;
  tw_error error = {0};
  tw_status status = tw_model_parse(&model, text, length, "fuzz.tw", &options, &error);
  REQUIRE((status == TW_OK) == (model != NULL));
  if (status != TW_OK) require_message(&error, status, length);
  tw_model_free(model);
  free(value);
  return 0;
}
