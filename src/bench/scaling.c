/* What training would take on many ranks, by what it takes on this machine (prediction.h). */
#include "bench.h"
#include "prediction.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/comm/binding.h"
#include "mpiae/train/buckets.h"

#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

/* The preset: nothing but gradients and parameters passes between its ranks. */
enum { VAE = 1 };

/* Rows of a rank where it computes little and where it computes much; examples of a batch that is shared out. */
enum { FEW_ROWS = 16, MANY_ROWS = 128, SHARED_BATCH = 4096, MOST_RANKS = 4096 };

/* Of a network that cannot be measured: of 25 Gbit/s, as clusters have at least. */
static const double usual_gbit = 25, usual_latency_us = 2, usual_message = 0.7e-6;

/* Ranks on nodes that step times are predicted for. */
typedef struct place {
  ae_bench_layout layout;
  int threads;
} place;

enum { MOST_PLACES = 128, MOST_THREADS = 64 };

typedef struct course {
  ae_bench *bench;
  ae_bench_machine machine;
  int cores, per_node; /* of a node: its cores, and its ranks of one thread */
  place here, place[MOST_PLACES];
  int places, plans;            /* from `plans` on they differ in threads, on some numbers of nodes */
  double few[MOST_THREADS + 1]; /* seconds that ranks compute in a step of FEW_ROWS a thread, by threads; 0 = unknown */
  double checkpoint;            /* bytes a second */
  /* of the steps at hand */
  ae_bench_steps steps;
  double compute[AE_BENCH_MOST_STEPS], computed;
} course;

/* Steps. */

static double compute_of(const double phase[AE_PHASE_COUNT]) {
  double sum = 0;
  for (int i = 0; i < AE_PHASE_COUNT; i++)
    if (ae_phase_in_step((ae_phase)i) && i != AE_PHASE_EXCHANGE && i != AE_PHASE_CONTROL && i != AE_PHASE_OPTIMIZER)
      sum += phase[i];
  return sum;
}

static ae_status describe_places(course *c, const ae_checkpoint *held) {
  int64_t border[AE_MOST_BUCKETS + 1];
  int *bucket_of = NULL;
  AE_RETURN_IF(AE_NEW(bucket_of, ae_params_count(held->params)));
  for (int i = -1; i < c->places; i++) {
    ae_bench_layout *layout = i < 0 ? &c->here.layout : &c->place[i].layout;
    layout->floats = ae_params_size(held->params);
    layout->terms = held->model->terms + held->model->statistics;
    layout->shards = layout->ranks;
    layout->buckets = ae_buckets_cut(held->params, layout->ranks, border, bucket_of);
  }
  AE_FREE(bucket_of);
  return AE_OK;
}

static ae_status time_checkpoint(course *c, const ae_checkpoint *held) {
  char path[AE_PATH_SIZE];
  struct stat info = {0};
  ae_bench_path(c->bench, "checkpoint.h5", path);
  const double begun = ae_clock_seconds();
  AE_RETURN_IF(ae_checkpoint_write(held, path));
  if (stat(path, &info) == 0) c->checkpoint = (double)info.st_size / (ae_clock_seconds() - begun);
  return AE_OK;
}

static ae_status after_step(void *context, const ae_checkpoint *held, bool *enough) {
  course *c = context;
  if (ae_bench_end_step(&c->steps, held->state.step)) {
    const double computed = compute_of(c->steps.phase);
    c->compute[c->steps.count - 1] = computed - c->computed;
    c->computed = computed;
  }
  if (held->state.step == 1) AE_RETURN_IF(ae_comm_agree(c->bench->comm, describe_places(c, held)));
  if (held->state.step == 1 && c->checkpoint == 0) AE_RETURN_IF(time_checkpoint(c, held));
  *enough = ae_bench_begin_step(c->bench, &c->steps, held->state.step);
  return AE_OK;
}

/* Medians: of a step, and of what the slowest rank computes in it. */
static ae_status time_steps(course *c, int rows, int threads, double *step, double *compute) {
  const ae_follower follower = {after_step, c};
  char batch[64], workers[64];
  snprintf(batch, sizeof batch, "train.batch_size=%d", rows * ae_comm_size(c->bench->comm));
  snprintf(workers, sizeof workers, "train.threads=%d", threads);
  c->steps.count = 0;
  c->computed = 0;
  AE_RETURN_IF(
      ae_bench_train(c->bench, &ae_bench_presets()[VAE], (const char *const[]){batch, workers, NULL}, &follower));
  *step = ae_bench_median(c->steps.seconds, c->steps.count);
  *compute = 1e-9 * (double)ae_comm_max(c->bench->comm, (int64_t)(1e9 * ae_bench_median(c->compute, c->steps.count)));
  return AE_OK;
}

/* Constants. */

/* Seconds for a small message out and one in: many are under way at a time, between rank 0 and `partner`. */
static double time_messages(const ae_comm *comm, int partner) {
  enum { AT_ONCE = 32, TIMES = 100 };
  const MPI_Comm handle = ae_comm_handle(comm);
  const int rank = ae_comm_rank(comm), other = rank == 0 ? partner : 0;
  MPI_Request request[2 * AT_ONCE];
  int64_t in[AT_ONCE], out = rank;
  if (rank != 0 && rank != partner) return 0;
  const double begun = ae_clock_seconds();
  for (int i = 0; i < TIMES; i++) {
    int result = MPI_SUCCESS;
    for (int j = 0; j < AT_ONCE && result == MPI_SUCCESS; j++) {
      result = MPI_Irecv(&in[j], 1, MPI_INT64_T, other, 0, handle, &request[2 * j]);
      if (result == MPI_SUCCESS) result = MPI_Isend(&out, 1, MPI_INT64_T, other, 0, handle, &request[2 * j + 1]);
    }
    if (result == MPI_SUCCESS) result = MPI_Waitall(2 * AT_ONCE, request, MPI_STATUSES_IGNORE);
    ae_comm_require(comm, result, "timing messages");
  }
  return (ae_clock_seconds() - begun) / (AT_ONCE * TIMES);
}

static ae_status measure_network(course *c, const ae_host *host) {
  const ae_comm *comm = c->bench->comm;
  const ae_bench_request *request = c->bench->request;
  ae_bench_machine *machine = &c->machine;
  double unused;
  ae_host near = *host;
  near.elsewhere = ae_comm_size(comm) > 1 && host->elsewhere != 1 ? 1 : -1; /* ranks are numbered node by node */
  AE_RETURN_IF(ae_host_measure(comm, &near, &machine->near, &unused));
  AE_RETURN_IF(ae_host_measure(comm, host, &machine->far, &machine->wire));
  machine->message = host->hosts > 1 ? time_messages(comm, host->elsewhere) : usual_message;
  if (host->hosts == 1) {
    machine->wire = 1e9 / 8 * usual_gbit;
    machine->far = 1e-6 * usual_latency_us;
  }
  if (request->network_gbit > 0) machine->wire = 1e9 / 8 * request->network_gbit;
  if (request->latency_us > 0) machine->far = 1e-6 * request->latency_us;
  return AE_OK;
}

static ae_status measure_machine(course *c, const ae_host *host, double *few_step, double *many_step) {
  double few, many, adam;
  AE_RETURN_IF(measure_network(c, host));
  AE_RETURN_IF(time_steps(c, FEW_ROWS, 1, few_step, &few));
  AE_RETURN_IF(time_steps(c, MANY_ROWS, 1, many_step, &many));
  AE_RETURN_IF(ae_bench_measure_memory(c->bench, c->here.layout.floats, &c->machine.memory, &adam));
  c->few[1] = few;
  c->machine.row = fmax(0, (many - few) / (MANY_ROWS - FEW_ROWS));
  c->machine.fixed = fmax(0, few - (double)FEW_ROWS * c->machine.row);
  /* of threads alone on their node; where there are more ranks, these have taken the cores */
  for (int threads = 2; threads <= ae_min(c->cores, MOST_THREADS) && ae_comm_size(c->bench->comm) == 1; threads *= 2)
    AE_RETURN_IF(time_steps(c, FEW_ROWS * threads, threads, &adam, &c->few[threads]));
  return AE_OK;
}

/* Places. */

static void add_place(course *c, int nodes, int per_node, int threads) {
  AE_ASSERT(c->places < MOST_PLACES);
  c->place[c->places++] = (place){{.ranks = nodes * per_node, .nodes = nodes}, threads};
}

static void list_places(course *c, const ae_host *host) {
  const int ranks = ae_comm_size(c->bench->comm);
  c->here = (place){{.ranks = ranks, .nodes = host->hosts}, 1};
  for (int ranks_alone = 1; ranks_alone < c->per_node; ranks_alone *= 2) add_place(c, 1, ranks_alone, 1);
  for (int nodes = 1; nodes * c->per_node <= MOST_RANKS; nodes *= 2) add_place(c, nodes, c->per_node, 1);
  c->plans = c->places;
  const int64_t most = ranks > 1 ? 0 : ae_min(ae_min(c->per_node, c->cores), MOST_THREADS);
  for (int nodes = 1; nodes <= 16; nodes *= 4)
    for (int threads = 1; threads <= most; threads *= 2) add_place(c, nodes, c->per_node / threads, threads);
}

/* Telling. */

static void tell(const course *c, const char *name, double value, const char *unit) {
  ae_bench_tell(c->bench, &(ae_bench_figure){name, value, unit, (double)NAN, NULL});
}

static void tell_machine(const course *c) {
  const ae_bench_machine *machine = &c->machine;
  tell(c, "compute of a step, whatever its rows", 1e3 * machine->fixed, "ms");
  tell(c, "compute of each row", 1e3 * machine->row, "ms");
  tell(c, "memory of a rank", 1e-9 * machine->memory, "GB/s");
  tell(c, "message sent and one received", 1e6 * machine->message, "us");
  if (machine->near > 0) tell(c, "latency within a node", 1e6 * machine->near, "us");
  tell(c, "latency between nodes", 1e6 * machine->far, "us");
  tell(c, "network of a node", 8e-9 * machine->wire, "Gbit/s");
  tell(c, "checkpoint", 1e-6 * c->checkpoint, "MB/s");
}

/* One figure where nothing can be hidden. */
static void tell_both(const course *c, const char *name, ae_bench_figure hidden, ae_bench_figure open) {
  char longer[96];
  snprintf(longer, sizeof longer, "%s, none hidden", name);
  hidden.name = name;
  open.name = longer;
  ae_bench_tell(c->bench, &hidden);
  if (open.value > hidden.value || open.limit > hidden.limit) ae_bench_tell(c->bench, &open);
}

/* Nodes of different numbers of ranks have no prediction. */
static void tell_here(const course *c, int rows, double step) {
  char name[64];
  if (c->here.layout.ranks % c->here.layout.nodes != 0) return;
  const ae_bench_prediction found = ae_bench_predict(&c->machine, &c->here.layout, rows);
  snprintf(name, sizeof name, "step here, %d rows a rank", rows);
  tell_both(c, name, (ae_bench_figure){NULL, 1e3 * step, "ms", 1e3 * found.hidden, "predicted"},
            (ae_bench_figure){NULL, 1e3 * step, "ms", 1e3 * found.open, "predicted"});
}

/* Beside one rank that has as many rows. */
static void tell_step(const course *c, const char *kind, const ae_bench_layout *layout, double rows, double alone) {
  char name[64];
  const ae_bench_prediction found = ae_bench_predict(&c->machine, layout, rows);
  snprintf(name, sizeof name, "%s, %d ranks, %d node%s", kind, layout->ranks, layout->nodes,
           layout->nodes == 1 ? "" : "s");
  tell_both(c, name, (ae_bench_figure){NULL, 1e3 * found.hidden, "ms", 1e3 * alone, "a rank alone"},
            (ae_bench_figure){NULL, 1e3 * found.open, "ms", 1e3 * alone, "a rank alone"});
}

/* Weak: each rank has its rows. Strong: they share those of a batch, and beside them stands what one rank would take for
 * all, divided. */
static void tell_scaling(const course *c) {
  const ae_bench_layout one = {
      .ranks = 1, .nodes = 1, .shards = 1, .buckets = 1, .floats = c->here.layout.floats, .terms = 0};
  const double few = ae_bench_predict(&c->machine, &one, FEW_ROWS).hidden;
  const double all = ae_bench_predict(&c->machine, &one, SHARED_BATCH).hidden;
  for (int i = 0; i < c->plans; i++)
    if (c->place[i].layout.ranks > 1) tell_step(c, "weak", &c->place[i].layout, FEW_ROWS, few);
  for (int i = 0; i < c->plans; i++) {
    const int ranks = c->place[i].layout.ranks;
    if (ranks > 1) tell_step(c, "strong", &c->place[i].layout, (double)SHARED_BATCH / ranks, all / ranks);
  }
}

/* Ranks and threads that together take the cores of a node, each thread with as many rows. */
static void tell_plans(const course *c) {
  const place *best = NULL;
  double most = 0;
  for (int i = c->plans; i < c->places; i++) {
    char name[64];
    const place *at = &c->place[i];
    ae_bench_machine machine = c->machine;
    if (c->few[at->threads] <= 0) continue;
    machine.fixed = c->few[at->threads];
    machine.row = 0;
    const double rate = FEW_ROWS * at->threads * at->layout.ranks / ae_bench_predict(&machine, &at->layout, 0).hidden;
    const int nodes = at->layout.nodes;
    snprintf(name, sizeof name, "%d node%s of %d rank%s x %d thread%s", nodes, nodes == 1 ? "" : "s",
             at->layout.ranks / nodes, at->layout.ranks == nodes ? "" : "s", at->threads, at->threads == 1 ? "" : "s");
    tell(c, name, rate, "examples/s");
    if (best == NULL || best->layout.nodes != nodes || rate > most) best = at, most = rate;
    if ((i + 1 == c->places || c->place[i + 1].layout.nodes != nodes) && !c->bench->request->json)
      printf("    best: %d ranks a node, train.threads=%d, data.shards=%d\n", best->layout.ranks / nodes, best->threads,
             best->layout.ranks);
  }
}

static ae_status measure(course *c, const ae_host *host) {
  double few, many;
  ae_cores cores;
  const ae_bench *bench = c->bench;
  const ae_bench_preset *preset = &ae_bench_presets()[VAE];
  const int ranks = ae_comm_size(bench->comm);
  AE_RETURN_IF(ae_comm_agree(bench->comm, ae_cores_find(&cores)));
  c->cores = (int)ae_comm_max(bench->comm, ae_cores_count(&cores));
  c->per_node = bench->request->ranks_per_node > 0 ? bench->request->ranks_per_node
                : ranks > 1                        ? host->count
                                                   : c->cores;
  list_places(c, host);
  const int64_t batch = ae_max((int64_t)MANY_ROWS * ranks, (int64_t)FEW_ROWS * c->cores);
  AE_RETURN_IF(ae_bench_write_data(bench, preset, ae_max(preset->examples, 16 * batch)));
  AE_RETURN_IF(measure_machine(c, host, &few, &many));
  tell_machine(c);
  tell_here(c, FEW_ROWS, few);
  tell_here(c, MANY_ROWS, many);
  tell_scaling(c);
  tell_plans(c);
  return AE_OK;
}

static ae_status run(ae_bench *bench) {
  course *c = NULL;
  ae_host host;
  AE_RETURN_IF(ae_comm_agree(bench->comm, AE_NEW(c, 1)));
  c->bench = bench;
  ae_host_find(bench->comm, &host);
  const ae_status status = measure(c, &host);
  ae_host_release(&host);
  AE_FREE(c);
  return status;
}

extern const ae_bench_part ae_bench_part_scaling;

const ae_bench_part ae_bench_part_scaling = {
    "scaling", "steps of a VAE on 2 to 4096 ranks, predicted by what this machine takes; steps at hand beside that",
    NULL, 1, run};
