/* Tables of configuration keys that several models share. */
#ifndef MPIAE_MODELS_KEYS_H
#define MPIAE_MODELS_KEYS_H

#include "mpiae/config/config.h"

/* Names of all models: the choices of the key `model`; ended by NULL. Filled in before main. */
#define AE_MODELS_MAX 32
extern const char *ae_model_names[AE_MODELS_MAX];

extern const ae_key ae_keys_common[];     /* model, data, train, checkpoint, output */
extern const ae_key ae_keys_network[];    /* network: dense or convolutional */
extern const ae_key ae_keys_latent[];     /* network.latent_size */
extern const ae_key ae_keys_likelihood[]; /* network.likelihood */
extern const ae_key ae_keys_vae[];        /* vae */
extern const ae_key ae_keys_kmeans[];     /* kmeans */

/* A key has an effect only where another has this value, or any but this; models that lack the other have no such
 * condition. */
typedef struct ae_key_condition {
  const char *key, *other, *word;
  bool unless;
} ae_key_condition;
extern const ae_key_condition ae_key_conditions[]; /* on keys of the tables above; ends with a row whose key is NULL */

#endif
