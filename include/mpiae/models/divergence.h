/* The divergence of a posterior from N(0, 1), which variational models pay for their codes: its weight in the loss and
 * what is told of it. Local, unless it says so. */
#ifndef MPIAE_MODELS_DIVERGENCE_H
#define MPIAE_MODELS_DIVERGENCE_H

#include "mpiae/models/model.h"

/* The term "kl", and the table of columns, "active_units". */
extern const ae_figure ae_divergence_figure;
extern const ae_column ae_divergence_columns[];

/* The share of vae.beta that vae.warmup_epochs has come to. */
float ae_divergence_warm_up(const ae_model *model, const ae_batch *batch);

/* KL(q‖N(0, 1)) of each of `latent` dimensions, for posteriors q = (μ | s). Their sums over rows (rows, 2 latent), as
 * the hook `statistics` gives them; at the end of an epoch their means and the column; and, Collective, /z_kl of a codes
 * file. */
void ae_divergence_sum(int64_t rows, int64_t latent, const float *q, double *sums);
void ae_divergence_take(const ae_model *model, int64_t latent, double *divergence, ae_metrics *metrics);
ae_status ae_divergence_write(ae_h5 *file, int64_t latent, const double *divergence);

#endif
