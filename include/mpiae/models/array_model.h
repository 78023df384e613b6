/* What models of arrays begin with, dense or convolutional: their network, what it sees and how likely that is. Local. */
#ifndef MPIAE_MODELS_ARRAY_MODEL_H
#define MPIAE_MODELS_ARRAY_MODEL_H

#include "mpiae/models/likelihood.h"
#include "mpiae/models/network.h"

/* For create, after ae_model_init. AE_USAGE when the three do not go together, with each other or with the training data;
 * and when network.hidden is empty but the model needs hidden layers. */
ae_status ae_array_model_read(const ae_model *model, bool needs_hidden, ae_network *network, ae_examples *examples,
                              ae_likelihood *likelihood);

#endif
