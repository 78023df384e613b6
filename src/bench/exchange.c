/* The gradient exchange with its update, beside MPI_Allreduce and the whole update on each rank. */
#include "bench.h"

#include "mpiae/base/memory.h"

typedef struct course {
  ae_bench *bench;
  const ae_checkpoint *held;
  int64_t count; /* parameters */
  ae_exchange *exchange;
  ae_optimizer *optimizer;
  double *terms;                         /* of own shards */
  float *gradient, *sum, *m, *v, *value; /* of the other way */
} course;

static ae_status exchange(void *context) {
  course *c = context;
  double sum;
  ae_control control = {.terms = c->terms, .sums = &sum};
  ae_exchange_need(c->exchange, 0);
  ae_exchange_start(c->exchange, 0);
  ae_exchange_reduce(c->exchange);
  ae_exchange_control(c->exchange, &control);
  ae_optimizer_step(c->optimizer, 1e-3, control.squared_norm);
  ae_exchange_publish(c->exchange);
  ae_exchange_settle(c->exchange);
  return AE_OK;
}

static ae_status all_reduce(void *context) {
  course *c = context;
  const ae_comm *comm = c->bench->comm;
  ae_comm_require(comm, MPI_Allreduce(c->gradient, c->sum, (int)c->count, MPI_FLOAT, MPI_SUM, ae_comm_handle(comm)),
                  "exchange");
  ae_update_adam(&ae_bench_adam, c->count, c->sum, c->m, c->v, c->value);
  return AE_OK;
}

static ae_status prepare(course *c) {
  AE_RETURN_IF(ae_optimizer_create(c->held->config, c->held->params, c->exchange, &c->optimizer));
  AE_RETURN_IF(AE_NEW(c->terms, c->held->model->setup.data->shards.count));
  AE_RETURN_IF(AE_NEW(c->gradient, c->count));
  AE_RETURN_IF(AE_NEW(c->sum, c->count));
  AE_RETURN_IF(AE_NEW(c->m, c->count));
  AE_RETURN_IF(AE_NEW(c->v, c->count));
  return AE_NEW(c->value, c->count);
}

static ae_status measure(course *c) {
  const int64_t border[] = {0, c->count};
  ae_bench_work work[] = {{.run = exchange, .context = c}, {.run = all_reduce, .context = c}};
  AE_RETURN_IF(ae_exchange_create(c->bench->comm, &c->held->model->setup.data->shards, border, 1, 1, AE_EXCHANGE_BEST,
                                  &c->exchange));
  AE_RETURN_IF(ae_comm_agree(c->bench->comm, prepare(c)));
  AE_RETURN_IF(ae_bench_alternate(c->bench, work, 2));
  ae_bench_tell(c->bench, &(ae_bench_figure){"vhe gradient and Adam", 1e3 * work[0].median, "ms", 1e3 * work[1].median,
                                             "MPI_Allreduce and Adam"});
  return AE_OK;
}

static ae_status after_step(void *context, const ae_checkpoint *held, bool *enough) {
  course *c = context;
  *enough = true;
  c->held = held;
  c->count = ae_params_size(held->params);
  ae_exchange_settle(held->exchange);
  const ae_status status = measure(c);
  ae_optimizer_destroy(&c->optimizer);
  ae_exchange_destroy(&c->exchange);
  return status;
}

static ae_status run(ae_bench *bench) {
  const ae_bench_preset *preset = ae_bench_presets();
  course c = {.bench = bench};
  const ae_follower follower = {after_step, &c};
  AE_RETURN_IF(ae_bench_write_data(bench, preset, preset->examples));
  const ae_status status = ae_bench_train(bench, preset, NULL, &follower);
  AE_FREE(c.terms);
  AE_FREE(c.gradient);
  AE_FREE(c.sum);
  AE_FREE(c.m);
  AE_FREE(c.v);
  AE_FREE(c.value);
  return status;
}

extern const ae_bench_part ae_bench_part_exchange;

const ae_bench_part ae_bench_part_exchange = {
    "exchange", "gradient exchange with the update, beside MPI_Allreduce and an update on each rank", NULL, 2, run};
