/* Measurements of this build on this machine, each beside a limit of its own that is measured in the same process, in
 * turn with it: machines are shared and noisy, and a share says more than a time. Nothing fails for being slow. */
#ifndef MPIAE_BENCH_BENCH_H
#define MPIAE_BENCH_BENCH_H

#include "mpiae/comm/comm.h"

#include <stdbool.h>

/* What can be asked for: a part ("steps"), or a thing of it ("steps:vhe"). */
typedef struct ae_bench_request {
  const char *const *names;
  int count;      /* 0 = all parts that this launch has ranks for */
  double seconds; /* of a measurement, in all; 0 = everything once */
  bool json;
  /* of the nodes that `scaling` predicts for; 0 = as measured, or a usual network and a rank for each core here */
  int network_gbit, latency_us, ranks_per_node;
} ae_bench_request;

typedef struct ae_bench ae_bench;

/* One part; `run` is the library's own. */
typedef struct ae_bench_part {
  const char *name;
  const char *summary;       /* what is measured, beside what */
  const char *const *things; /* that can be asked for by themselves, ended by NULL; or NULL */
  int least_ranks;
  ae_status (*run)(ae_bench *bench);
} ae_bench_part;

/* Local. All parts, ended by NULL. */
const ae_bench_part *const *ae_bench_parts(void);

/* Collective. Measures and prints to standard output, for people or as one JSON object. Files go to a directory of their
 * own in $TMPDIR, else /tmp, and are removed. AE_USAGE: a name that is not known, or too few ranks for it; AE_DATA:
 * that directory cannot be written. */
ae_status ae_bench_run(const ae_comm *comm, const ae_bench_request *request);

#endif
