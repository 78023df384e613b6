/* Rows of the data as a configuration would have them: how many of them are kept, and in which order steps take them.
 * Local. */
#ifndef MPIAE_MODELS_ROWS_H
#define MPIAE_MODELS_ROWS_H

#include "mpiae/config/config.h"
#include "mpiae/data/dataset.h"
#include "mpiae/data/sampler.h"

/* Bytes of examples that a rank may keep (data.memory); 0 = all. */
int64_t ae_model_data_memory(const ae_config *config);

/* The sampler of a run that is so configured. */
ae_status ae_model_sampler(const ae_config *config, const ae_shards *shards, uint64_t seed, ae_sampler **out);

/* AE_USAGE when the examples are not kept: of models that take some from anywhere in the data. */
ae_status ae_model_require_rows(const char *model, const ae_dataset *data);

#endif
