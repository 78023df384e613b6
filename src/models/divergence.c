#include "mpiae/models/divergence.h"

#include <math.h>
#include <string.h>

const ae_figure ae_divergence_figure = {"kl", "divergence of the posterior from the prior",
                                        "divergence of the posterior from the prior, on data.test", "nat", false};

const ae_column ae_divergence_columns[] = {
    {"active_units", "latent dimensions whose divergence from the prior is above 0.01 nats on average", "", false},
    {0}};

float ae_divergence_warm_up(const ae_model *model, const ae_batch *batch) {
  const double warmup = ae_config_real(model->setup.config, "vae.warmup_epochs");
  const double done = (double)(batch->epoch - 1) + (double)batch->step / (double)batch->steps;
  return (float)(done < warmup ? done / warmup : 1);
}

void ae_divergence_sum(int64_t rows, int64_t latent, const float *q, double *sums) {
  memset(sums, 0, (size_t)latent * sizeof *sums);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < latent; j++) {
      const double mean = (double)q[2 * i * latent + j], logstd = (double)q[(2 * i + 1) * latent + j];
      sums[j] += 0.5 * (exp(2 * logstd) + mean * mean - 1) - logstd;
    }
}

void ae_divergence_take(const ae_model *model, int64_t latent, double *divergence, ae_metrics *metrics) {
  int active = 0;
  for (int64_t j = 0; j < latent; j++) {
    divergence[j] = model->statistic_sum[j] / (double)model->statistic_examples;
    active += divergence[j] > 0.01;
  }
  ae_metrics_set(metrics, "active_units", active);
}

ae_status ae_divergence_write(ae_h5 *file, int64_t latent, const double *divergence) {
  const ae_h5_dataset dataset = {
      "/z_kl",  AE_H5_FLOAT64, 1,
      {latent}, {"latent"},    "divergence of each dimension from the prior, mean over the epoch as it trained",
      "nat"};
  return ae_h5_write_whole(file, &dataset, divergence);
}
