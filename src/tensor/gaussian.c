#include "mpiae/tensor/gaussian.h"

#include "mpiae/base/clones.h"
#include "mpiae/tensor/scalar.h"

#include <stddef.h>

/* Dimensions treated at a time: terms first, in vectors, then their sum in order. */
enum { PART = 32 };

AE_KERNEL int64_t part_of(int64_t latent, int64_t at) { return latent - at < PART ? latent - at : PART; }

AE_CLONES void ae_gaussian_draw(int64_t rows, int64_t latent, const float *q, const float *noise, float *z) {
  for (int64_t i = 0; i < rows; i++, q += 2 * latent, noise += latent, z += latent)
    for (int64_t j = 0; j < latent; j++) z[j] = q[j] + ae_scalar_exp(q[latent + j]) * noise[j];
}

AE_CLONES void ae_gaussian_draw_backward(int64_t rows, int64_t latent, const float *restrict q,
                                         const float *restrict noise, const float *restrict dz, bool add,
                                         float *restrict dq) {
  const float keep = add ? 1.0f : 0.0f;
  for (int64_t i = 0; i < rows; i++, q += 2 * latent, noise += latent, dz += latent, dq += 2 * latent) {
    if (!add) memset(dq, 0, (size_t)(2 * latent) * sizeof *dq);
    for (int64_t j = 0; j < latent; j++) {
      dq[j] = keep * dq[j] + dz[j];
      dq[latent + j] = keep * dq[latent + j] + dz[j] * (ae_scalar_exp(q[latent + j]) * noise[j]);
    }
  }
}

/* One dimension of the divergence. */
AE_KERNEL float divergence(float mean_q, float log_q, float mean_p, float log_p) {
  const float apart = mean_q - mean_p;
  return log_p - log_q - 0.5f + 0.5f * (ae_scalar_exp(2 * (log_q - log_p)) + apart * apart * ae_scalar_exp(-2 * log_p));
}

AE_CLONES void ae_gaussian_divergence(int64_t rows, int64_t latent, const float *q, const float *p,
                                      float *restrict out) {
  float term[PART];
  for (int64_t i = 0; i < rows; i++, q += 2 * latent) {
    out[i] = 0;
    for (int64_t at = 0; at < latent; at += PART) {
      const int64_t part = part_of(latent, at);
      if (p != NULL)
        for (int64_t j = 0; j < part; j++)
          term[j] = divergence(q[at + j], q[latent + at + j], p[at + j], p[latent + at + j]);
      else
        for (int64_t j = 0; j < part; j++) term[j] = divergence(q[at + j], q[latent + at + j], 0, 0);
      for (int64_t j = 0; j < part; j++) out[i] += term[j];
    }
    if (p != NULL) p += 2 * latent;
  }
}

/* target (op)= value: kept apart so that both branches round alike. */
AE_KERNEL void put(float *target, float value, bool add) { *target = add ? *target + value : value; }

AE_CLONES void ae_gaussian_divergence_backward(int64_t rows, int64_t latent, const float *q, const float *p,
                                               const float *upstream, bool add_q, float *dq, bool add_p, float *dp) {
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t j = 0; j < latent; j++) {
      const int64_t m = i * 2 * latent + j, s = m + latent;
      const float mean_p = p != NULL ? p[m] : 0, log_p = p != NULL ? p[s] : 0;
      const float precision = ae_scalar_exp(-2 * log_p), apart = q[m] - mean_p;
      const float ratio = ae_scalar_exp(2 * (q[s] - log_p)), slope = apart * precision;
      if (dq != NULL) {
        put(&dq[m], slope * upstream[i], add_q);
        put(&dq[s], (ratio - 1) * upstream[i], add_q);
      }
      if (dp != NULL) {
        put(&dp[m], -slope * upstream[i], add_p);
        put(&dp[s], (1 - ratio - apart * slope) * upstream[i], add_p);
      }
    }
  }
}

void ae_gaussian_part(int64_t rows, int64_t latent, const float *q, int part, float *out) {
  for (int64_t i = 0; i < rows; i++)
    memcpy(out + i * latent, q + (2 * i + part) * latent, (size_t)latent * sizeof *out);
}

double ae_gaussian_constant(int64_t dimensions) { return 0.5 * (double)dimensions * log(acos(-1.0)); }

void ae_gaussian_log_ratio(int64_t rows, int64_t latent, const float *q, const float *p, const float *noise,
                           const float *z, double *out) {
  for (int64_t i = 0; i < rows; i++, q += 2 * latent, noise += latent, z += latent) {
    out[i] = 0;
    for (int64_t j = 0; j < latent; j++) {
      const double e = (double)noise[j], mean = p != NULL ? (double)p[j] : 0,
                   log_p = p != NULL ? (double)p[latent + j] : 0;
      const double apart = ((double)z[j] - mean) * exp(-log_p);
      out[i] += 0.5 * (e * e - apart * apart) + (double)q[latent + j] - log_p;
    }
    if (p != NULL) p += 2 * latent;
  }
}
