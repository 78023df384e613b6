#include "mpiae/models/likelihood.h"

#include "mpiae/graph/ops.h"
#include "mpiae/tensor/elementwise.h"
#include "mpiae/tensor/gaussian.h"

const ae_figure ae_cross_entropy_figure = {"cross_entropy", "reconstruction term of the training loss",
                                           "reconstruction term of the test loss", "nat", false};
const ae_figure ae_squared_error_figure = {
    "squared_error",
    "reconstruction term of the training loss, with the constant of the Gaussian; of a VQ-VAE the mean as a share of "
    "the data's variance",
    "reconstruction term of the test loss, with the constant of the Gaussian; of a VQ-VAE the mean as a share of the "
    "training data's variance",
    "nat", false};

ae_status ae_likelihood_resolve(const ae_comm *comm, ae_config *config, const ae_dataset *data) {
  (void)comm, (void)data;
  if (!ae_config_is(config, "network.likelihood", "auto")) return AE_OK;
  return ae_config_set(config, "network.likelihood", "bernoulli");
}

ae_status ae_likelihood_read(const ae_config *config, const char *model, ae_likelihood *out) {
  const double center = ae_config_real(config, "data.center");
  if (ae_config_is(config, "network.likelihood", "categorical"))
    return AE_FAIL(AE_USAGE,
                   "network.likelihood=categorical is for model 'vqvae': choose bernoulli or gaussian for '%s'", model);
  out->bernoulli = !ae_config_is(config, "network.likelihood", "gaussian");
  if (!out->bernoulli || center == 0) return AE_OK;
  return AE_FAIL(AE_USAGE,
                 "data.center=%g takes values out of 0 to 1, which network.likelihood=bernoulli is for: remove it, or "
                 "set network.likelihood=gaussian",
                 center);
}

ae_status ae_likelihood_accept(const ae_likelihood *likelihood, const ae_examples *examples, const ae_dataset *data) {
  AE_RETURN_IF(ae_examples_accept(examples, data));
  if (!likelihood->bernoulli || (data->low >= 0 && data->high <= 1)) return AE_OK;
  return AE_FAIL(AE_USAGE,
                 "network.likelihood=bernoulli is for values in 0 to 1, but %s holds %.9g to %.9g" AE_SCALE_REMEDY
                 ", or network.likelihood=gaussian",
                 data->path, (double)data->low, (double)data->high);
}

bool ae_likelihood_is_proper(const ae_likelihood *likelihood, const ae_examples *examples) {
  return !likelihood->bernoulli || examples->binarized;
}

ae_tensor *ae_likelihood_loss(const ae_likelihood *likelihood, ae_graph *graph, ae_tensor *prediction, ae_tensor *x) {
  return likelihood->bernoulli ? ae_bernoulli_loss(graph, "cross_entropy", prediction, x)
                               : ae_gaussian_loss(graph, "squared_error", prediction, x);
}

const ae_figure *ae_likelihood_figure(const ae_likelihood *likelihood) {
  return likelihood->bernoulli ? &ae_cross_entropy_figure : &ae_squared_error_figure;
}

void ae_likelihood_evaluate(const ae_likelihood *likelihood, int64_t count, int64_t features, const float *prediction,
                            const float *x, float *out) {
  if (likelihood->bernoulli) {
    ae_bernoulli(count, features, prediction, x, out);
    return;
  }
  const float constant = (float)ae_gaussian_constant(features);
  ae_squared_error(count, features, prediction, x, out);
  for (int64_t i = 0; i < count; i++) out[i] += constant;
}

void ae_likelihood_show(const ae_likelihood *likelihood, const ae_examples *examples, int64_t count,
                        const float *prediction, float *x) {
  ae_examples_show(examples, count, prediction, x);
  if (likelihood->bernoulli) ae_sigmoid(count * examples->features, x, x);
}
