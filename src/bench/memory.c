/* Memory: a triad (McCalpin 1995), and the update of Adam beside it. */
#include "bench.h"

#include "mpiae/base/clones.h"
#include "mpiae/base/memory.h"

#include <math.h>

/* Of each array, 64 MB: more than caches hold. */
enum { LARGE = 1 << 24 };

/* Numbers that pass the memory for each element: the triad reads two and
 * writes one, Adam reads four and writes three. Both write where they have read: nothing is fetched to be overwritten. */
static const double triad_numbers = 3, adam_numbers = 7;

typedef struct arrays {
  int64_t count;
  float *a, *b, *c, *d;
} arrays;

AE_CLONES static void add_scaled(int64_t count, float scale, const float *restrict b, float *restrict a) {
  for (int64_t i = 0; i < count; i++) a[i] = b[i] + scale * a[i];
}

static ae_status run_triad(void *context) {
  const arrays *all = context;
  add_scaled(all->count, 0.5F, all->b, all->a);
  return AE_OK;
}

static ae_status run_adam(void *context) {
  const arrays *all = context;
  ae_update_adam(&ae_bench_adam, all->count, all->a, all->b, all->c, all->d);
  return AE_OK;
}

static ae_status allocate(arrays *all) {
  const double bytes = 4.0 * (double)all->count * (double)sizeof(float);
  AE_RETURN_IF(ae_memory_expect_each(bytes, "four arrays of %lld numbers", (long long)all->count));
  AE_RETURN_IF(AE_NEW(all->a, all->count));
  AE_RETURN_IF(AE_NEW(all->b, all->count));
  AE_RETURN_IF(AE_NEW(all->c, all->count));
  return AE_NEW(all->d, all->count);
}

static ae_status measure(const ae_bench *bench, arrays *all, double *triad, double *adam) {
  ae_bench_work work[] = {{.run = run_triad, .context = all}, {.run = run_adam, .context = all}};
  const double bytes = (double)all->count * (double)sizeof(float);
  AE_RETURN_IF(ae_bench_alternate(bench, work, 2));
  *triad = triad_numbers * bytes / work[0].median;
  *adam = adam_numbers * bytes / work[1].median;
  return AE_OK;
}

ae_status ae_bench_measure_memory(const ae_bench *bench, int64_t count, double *triad, double *adam) {
  arrays all = {.count = count};
  ae_status status = ae_comm_agree(bench->comm, allocate(&all));
  if (status == AE_OK) status = measure(bench, &all, triad, adam);
  AE_FREE(all.a);
  AE_FREE(all.b);
  AE_FREE(all.c);
  AE_FREE(all.d);
  return status;
}

static ae_status run(ae_bench *bench) {
  double triad, adam;
  AE_RETURN_IF(ae_bench_measure_memory(bench, LARGE, &triad, &adam));
  ae_bench_tell(bench, &(ae_bench_figure){"triad", 1e-9 * triad, "GB/s", (double)NAN, NULL});
  ae_bench_tell(bench, &(ae_bench_figure){"adam", 1e-9 * adam, "GB/s", 1e-9 * triad, "triad"});
  return AE_OK;
}

extern const ae_bench_part ae_bench_part_memory;

const ae_bench_part ae_bench_part_memory = {"memory", "bytes that pass the memory of each rank, all ranks at once",
                                            NULL, 1, run};
