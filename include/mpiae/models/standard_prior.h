/* The prior N(0, 1) over a code in each of its dimensions: samples of it, and what posteriors pay for leaving it. Local,
 * unless it says so. */
#ifndef MPIAE_MODELS_STANDARD_PRIOR_H
#define MPIAE_MODELS_STANDARD_PRIOR_H

#include "mpiae/models/model.h"

/* The term "kl", and the table of columns, "active_units". */
extern const ae_figure ae_standard_prior_figure;
extern const ae_column ae_standard_prior_columns[];

/* The hook `draw`. */
ae_status ae_standard_prior_draw(ae_model *model, const ae_sample_request *request, int64_t at, int64_t count,
                                 float *code, int32_t *label);

/* The share of vae.beta that vae.warmup_epochs has come to. */
float ae_standard_prior_warm_up(const ae_model *model, const ae_batch *batch);

/* KL(q‖N(0, 1)) of each of `latent` dimensions, for posteriors q = (μ | s). Their sums over rows (rows, 2 latent), as
 * the hook `statistics` gives them; at the end of an epoch their means and the column; and, Collective, /z_kl of a codes
 * file. */
void ae_standard_prior_sum(int64_t rows, int64_t latent, const float *q, double *sums);
void ae_standard_prior_take(const ae_model *model, int64_t latent, double *divergence, ae_metrics *metrics);
ae_status ae_standard_prior_write(ae_h5 *file, int64_t latent, const double *divergence);

#endif
