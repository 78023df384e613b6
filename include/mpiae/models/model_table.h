/* Which models there are. Local. */
#ifndef MPIAE_MODELS_MODEL_TABLE_H
#define MPIAE_MODELS_MODEL_TABLE_H

#include "mpiae/models/model.h"

/* The type of this name, or NULL. */
const ae_model_type *ae_model_find(const char *name);

/* All types, ended by NULL. */
const ae_model_type *const *ae_model_table(void);

/* Key tables of all models with the common ones (for help and for finding a key's owner). NULL-terminated, constant. */
const ae_key *const *ae_model_key_tables(void);

/* The names of the models whose type has something, for messages: "vae, vhe". `context` goes to `has`. */
void ae_model_list(bool (*has)(const ae_model_type *type, const void *context), const void *context, char *out,
                   size_t size);

#endif
