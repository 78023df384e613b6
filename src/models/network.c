#include "mpiae/models/network.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/nn/image.h"

#include <stdio.h>

/* Halves the sides of an image, and, transposed, doubles them. */
static const ae_kernel halving = {{4, 4}, {1, 1}, 2, AE_MASK_NONE};

enum { PATH_SIZE = 256 };

/* How often both sides of an image can be halved. */
static int most_halvings(int64_t rows, int64_t columns) {
  int count = 0;
  for (; rows % 2 == 0 && columns % 2 == 0; rows /= 2, columns /= 2) count++;
  return count;
}

static ae_status check_sides(const ae_network *network) {
  const int most = most_halvings(network->rows, network->columns);
  char remedy[64] = "set network.kind=dense";
  if (network->halvings <= most) return AE_OK;
  if (most > 0) snprintf(remedy, sizeof remedy, "give network.channels %d number%s at most", most, most > 1 ? "s" : "");
  return AE_FAIL(AE_USAGE,
                 "network.channels halves images %d times, but sides of %lld × %lld can be halved %d times only: %s",
                 network->halvings, (long long)network->rows, (long long)network->columns, most, remedy);
}

static ae_status check_images(const ae_model_setup *setup, const ae_network *network) {
  char shape[AE_SHAPE_SIZE];
  if (network->halvings == 0)
    return AE_FAIL(AE_USAGE, "network.channels is empty, but network.kind=conv needs one convolution at least");
  if (setup->rank == 3) return check_sides(network);
  ae_print_shape("N", setup->rank, setup->dim, shape);
  return AE_FAIL(AE_USAGE, "network.kind=conv is for images, (N, C, H, W), but the data are %s: set network.kind=dense",
                 shape);
}

ae_status ae_network_read(const ae_model_setup *setup, ae_network *out) {
  const ae_config *config = setup->config;
  *out = (ae_network){.convolutional = ae_config_is(config, "network.kind", "conv"),
                      .rows = setup->dim[1],
                      .columns = setup->dim[2],
                      .depth = setup->dim[0],
                      .features = setup->features};
  out->hidden.count = ae_config_integers(config, "network.hidden", &out->hidden.width);
  out->hidden.activation = ae_config_is(config, "network.activation", "tanh") ? AE_TANH : AE_RELU;
  if (!out->convolutional) return AE_OK;
  out->halvings = ae_config_integers(config, "network.channels", &out->channels);
  return check_images(setup, out);
}

ae_tensor *ae_network_trunk(const ae_network *network, ae_graph *graph, const char *path, ae_tensor *x) {
  char name[PATH_SIZE];
  for (int i = 0; i < network->halvings && x != NULL; i++) {
    snprintf(name, sizeof name, "%s/conv_%d", path, i);
    x = ae_nn_convolution(graph, name, x, ae_nn_image(x), network->channels[i], halving, network->hidden.activation);
  }
  return x;
}

ae_tensor *ae_network_encoder(const ae_network *network, ae_graph *graph, ae_tensor *x, int64_t latent, bool gaussian) {
  ae_tensor *h = ae_network_trunk(network, graph, "encoder", x);
  h = ae_nn_hidden(graph, "encoder", &h, 1, network->hidden, false);
  return gaussian ? ae_nn_gaussian(graph, "encoder/head", h, latent)
                  : ae_nn_linear(graph, "encoder/head", &h, 1, latent, AE_LINEAR);
}

/* From the last map of the trunk to the image: the same layers from last to first, transposed. */
static ae_tensor *add_doublings(const ae_network *network, ae_graph *graph, ae_tensor *x) {
  const int64_t *channels = network->channels;
  char name[PATH_SIZE];
  for (int i = network->halvings - 1; i > 0; i--) {
    snprintf(name, sizeof name, "decoder/conv_%d", network->halvings - 1 - i);
    const ae_image map = {network->rows >> (i + 1), network->columns >> (i + 1), channels[i]};
    x = ae_nn_convolution_transposed(graph, name, x, map, channels[i - 1], halving, network->hidden.activation);
  }
  const ae_image last = {network->rows / 2, network->columns / 2, channels[0]};
  return ae_nn_convolution_transposed(graph, "decoder/output", x, last, network->depth, halving, AE_LINEAR);
}

ae_tensor *ae_network_decoder(const ae_network *network, ae_graph *graph, ae_tensor *const *codes, int count) {
  const ae_hidden hidden = network->hidden;
  ae_tensor *h = ae_nn_hidden(graph, "decoder", codes, count, hidden, true);
  ae_tensor *const *in = hidden.count > 0 ? &h : codes;
  if (hidden.count > 0) count = 1;
  if (!network->convolutional) return ae_nn_linear(graph, "decoder/output", in, count, network->features, AE_LINEAR);
  const int64_t places = (network->rows >> network->halvings) * (network->columns >> network->halvings);
  ae_tensor *map = ae_nn_linear(graph, "decoder/map", in, count, places * network->channels[network->halvings - 1],
                                hidden.activation);
  return add_doublings(network, graph, map);
}

ae_status ae_network_build_encoder(const ae_network *network, const ae_examples *examples, ae_params *params,
                                   int64_t latent, bool gaussian, ae_forward *out) {
  AE_RETURN_IF(ae_forward_begin(params, AE_BLOCK_ROWS, out));
  out->in[0] = ae_examples_input(examples, out->graph, "x", out->axis);
  out->out = ae_network_encoder(network, out->graph, out->in[0], latent, gaussian);
  return ae_forward_seal(out);
}

ae_status ae_network_build_decoder(const ae_network *network, ae_params *params, int64_t latent, ae_forward *out) {
  AE_RETURN_IF(ae_forward_begin(params, AE_BLOCK_ROWS, out));
  out->in[0] = ae_graph_input(out->graph, "z", out->axis, 1, &latent, false);
  out->out = ae_network_decoder(network, out->graph, out->in, 1);
  return ae_forward_seal(out);
}
