/* Memory: a triad (McCalpin 1995), and the update of Adam beside it. */
#include "bench.h"

#include "mpiae/base/clones.h"
#include "mpiae/base/memory.h"

#include <math.h>

/* Of each array, 64 MB: more than caches hold. Numbers that pass the memory for each element: the triad reads two and
 * writes one, Adam reads four and writes three. Both write where they have read: nothing is fetched to be overwritten. */
enum { COUNT = 1 << 24 };
static const double triad_numbers = 3, adam_numbers = 7;

typedef struct arrays {
  float *a, *b, *c, *d;
} arrays;

AE_CLONES static void add_scaled(int64_t count, float scale, const float *restrict b, float *restrict a) {
  for (int64_t i = 0; i < count; i++) a[i] = b[i] + scale * a[i];
}

static ae_status run_triad(void *context) {
  const arrays *all = context;
  add_scaled(COUNT, 0.5F, all->b, all->a);
  return AE_OK;
}

static ae_status run_adam(void *context) {
  const arrays *all = context;
  ae_update_adam(&ae_bench_adam, COUNT, all->a, all->b, all->c, all->d);
  return AE_OK;
}

static ae_status allocate(arrays *all) {
  AE_RETURN_IF(ae_memory_expect_each(4.0 * (double)(COUNT * sizeof(float)), "four arrays of %d numbers", (int)COUNT));
  AE_RETURN_IF(AE_NEW(all->a, COUNT));
  AE_RETURN_IF(AE_NEW(all->b, COUNT));
  AE_RETURN_IF(AE_NEW(all->c, COUNT));
  return AE_NEW(all->d, COUNT);
}

static ae_status measure(ae_bench *bench, arrays *all) {
  ae_bench_work work[] = {{.run = run_triad, .context = all}, {.run = run_adam, .context = all}};
  AE_RETURN_IF(ae_bench_alternate(bench, work, 2));
  const double unit = 1e-9 * (double)(COUNT * sizeof(float)), triad = triad_numbers * unit / work[0].median;
  ae_bench_tell(bench, &(ae_bench_figure){"triad", triad, "GB/s", (double)NAN, NULL});
  ae_bench_tell(bench, &(ae_bench_figure){"adam", adam_numbers * unit / work[1].median, "GB/s", triad, "triad"});
  return AE_OK;
}

static ae_status run(ae_bench *bench) {
  arrays all = {0};
  ae_status status = ae_comm_agree(bench->comm, allocate(&all));
  if (status == AE_OK) status = measure(bench, &all);
  AE_FREE(all.a);
  AE_FREE(all.b);
  AE_FREE(all.c);
  AE_FREE(all.d);
  return status;
}

extern const ae_bench_part ae_bench_part_memory;

const ae_bench_part ae_bench_part_memory = {"memory", "bytes that pass the memory of each rank, all ranks at once",
                                            NULL, 1, run};
