/* The prior over the codes of a model with indices for codes: a trained model of its own. */
#ifndef MPIAE_CLI_PRIOR_H
#define MPIAE_CLI_PRIOR_H

#include "result.h"

/* Collective. Opens the prior `name` for codes of the result's model. AE_USAGE when that model takes no prior, when
 * `name` is none, or one of other codes: of other maps, or of another codebook. */
ae_status ae_prior_open(const ae_result *result, const char *name, ae_loaded **out);

/* Collective. −ln p(codes) under the prior, in nats, mean over the examples of the result's data. rows: the own codes
 * (own, code_width). */
ae_status ae_prior_price(const ae_result *result, ae_model *prior, const float *rows, double *nats);

#endif
