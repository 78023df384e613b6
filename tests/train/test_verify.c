/* Comparison of the ranks' parameters: alone, and in whole runs in which a bit is flipped. The bits are flipped here,
 * by wrapping two functions at link time (see tests.cmake): the trainer knows nothing of it. */
#include "harness.h"

#include "mpiae/base/log.h"
#include "mpiae/data/synth.h"
#include "mpiae/graph/graph.h"
#include "mpiae/models/configure.h"
#include "mpiae/models/model.h"
#include "mpiae/train/trainer.h"
#include "mpiae/train/verify.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* More parameters than one reduction takes, of sizes that are no multiple of the hash's lanes. */
enum { PARAMETERS = 70 };

static ae_params *create_params(void) {
  static const char *const axes[] = {"number"};
  ae_params *params;
  ae_test_ok(ae_params_create(&params));
  for (int i = 0; i < PARAMETERS; i++) {
    char path[32];
    snprintf(path, sizeof path, "layer_%d/weight", i);
    ae_params_add(params, path, 1, (int64_t[]){i * 37 + 1}, axes, 1, true);
  }
  ae_test_ok(ae_params_seal(params));
  ae_test_ok(ae_params_allocate(params, 0));
  ae_params_start(params, 3);
  return params;
}

static void flip(const ae_params *params, int number, int64_t element, int bit) {
  float *value = ae_params_value(params, ae_params_at(params, number)) + element;
  uint32_t bits;
  memcpy(&bits, value, sizeof bits);
  bits ^= UINT32_C(1) << bit;
  memcpy(value, &bits, sizeof bits);
}

/* The given ranks' copies get a bit flipped. */
static void flip_on(const ae_params *params, uint32_t ranks, int number, int64_t element, int bit) {
  if (ranks >> ae_comm_rank(ae_test_comm()) & 1) flip(params, number, element, bit);
}

static void expect(const ae_params *params, const char *part) {
  const ae_status status = ae_verify_parameters(ae_test_comm(), params);
  if (ae_comm_size(ae_test_comm()) == 1) ae_test_ok(status);
  else ae_test_error(status, AE_INTERNAL, part);
}

static void equal_bits_pass_whatever_they_mean(void **state) {
  (void)state;
  ae_params *params = create_params();
  float *value = ae_params_value(params, ae_params_at(params, 5));
  ae_test_ok(ae_verify_parameters(ae_test_comm(), params));
  value[0] = NAN;
  value[1] = -0.0f;
  value[2] = -INFINITY;
  ae_test_ok(ae_verify_parameters(ae_test_comm(), params));
  /* numbers that compare equal, and one that compares unequal to itself */
  flip_on(params, 2, 5, 1, 31);
  expect(params, "parameter layer_5/weight on rank 1 differs");
  flip_on(params, 2, 5, 1, 31);
  flip_on(params, 2, 5, 0, 3);
  expect(params, "parameter layer_5/weight on rank 1 differs");
  ae_params_destroy(&params);
}

static void any_single_bit_is_found(void **state) {
  (void)state;
  ae_params *params = create_params();
  for (int number = 0; number < PARAMETERS; number += 23)
    for (int bit = number; bit < 32; bit += 5) {
      char expected[64];
      const int64_t last = ae_params_at(params, number)->count - 1;
      snprintf(expected, sizeof expected, "parameter layer_%d/weight on rank 1 differs from", number);
      flip_on(params, 2, number, last, bit);
      expect(params, expected);
      flip_on(params, 2, number, last, bit);
    }
  ae_test_ok(ae_verify_parameters(ae_test_comm(), params));
  ae_params_destroy(&params);
}

/* In one lane of the hash a product alone would leave the top bit where it is, and the second flip undo the first. */
static void two_signs_do_not_cancel(void **state) {
  (void)state;
  ae_params *params = create_params();
  flip_on(params, 2, 9, 1, 31);
  flip_on(params, 2, 9, 9, 31);
  expect(params, "parameter layer_9/weight on rank 1");
  ae_params_destroy(&params);
}

static void the_first_parameter_and_the_minority_are_named(void **state) {
  (void)state;
  const int ranks = ae_comm_size(ae_test_comm());
  ae_params *params = create_params();
  flip_on(params, 1u << (ranks - 1), 69, 4, 0);
  flip_on(params, 6, 66, 4, 17);
  /* of three, the one that nothing was done to is alone; of four, nobody knows */
  expect(params, ranks == 2   ? "layer_66/weight on rank 1 differs from rank 0's"
                 : ranks == 3 ? "layer_66/weight on rank 0 differs from the other ranks'"
                 : ranks == 4 ? "layer_66/weight on ranks 1, 2 differs from rank 0's"
                              : "layer_66/weight on ranks 1, 2 differs from the other ranks': memory");
  ae_params_destroy(&params);
}

static void many_ranks_are_counted(void **state) {
  (void)state;
  const int ranks = ae_comm_size(ae_test_comm());
  ae_params *params = create_params();
  flip(params, 0, 0, ae_comm_rank(ae_test_comm()));
  expect(params, ranks == 2   ? "on rank 1 differs from rank 0's"
                 : ranks == 3 ? "on ranks 1, 2 differs from rank 0's"
                 : ranks == 4 ? "on ranks 1, 2, 3 differs from rank 0's"
                              : "on ranks 1, 2, 3, 4, 5 and 1 more differs from rank 0's");
  ae_params_destroy(&params);
}

/* Whole runs. After the backward pass of step `step` the copies of `ranks` are damaged in the third parameter. */

static struct {
  ae_params *params;
  int64_t done, step;
  uint32_t ranks;
  char path[128];
} damage;

ae_status __real_ae_params_bind(ae_params *params, float *values, float *const *gradients, int planes);
ae_status __wrap_ae_params_bind(ae_params *params, float *values, float *const *gradients, int planes);
void __real_ae_graph_backward(ae_graph *graph, const ae_graph_hooks *hooks);
void __wrap_ae_graph_backward(ae_graph *graph, const ae_graph_hooks *hooks);

ae_status __wrap_ae_params_bind(ae_params *params, float *values, float *const *gradients, int planes) {
  damage.params = params;
  return __real_ae_params_bind(params, values, gradients, planes);
}

void __wrap_ae_graph_backward(ae_graph *graph, const ae_graph_hooks *hooks) {
  __real_ae_graph_backward(graph, hooks);
  if (++damage.done != damage.step) return;
  flip_on(damage.params, damage.ranks, 2, 11, 20);
  snprintf(damage.path, sizeof damage.path, "%s", ae_params_at(damage.params, 2)->path);
}

static ae_status run_damaged(const char *name, int64_t step, uint32_t ranks) {
  char data[600];
  const char *const overrides[] = {data};
  static const char text[] =
      "model: vae\ndata: {shards: 7}\nnetwork: {hidden: [24], latent_size: 4}\n"
      "train: {epochs: 1, batch_size: 20, verify_every: 3, stall_seconds: 0}\noutput: {codes: none}\n";
  ae_config *config;
  damage.params = NULL;
  damage.done = 0;
  damage.step = step;
  damage.ranks = ranks;
  ae_log_set_level(AE_LOG_SILENT);
  snprintf(data, sizeof data, "data.train=%s", ae_test_path("glyphs.h5"));
  ae_test_ok(ae_glyphs_write(ae_test_comm(), ae_test_path("glyphs.h5"), 160, 0, 10, 1));
  ae_test_ok(ae_model_configure(text, (int64_t)sizeof text - 1, "test", overrides, 1, &config));
  const ae_status status = ae_train(ae_test_comm(), config, ae_test_path(name), AE_RUN_NEW, NULL);
  ae_config_destroy(&config);
  return status;
}

static void a_run_with_a_flipped_bit_stops(void **state) {
  (void)state;
  const int ranks = ae_comm_size(ae_test_comm());
  char expected[256];
  const ae_status status = run_damaged("flipped", 6, 1u << (ranks - 1));
  assert_int_equal(damage.done, ranks == 1 ? 8 : 6);
  if (ranks == 1) {
    ae_test_ok(status);
    return;
  }
  snprintf(expected, sizeof expected, "step 6: parameter %s on rank %d differs from %s", damage.path, ranks - 1,
           ranks == 2 ? "rank 0's" : "the other ranks'");
  ae_test_error(status, AE_INTERNAL, expected);
}

static void a_run_with_two_damaged_ranks_names_both(void **state) {
  (void)state;
  const int ranks = ae_comm_size(ae_test_comm());
  char expected[256];
  if (ranks < 7) return;
  const ae_status status = run_damaged("two", 3, 1u << 1 | 1u << 3);
  snprintf(expected, sizeof expected, "step 3: parameter %s on ranks 1, 3 differs from the other ranks'", damage.path);
  ae_test_error(status, AE_INTERNAL, expected);
}

/* After step 5 the owners' values replace the damaged copy: the comparison in step 6 finds nothing. */
static void an_undamaged_step_passes(void **state) {
  (void)state;
  ae_test_ok(run_damaged("whole", 0, 0));
  ae_test_ok(run_damaged("healed", 5, 2));
  assert_int_equal(damage.done, 8);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(equal_bits_pass_whatever_they_mean),
                           AE_TEST(any_single_bit_is_found),
                           AE_TEST(two_signs_do_not_cancel),
                           AE_TEST(the_first_parameter_and_the_minority_are_named),
                           AE_TEST(many_ranks_are_counted),
                           AE_TEST(a_run_with_a_flipped_bit_stops),
                           AE_TEST(a_run_with_two_damaged_ranks_names_both),
                           AE_TEST(an_undamaged_step_passes)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
