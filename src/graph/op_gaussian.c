/* Diagonal Gaussians: reparameterised samples and divergences. */
#include "mpiae/graph/op.h"
#include "mpiae/graph/ops.h"
#include "mpiae/tensor/gaussian.h"

#include <math.h>

static ae_status check_width(const char *op, const char *name, const ae_tensor *gaussian, int64_t latent) {
  if (gaussian->width == 2 * latent) return AE_OK;
  return AE_FAIL(AE_INTERNAL, "%s %s: a Gaussian of width %lld does not fit %lld dimensions", op, name,
                 (long long)gaussian->width, (long long)latent);
}

static void sample_forward(ae_graph *graph, const ae_node *node) {
  ae_gaussian_draw(ae_graph_rows(graph, node->out->axis).count, node->out->width, node->in[0]->value,
                   node->in[1]->value, node->out->value);
}

static void sample_backward(ae_graph *graph, const ae_node *node) {
  ae_gaussian_draw_backward(ae_graph_rows(graph, node->out->axis).count, node->out->width, node->in[0]->value,
                            node->in[1]->value, node->out->gradient, node->adds[0], node->in[0]->gradient);
}

static void sample_reference(const ae_node *node, const int64_t *rows, const double *const *in,
                             const double *const *parameter, int64_t out_rows, double *out) {
  const int64_t latent = node->out->width;
  (void)rows, (void)parameter;
  for (int64_t i = 0; i < out_rows; i++)
    for (int64_t j = 0; j < latent; j++)
      out[i * latent + j] = in[0][2 * i * latent + j] + exp(in[0][(2 * i + 1) * latent + j]) * in[1][i * latent + j];
}

static ae_tensor *build_sample(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  (void)params;
  return ae_gaussian_sample(graph, "sample", in[0], in[1]);
}

static const ae_op_case sample_cases[] = {
    {"sample", 2, {{1, 1, {10}, -1, 1, AE_CASE_DIFFERENTIABLE}, {1, 1, {5}, -2, 2, AE_CASE_CONSTANT}}, build_sample},
    {0}};

const ae_op ae_op_gaussian_sample = {"gaussian_sample", AE_READS_INPUTS,  NULL,        sample_forward,
                                     sample_backward,   sample_reference, sample_cases};

ae_tensor *ae_gaussian_sample(ae_graph *graph, const char *name, ae_tensor *gaussian, ae_tensor *noise) {
  ae_tensor *const in[] = {gaussian, noise};
  if (gaussian == NULL || noise == NULL) return NULL;
  const ae_status status = check_width("gaussian_sample", name, gaussian, noise->width);
  if (status != AE_OK) return ae_graph_fail(graph, status);
  ae_node *node = ae_graph_add(graph, &ae_op_gaussian_sample, name, in, 2, noise->axis, 1, &noise->width);
  return node == NULL ? NULL : node->out;
}

static const float *prior_of(const ae_node *node) { return node->inputs == 2 ? node->in[1]->value : NULL; }

static void kl_forward(ae_graph *graph, const ae_node *node) {
  ae_gaussian_divergence(ae_graph_rows(graph, node->out->axis).count, node->in[0]->width / 2, node->in[0]->value,
                         prior_of(node), node->out->value);
}

static void kl_backward(ae_graph *graph, const ae_node *node) {
  ae_gaussian_divergence_backward(ae_graph_rows(graph, node->out->axis).count, node->in[0]->width / 2,
                                  node->in[0]->value, prior_of(node), node->out->gradient, node->adds[0],
                                  node->in[0]->gradient, node->adds[1],
                                  node->inputs == 2 ? node->in[1]->gradient : NULL);
}

static void kl_reference(const ae_node *node, const int64_t *rows, const double *const *in,
                         const double *const *parameter, int64_t out_rows, double *out) {
  const int64_t latent = node->in[0]->width / 2;
  (void)rows, (void)parameter;
  for (int64_t i = 0; i < out_rows; i++) {
    out[i] = 0;
    for (int64_t j = 0; j < latent; j++) {
      const double *q = in[0] + 2 * i * latent, *p = node->inputs == 2 ? in[1] + 2 * i * latent : NULL;
      const double mean = p != NULL ? p[j] : 0, log_p = p != NULL ? p[latent + j] : 0, log_q = q[latent + j];
      out[i] += log_p - log_q - 0.5 + (exp(2 * log_q) + pow(q[j] - mean, 2)) / (2 * exp(2 * log_p));
    }
  }
}

static ae_tensor *build_kl(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  (void)params;
  return ae_gaussian_kl(graph, "kl", in[0], in[1]);
}

static ae_tensor *build_kl_standard(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  (void)params;
  return ae_gaussian_kl_standard(graph, "kl", in[0]);
}

static const ae_op_case kl_cases[] = {
    {"two Gaussians",
     2,
     {{1, 1, {12}, -1, 1, AE_CASE_DIFFERENTIABLE}, {1, 1, {12}, -1, 1, AE_CASE_DIFFERENTIABLE}},
     build_kl},
    {"against the standard normal", 1, {{1, 1, {70}, -1, 1, AE_CASE_DIFFERENTIABLE}}, build_kl_standard},
    {0}};

const ae_op ae_op_gaussian_kl = {"gaussian_kl", AE_READS_INPUTS, NULL, kl_forward, kl_backward, kl_reference, kl_cases};

ae_tensor *ae_gaussian_kl(ae_graph *graph, const char *name, ae_tensor *q, ae_tensor *p) {
  ae_tensor *const in[] = {q, p};
  if (q == NULL || p == NULL) return NULL;
  const ae_status status = check_width("gaussian_kl", name, p, q->width / 2);
  if (status != AE_OK) return ae_graph_fail(graph, status);
  ae_node *node = ae_graph_add(graph, &ae_op_gaussian_kl, name, in, 2, q->axis, 0, NULL);
  return node == NULL ? NULL : node->out;
}

ae_tensor *ae_gaussian_kl_standard(ae_graph *graph, const char *name, ae_tensor *q) {
  ae_tensor *const in[] = {q};
  if (q == NULL) return NULL;
  ae_node *node = ae_graph_add(graph, &ae_op_gaussian_kl, name, in, 1, q->axis, 0, NULL);
  return node == NULL ? NULL : node->out;
}
