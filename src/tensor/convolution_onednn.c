/* Convolution by oneDNN 2. Images stay channels last; weights are put into the order that its kernels want. A kernel is
 * made for one number of images: some are kept. */
#include "mpiae/base/memory.h"
#include "mpiae/tensor/convolution_kind.h"

#include <dnnl.h>
#include <stdio.h>
#include <string.h>

/* Channels of the input from which on oneDNN's gradient of it, which works on sixteen at a time, is faster than
 * im2col's: with 1, 3 and 16 its rate is 6, 23 and 100 GFLOP/s beside 20, 61 and 70. */
enum { CHANNELS_WORTH_BACKWARD = 8 };

/* A step has segments of two or three sizes and evaluation as many, in up to three directions. */
enum { MAX_KERNELS = 24, MAX_ORDERS = 8 };

typedef enum direction { FORWARD, BACKWARD, GRADIENT } direction;

/* An order of the weights, and the weights in it. */
typedef struct order {
  dnnl_memory_t memory;
  dnnl_primitive_t reorder; /* from ours, or, for gradients, to ours */
  bool fresh;
} order;

typedef struct orders {
  order all[MAX_ORDERS];
  int count;
} orders;

typedef struct kernel {
  direction way;
  int64_t images;
  int64_t used; /* when; 0 = a free place */
  dnnl_primitive_t primitive;
  dnnl_memory_t in, out; /* images of the input and of the output side, without memory of their own */
  order *order;
} kernel;

typedef struct onednn {
  ae_convolution_shape shape;
  int64_t kept[2]; /* taps of each side that are computed with */
  void *im2col;    /* state of what computes the input's gradient instead, or NULL */
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  float *weight, *gradient; /* (outputs, kept[0], kept[1], channels) */
  dnnl_memory_t plain;      /* of that order, without memory of its own */
  orders weights, gradients;
  kernel kernels[MAX_KERNELS];
  int64_t time;
} onednn;

static const char *library(void) {
  static char name[32];
  const dnnl_version_t *version = dnnl_version();
  snprintf(name, sizeof name, "oneDNN %d.%d.%d", version->major, version->minor, version->patch);
  return name;
}

static const char *reason(dnnl_status_t status) {
  switch (status) {
  case dnnl_out_of_memory:
    return "out of memory";
  case dnnl_invalid_arguments:
    return "invalid arguments";
  case dnnl_unimplemented:
    return "it has no kernel for this shape";
  default:
    return "runtime error";
  }
}

static ae_status checked(const ae_convolution_shape *s, dnnl_status_t status) {
  if (status == dnnl_success) return AE_OK;
  return AE_FAIL(AE_INTERNAL,
                 "%s cannot convolve images of %lld × %lld × %lld with %lld kernels of %lld × %lld: %s; mpiae built "
                 "with -DMPIAE_ONEDNN=OFF can",
                 library(), (long long)s->rows, (long long)s->columns, (long long)s->channels, (long long)s->outputs,
                 (long long)s->kernel[0], (long long)s->kernel[1], reason(status));
}

/* What worked for one image does not fail for more but for want of memory. */
static void require(dnnl_status_t status) {
  if (status != dnnl_success) ae_assert_failed(reason(status), "oneDNN", (int)status);
}

static dnnl_memory_desc_t describe(const dnnl_dims_t dim, dnnl_format_tag_t tag) {
  dnnl_memory_desc_t found;
  require(dnnl_memory_desc_init_by_tag(&found, 4, dim, dnnl_f32, tag));
  return found;
}

static dnnl_memory_desc_t describe_weights(const onednn *c, dnnl_format_tag_t tag) {
  return describe((dnnl_dims_t){c->shape.outputs, c->shape.channels, c->kept[0], c->kept[1]}, tag);
}

static dnnl_memory_desc_t describe_in(const onednn *c, int64_t images) {
  return describe((dnnl_dims_t){images, c->shape.channels, c->shape.rows, c->shape.columns}, dnnl_nhwc);
}

static dnnl_memory_desc_t describe_out(const onednn *c, int64_t images) {
  const int64_t rows = ae_convolution_rows(&c->shape), columns = ae_convolution_columns(&c->shape);
  return describe((dnnl_dims_t){images, c->shape.outputs, rows, columns}, dnnl_nhwc);
}

/* Padding below and to the right: what the kept taps of the last position reach beyond the image; negative when they
 * end before its edge. */
static int64_t padding_after(const onednn *c, int i) {
  const ae_convolution_shape *s = &c->shape;
  const int64_t length = i == 0 ? s->rows : s->columns;
  const int64_t positions = i == 0 ? ae_convolution_rows(s) : ae_convolution_columns(s);
  return (positions - 1) * s->stride + c->kept[i] - s->padding[i] - length;
}

/* The description of a kernel whose weights stand in the given order. Owned by the caller. */
static dnnl_status_t describe_kernel(const onednn *c, direction way, int64_t images, const dnnl_memory_desc_t *weights,
                                     dnnl_primitive_desc_t *out) {
  const dnnl_dims_t stride = {c->shape.stride, c->shape.stride};
  const dnnl_dims_t before = {c->shape.padding[0], c->shape.padding[1]};
  const dnnl_dims_t after = {padding_after(c, 0), padding_after(c, 1)};
  const dnnl_memory_desc_t x = describe_in(c, images), y = describe_out(c, images);
  dnnl_convolution_desc_t forward, backward;
  dnnl_primitive_desc_t hint = NULL;
  dnnl_status_t status = dnnl_convolution_forward_desc_init(&forward, dnnl_forward_training, dnnl_convolution_direct,
                                                            &x, weights, NULL, &y, stride, before, after);
  if (status != dnnl_success) return status;
  if (way == FORWARD) return dnnl_primitive_desc_create(out, &forward, NULL, c->engine, NULL);
  status = dnnl_primitive_desc_create(&hint, &forward, NULL, c->engine, NULL);
  if (status == dnnl_success)
    status = way == BACKWARD ? dnnl_convolution_backward_data_desc_init(&backward, dnnl_convolution_direct, &x, weights,
                                                                        &y, stride, before, after)
                             : dnnl_convolution_backward_weights_desc_init(&backward, dnnl_convolution_direct, &x,
                                                                           weights, NULL, &y, stride, before, after);
  if (status == dnnl_success) status = dnnl_primitive_desc_create(out, &backward, NULL, c->engine, hint);
  dnnl_primitive_desc_destroy(hint);
  return status;
}

/* Whether there are kernels for the shape at all. */
static dnnl_status_t try_shape(const onednn *c) {
  const dnnl_memory_desc_t any = describe_weights(c, dnnl_format_tag_any);
  dnnl_status_t status = dnnl_success;
  for (direction d = FORWARD; d <= GRADIENT && status == dnnl_success; d++) {
    dnnl_primitive_desc_t found = NULL;
    status = describe_kernel(c, d, 1, &any, &found);
    dnnl_primitive_desc_destroy(found);
  }
  return status;
}

static void free_kernel(kernel *k) {
  dnnl_primitive_destroy(k->primitive);
  dnnl_memory_destroy(k->in);
  dnnl_memory_destroy(k->out);
  memset(k, 0, sizeof *k);
}

static void free_orders(orders *o) {
  for (int i = 0; i < o->count; i++) {
    dnnl_primitive_destroy(o->all[i].reorder);
    dnnl_memory_destroy(o->all[i].memory);
  }
}

static void destroy(void *state) {
  onednn *c = state;
  for (int i = 0; i < MAX_KERNELS; i++) free_kernel(&c->kernels[i]);
  free_orders(&c->weights);
  free_orders(&c->gradients);
  dnnl_memory_destroy(c->plain);
  dnnl_stream_destroy(c->stream);
  dnnl_engine_destroy(c->engine);
  if (c->im2col != NULL) ae_convolver_im2col.destroy(c->im2col);
  AE_FREE(c->weight);
  AE_FREE(c->gradient);
  AE_FREE(c);
}

/* Taps that are masked at the end of a side are left out, as far as oneDNN allows a last position to end before the
 * edge of the image: by less than a stride. */
static void keep_taps(onednn *c) {
  for (int i = 0; i < 2; i++) {
    c->kept[i] = c->shape.taps[i] > 0 ? c->shape.taps[i] : 1;
    while (padding_after(c, i) <= -c->shape.stride) c->kept[i]++;
  }
}

static ae_status create(const ae_convolution_shape *shape, void **out) {
  ae_status status = AE_OK;
  onednn *c = NULL;
  AE_CHECK(AE_NEW(c, 1));
  c->shape = *shape;
  keep_taps(c);
  AE_CHECK(AE_NEW(c->weight, shape->outputs * c->kept[0] * c->kept[1] * shape->channels));
  AE_CHECK(AE_NEW(c->gradient, shape->outputs * c->kept[0] * c->kept[1] * shape->channels));
  if (shape->channels < CHANNELS_WORTH_BACKWARD) AE_CHECK(ae_convolver_im2col.create(shape, &c->im2col));
  AE_CHECK(checked(shape, dnnl_engine_create(&c->engine, dnnl_cpu, 0)));
  AE_CHECK(checked(shape, dnnl_stream_create(&c->stream, c->engine, dnnl_stream_default_flags)));
  AE_CHECK(checked(shape, try_shape(c)));
  const dnnl_memory_desc_t plain = describe_weights(c, dnnl_ohwi);
  AE_CHECK(checked(shape, dnnl_memory_create(&c->plain, &plain, c->engine, DNNL_MEMORY_NONE)));
  *out = c;
  c = NULL;
cleanup:
  if (c != NULL) destroy(c);
  return status;
}

static void load(void *state, const float *weight) {
  onednn *c = state;
  ae_convolution_narrow(&c->shape, c->kept, weight, c->weight);
  for (int i = 0; i < c->weights.count; i++) c->weights.all[i].fresh = false;
  if (c->im2col != NULL) ae_convolver_im2col.load(c->im2col, weight);
}

static const dnnl_memory_desc_t *description(dnnl_memory_t memory) {
  const dnnl_memory_desc_t *found;
  require(dnnl_memory_get_memory_desc(memory, &found));
  return found;
}

static void make_order(onednn *c, bool is_gradient, const dnnl_memory_desc_t *theirs, order *out) {
  const dnnl_memory_desc_t ours = describe_weights(c, dnnl_ohwi);
  dnnl_primitive_desc_t reorder;
  require(dnnl_memory_create(&out->memory, theirs, c->engine, DNNL_MEMORY_ALLOCATE));
  require(dnnl_reorder_primitive_desc_create(&reorder, is_gradient ? theirs : &ours, c->engine,
                                             is_gradient ? &ours : theirs, c->engine, NULL));
  require(dnnl_primitive_create(&out->reorder, reorder));
  dnnl_primitive_desc_destroy(reorder);
}

/* The place of this order among those met, made when there is room; NULL when there is none. */
static order *find_order(onednn *c, bool is_gradient, const dnnl_memory_desc_t *theirs) {
  orders *known = is_gradient ? &c->gradients : &c->weights;
  for (int i = 0; i < known->count; i++)
    if (dnnl_memory_desc_equal(description(known->all[i].memory), theirs)) return &known->all[i];
  if (known->count == MAX_ORDERS) return NULL;
  make_order(c, is_gradient, theirs, &known->all[known->count]);
  return &known->all[known->count++];
}

/* The fastest kernel, or, when it wants one order too many, one for an order that is there. */
static dnnl_primitive_desc_t choose_kernel(onednn *c, kernel *k) {
  const dnnl_memory_desc_t any = describe_weights(c, dnnl_format_tag_any);
  const bool is_gradient = k->way == GRADIENT;
  dnnl_primitive_desc_t found;
  require(describe_kernel(c, k->way, k->images, &any, &found));
  k->order = find_order(
      c, is_gradient,
      dnnl_primitive_desc_query_md(found, is_gradient ? dnnl_query_diff_weights_md : dnnl_query_weights_md, 0));
  if (k->order != NULL) return found;
  dnnl_primitive_desc_destroy(found);
  k->order = is_gradient ? &c->gradients.all[0] : &c->weights.all[0];
  require(describe_kernel(c, k->way, k->images, description(k->order->memory), &found));
  return found;
}

static void make_kernel(onednn *c, direction way, int64_t images, kernel *out) {
  const dnnl_memory_desc_t in = describe_in(c, images), y = describe_out(c, images);
  out->way = way;
  out->images = images;
  dnnl_primitive_desc_t chosen = choose_kernel(c, out);
  require(dnnl_primitive_create(&out->primitive, chosen));
  dnnl_primitive_desc_destroy(chosen);
  require(dnnl_memory_create(&out->in, &in, c->engine, DNNL_MEMORY_NONE));
  require(dnnl_memory_create(&out->out, &y, c->engine, DNNL_MEMORY_NONE));
}

/* The kernel for so many images: made when it is not there, in place of the one not used for longest. */
static kernel *find_kernel(onednn *c, direction way, int64_t images) {
  kernel *oldest = &c->kernels[0];
  kernel *found = NULL;
  for (int i = 0; i < MAX_KERNELS && found == NULL; i++) {
    kernel *k = &c->kernels[i];
    if (k->used > 0 && k->way == way && k->images == images) found = k;
    if (k->used < oldest->used) oldest = k;
  }
  if (found == NULL) {
    found = oldest;
    free_kernel(found);
    make_kernel(c, way, images, found);
  }
  found->used = ++c->time;
  return found;
}

/* oneDNN takes no const; it does not write to inputs. */
static void point(dnnl_memory_t memory, const float *values) {
  void *handle;
  memcpy(&handle, &values, sizeof handle);
  require(dnnl_memory_set_data_handle(memory, handle));
}

static void reorder(const onednn *c, const order *o, dnnl_memory_t from, dnnl_memory_t to) {
  require(
      dnnl_primitive_execute(o->reorder, c->stream, 2, (dnnl_exec_arg_t[]){{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}}));
}

static dnnl_memory_t weights_of(onednn *c, const kernel *k) {
  point(c->plain, c->weight);
  if (!k->order->fresh) reorder(c, k->order, c->plain, k->order->memory);
  k->order->fresh = true;
  return k->order->memory;
}

static void run(const onednn *c, const kernel *k, const dnnl_exec_arg_t argument[3]) {
  require(dnnl_primitive_execute(k->primitive, c->stream, 3, argument));
  require(dnnl_stream_wait(c->stream));
}

static void forward(void *state, int64_t images, const float *x, float *y) {
  onednn *c = state;
  const kernel *k = find_kernel(c, FORWARD, images);
  point(k->in, x);
  point(k->out, y);
  run(c, k, (dnnl_exec_arg_t[]){{DNNL_ARG_SRC, k->in}, {DNNL_ARG_WEIGHTS, weights_of(c, k)}, {DNNL_ARG_DST, k->out}});
}

static void backward(void *state, int64_t images, const float *dy, float *dx) {
  onednn *c = state;
  if (c->im2col != NULL) {
    ae_convolver_im2col.backward(c->im2col, images, dy, dx);
    return;
  }
  const kernel *k = find_kernel(c, BACKWARD, images);
  point(k->in, dx);
  point(k->out, dy);
  run(c, k,
      (dnnl_exec_arg_t[]){
          {DNNL_ARG_DIFF_SRC, k->in}, {DNNL_ARG_WEIGHTS, weights_of(c, k)}, {DNNL_ARG_DIFF_DST, k->out}});
}

static void gradient(void *state, int64_t images, const float *x, const float *dy, float *dw) {
  onednn *c = state;
  const kernel *k = find_kernel(c, GRADIENT, images);
  point(k->in, x);
  point(k->out, dy);
  run(c, k,
      (dnnl_exec_arg_t[]){
          {DNNL_ARG_SRC, k->in}, {DNNL_ARG_DIFF_WEIGHTS, k->order->memory}, {DNNL_ARG_DIFF_DST, k->out}});
  point(c->plain, c->gradient);
  reorder(c, k->order, k->order->memory, c->plain);
  ae_convolution_widen(&c->shape, c->kept, c->gradient, dw);
}

const ae_convolver_kind ae_convolver_onednn = {library, create, destroy, load, forward, backward, gradient};
