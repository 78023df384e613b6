#include "mpiae/models/standard_prior.h"

#include "mpiae/base/philox.h"

#include <math.h>
#include <string.h>

const ae_figure ae_standard_prior_figure = {"kl", "divergence of the posterior from the prior",
                                            "divergence of the posterior from the prior, on data.test", "nat", false};

const ae_column ae_standard_prior_columns[] = {
    {"active_units", "latent dimensions whose divergence from the prior is above 0.01 nats on average", "", false},
    {0}};

ae_status ae_standard_prior_draw(ae_model *model, const ae_sample_request *request, int64_t at, int64_t count,
                                 float *code, int32_t *label) {
  const int64_t latent = model->code_width;
  (void)label;
  for (int64_t i = 0; i < count; i++)
    ae_random_fill_normal(ae_stream_of(request->seed, AE_RANDOM_SAMPLE, 0, at + i), latent, code + i * latent);
  return AE_OK;
}

float ae_standard_prior_warm_up(const ae_model *model, const ae_batch *batch) {
  const double warmup = ae_config_real(model->setup.config, "vae.warmup_epochs");
  const double done = (double)(batch->epoch - 1) + (double)batch->step / (double)batch->steps;
  return (float)(done < warmup ? done / warmup : 1);
}

void ae_standard_prior_sum(int64_t rows, int64_t latent, const float *q, double *sums) {
  memset(sums, 0, (size_t)latent * sizeof *sums);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < latent; j++) {
      const double mean = (double)q[2 * i * latent + j], logstd = (double)q[(2 * i + 1) * latent + j];
      sums[j] += 0.5 * (exp(2 * logstd) + mean * mean - 1) - logstd;
    }
}

void ae_standard_prior_take(const ae_model *model, int64_t latent, double *divergence, ae_metrics *metrics) {
  int active = 0;
  for (int64_t j = 0; j < latent; j++) {
    divergence[j] = model->statistic_sum[j] / (double)model->statistic_examples;
    active += divergence[j] > 0.01;
  }
  ae_metrics_set(metrics, "active_units", active);
}

ae_status ae_standard_prior_write(ae_h5 *file, int64_t latent, const double *divergence) {
  const ae_h5_dataset dataset = {
      "/z_kl",  AE_H5_FLOAT64, 1,
      {latent}, {"latent"},    "divergence of each dimension from the prior, mean over the epoch as it trained",
      "nat"};
  return ae_h5_write_whole(file, &dataset, divergence);
}
