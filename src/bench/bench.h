/* What the parts of the benchmark share: a run of it, presets to train, measuring in turn, telling. Collective, unless
 * told. */
#ifndef MPIAE_BENCH_RUN_H
#define MPIAE_BENCH_RUN_H

#include "mpiae/base/profile.h"
#include "mpiae/bench/bench.h"
#include "mpiae/run/directory.h"
#include "mpiae/tensor/update.h"
#include "mpiae/train/trainer.h"

struct ae_bench {
  const ae_comm *comm;
  const ae_bench_request *request;
  const ae_bench_part *part; /* at work */
  char directory[AE_PATH_SIZE];
  double launched; /* seconds from the start of the process to that of the benchmark */
  int figures;     /* told so far */
};

/* names.c. Local. Whether a name, "steps" or "steps:vhe", is of a part (steps), and what stands behind its colon, or
 * NULL; whether a thing of the part at work was asked for. */
bool ae_bench_names(const char *name, const ae_bench_part *part, const char **thing);
bool ae_bench_wants(const ae_bench *bench, const char *thing);

/* directory.c. Local; rank 0 acts. Path: <directory>/<name>. */
ae_status ae_bench_make_directory(ae_bench *bench);
void ae_bench_remove_directory(const ae_bench *bench);
void ae_bench_path(const ae_bench *bench, const char *name, char path[AE_PATH_SIZE]);

/* measure.c: work, and the seconds that it took. */
typedef struct ae_bench_work {
  ae_status (*run)(void *context); /* Collective */
  void *context;
  double median; /* out: seconds of the slowest rank */
} ae_bench_work;

/* Each once for nothing, then all in turn, again and again until the time is up. */
ae_status ae_bench_alternate(const ae_bench *bench, ae_bench_work *work, int count);

/* Steps of a training, but for the first few, again and again until the time is up. */
enum { AE_BENCH_MOST_STEPS = 2000 };
typedef struct ae_bench_steps {
  int count;
  double seconds[AE_BENCH_MOST_STEPS];
  double phase[AE_PHASE_COUNT]; /* seconds of all that count */
  double begun, step_begun;
} ae_bench_steps;

/* For a follower, after that step: first of all (Local; whether it counts), and last of all (whether there were enough). */
bool ae_bench_end_step(ae_bench_steps *steps, int64_t step);
bool ae_bench_begin_step(const ae_bench *bench, ae_bench_steps *steps, int64_t step);

/* Local. Sorts them. */
double ae_bench_median(double *seconds, int count);

/* memory.c: bytes a second that pass a rank's memory, all ranks at once, in a triad and in the update of Adam, of
 * arrays of `count` floats. */
ae_status ae_bench_measure_memory(const ae_bench *bench, int64_t count, double *triad, double *adam);

/* Adam as the presets have it, from the second step on. */
extern const ae_update ae_bench_adam;

/* report.c: a figure, alone or beside its limit. Of times the share is limit over value, of rates value over limit. */
typedef struct ae_bench_figure {
  const char *name;
  double value;
  const char *unit; /* of both */
  double limit;     /* NaN = none */
  const char *beside;
} ae_bench_figure;

/* Local; standard output. */
void ae_bench_begin(const ae_bench *bench);
void ae_bench_begin_part(const ae_bench *bench);
void ae_bench_tell(ae_bench *bench, const ae_bench_figure *figure);
void ae_bench_end(const ae_bench *bench);

/* preset.c: a model to train, and made-up data for it. */
typedef struct ae_bench_preset {
  const char *name, *config;
  int rank; /* of an example */
  int64_t dim[3];
  int64_t examples;
  bool sets;      /* of 60 to 200 points */
  bool of_layers; /* all its products are those of layers */
} ae_bench_preset;

/* Local. All, ended by one without a name; the first is the homoencoder. */
const ae_bench_preset *ae_bench_presets(void);

/* Writes data for it to AE_BENCH_DATA in the directory, in place of what is there. */
#define AE_BENCH_DATA "data.h5"
ae_status ae_bench_write_data(const ae_bench *bench, const ae_bench_preset *preset, int64_t examples);

/* Trains on those data, with overrides of the configuration ("train.precision=bf16"; ended by NULL; NULL = none), as
 * ae_train_followed. */
ae_status ae_bench_train(const ae_bench *bench, const ae_bench_preset *preset, const char *const *overrides,
                         const ae_follower *follower);

#endif
