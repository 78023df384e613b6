/* Convolution of images and its transpose, each with its activation. The transposed one is the convolution that leads
 * from its output to its input, run backward. */
#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/graph/op.h"
#include "mpiae/graph/ops.h"
#include "mpiae/tensor/convolution.h"

#include <string.h>

/* Of a node, made by the builder but for the convolver. */
typedef struct convolution {
  ae_convolution_shape shape; /* of the convolver */
  ae_activation activation;
  bool transposed;
  ae_convolver *convolver;
} convolution;

static void release(void **state) {
  convolution *c = *state;
  ae_convolver_destroy(&c->convolver);
  AE_FREE(*state);
}

static ae_status prepare(const ae_graph *graph, ae_node *node, int64_t *scratch) {
  convolution *c = node->state;
  const ae_tensor *in = node->in[0];
  const int64_t rows = ae_graph_capacity(graph, node->out->axis);
  const int64_t gradient = ae_graph_gradient_scratch(graph, node->out);
  if (ae_graph_is_trained(graph))
    *scratch = ae_max(*scratch, gradient + ae_graph_tree_scratch(graph, node->parameter[0]->count));
  if (in->needs_gradient && node->adds[0]) *scratch = ae_max(*scratch, gradient + rows * in->width);
  node->rounds = ae_graph_multiplier(graph)->rounded;
  return ae_convolver_create(&c->shape, ae_graph_multiplier(graph), &c->convolver);
}

/* A node in a pass, for its segments. */
typedef struct pass {
  ae_graph *graph;
  const ae_node *node;
  convolution *c;
  ae_rows rows;
} pass;

static pass pass_of(ae_graph *graph, const ae_node *node) {
  return (pass){graph, node, node->state, ae_graph_rows(graph, node->out->axis)};
}

static int64_t count_of(const pass *p, int segment) { return p->rows.offset[segment + 1] - p->rows.offset[segment]; }

/* Where the segment begins in values or gradients of a tensor, and in operands. */
static float *of(const pass *p, int segment, const ae_tensor *tensor, float *values) {
  return values + p->rows.offset[segment] * tensor->width;
}
static const void *input_of(const pass *p, int segment) {
  ae_tensor *in = p->node->in[0];
  return ae_multiplier_at(ae_graph_multiplier(p->graph), ae_graph_operand(p->graph, in),
                          p->rows.offset[segment] * in->width);
}
static const void *gradient_of(const pass *p, int segment) {
  const ae_tensor *out = p->node->out;
  return ae_multiplier_at(ae_graph_multiplier(p->graph), ae_graph_gradient_operand(p->graph, out),
                          p->rows.offset[segment] * out->width);
}

/* Behind the output's gradient. */
static float *scratch_of(const pass *p) {
  return ae_graph_scratch(p->graph) + ae_graph_gradient_scratch(p->graph, p->node->out);
}

static int64_t channels(const convolution *c) { return c->transposed ? c->shape.channels : c->shape.outputs; }

static void forward(ae_graph *graph, const ae_node *node) {
  const pass p = pass_of(graph, node);
  const ae_tensor *out = node->out;
  ae_convolver_load(p.c->convolver, ae_params_value(ae_graph_params(graph), node->parameter[0]));
  for (int s = 0; s < p.rows.segments; s++) {
    const void *x = input_of(&p, s);
    float *y = of(&p, s, out, out->value);
    if (p.c->transposed) ae_convolver_backward(p.c->convolver, count_of(&p, s), x, y);
    else ae_convolver_forward(p.c->convolver, count_of(&p, s), x, y);
  }
  ae_bias_activate(p.rows.count * (out->width / channels(p.c)), channels(p.c),
                   ae_params_value(ae_graph_params(graph), node->parameter[1]), p.c->activation, out->value);
}

static void weight_leaf(void *context, int segment, bool add, float *out) {
  const pass *p = context;
  const void *x = input_of(p, segment), *dy = gradient_of(p, segment);
  (void)add; /* never asked for */
  ae_convolver_gradient(p->c->convolver, count_of(p, segment), p->c->transposed ? dy : x, p->c->transposed ? x : dy,
                        out);
}

static void bias_leaf(void *context, int segment, bool add, float *out) {
  const pass *p = context;
  (void)add; /* never asked for */
  ae_graph_prepare_gradient(p->graph, p->node->out, p->c->activation, segment, channels(p->c), out);
}

static void input_gradient(const pass *p, int segment) {
  const ae_tensor *in = p->node->in[0];
  const void *dy = gradient_of(p, segment);
  float *dx = of(p, segment, in, in->gradient);
  float *to = p->node->adds[0] ? scratch_of(p) : dx;
  if (p->c->transposed) ae_convolver_forward(p->c->convolver, count_of(p, segment), dy, to);
  else ae_convolver_backward(p->c->convolver, count_of(p, segment), dy, to);
  if (to != dx) ae_add(count_of(p, segment) * in->width, to, dx);
}

/* The bias comes first: its gradient is summed as that of the output is made ready. */
static void backward(ae_graph *graph, const ae_node *node) {
  pass p = pass_of(graph, node);
  ae_graph_tree(graph, node->parameter[1], false, bias_leaf, &p, scratch_of(&p));
  ae_graph_tree(graph, node->parameter[0], false, weight_leaf, &p, scratch_of(&p));
  for (int s = 0; s < p.rows.segments && node->in[0]->needs_gradient; s++) input_gradient(&p, s);
}

/* A tap at a position: where the channels of input, output and (for output 0) weight begin. */
typedef struct tap {
  int64_t x, y, weight;
} tap;

/* The next tap from number *at on that counts and lies inside the image; false when there are none left. */
static bool next_tap(const ae_convolution_shape *s, int64_t *at, tap *out) {
  const int64_t columns = ae_convolution_columns(s), taps = s->taps[0] * s->taps[1];
  for (; *at < ae_convolution_rows(s) * columns * taps; ++*at) {
    const int64_t position = *at / taps, row = *at % taps / s->taps[1], column = *at % s->taps[1];
    const int64_t x_row = position / columns * s->stride - s->padding[0] + row;
    const int64_t x_column = position % columns * s->stride - s->padding[1] + column;
    if (x_row < 0 || x_row >= s->rows || x_column < 0 || x_column >= s->columns) continue;
    *out = (tap){(x_row * s->columns + x_column) * s->channels, position * s->outputs,
                 (row * s->kernel[1] + column) * s->channels};
    ++*at;
    return true;
  }
  return false;
}

static void reference(const ae_node *node, const int64_t *rows, const double *const *in, const double *const *parameter,
                      int64_t out_rows, double *out) {
  const convolution *c = node->state;
  const ae_convolution_shape *s = &c->shape;
  const int64_t kernel = s->kernel[0] * s->kernel[1] * s->channels, width = node->out->width;
  (void)rows;
  for (int64_t r = 0; r < out_rows; r++, out += width) {
    const double *image = in[0] + r * node->in[0]->width;
    tap t;
    for (int64_t i = 0; i < width; i++) out[i] = parameter[1][i % channels(c)];
    for (int64_t at = 0; next_tap(s, &at, &t);)
      for (int64_t o = 0; o < s->outputs; o++)
        for (int64_t i = 0; i < s->channels; i++) {
          const double w = parameter[0][o * kernel + t.weight + i];
          if (c->transposed) out[t.x + i] += w * image[t.y + o];
          else out[t.y + o] += w * image[t.x + i];
        }
    for (int64_t i = 0; i < width; i++) out[i] = ae_op_activated(c->activation, out[i]);
  }
}

/* A case: the kernel, the activation and how many channels come out. */
typedef struct build_case {
  ae_kernel kernel;
  ae_activation activation;
  int64_t outputs;
  bool transposed;
} build_case;

static ae_tensor *build(ae_graph *graph, ae_params *params, const ae_tensor *in, build_case c) {
  const char *const axes[] = {"output", "row", "column", "input"};
  const ae_image image = {in->dim[0], in->dim[1], in->dim[2]};
  const int64_t *kernel = c.kernel.side;
  const int64_t dim[] = {c.transposed ? image.channels : c.outputs, kernel[0], kernel[1],
                         c.transposed ? c.outputs : image.channels};
  const ae_parameter *weight = ae_params_add(params, "weight", 4, dim, axes, 0.7f, true);
  const ae_parameter *bias = ae_params_add(params, "bias", 1, &c.outputs, axes, 0.7f, false);
  ae_tensor *x;
  memcpy(&x, &in, sizeof x);
  return (c.transposed ? ae_convolution_transposed : ae_convolution)(graph, "convolution", x, image, weight, bias,
                                                                     c.kernel, c.activation);
}

static ae_tensor *build_plain(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  return build(graph, params, in[0], (build_case){{{3, 2}, {0, 0}, 1, AE_MASK_NONE}, AE_LINEAR, 3, false});
}
static ae_tensor *build_strided(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  return build(graph, params, in[0], (build_case){{{4, 4}, {1, 1}, 2, AE_MASK_NONE}, AE_LINEAR, 4, false});
}
static ae_tensor *build_padded(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  return build(graph, params, in[0], (build_case){{{3, 3}, {1, 2}, 1, AE_MASK_NONE}, AE_TANH, 2, false});
}
static ae_tensor *build_relu(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  return build(graph, params, in[0], (build_case){{{3, 3}, {1, 1}, 2, AE_MASK_NONE}, AE_RELU, 3, false});
}
static ae_tensor *build_one_by_one(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  return build(graph, params, in[0], (build_case){{{1, 1}, {0, 0}, 1, AE_MASK_NONE}, AE_LINEAR, 5, false});
}
static ae_tensor *build_up_to(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  return build(graph, params, in[0], (build_case){{{3, 3}, {1, 1}, 1, AE_MASK_UP_TO}, AE_LINEAR, 2, false});
}
static ae_tensor *build_before(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  return build(graph, params, in[0], (build_case){{{5, 3}, {2, 1}, 1, AE_MASK_BEFORE}, AE_LINEAR, 2, false});
}
static ae_tensor *build_before_in_row(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  return build(graph, params, in[0], (build_case){{{1, 3}, {0, 1}, 1, AE_MASK_BEFORE}, AE_LINEAR, 2, false});
}
static ae_tensor *build_transposed(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  return build(graph, params, in[0], (build_case){{{4, 4}, {1, 1}, 2, AE_MASK_NONE}, AE_LINEAR, 3, true});
}
static ae_tensor *build_transposed_relu(ae_graph *graph, ae_params *params, ae_tensor *const *in) {
  return build(graph, params, in[0], (build_case){{{3, 2}, {1, 0}, 1, AE_MASK_NONE}, AE_RELU, 2, true});
}

static const ae_op_case convolution_cases[] = {
    {"plain", 1, {{1, 3, {5, 4, 2}, -1, 1, true}}, build_plain},
    {"stride 2 on odd sides", 1, {{1, 3, {7, 6, 3}, -1, 1, true}}, build_strided},
    {"padded, tanh", 1, {{1, 3, {4, 3, 2}, -1, 1, true}}, build_padded},
    {"relu", 1, {{1, 3, {3, 4, 2}, -1, 1, true}}, build_relu},
    {"1 x 1", 1, {{1, 3, {3, 3, 4}, -1, 1, true}}, build_one_by_one},
    {"rows up to the middle", 1, {{1, 3, {4, 4, 2}, -1, 1, true}}, build_up_to},
    {"rows before the middle", 1, {{1, 3, {4, 4, 2}, -1, 1, true}}, build_before},
    {"columns before the middle", 1, {{1, 3, {3, 4, 2}, -1, 1, true}}, build_before_in_row},
    {"an input without gradient", 1, {{1, 3, {5, 4, 2}, -1, 1, false}}, build_plain},
    {0}};

static const ae_op_case transposed_cases[] = {{"stride 2", 1, {{1, 3, {3, 2, 2}, -1, 1, true}}, build_transposed},
                                              {"relu", 1, {{1, 3, {2, 2, 2}, -1, 1, true}}, build_transposed_relu},
                                              {0}};

const ae_op ae_op_convolution = {
    "convolution", AE_READS_OUTPUT | AE_READS_INPUT_0, prepare, forward, backward, reference, convolution_cases};
const ae_op ae_op_convolution_transposed = {
    "convolution_transposed", AE_READS_OUTPUT | AE_READS_INPUT_0, prepare, forward, backward, reference,
    transposed_cases};

static int64_t taps_of(int64_t kernel, ae_mask mask) {
  if (mask == AE_MASK_UP_TO) return kernel / 2 + 1;
  return mask == AE_MASK_BEFORE ? kernel / 2 : kernel;
}

/* The convolver's image is the input of a convolution, the output of a transposed one. */
static ae_convolution_shape shape_of(ae_image image, int64_t outputs, ae_kernel kernel) {
  ae_convolution_shape shape = {image.rows, image.columns, image.channels, outputs, {0}, {0}, kernel.stride, {0}};
  memcpy(shape.kernel, kernel.side, sizeof shape.kernel);
  memcpy(shape.padding, kernel.padding, sizeof shape.padding);
  shape.taps[0] = taps_of(kernel.side[0], kernel.side[0] > 1 ? kernel.mask : AE_MASK_NONE);
  shape.taps[1] = taps_of(kernel.side[1], kernel.side[0] > 1 ? AE_MASK_NONE : kernel.mask);
  return shape;
}

static ae_status check(const char *name, const ae_tensor *in, ae_image image, ae_image out, const ae_parameter *weight,
                       ae_kernel kernel) {
  const long long rows = image.rows, columns = image.columns, channels_in = image.channels;
  if (out.rows < 1 || out.columns < 1)
    return AE_FAIL(AE_USAGE,
                   "%s: nothing is left of an image of %lld × %lld under a kernel of %lld × %lld: use larger "
                   "images or fewer layers",
                   name, rows, columns, (long long)kernel.side[0], (long long)kernel.side[1]);
  const int64_t taps = kernel.side[0] * kernel.side[1];
  if (in->width != image.rows * image.columns * image.channels || weight->count != image.channels * out.channels * taps)
    return AE_FAIL(AE_INTERNAL,
                   "convolution %s: an input of width %lld, images of %lld × %lld × %lld and %lld outputs do not fit a "
                   "weight of %lld numbers",
                   name, (long long)in->width, rows, columns, channels_in, (long long)out.channels,
                   (long long)weight->count);
  return AE_OK;
}

static ae_tensor *add_node(ae_graph *graph, const ae_op *op, const char *name, ae_tensor *in, ae_image out,
                           const ae_parameter *const parameter[2], convolution state) {
  convolution *kept = NULL;
  ae_node *node = ae_graph_add(graph, op, name, &in, 1, in->axis, 3, (int64_t[]){out.rows, out.columns, out.channels});
  if (node == NULL) return NULL;
  const ae_status status = AE_NEW(kept, 1);
  if (status != AE_OK) return ae_graph_fail(graph, status);
  *kept = state;
  node->state = kept;
  node->release = release;
  node->parameters = 2;
  node->parameter[0] = parameter[0];
  node->parameter[1] = parameter[1];
  return node->out;
}

ae_tensor *ae_convolution(ae_graph *graph, const char *name, ae_tensor *in, ae_image image, const ae_parameter *weight,
                          const ae_parameter *bias, ae_kernel kernel, ae_activation activation) {
  if (in == NULL || weight == NULL || bias == NULL) return NULL;
  const ae_convolution_shape shape = shape_of(image, bias->count, kernel);
  const ae_image out = {ae_convolution_rows(&shape), ae_convolution_columns(&shape), bias->count};
  const ae_status status = check(name, in, image, out, weight, kernel);
  if (status != AE_OK) return ae_graph_fail(graph, status);
  return add_node(graph, &ae_op_convolution, name, in, out, (const ae_parameter *const[]){weight, bias},
                  (convolution){shape, activation, false, NULL});
}

static int64_t transposed_side(int64_t side, ae_kernel kernel, int i) {
  return (side - 1) * kernel.stride - 2 * kernel.padding[i] + kernel.side[i];
}

ae_tensor *ae_convolution_transposed(ae_graph *graph, const char *name, ae_tensor *in, ae_image image,
                                     const ae_parameter *weight, const ae_parameter *bias, ae_kernel kernel,
                                     ae_activation activation) {
  if (in == NULL || weight == NULL || bias == NULL) return NULL;
  const ae_image out = {transposed_side(image.rows, kernel, 0), transposed_side(image.columns, kernel, 1), bias->count};
  const ae_status status = check(name, in, image, out, weight, kernel);
  if (status != AE_OK) return ae_graph_fail(graph, status);
  AE_ASSERT(kernel.mask == AE_MASK_NONE);
  return add_node(graph, &ae_op_convolution_transposed, name, in, out, (const ae_parameter *const[]){weight, bias},
                  (convolution){shape_of(out, image.channels, kernel), activation, true, NULL});
}
