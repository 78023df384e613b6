#include "mpiae/nn/pixelcnn.h"

#include "mpiae/nn/image.h"

#include <stdio.h>

enum { PATH_SIZE = 64, HEAD = 4 };

/* A network under construction. */
typedef struct building {
  ae_graph *graph;
  ae_pixelcnn shape;
  ae_tensor *label;
  ae_tensor *vertical, *horizontal; /* both stacks so far, (row, column, C) */
} building;

/* "layer_3/vertical" */
static const char *name_part(char out[PATH_SIZE], int layer, const char *part) {
  snprintf(out, PATH_SIZE, "layer_%d/%s", layer, part);
  return out;
}

static ae_tensor *convolve(ae_graph *graph, const char *path, ae_tensor *in, int64_t outputs, int64_t rows,
                           int64_t columns, ae_mask mask) {
  const ae_kernel kernel = {{rows, columns}, {rows / 2, columns / 2}, 1, mask};
  return in == NULL ? NULL : ae_nn_convolution(graph, path, in, ae_nn_image(in), outputs, kernel, AE_LINEAR);
}

/* Entries of <path>/weight. */
static ae_tensor *look_up(ae_graph *graph, const char *path, const char *const axes[2], ae_tensor *index,
                          int64_t entries, int64_t width) {
  char name[PATH_SIZE + 8];
  const int64_t dim[] = {entries, width};
  snprintf(name, sizeof name, "%s/weight", path);
  const ae_parameter *weight = ae_params_add(ae_graph_params(graph), name, 2, dim, axes, 1, false);
  return weight == NULL ? NULL : ae_embed(graph, path, index, (ae_table){entries, width, weight, NULL});
}

/* The same for every place of a map: what the label of its row adds in this layer. */
static ae_tensor *condition(const building *b, const char *sum, ae_tensor *map, ae_tensor *added) {
  return b->label == NULL ? map : ae_sum(b->graph, sum, map, added);
}

/* The first layer must not see the place itself; behind it nothing holds it any more. The last one's vertical features
 * go nowhere but across. */
static void add_layer(building *b, int layer) {
  static const char *const axes[] = {"label", "channel"};
  char name[PATH_SIZE];
  const int64_t channels = b->shape.channels, kernel = b->shape.kernel;
  const ae_mask mask = layer == 0 ? AE_MASK_BEFORE : AE_MASK_UP_TO;
  ae_graph *graph = b->graph;
  ae_tensor *added = NULL;
  if (b->label != NULL)
    added = look_up(graph, name_part(name, layer, "label"), axes, b->label, b->shape.labels, 2 * channels);
  ae_tensor *v = convolve(graph, name_part(name, layer, "vertical"), b->vertical, 2 * channels, kernel, kernel, mask);
  ae_tensor *across = convolve(graph, name_part(name, layer, "across"), v, 2 * channels, 1, 1, AE_MASK_NONE);
  ae_tensor *h = convolve(graph, name_part(name, layer, "horizontal"), b->horizontal, 2 * channels, 1, kernel, mask);
  h = ae_sum(graph, name_part(name, layer, "both"), h, across);
  h = ae_gate(graph, name_part(name, layer, "gate"), condition(b, name_part(name, layer, "given"), h, added));
  h = convolve(graph, name_part(name, layer, "output"), h, channels, 1, 1, AE_MASK_NONE);
  b->horizontal = layer == 0 ? h : ae_sum(graph, name_part(name, layer, "residual"), h, b->horizontal);
  if (layer == b->shape.layers - 1) return;
  v = condition(b, name_part(name, layer, "given_above"), v, added);
  b->vertical = ae_gate(graph, name_part(name, layer, "gate_above"), v);
}

ae_tensor *ae_nn_pixelcnn(ae_graph *graph, ae_tensor *index, ae_tensor *label, ae_pixelcnn shape) {
  static const char *const axes[] = {"entry", "channel"};
  building b = {.graph = graph, .shape = shape, .label = label};
  b.vertical = b.horizontal = look_up(graph, "embedding", axes, index, shape.entries, shape.channels);
  for (int layer = 0; layer < shape.layers; layer++) add_layer(&b, layer);
  ae_tensor *x = ae_activate(graph, "head/activation_0", b.horizontal, AE_RELU);
  x = convolve(graph, "head/hidden", x, HEAD * shape.channels, 1, 1, AE_MASK_NONE);
  x = ae_activate(graph, "head/activation_1", x, AE_RELU);
  return convolve(graph, "head/output", x, shape.entries, 1, 1, AE_MASK_NONE);
}
