#include "mpiae/nn/set.h"

#include "mpiae/graph/ops.h"
#include "mpiae/graph/ops_sets.h"

#include <math.h>
#include <stdio.h>

enum { PATH_SIZE = 256 };

static const char *const weight_axes[] = {"output", "input"};

/* Parameter <path>/<layer>/<name>. */
static const ae_parameter *add(ae_graph *graph, const char *path, const char *layer, const char *name, int rank,
                               const int64_t *dim, float bound, bool decays) {
  char whole[PATH_SIZE];
  snprintf(whole, sizeof whole, "%s/%s/%s", path, layer, name);
  return ae_params_add(ae_graph_params(graph), whole, rank, dim, weight_axes, bound, decays);
}

static float glorot(int64_t fan_in, int64_t fan_out) { return sqrtf(6.0f / (float)(fan_in + fan_out)); }

static const ae_parameter *add_weight(ae_graph *graph, const char *path, const char *layer, int64_t outputs,
                                      int64_t inputs) {
  return add(graph, path, layer, "weight", 2, (int64_t[]){outputs, inputs}, glorot(inputs, outputs), true);
}

static ae_tensor *project(ae_graph *graph, const char *path, const char *layer, ae_tensor *in, int64_t width) {
  char name[PATH_SIZE];
  if (in == NULL) return NULL;
  snprintf(name, sizeof name, "%s/%s", path, layer);
  return ae_project(graph, name, in, add_weight(graph, path, layer, width, in->width));
}

static ae_tensor *feed(ae_graph *graph, const char *path, const char *layer, ae_tensor *in, int64_t width,
                       ae_activation activation) {
  char name[PATH_SIZE];
  if (in == NULL) return NULL;
  snprintf(name, sizeof name, "%s/%s", path, layer);
  const ae_parameter *weight = add_weight(graph, path, layer, width, in->width);
  const ae_parameter *bias = add(graph, path, layer, "bias", 1, &width, 0, false);
  return ae_linear(graph, name, &in, 1, weight, bias, 1, activation);
}

/* LN(a + b). */
static ae_tensor *add_and_norm(ae_graph *graph, const char *path, const char *layer, ae_tensor *a, ae_tensor *b) {
  char name[PATH_SIZE];
  if (a == NULL || b == NULL) return NULL;
  snprintf(name, sizeof name, "%s/%s", path, layer);
  const ae_parameter *gain = add(graph, path, layer, "gain", 1, &a->width, 0, false);
  const ae_parameter *bias = add(graph, path, layer, "bias", 1, &a->width, 0, false);
  ae_params_start_about(ae_graph_params(graph), gain, 1);
  return ae_layer_norm(graph, name, ae_sum(graph, name, a, b), gain, bias);
}

ae_tensor *ae_nn_set_block(ae_graph *graph, const char *path, ae_tensor *queries, ae_tensor *keys, int64_t heads) {
  char name[PATH_SIZE];
  if (queries == NULL || keys == NULL) return NULL;
  const int64_t width = queries->width;
  ae_tensor *q = project(graph, path, "query", queries, width);
  ae_tensor *k = project(graph, path, "key", keys, width);
  ae_tensor *v = project(graph, path, "value", keys, width);
  snprintf(name, sizeof name, "%s/attention", path);
  ae_tensor *found = project(graph, path, "output", ae_attention(graph, name, q, k, v, heads), width);
  ae_tensor *h = add_and_norm(graph, path, "attention_norm", queries, found);
  ae_tensor *y = feed(graph, path, "forward_0", h, width, AE_LEAKY_RELU);
  return add_and_norm(graph, path, "forward_norm", h, feed(graph, path, "forward_1", y, width, AE_LINEAR));
}

ae_tensor *ae_nn_set_pool(ae_graph *graph, const char *path, ae_tensor *points, int axis, int64_t seeds,
                          int64_t heads) {
  static const char *const axes[] = {"seed", "dimension"};
  char name[PATH_SIZE];
  if (points == NULL) return NULL;
  snprintf(name, sizeof name, "%s/seeds", path);
  const ae_parameter *seed = ae_params_add(ae_graph_params(graph), name, 2, (int64_t[]){seeds, points->width}, axes,
                                           glorot(seeds, points->width), true);
  return ae_nn_set_block(graph, path, ae_seeds(graph, name, seed, axis), points, heads);
}
