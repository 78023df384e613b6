#include "mpiae/nn/dense.h"

#include "mpiae/graph/ops.h"

#include <math.h>
#include <stdio.h>

enum { PATH_SIZE = 256 };

/* A linear layer whose parameters have the leading axis `statistic` when `statistics` is 2; its columns fall into
 * `groups`. */
static ae_tensor *layer(ae_graph *graph, const char *path, ae_tensor *const *in, int inputs, int64_t statistics,
                        int64_t groups, int64_t width, ae_activation activation) {
  static const char *const names[] = {"statistic", "output", "input"};
  char name[PATH_SIZE + sizeof "/weight"];
  int64_t fan_in = 0;
  for (int i = 0; i < inputs; i++) {
    if (in[i] == NULL) return NULL;
    fan_in += in[i]->width / groups;
  }
  const int64_t dim[] = {statistics, width, fan_in};
  const int skip = statistics == 1 ? 1 : 0;
  const float bound = 1.0f / sqrtf((float)fan_in);
  snprintf(name, sizeof name, "%s/weight", path);
  const ae_parameter *weight =
      ae_params_add(ae_graph_params(graph), name, 3 - skip, dim + skip, names + skip, bound, true);
  snprintf(name, sizeof name, "%s/bias", path);
  const ae_parameter *bias =
      ae_params_add(ae_graph_params(graph), name, 2 - skip, dim + skip, names + skip, bound, false);
  return ae_linear(graph, path, in, inputs, weight, bias, groups, activation);
}

ae_tensor *ae_nn_linear(ae_graph *graph, const char *path, ae_tensor *const *in, int inputs, int64_t width,
                        ae_activation activation) {
  return layer(graph, path, in, inputs, 1, 1, width, activation);
}

ae_tensor *ae_nn_hidden(ae_graph *graph, const char *path, ae_tensor *const *in, int inputs, ae_hidden hidden,
                        bool reversed) {
  ae_tensor *x = in[0];
  for (int i = 0; i < hidden.count; i++) {
    char name[PATH_SIZE];
    snprintf(name, sizeof name, "%s/hidden_%d", path, i);
    const int64_t width = hidden.width[reversed ? hidden.count - 1 - i : i];
    x = ae_nn_linear(graph, name, i == 0 ? in : &x, i == 0 ? inputs : 1, width, hidden.activation);
  }
  return x;
}

ae_tensor *ae_nn_gaussian(ae_graph *graph, const char *path, ae_tensor *in, int64_t latent) {
  return layer(graph, path, &in, 1, 2, 1, latent, AE_LINEAR);
}

ae_tensor *ae_nn_gaussian_pair(ae_graph *graph, const char *path, ae_tensor *const *in, int inputs, ae_hidden hidden,
                               int64_t latent, int axis, int64_t group) {
  char name[PATH_SIZE];
  ae_tensor *x = NULL;
  for (int i = 0; i < hidden.count; i++) {
    snprintf(name, sizeof name, "%s/hidden_%d", path, i);
    x = layer(graph, name, i == 0 ? in : &x, i == 0 ? inputs : 1, 2, i == 0 ? 1 : 2, hidden.width[i],
              hidden.activation);
  }
  if (group > 1) {
    snprintf(name, sizeof name, "%s/mean", path);
    x = ae_mean_rows(graph, name, x, axis, group);
  }
  snprintf(name, sizeof name, "%s/head", path);
  return layer(graph, name, &x, 1, 2, 2, latent, AE_LINEAR);
}
