/* Optimizers and schedules against values that PyTorch 1.13 gives for the same gradients (float64, one parameter of
 * three numbers: SGD(lr=0.1, momentum=0.9, weight_decay=0.01), Adam and AdamW(lr=0.1, weight_decay=0.01);
 * OneCycleLR(max_lr=1, total_steps=100); CosineAnnealingLR(T_max=100) at lr=2). The state is sliced over ranks. */
#include "harness.h"

#include "mpiae/models/configure.h"
#include "mpiae/models/model.h"
#include "mpiae/tensor/update.h"
#include "mpiae/train/optimizer.h"
#include "mpiae/train/schedule.h"

#include <math.h>
#include <string.h>

static const float start[3] = {1.0f, -2.0f, 0.5f};
static const float gradients[3][3] = {{0.3f, -0.1f, 2.0f}, {0.2f, 0.4f, -1.0f}, {-0.5f, 0.1f, 0.25f}};

static ae_config *configure(const char *const *overrides, int count) {
  static const char text[] = "model: vae\ndata: {train: unused}\ntrain: {schedule_steps: 100, weight_decay: 0.01}\n";
  ae_config *config;
  ae_test_ok(ae_model_configure(text, (int64_t)sizeof text - 1, "test", overrides, count, &config));
  return config;
}

/* Parameters of 5000 numbers: one that decays, one that no graph trains, one that does not decay; every number follows
 * one of three courses. */
enum { NUMBERS = 5000, STEPS = 3 };

typedef struct bench {
  ae_config *config;
  ae_params *params;
  ae_exchange *exchange;
  ae_optimizer *optimizer;
  const ae_parameter *weight, *frozen, *bias;
} bench;

static void create(bench *b, const char *const *overrides, int count) {
  static const char *const axes[] = {"number"};
  const ae_comm *comm = ae_test_comm();
  ae_shards shards;
  ae_test_ok(ae_shards_init(&shards, 7, 7, ae_comm_rank(comm), ae_comm_size(comm)));
  b->config = configure(overrides, count);
  ae_test_ok(ae_params_create(&b->params));
  b->weight = ae_params_add(b->params, "weight", 1, (int64_t[]){NUMBERS}, axes, 0, true);
  b->frozen = ae_params_add(b->params, "frozen", 1, (int64_t[]){NUMBERS}, axes, 0, true);
  b->bias = ae_params_add(b->params, "bias", 1, (int64_t[]){NUMBERS}, axes, 0, false);
  ae_params_mark_trained(b->params, b->weight);
  ae_params_mark_trained(b->params, b->bias);
  ae_test_ok(ae_params_seal(b->params));
  const int64_t border[] = {0, b->bias->offset, ae_params_size(b->params)};
  ae_test_ok(ae_exchange_create(comm, &shards, border, 2, 0, AE_EXCHANGE_MESSAGES, &b->exchange));
  ae_test_ok(ae_optimizer_create(b->config, b->params, b->exchange, &b->optimizer));
  for (int p = 0; p < ae_params_count(b->params); p++)
    for (int i = 0; i < NUMBERS; i++)
      ae_exchange_values(b->exchange)[ae_params_at(b->params, p)->offset + i] = start[i % 3];
}

static void destroy(bench *b) {
  ae_optimizer_destroy(&b->optimizer);
  ae_exchange_destroy(&b->exchange);
  ae_params_destroy(&b->params);
  ae_config_destroy(&b->config);
}

static void step(bench *b, int t, float scale, double squared_norm) {
  float *gradient = ae_exchange_gradient(b->exchange, 0);
  for (int i = 0; i < NUMBERS; i++)
    gradient[b->weight->offset + i] = gradient[b->bias->offset + i] = scale * gradients[t][i % 3];
  ae_optimizer_step(b->optimizer, 0.1, squared_norm);
  ae_exchange_publish(b->exchange);
  ae_exchange_settle(b->exchange);
  /* every rank has what it needs before anyone writes the next gradient over it */
  ae_comm_barrier(ae_test_comm());
}

static void rounded_values_are_those_of_the_last_step(void **state) {
  (void)state;
  bench b;
  ae_bf16 expected[NUMBERS];
  create(&b, NULL, 0);
  ae_test_ok(ae_optimizer_keep_rounded(b.optimizer, b.params));
  assert_null(ae_params_rounded(b.params, b.weight)); /* before the first */
  for (int t = 0; t < 2; t++) {
    step(&b, t, 1, 0);
    const ae_bf16 *rounded = ae_params_rounded(b.params, b.bias);
    ae_bf16_round(NUMBERS, ae_exchange_values(b.exchange) + b.bias->offset, expected);
    if (ae_comm_size(ae_test_comm()) > 1) assert_null(rounded);
    else assert_memory_equal(rounded, expected, sizeof expected);
    assert_null(ae_params_rounded(b.params, b.frozen));
  }
  ae_optimizer_destroy(&b.optimizer);
  assert_null(ae_params_rounded(b.params, b.bias));
  destroy(&b);
}

static void expect(const bench *b, const ae_parameter *parameter, const double expected[3]) {
  const float *values = ae_exchange_values(b->exchange) + parameter->offset;
  /* three steps of float32 arithmetic */
  for (int i = 0; i < NUMBERS; i++)
    if (!(fabs((double)values[i] - expected[i % 3]) < 1e-6))
      fail_msg("%s[%d] is %.9g, expected %.9g", parameter->path, i, (double)values[i], expected[i % 3]);
}

static void run(const char *optimizer, const double expected[3], float scale, double squared_norm) {
  bench b = {0};
  char choice[64] = "train.optimizer=";
  const char *const overrides[] = {choice, "train.clip_norm=2"};
  strcat(choice, optimizer);
  create(&b, overrides, 2);
  for (int t = 0; t < STEPS; t++) step(&b, t, scale, squared_norm);
  expect(&b, b.weight, expected);
  assert_int_equal(ae_optimizer_steps(b.optimizer), STEPS);
  destroy(&b);
}

static const double sgd[3] = {0.925228769, -2.047687588, 0.12085719949999998};
static const double adam[3] = {0.8082950249099938, -2.002023878824352, 0.34526599710724454};
static const double adamw[3] = {0.8082464904521173, -2.007194813339196, 0.3445298643071584};

static void updates_are_those_of_pytorch(void **state) {
  (void)state;
  run("sgd", sgd, 1, 1);
  run("adam", adam, 1, 1);
  run("adamw", adamw, 1, 1);
}

/* Gradients eight times too long, of norm 16 where 2 is allowed, come out as they were. */
static void a_long_gradient_is_clipped(void **state) {
  (void)state;
  run("sgd", sgd, 8, 256);
  run("adamw", adamw, 8, 256);
}

/* Without decay: what PyTorch's rules give with weight_decay=0, computed here from the rule of sgd. */
static void biases_do_not_decay(void **state) {
  (void)state;
  bench b = {0};
  const char *const overrides[] = {"train.optimizer=sgd"};
  double value[3], momentum[3] = {0};
  create(&b, overrides, 1);
  for (int i = 0; i < 3; i++) value[i] = (double)start[i];
  for (int t = 0; t < STEPS; t++) {
    step(&b, t, 1, 1);
    for (int i = 0; i < 3; i++) {
      momentum[i] = 0.9 * momentum[i] + (double)gradients[t][i];
      value[i] -= 0.1 * momentum[i];
    }
  }
  expect(&b, b.bias, value);
  expect(&b, b.weight, sgd);
  destroy(&b);
}

/* Neither decay nor momentum moves it, and its state stays 0. */
static void what_no_graph_trains_stays(void **state) {
  (void)state;
  static const double values[3] = {1, -2, 0.5};
  static const char *const kinds[] = {"train.optimizer=sgd", "train.optimizer=adam", "train.optimizer=adamw"};
  for (int k = 0; k < 3; k++) {
    bench b = {0};
    float *flat;
    create(&b, &kinds[k], 1);
    for (int t = 0; t < STEPS; t++) step(&b, t, 1, 1);
    expect(&b, b.frozen, values);
    ae_test_ok(AE_NEW(flat, ae_params_size(b.params)));
    for (int slot = 0; slot < ae_optimizer_slots(b.optimizer); slot++) {
      ae_optimizer_read_slot(b.optimizer, slot, flat);
      ae_exchange_gather(b.exchange, flat);
      for (int i = 0; i < NUMBERS; i++) assert_true(flat[b.frozen->offset + i] == 0 && flat[b.weight->offset + i] != 0);
    }
    AE_FREE(flat);
    destroy(&b);
  }
}

/* Without gradients, what was left of earlier ones ends at 0 and not at the smallest number above it. */
static void means_are_never_subnormal(void **state) {
  (void)state;
  const ae_update rule = {
      .scale = 1, .keep_m = 0.9f, .add_m = 0.1f, .keep_v = 0.9f, .add_v = 0.1f, .momentum = 0.9f, .epsilon = 1};
  const float gradient[20] = {0};
  float m[20], v[20], momentum[20], value[20] = {0};
  for (int i = 0; i < 20; i++) v[i] = fabsf(m[i] = momentum[i] = i % 2 == 0 ? 1e-6f : -1e-36f);
  for (int t = 0; t < 1000; t++) {
    ae_update_adam(&rule, 20, gradient, m, v, value);
    ae_update_sgd(&rule, 20, gradient, momentum, value);
    for (int i = 0; i < 20; i++)
      assert_true(fpclassify(m[i]) != FP_SUBNORMAL && fpclassify(v[i]) != FP_SUBNORMAL &&
                  fpclassify(momentum[i]) != FP_SUBNORMAL);
  }
  for (int i = 0; i < 20; i++) assert_true(m[i] == 0 && v[i] == 0 && momentum[i] == 0);
}

/* State written out and read into another optimizer goes on alike. */
static void the_state_survives_a_copy(void **state) {
  (void)state;
  bench a = {0}, b = {0};
  float *flat;
  create(&a, NULL, 0);
  create(&b, NULL, 0);
  ae_test_ok(AE_NEW(flat, ae_params_size(a.params)));
  for (int t = 0; t < 2; t++) step(&a, t, 1, 1);
  memcpy(ae_exchange_values(b.exchange), ae_exchange_values(a.exchange),
         (size_t)ae_params_size(a.params) * sizeof *flat);
  for (int slot = 0; slot < ae_optimizer_slots(a.optimizer); slot++) {
    ae_optimizer_read_slot(a.optimizer, slot, flat);
    ae_exchange_gather(a.exchange, flat);
    ae_optimizer_write_slot(b.optimizer, slot, flat);
  }
  ae_optimizer_set_steps(b.optimizer, ae_optimizer_steps(a.optimizer));
  step(&a, 2, 1, 1);
  step(&b, 2, 1, 1);
  assert_memory_equal(ae_exchange_values(a.exchange), ae_exchange_values(b.exchange),
                      (size_t)ae_params_size(a.params) * sizeof *flat);
  AE_FREE(flat);
  destroy(&a);
  destroy(&b);
}

static double rate(const char *schedule, const char *base, int64_t t) {
  char choice[64] = "train.schedule=", given[64] = "train.learning_rate=";
  const char *const overrides[] = {choice, given};
  strcat(choice, schedule);
  strcat(given, base);
  ae_config *config = configure(overrides, 2);
  const ae_schedule read = ae_schedule_read(config);
  ae_config_destroy(&config);
  return ae_schedule_rate(&read, t);
}

static void near(double got, double expected) { assert_true(fabs(got - expected) < 1e-12); }

static void schedules_are_those_of_pytorch(void **state) {
  (void)state;
  near(rate("constant", "2", 77), 2);
  near(rate("cosine", "2", 0), 2);
  near(rate("cosine", "2", 25), 1.7071067811865475);
  near(rate("cosine", "2", 99), 0.0004934396342684);
  near(rate("cosine", "2", 1000), 0);
  near(rate("onecycle", "1", 0), 0.04);
  near(rate("onecycle", "1", 10), 0.29516394846410077);
  near(rate("onecycle", "1", 29), 1.0);
  near(rate("onecycle", "1", 30), 0.9994965352845243);
  near(rate("onecycle", "1", 60), 0.5892800902855287);
  near(rate("onecycle", "1", 99), 4e-06);
  near(rate("onecycle", "1", 5000), 4e-06);
  near(rate("step", "1", 32), 1); /* auto: every 33 steps */
  near(rate("step", "1", 33), 0.1);
  near(rate("step", "1", 66), 0.01);
}

static void warm_up_rises_to_the_schedule(void **state) {
  (void)state;
  const char *const overrides[] = {"train.warmup_steps=4", "train.learning_rate=1"};
  ae_config *config = configure(overrides, 2);
  const ae_schedule schedule = ae_schedule_read(config);
  ae_config_destroy(&config);
  for (int t = 0; t < 8; t++) near(ae_schedule_rate(&schedule, t), t < 4 ? 0.25 * (t + 1) : 1);
}

int main(int argc, char **argv) {
  const ae_test tests[] = {AE_TEST(updates_are_those_of_pytorch),
                           AE_TEST(a_long_gradient_is_clipped),
                           AE_TEST(biases_do_not_decay),
                           AE_TEST(what_no_graph_trains_stays),
                           AE_TEST(the_state_survives_a_copy),
                           AE_TEST(schedules_are_those_of_pytorch),
                           AE_TEST(warm_up_rises_to_the_schedule),
                           AE_TEST(means_are_never_subnormal),
                           AE_TEST(rounded_values_are_those_of_the_last_step)};
  return ae_test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}
