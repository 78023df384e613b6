/* Every part of the benchmark, in the order in which they run. */
#include "mpiae/bench/bench.h"

#include <stddef.h>

#define PARTS(ROW)                                                                                                     \
  ROW(products)                                                                                                        \
  ROW(steps)                                                                                                           \
  ROW(kmeans)                                                                                                          \
  ROW(memory)                                                                                                          \
  ROW(exchange)                                                                                                        \
  ROW(files)                                                                                                           \
  ROW(start)                                                                                                           \
  ROW(scaling)

#define DECLARE(name) extern const ae_bench_part ae_bench_part_##name;
#define LIST(name) &ae_bench_part_##name,

PARTS(DECLARE)
static const ae_bench_part *const parts[] = {PARTS(LIST) NULL};

const ae_bench_part *const *ae_bench_parts(void) { return parts; }
