#include "network.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/graph/ops.h"
#include "mpiae/graph/ops_sets.h"
#include "mpiae/nn/dense.h"
#include "mpiae/nn/set.h"

#include <math.h>
#include <stdio.h>

enum { PATH_SIZE = 64 };

static const char *const axes[] = {"output", "input"};

ae_status ae_set_network_read(const ae_config *config, int64_t dim, bool variational, ae_set_network *out) {
  *out = (ae_set_network){.dim = dim,
                          .width = ae_config_integer(config, "set.width"),
                          .heads = ae_config_integer(config, "set.heads"),
                          .blocks = ae_config_integer(config, "set.blocks"),
                          .variational = variational};
  out->code = variational ? ae_config_integer(config, "set.latent_size") : out->width;
  if (out->width % out->heads == 0) return AE_OK;
  return AE_FAIL(AE_USAGE, "set.heads=%lld does not divide set.width=%lld: each head has as many dimensions",
                 (long long)out->heads, (long long)out->width);
}

static ae_tensor *add_blocks(const ae_set_network *network, ae_graph *graph, const char *path, ae_tensor *h) {
  char name[PATH_SIZE];
  for (int64_t i = 0; i < network->blocks; i++) {
    snprintf(name, sizeof name, "%s/block_%d", path, (int)i);
    h = ae_nn_set_block(graph, name, h, h, network->heads);
  }
  return h;
}

ae_tensor *ae_set_encoder(const ae_set_network *network, ae_graph *graph, ae_tensor *points, int sets) {
  const int64_t width = network->width;
  ae_tensor *h = ae_nn_linear(graph, "encoder/point_0", &points, 1, ae_max(1, width / 4), AE_LEAKY_RELU);
  h = ae_nn_linear(graph, "encoder/point_1", &h, 1, width, AE_LINEAR);
  h = add_blocks(network, graph, "encoder", h);
  h = ae_nn_set_pool(graph, "encoder/pool", h, sets, 1, 1);
  if (!network->variational) return h;
  h = ae_nn_linear(graph, "encoder/hidden", &h, 1, ae_max(1, width / 2), AE_RELU);
  return ae_nn_gaussian(graph, "encoder/head", h, network->code);
}

/* A linear layer without a bias. */
static ae_tensor *project(ae_graph *graph, const char *path, ae_tensor *in, int64_t width) {
  char name[PATH_SIZE];
  if (in == NULL) return NULL;
  snprintf(name, sizeof name, "%s/weight", path);
  const ae_parameter *weight = ae_params_add(ae_graph_params(graph), name, 2, (int64_t[]){width, in->width}, axes,
                                             1.0f / sqrtf((float)in->width), true);
  return ae_project(graph, path, in, weight);
}

const ae_parameter *ae_set_output_bias(const ae_set_network *network, ae_params *params) {
  return ae_params_add(params, "decoder/output/bias", 1, &network->dim, axes, 0, false);
}

ae_tensor *ae_set_decoder(const ae_set_network *network, ae_graph *graph, ae_tensor *code, ae_tensor *start) {
  if (code == NULL || start == NULL) return NULL;
  ae_params *params = ae_graph_params(graph);
  const int64_t width = network->width;
  ae_tensor *told = project(graph, "decoder/code", code, width);
  ae_tensor *h = ae_nn_linear(graph, "decoder/point", &start, 1, width, AE_LINEAR);
  h = ae_sum(graph, "decoder/input", h, ae_repeat_per_set(graph, "decoder/code_of_point", told, start->axis));
  h = add_blocks(network, graph, "decoder", h);
  const ae_parameter *weight =
      ae_params_add(params, "decoder/output/weight", 2, (int64_t[]){network->dim, width}, axes, 0, true);
  return ae_linear(graph, "decoder/output", &h, 1, weight, ae_set_output_bias(network, params), 1, AE_LINEAR);
}

ae_tensor *ae_set_size_predictor(const ae_set_network *network, ae_graph *graph, ae_tensor *code, int64_t most) {
  ae_tensor *h = ae_nn_linear(graph, AE_SET_SIZE_PATH "hidden", &code, 1, ae_max(1, network->width / 2), AE_RELU);
  return ae_nn_linear(graph, AE_SET_SIZE_PATH "output", &h, 1, most + 1, AE_LINEAR);
}
