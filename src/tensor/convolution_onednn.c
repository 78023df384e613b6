/* Convolution by oneDNN, of floats or of bf16 into floats. Images stay channels last; weights are put into the type and
 * the order that its kernels want. A kernel is made for one number of images: some are kept. */
#include "mpiae/base/memory.h"
#include "mpiae/tensor/convolution_kind.h"
#include "onednn.h"

#include <string.h>

/* Channels of the input from which on oneDNN's gradient of it, which works on sixteen at a time, is faster than
 * im2col's: with 1, 3 and 16 its rate is 6, 23 and 100 GFLOP/s beside 20, 61 and 70; in bf16 by AMX, with 1, 3, 8, 12
 * and 16, 24, 69, 106, 185 and 209 beside 57, 95, 171, 160 and 109. */
enum { CHANNELS_WORTH_BACKWARD = 8 };

/* A step has segments of two or three sizes and evaluation as many, in up to three directions. */
enum { MAX_KERNELS = 24, MAX_ORDERS = 8 };

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
  ae_onednn_way way;
  int64_t images;
  int64_t used; /* when; 0 = a free place */
  dnnl_primitive_t primitive;
  dnnl_memory_t in, out; /* images of the input and of the output side, without memory of their own */
  order *order;
} kernel;

typedef struct onednn {
  ae_convolution_shape shape;
  dnnl_data_type_t type; /* of what is multiplied */
  int64_t kept[2];       /* taps of each side that are computed with */
  void *im2col;          /* state of what computes some gradients instead, or NULL */
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  float *weight, *gradient; /* (outputs, kept[0], kept[1], channels) */
  dnnl_memory_t plain;      /* floats of that order, without memory of its own */
  orders weights, gradients;
  kernel kernels[MAX_KERNELS];
  int64_t time;
} onednn;

static ae_status checked(const onednn *c, dnnl_status_t status) {
  const ae_convolution_shape *s = &c->shape;
  if (status == dnnl_success) return AE_OK;
  return AE_FAIL(AE_INTERNAL,
                 "%s cannot convolve images of %lld × %lld × %lld with %lld kernels of %lld × %lld: %s; %s can",
                 ae_onednn_library(), (long long)s->rows, (long long)s->columns, (long long)s->channels,
                 (long long)s->outputs, (long long)s->kernel[0], (long long)s->kernel[1], ae_onednn_reason(status),
                 c->type == dnnl_bf16 ? "train.precision=bf16-emulated" : "mpiae built with -DMPIAE_ONEDNN=OFF");
}

static bool backward_by_im2col(const onednn *c) { return c->shape.channels < CHANNELS_WORTH_BACKWARD; }

/* By AMX, 64 to 128 kernels of 4 × 4 over 4 images of 16 × 16 take oneDNN 0.66 ms and im2col 0.29 ms, kernels of 1 × 1
 * three times less; of 3 × 3, with many images, it is no slower. Of those without AVX-512, kernels of
 * 2.6.3 write beyond arrays of their own. */
static bool gradient_by_im2col(const onednn *c) {
  return c->type == dnnl_bf16 || !ae_onednn_uses(dnnl_cpu_isa_avx512_core);
}

static dnnl_status_t describe_weights(const onednn *c, dnnl_data_type_t type, dnnl_format_tag_t tag,
                                      ae_onednn_layout **out) {
  return ae_onednn_layout_create(4, (dnnl_dims_t){c->shape.outputs, c->shape.channels, c->kept[0], c->kept[1]}, type,
                                 tag, out);
}

/* Images of either side: those that are computed are float32. */
static dnnl_status_t describe_in(const onednn *c, ae_onednn_way way, int64_t images, ae_onednn_layout **out) {
  return ae_onednn_layout_create(4, (dnnl_dims_t){images, c->shape.channels, c->shape.rows, c->shape.columns},
                                 way == AE_ONEDNN_BACKWARD ? dnnl_f32 : c->type, dnnl_nhwc, out);
}

static dnnl_status_t describe_out(const onednn *c, ae_onednn_way way, int64_t images, ae_onednn_layout **out) {
  const int64_t rows = ae_convolution_rows(&c->shape), columns = ae_convolution_columns(&c->shape);
  return ae_onednn_layout_create(4, (dnnl_dims_t){images, c->shape.outputs, rows, columns},
                                 way == AE_ONEDNN_FORWARD ? dnnl_f32 : c->type, dnnl_nhwc, out);
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
static dnnl_status_t describe_ordered(const onednn *c, ae_onednn_way way, int64_t images,
                                      const ae_onednn_layout *weights, dnnl_primitive_desc_t hint,
                                      dnnl_primitive_desc_t *out) {
  ae_onednn_layout *x = NULL, *y = NULL;
  dnnl_status_t status = describe_in(c, way, images, &x);
  if (status == dnnl_success) status = describe_out(c, way, images, &y);
  const ae_onednn_convolution convolution = {x,
                                             weights,
                                             y,
                                             {c->shape.stride, c->shape.stride},
                                             {c->shape.padding[0], c->shape.padding[1]},
                                             {padding_after(c, 0), padding_after(c, 1)}};
  if (status == dnnl_success) status = ae_onednn_describe_convolution(c->engine, way, &convolution, hint, out);
  ae_onednn_layout_destroy(&x);
  ae_onednn_layout_destroy(&y);
  return status;
}

/* The fastest, which chooses the order. */
static dnnl_status_t describe_unordered(const onednn *c, ae_onednn_way way, int64_t images, dnnl_primitive_desc_t hint,
                                        dnnl_primitive_desc_t *out) {
  ae_onednn_layout *any;
  dnnl_status_t status = describe_weights(c, c->type, dnnl_format_tag_any, &any);
  if (status == dnnl_success) status = describe_ordered(c, way, images, any, hint, out);
  ae_onednn_layout_destroy(&any);
  return status;
}

/* Either: weights are NULL for the fastest. */
static dnnl_status_t describe_kernel(const onednn *c, ae_onednn_way way, int64_t images,
                                     const ae_onednn_layout *weights, dnnl_primitive_desc_t *out) {
  dnnl_primitive_desc_t hint = NULL;
  dnnl_status_t status = dnnl_success;
  if (way != AE_ONEDNN_FORWARD) status = describe_unordered(c, AE_ONEDNN_FORWARD, images, NULL, &hint);
  if (status == dnnl_success)
    status = weights != NULL ? describe_ordered(c, way, images, weights, hint, out)
                             : describe_unordered(c, way, images, hint, out);
  if (hint != NULL) dnnl_primitive_desc_destroy(hint);
  return status;
}

/* Whether there are kernels for the shape at all: what works for one image does not fail for more but for want of
 * memory. */
static dnnl_status_t try_shape(const onednn *c) {
  dnnl_status_t status = dnnl_success;
  for (ae_onednn_way way = AE_ONEDNN_FORWARD; way <= AE_ONEDNN_GRADIENT && status == dnnl_success; way++) {
    dnnl_primitive_desc_t found = NULL;
    if (way == AE_ONEDNN_GRADIENT && gradient_by_im2col(c)) break;
    status = describe_kernel(c, way, 1, NULL, &found);
    dnnl_primitive_desc_destroy(found);
  }
  return status;
}

/* A place for an array that is pointed to later. */
static dnnl_status_t create_place(const onednn *c, ae_onednn_layout **layout, dnnl_memory_t *out) {
  const dnnl_status_t status = dnnl_memory_create(out, *layout, c->engine, DNNL_MEMORY_NONE);
  ae_onednn_layout_destroy(layout);
  return status;
}

static dnnl_status_t create_plain(onednn *c) {
  ae_onednn_layout *plain;
  const dnnl_status_t status = describe_weights(c, dnnl_f32, dnnl_ohwi, &plain);
  return status == dnnl_success ? create_place(c, &plain, &c->plain) : status;
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

static bool computes(const ae_multiplier *multiplier) {
  return !multiplier->rounded || strcmp(multiplier->library, "onednn") == 0;
}

/* In float32 it is always multiplied by BLAS. */
static ae_status create_im2col(onednn *c, const ae_multiplier *multiplier) {
  return ae_convolver_im2col.create(&c->shape, multiplier->rounded ? multiplier : &ae_multiplier_blas, &c->im2col);
}

static ae_status create(const ae_convolution_shape *shape, const ae_multiplier *multiplier, void **out) {
  ae_status status = AE_OK;
  onednn *c = NULL;
  AE_CHECK(AE_NEW(c, 1));
  c->shape = *shape;
  c->type = multiplier->rounded ? dnnl_bf16 : dnnl_f32;
  keep_taps(c);
  AE_CHECK(AE_NEW(c->weight, shape->outputs * c->kept[0] * c->kept[1] * shape->channels));
  AE_CHECK(AE_NEW(c->gradient, shape->outputs * c->kept[0] * c->kept[1] * shape->channels));
  if (backward_by_im2col(c) || gradient_by_im2col(c)) AE_CHECK(create_im2col(c, multiplier));
  AE_CHECK(checked(c, dnnl_engine_create(&c->engine, dnnl_cpu, 0)));
  AE_CHECK(checked(c, dnnl_stream_create(&c->stream, c->engine, dnnl_stream_default_flags)));
  AE_CHECK(checked(c, try_shape(c)));
  AE_CHECK(checked(c, create_plain(c)));
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
  if (backward_by_im2col(c)) ae_convolver_im2col.load(c->im2col, weight);
}

static const ae_onednn_layout *description(dnnl_memory_t memory) {
  const ae_onednn_layout *found;
  ae_onednn_require(dnnl_memory_get_memory_desc(memory, &found));
  return found;
}

static void make_order(onednn *c, bool is_gradient, const ae_onednn_layout *theirs, order *out) {
  const ae_onednn_layout *ours = description(c->plain);
  dnnl_primitive_desc_t reorder;
  ae_onednn_require(dnnl_memory_create(&out->memory, theirs, c->engine, DNNL_MEMORY_ALLOCATE));
  ae_onednn_require(dnnl_reorder_primitive_desc_create(&reorder, is_gradient ? theirs : ours, c->engine,
                                                       is_gradient ? ours : theirs, c->engine, NULL));
  ae_onednn_require(dnnl_primitive_create(&out->reorder, reorder));
  dnnl_primitive_desc_destroy(reorder);
}

/* The place of this order among those met, made when there is room; NULL when there is none. */
static order *find_order(onednn *c, bool is_gradient, const ae_onednn_layout *theirs) {
  orders *known = is_gradient ? &c->gradients : &c->weights;
  for (int i = 0; i < known->count; i++)
    if (dnnl_memory_desc_equal(description(known->all[i].memory), theirs)) return &known->all[i];
  if (known->count == MAX_ORDERS) return NULL;
  make_order(c, is_gradient, theirs, &known->all[known->count]);
  return &known->all[known->count++];
}

/* The fastest kernel, or, when it wants one order too many, one for an order that is there. */
static dnnl_primitive_desc_t choose_kernel(onednn *c, kernel *k) {
  const bool is_gradient = k->way == AE_ONEDNN_GRADIENT;
  dnnl_primitive_desc_t found = NULL;
  ae_onednn_require(describe_kernel(c, k->way, k->images, NULL, &found));
  k->order = find_order(
      c, is_gradient,
      dnnl_primitive_desc_query_md(found, is_gradient ? dnnl_query_diff_weights_md : dnnl_query_weights_md, 0));
  if (k->order != NULL) return found;
  dnnl_primitive_desc_destroy(found);
  k->order = is_gradient ? &c->gradients.all[0] : &c->weights.all[0];
  ae_onednn_require(describe_kernel(c, k->way, k->images, description(k->order->memory), &found));
  return found;
}

static void make_kernel(onednn *c, ae_onednn_way way, int64_t images, kernel *out) {
  ae_onednn_layout *in, *y;
  out->way = way;
  out->images = images;
  dnnl_primitive_desc_t chosen = choose_kernel(c, out);
  ae_onednn_require(dnnl_primitive_create(&out->primitive, chosen));
  dnnl_primitive_desc_destroy(chosen);
  ae_onednn_require(describe_in(c, way, images, &in));
  ae_onednn_require(describe_out(c, way, images, &y));
  ae_onednn_require(create_place(c, &in, &out->in));
  ae_onednn_require(create_place(c, &y, &out->out));
}

/* The kernel for so many images: made when it is not there, in place of the one not used for longest. */
static kernel *find_kernel(onednn *c, ae_onednn_way way, int64_t images) {
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
static void point(dnnl_memory_t memory, const void *values) {
  void *handle;
  memcpy(&handle, &values, sizeof handle);
  ae_onednn_require(dnnl_memory_set_data_handle(memory, handle));
}

static void reorder(const onednn *c, const order *o, dnnl_memory_t from, dnnl_memory_t to) {
  ae_onednn_require(
      dnnl_primitive_execute(o->reorder, c->stream, 2, (dnnl_exec_arg_t[]){{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}}));
}

static dnnl_memory_t weights_of(onednn *c, const kernel *k) {
  point(c->plain, c->weight);
  if (!k->order->fresh) reorder(c, k->order, c->plain, k->order->memory);
  k->order->fresh = true;
  return k->order->memory;
}

static void run(const onednn *c, const kernel *k, const dnnl_exec_arg_t argument[3]) {
  ae_onednn_require(dnnl_primitive_execute(k->primitive, c->stream, 3, argument));
  ae_onednn_require(dnnl_stream_wait(c->stream));
}

static void forward(void *state, int64_t images, const void *x, float *y) {
  onednn *c = state;
  const kernel *k = find_kernel(c, AE_ONEDNN_FORWARD, images);
  point(k->in, x);
  point(k->out, y);
  run(c, k, (dnnl_exec_arg_t[]){{DNNL_ARG_SRC, k->in}, {DNNL_ARG_WEIGHTS, weights_of(c, k)}, {DNNL_ARG_DST, k->out}});
}

static void backward(void *state, int64_t images, const void *dy, float *dx) {
  onednn *c = state;
  if (backward_by_im2col(c)) {
    ae_convolver_im2col.backward(c->im2col, images, dy, dx);
    return;
  }
  const kernel *k = find_kernel(c, AE_ONEDNN_BACKWARD, images);
  point(k->in, dx);
  point(k->out, dy);
  run(c, k,
      (dnnl_exec_arg_t[]){
          {DNNL_ARG_DIFF_SRC, k->in}, {DNNL_ARG_WEIGHTS, weights_of(c, k)}, {DNNL_ARG_DIFF_DST, k->out}});
}

static void gradient(void *state, int64_t images, const void *x, const void *dy, float *dw) {
  onednn *c = state;
  if (gradient_by_im2col(c)) {
    ae_convolver_im2col.gradient(c->im2col, images, x, dy, dw);
    return;
  }
  const kernel *k = find_kernel(c, AE_ONEDNN_GRADIENT, images);
  point(k->in, x);
  point(k->out, dy);
  run(c, k,
      (dnnl_exec_arg_t[]){
          {DNNL_ARG_SRC, k->in}, {DNNL_ARG_DIFF_WEIGHTS, k->order->memory}, {DNNL_ARG_DIFF_DST, k->out}});
  float *plain = ae_convolution_is_whole(&c->shape) ? dw : c->gradient;
  point(c->plain, plain);
  reorder(c, k->order, k->order->memory, c->plain);
  if (plain != dw) ae_convolution_widen(&c->shape, c->kept, plain, dw);
}

const ae_convolver_kind ae_convolver_onednn = {ae_onednn_library, computes, create,  destroy, load,
                                               forward,           backward, gradient};
