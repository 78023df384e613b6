/* A configuration, and behind each byte 0 an override. What is taken must be the same when it is written and read again. */
#include "fuzz.h"

#include "mpiae/base/memory.h"
#include "mpiae/models/configure.h"

#include <string.h>

enum { MOST_OVERRIDES = 8 };

static bool configure(const char *text, const char *const *overrides, int count, ae_config **config) {
  return ae_fuzz_went_well(ae_model_configure(text, (int64_t)strlen(text), "fuzz.yaml", overrides, count, config));
}

static void write_and_read_again(const ae_config *config) {
  char *text = NULL, *again = NULL;
  ae_config *read = NULL;
  ae_fuzz_require(ae_fuzz_went_well(ae_config_format(config, &text)), "a configuration can be written");
  ae_fuzz_require(configure(text, NULL, 0, &read), "a configuration that was written can be read");
  ae_fuzz_require(ae_fuzz_went_well(ae_config_format(read, &again)), "a configuration can be written again");
  ae_fuzz_require(strcmp(text, again) == 0, "a configuration that was read again is the same");
  ae_config_destroy(&read);
  AE_FREE(text);
  AE_FREE(again);
}

void ae_fuzz_one(const ae_comm *comm, const uint8_t *bytes, size_t count) {
  const char *overrides[MOST_OVERRIDES];
  char *text = NULL;
  int found = 0;
  ae_config *config = NULL;
  (void)comm;
  if (!ae_fuzz_went_well(AE_NEW(text, count + 1))) return;
  memcpy(text, bytes, count);
  for (size_t i = 0; i < count && found < MOST_OVERRIDES; i++)
    if (text[i] == '\0') overrides[found++] = text + i + 1;
  if (configure(text, overrides, found, &config)) write_and_read_again(config);
  ae_config_destroy(&config);
  AE_FREE(text);
}
