/* From the start of a training to its first step, beside a read of its data. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXAMPLES = 60000 };

static ae_status stop(void *context, const ae_checkpoint *held, bool *enough) {
  (void)context, (void)held;
  *enough = true;
  return AE_OK;
}

static ae_status begin(void *context) {
  const ae_follower follower = {stop, NULL};
  return ae_bench_train(context, ae_bench_presets(), NULL, &follower);
}

/* The whole file, whichever rank. */
static ae_status read_file(const char *path) {
  static char buffer[1 << 20];
  const int descriptor = open(path, O_RDONLY);
  ssize_t count = descriptor < 0 ? -1 : 1;
  while (count > 0) count = read(descriptor, buffer, sizeof buffer);
  const ae_status status = count < 0 ? AE_FAIL(AE_DATA, "%s: %s", path, strerror(errno)) : AE_OK;
  if (descriptor >= 0) close(descriptor);
  return status;
}

static ae_status read_data(void *context) {
  const ae_bench *bench = context;
  char path[AE_PATH_SIZE];
  ae_bench_path(bench, AE_BENCH_DATA, path);
  return ae_comm_agree(bench->comm, read_file(path));
}

static ae_status run(ae_bench *bench) {
  ae_bench_work work[] = {{.run = begin, .context = bench}, {.run = read_data, .context = bench}};
  AE_RETURN_IF(ae_bench_write_data(bench, ae_bench_presets(), EXAMPLES));
  AE_RETURN_IF(ae_bench_alternate(bench, work, 2));
  ae_bench_tell(bench, &(ae_bench_figure){"launch to command", bench->launched, "s", (double)NAN, NULL});
  ae_bench_tell(bench, &(ae_bench_figure){"vhe, 60 000 images, to the first step", work[0].median, "s", work[1].median,
                                          "read of the data"});
  return AE_OK;
}

extern const ae_bench_part ae_bench_part_start;

const ae_bench_part ae_bench_part_start = {"start", "seconds to the first training step, beside a read of the data",
                                           NULL, 1, run};
