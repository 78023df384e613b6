/* Configurations of models, and what they mean to a program before there is a model. Local. */
#ifndef MPIAE_MODELS_CONFIGURE_H
#define MPIAE_MODELS_CONFIGURE_H

#include "mpiae/models/model.h"

/* Reads configuration text (name: what messages call it; NULL text: defaults) and overrides with the keys of the
 * model it names. A key that only another model knows is AE_USAGE and says which models it is for. */
ae_status ae_model_configure(const char *text, int64_t length, const char *name, const char *const *overrides,
                             int count, ae_config **out);

/* Warns of every key whose value is not its default but has no effect, another key being what it is. */
void ae_model_warn_of_idle_keys(const ae_config *config);

/* From now on this process computes on train.threads threads; a warning where it cannot. Before create, on which
 * that may depend. */
void ae_model_use_threads(const ae_config *config);

/* AE_USAGE when the data are sets and such a model is for arrays, or the reverse; when they are not kept in memory, and the
 * model makes sets of them. */
ae_status ae_model_check_kind(const ae_model_type *type, const ae_config *config, const ae_dataset *data);

#endif
