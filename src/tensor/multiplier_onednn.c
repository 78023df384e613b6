/* Products by oneDNN.
 *
 * In float32 a kernel is made for each shape: in those kernels a row's bits do not depend on how many rows there are,
 * so segments can be merged. Shapes that are never met again take its sgemm, which needs no making. In bf16 a kernel
 * takes any shape, as fast: one for each way of transposing and adding; what describes the arrays is kept by shape. */
#include "multiplier_onednn.h"
#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/tensor/bf16.h"
#include "onednn.h"

#include <stdio.h>
#include <string.h>

/* Shapes kept: more than a training graph has products, in two sizes of a step; and of those that vary, as many as come
 * again soon, like those of the heads of attention within a set. */
enum { PLACES = 1 << 11, VARYING_PLACES = 1 << 6, PROBES = 8, SHAPE = 9 };

typedef struct place {
  int64_t shape[SHAPE];
  dnnl_memory_t memory[3];    /* of A, B and C, without memory of their own; [0] is NULL: the place is free */
  dnnl_primitive_t primitive; /* for this shape, or NULL */
} place;

typedef struct onednn {
  dnnl_data_type_t type;   /* of A and B */
  bool any_shape;          /* kernels take any: */
  dnnl_primitive_t any[8]; /* by trans_a, trans_b and whether it adds */
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  place *places, *varying; /* PLACES, VARYING_PLACES of them */
} onednn;

/* A (rows × columns) matrix, stored so or, transposed, as (columns × rows). */
static dnnl_status_t describe(dnnl_data_type_t type, bool trans, int64_t rows, int64_t columns, int64_t ld,
                              ae_onednn_layout **out) {
  return ae_onednn_layout_create_strided(2, (dnnl_dims_t){rows, columns}, type,
                                         (dnnl_dims_t){trans ? 1 : ld, trans ? ld : 1}, out);
}

typedef struct layouts {
  ae_onednn_layout *of[3]; /* of A, B and C */
} layouts;

static void free_layouts(layouts *l) {
  for (int i = 0; i < 3; i++) ae_onednn_layout_destroy(&l->of[i]);
}

static dnnl_status_t describe_all(const onednn *o, const ae_product *p, layouts *l) {
  memset(l, 0, sizeof *l);
  dnnl_status_t status = describe(o->type, p->trans_a, p->m, p->k, p->lda, &l->of[0]);
  if (status == dnnl_success) status = describe(o->type, p->trans_b, p->k, p->n, p->ldb, &l->of[1]);
  if (status == dnnl_success) status = describe(dnnl_f32, false, p->m, p->n, p->ldc, &l->of[2]);
  return status;
}

static dnnl_status_t make_primitive(const onednn *o, const ae_product *p, dnnl_primitive_t *out) {
  layouts l;
  dnnl_primitive_desc_t found = NULL;
  dnnl_status_t status = describe_all(o, p, &l);
  if (status == dnnl_success)
    status = ae_onednn_describe_product(o->engine, l.of[0], l.of[1], l.of[2], p->beta != 0, &found);
  if (status == dnnl_success) status = dnnl_primitive_create(out, found);
  if (found != NULL) dnnl_primitive_desc_destroy(found);
  free_layouts(&l);
  return status;
}

static dnnl_status_t make_memory(const onednn *o, const ae_product *p, dnnl_memory_t out[3]) {
  layouts l;
  dnnl_status_t status = describe_all(o, p, &l);
  for (int i = 0; i < 3 && status == dnnl_success; i++)
    status = dnnl_memory_create(&out[i], l.of[i], o->engine, DNNL_MEMORY_NONE);
  free_layouts(&l);
  return status;
}

static void free_memory(dnnl_memory_t memory[3]) {
  for (int i = 0; i < 3; i++)
    if (memory[i] != NULL) dnnl_memory_destroy(memory[i]);
}

static void free_primitive(dnnl_primitive_t primitive) {
  if (primitive != NULL) dnnl_primitive_destroy(primitive);
}

static void free_place(place *p) {
  free_primitive(p->primitive);
  free_memory(p->memory);
  memset(p, 0, sizeof *p);
}

static void destroy(void *state) {
  onednn *o = state;
  for (size_t i = 0; i < sizeof o->any / sizeof *o->any; i++) free_primitive(o->any[i]);
  for (int i = 0; o->places != NULL && i < PLACES; i++) free_place(&o->places[i]);
  for (int i = 0; o->varying != NULL && i < VARYING_PLACES; i++) free_place(&o->varying[i]);
  if (o->stream != NULL) dnnl_stream_destroy(o->stream);
  if (o->engine != NULL) dnnl_engine_destroy(o->engine);
  AE_FREE(o->places);
  AE_FREE(o->varying);
  AE_FREE(o);
}

static ae_status checked(dnnl_status_t status) {
  if (status == dnnl_success) return AE_OK;
  return AE_FAIL(AE_INTERNAL, "%s cannot multiply matrices: %s; train.products=blas does without it",
                 ae_onednn_library(), ae_onednn_reason(status));
}

static ae_status create(dnnl_data_type_t type, bool any_shape, void **state) {
  ae_status status;
  onednn *o = NULL;
  AE_CHECK(AE_NEW(o, 1));
  o->type = type;
  o->any_shape = any_shape;
  AE_CHECK(AE_NEW(o->places, PLACES));
  AE_CHECK(AE_NEW(o->varying, VARYING_PLACES));
  AE_CHECK(checked(dnnl_engine_create(&o->engine, dnnl_cpu, 0)));
  AE_CHECK(checked(dnnl_stream_create(&o->stream, o->engine, dnnl_stream_default_flags)));
  *state = o;
  o = NULL;
cleanup:
  if (o != NULL) destroy(o);
  return status;
}

/* oneDNN takes no const; it does not write to A and B. */
static void run(const onednn *o, dnnl_primitive_t primitive, const dnnl_memory_t memory[3], const ae_product *p) {
  static const int argument[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST};
  const void *const array[] = {p->a, p->b, p->c};
  dnnl_exec_arg_t arguments[3];
  for (int i = 0; i < 3; i++) {
    void *handle;
    memcpy(&handle, &array[i], sizeof handle);
    ae_onednn_require(dnnl_memory_set_data_handle(memory[i], handle));
    arguments[i] = (dnnl_exec_arg_t){argument[i], memory[i]};
  }
  ae_onednn_require(dnnl_primitive_execute(primitive, o->stream, 3, arguments));
  ae_onednn_require(dnnl_stream_wait(o->stream));
}

/* The place of a shape: its own, or a free one, or that of another which must go. */
static place *place_of(place *places, uint64_t count, const int64_t shape[SHAPE]) {
  const uint64_t hash = ae_hash_words(0, shape, SHAPE) >> 20;
  for (uint64_t probe = 0; probe < PROBES; probe++) {
    place *p = &places[(hash + probe) % count];
    if (p->memory[0] == NULL || memcmp(p->shape, shape, sizeof p->shape) == 0) return p;
  }
  place *p = &places[hash % count];
  free_place(p);
  return p;
}

static place *find_place(const onednn *o, const ae_product *p) {
  const int64_t shape[SHAPE] = {p->trans_a, p->trans_b, p->m, p->n, p->k, p->lda, p->ldb, p->ldc, p->beta != 0};
  place *found = p->varies ? place_of(o->varying, VARYING_PLACES, shape) : place_of(o->places, PLACES, shape);
  if (found->memory[0] != NULL) return found;
  memcpy(found->shape, shape, sizeof found->shape);
  ae_onednn_require(make_memory(o, p, found->memory));
  if (!o->any_shape) ae_onednn_require(make_primitive(o, p, &found->primitive));
  return found;
}

static void multiply_shaped(void *state, const ae_product *p) {
  const onednn *o = state;
  /* 3.7.2 takes the numbers of a lone row or column for neighbours: findings/onednn-vector-strides.sh. */
  if (p->varies || p->m == 1 || p->n == 1) {
    ae_onednn_require(dnnl_sgemm(p->trans_a ? 'T' : 'N', p->trans_b ? 'T' : 'N', p->m, p->n, p->k, 1, p->a, p->lda,
                                 p->b, p->ldb, p->beta, p->c, p->ldc));
    return;
  }
  const place *found = find_place(o, p);
  run(o, found->primitive, found->memory, p);
}

static dnnl_primitive_t find_any(onednn *o, const ae_product *p) {
  dnnl_primitive_t *found = &o->any[(p->trans_a ? 4 : 0) + (p->trans_b ? 2 : 0) + (p->beta != 0 ? 1 : 0)];
  ae_product any = *p;
  any.m = any.n = any.k = any.lda = any.ldb = any.ldc = DNNL_RUNTIME_DIM_VAL;
  if (*found == NULL) ae_onednn_require(make_primitive(o, &any, found));
  return *found;
}

static void multiply_any(void *state, const ae_product *p) {
  onednn *o = state;
  run(o, find_any(o, p), find_place(o, p)->memory, p);
}

static ae_status create_shaped(int64_t operand, void **state) {
  (void)operand;
  return create(dnnl_f32, false, state);
}

static ae_status create_any(int64_t operand, void **state) {
  (void)operand;
  return create(dnnl_bf16, true, state);
}

static const char *lacks_avx512(void) {
  return ae_onednn_uses(dnnl_cpu_isa_avx512_core)
             ? NULL
             : "the processor has no AVX-512, without which oneDNN's are not faster";
}

static const char *lacks_bf16(void) {
  return ae_onednn_uses(dnnl_cpu_isa_avx512_core_bf16)
             ? NULL
             : "the processor has neither AMX nor AVX512_BF16; bf16-emulated computes "
               "the like without, slower than f32";
}

static const char *name(void) {
  static char text[64];
  const char *set = ae_onednn_uses(dnnl_cpu_isa_avx512_core_amx)    ? "AMX"
                    : ae_onednn_uses(dnnl_cpu_isa_avx512_core_bf16) ? "AVX512_BF16"
                    : ae_onednn_uses(dnnl_cpu_isa_avx512_core)      ? "AVX-512"
                                                                    : "less than AVX-512";
  snprintf(text, sizeof text, "%s, %s", ae_onednn_library(), set);
  return text;
}

const ae_multiplier ae_multiplier_onednn = {"f32", "onednn",      false,   lacks_avx512,
                                            name,  create_shaped, destroy, multiply_shaped};
const ae_multiplier ae_multiplier_onednn_bf16 = {"bf16", "onednn",   true,    lacks_bf16,
                                                 name,   create_any, destroy, multiply_any};
