#include "reference.h"

#include "harness.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const float *ae_reference_parameter(const ae_params *params, const char *path) {
  for (int i = 0; i < ae_params_count(params); i++)
    if (strcmp(ae_params_at(params, i)->path, path) == 0) return ae_params_value(params, ae_params_at(params, i));
  fail_msg("no parameter %s", path);
  return NULL;
}

static void multiply(const float *weight, const float *bias, const double *x, int inputs, int outputs, bool rectify,
                     double *y) {
  for (int o = 0; o < outputs; o++) {
    y[o] = (double)bias[o];
    for (int i = 0; i < inputs; i++) y[o] += (double)weight[o * inputs + i] * x[i];
    if (rectify && y[o] < 0) y[o] = 0;
  }
}

static const float *part(const ae_params *params, const char *path, const char *name) {
  char whole[128];
  snprintf(whole, sizeof whole, "%s/%s", path, name);
  return ae_reference_parameter(params, whole);
}

void ae_reference_layer(const ae_params *params, const char *path, const double *x, int inputs, int outputs,
                        bool rectify, double *y) {
  multiply(part(params, path, "weight"), part(params, path, "bias"), x, inputs, outputs, rectify, y);
}

void ae_reference_pair(const ae_params *params, const char *path, const double *x, int inputs, int hidden, int latent,
                       double *out) {
  double h[AE_REFERENCE_WIDEST];
  for (int k = 0; k < 2; k++) {
    multiply(part(params, path, "hidden_0/weight") + k * hidden * inputs,
             part(params, path, "hidden_0/bias") + k * hidden, x, inputs, hidden, true, h);
    multiply(part(params, path, "head/weight") + k * latent * hidden, part(params, path, "head/bias") + k * latent, h,
             hidden, latent, false, out + k * latent);
  }
}

void ae_reference_draw(ae_stream stream, int latent, const double *q, double *noise, double *z) {
  float drawn[AE_REFERENCE_WIDEST];
  ae_random_fill_normal(stream, latent, drawn);
  for (int j = 0; j < latent; j++) {
    noise[j] = (double)drawn[j];
    z[j] = q[j] + exp(q[latent + j]) * noise[j];
  }
}

double ae_reference_divergence(int latent, const double *q, const double *p) {
  double sum = 0;
  for (int j = 0; j < latent; j++) {
    const double sq = exp(q[latent + j]), sp = exp(p[latent + j]);
    sum += log(sp / sq) - 0.5 + (sq * sq + (q[j] - p[j]) * (q[j] - p[j])) / (2 * sp * sp);
  }
  return sum;
}

double ae_reference_log_density(int latent, const double *q, const double *z) {
  double sum = 0;
  for (int j = 0; j < latent; j++) {
    const double sigma = exp(q[latent + j]), apart = (z[j] - q[j]) / sigma;
    sum -= 0.5 * apart * apart + log(sigma) + 0.5 * log(2 * acos(-1.0));
  }
  return sum;
}

double ae_reference_bernoulli(int features, const double *logit, const double *x) {
  double sum = 0;
  for (int i = 0; i < features; i++) {
    const double p = 1 / (1 + exp(-logit[i]));
    sum -= x[i] * log(p) + (1 - x[i]) * log(1 - p);
  }
  return sum;
}
