#include "mpiae/models/rows.h"

#include "mpiae/base/memory.h"

#include <stdlib.h>

int64_t ae_model_data_memory(const ae_config *config) {
  if (ae_config_is(config, "data.memory", "all")) return 0;
  if (ae_config_is(config, "data.memory", "auto")) return ae_memory_of_rank() / 2;
  return (int64_t)(strtod(ae_config_text(config, "data.memory"), NULL) * 0x1p30);
}

ae_status ae_model_sampler(const ae_config *config, const ae_shards *shards, uint64_t seed, ae_sampler **out) {
  AE_RETURN_IF(ae_sampler_create(shards, ae_config_integer(config, "train.batch_size"), seed, out));
  const bool blocks = !ae_config_is(config, "data.shuffle_block", "auto");
  const ae_status status = ae_sampler_shuffle_blocks(*out, blocks ? ae_config_integer(config, "data.shuffle_block") : 0,
                                                     ae_config_integer(config, "data.shuffle_window"));
  if (status != AE_OK) ae_sampler_destroy(out);
  return status;
}

ae_status ae_model_require_rows(const char *model, const ae_dataset *data) {
  if (data->loader == NULL) return AE_OK;
  return AE_FAIL(AE_USAGE,
                 "%s is more than data.memory, and model '%s' takes examples from anywhere in it: set data.memory=all, "
                 "and start more ranks, on more hosts, where that is too much for one",
                 data->path, model);
}
