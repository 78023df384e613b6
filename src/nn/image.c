#include "mpiae/nn/image.h"

#include <math.h>
#include <stdio.h>

enum { PATH_SIZE = 256 };

ae_image ae_nn_image(const ae_tensor *tensor) {
  return tensor == NULL ? (ae_image){0} : (ae_image){tensor->dim[0], tensor->dim[1], tensor->dim[2]};
}

/* Weight and bias of a layer; dim: those of the weight. */
static void add_parameters(ae_graph *graph, const char *path, const int64_t dim[4], const char *const axes[4],
                           int64_t outputs, const ae_parameter *found[2]) {
  static const char *const output[] = {"output"};
  char name[PATH_SIZE];
  const float bound = 1.0f / sqrtf((float)(dim[1] * dim[2] * dim[3]));
  snprintf(name, sizeof name, "%s/weight", path);
  found[0] = ae_params_add(ae_graph_params(graph), name, 4, dim, axes, bound, true);
  snprintf(name, sizeof name, "%s/bias", path);
  found[1] = ae_params_add(ae_graph_params(graph), name, 1, &outputs, output, bound, false);
}

ae_tensor *ae_nn_convolution(ae_graph *graph, const char *path, ae_tensor *in, ae_image image, int64_t outputs,
                             ae_kernel kernel, ae_activation activation) {
  static const char *const axes[] = {"output", "row", "column", "input"};
  const ae_parameter *parameter[2];
  if (in == NULL) return NULL;
  const int64_t dim[] = {outputs, kernel.side[0], kernel.side[1], image.channels};
  add_parameters(graph, path, dim, axes, outputs, parameter);
  return ae_convolution(graph, path, in, image, parameter[0], parameter[1], kernel, activation);
}

ae_tensor *ae_nn_convolution_transposed(ae_graph *graph, const char *path, ae_tensor *in, ae_image image,
                                        int64_t outputs, ae_kernel kernel, ae_activation activation) {
  static const char *const axes[] = {"input", "row", "column", "output"};
  const ae_parameter *parameter[2];
  if (in == NULL) return NULL;
  const int64_t dim[] = {image.channels, kernel.side[0], kernel.side[1], outputs};
  add_parameters(graph, path, dim, axes, outputs, parameter);
  return ae_convolution_transposed(graph, path, in, image, parameter[0], parameter[1], kernel, activation);
}

ae_tensor *ae_nn_residual(ae_graph *graph, const char *path, ae_tensor *in, int64_t hidden) {
  const ae_kernel wide = {{3, 3}, {1, 1}, 1, AE_MASK_NONE}, narrow = {{1, 1}, {0, 0}, 1, AE_MASK_NONE};
  char name[PATH_SIZE];
  if (in == NULL) return NULL;
  const ae_image image = ae_nn_image(in), inner = {image.rows, image.columns, hidden};
  snprintf(name, sizeof name, "%s/relu", path);
  ae_tensor *x = ae_activate(graph, name, in, AE_RELU);
  snprintf(name, sizeof name, "%s/wide", path);
  x = ae_nn_convolution(graph, name, x, image, hidden, wide, AE_RELU);
  snprintf(name, sizeof name, "%s/narrow", path);
  x = ae_nn_convolution(graph, name, x, inner, image.channels, narrow, AE_LINEAR);
  snprintf(name, sizeof name, "%s/sum", path);
  return ae_sum(graph, name, in, x);
}
