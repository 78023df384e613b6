#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Names. */

static bool wants_part(const ae_bench_request *request, const ae_bench_part *part) {
  const char *thing;
  for (int i = 0; i < request->count; i++)
    if (ae_bench_names(request->names[i], part, &thing)) return true;
  return request->count == 0;
}

static void list_names(char *out, size_t size) {
  size_t used = 0;
  for (const ae_bench_part *const *part = ae_bench_parts(); *part != NULL; part++) {
    used += (size_t)snprintf(out + used, size - used, "%s%s", used > 0 ? ", " : "", (*part)->name);
    for (int i = 0; (*part)->things != NULL && (*part)->things[i] != NULL; i++)
      used += (size_t)snprintf(out + used, size - used, ", %s:%s", (*part)->name, (*part)->things[i]);
  }
}

static bool has_thing(const ae_bench_part *part, const char *thing) {
  if (thing == NULL) return true;
  for (int i = 0; part->things != NULL && part->things[i] != NULL; i++)
    if (strcmp(part->things[i], thing) == 0) return true;
  return false;
}

static ae_status check_name(const ae_comm *comm, const char *name) {
  char known[512];
  const char *thing;
  for (const ae_bench_part *const *part = ae_bench_parts(); *part != NULL; part++) {
    if (!ae_bench_names(name, *part, &thing) || !has_thing(*part, thing)) continue;
    if (ae_comm_size(comm) >= (*part)->least_ranks) return AE_OK;
    return AE_FAIL(AE_USAGE, "%s is measured on %d ranks or more: mpirun -n %d mpiae bench %s", name,
                   (*part)->least_ranks, (*part)->least_ranks, name);
  }
  list_names(known, sizeof known);
  return AE_FAIL(AE_USAGE, "nothing is measured as '%s'; there are: %s", name, known);
}

/* The run. */

/* Since the process was started, to a hundredth: field 22 of its line, in ticks since the machine was. */
static double seconds_since_launch(void) {
  struct timespec now;
  char line[1024] = "";
  double ticks = 0;
  FILE *file = fopen("/proc/self/stat", "r");
  if (file != NULL && fgets(line, sizeof line, file) == NULL) line[0] = '\0';
  if (file != NULL) fclose(file);
  const char *field = strrchr(line, ')'); /* the second, which may hold blanks */
  for (int i = 2; i < 22 && field != NULL; i++) field = strchr(field + 1, ' ');
  if (field != NULL) ticks = strtod(field, NULL);
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec - ticks / (double)sysconf(_SC_CLK_TCK);
}

static ae_status run_parts(ae_bench *bench) {
  ae_bench_begin(bench);
  for (const ae_bench_part *const *part = ae_bench_parts(); *part != NULL; part++) {
    if (ae_comm_size(bench->comm) < (*part)->least_ranks || !wants_part(bench->request, *part)) continue;
    bench->part = *part;
    ae_bench_begin_part(bench);
    AE_RETURN_IF((*part)->run(bench));
  }
  ae_bench_end(bench);
  return AE_OK;
}

ae_status ae_bench_run(const ae_comm *comm, const ae_bench_request *request) {
  ae_bench bench = {.comm = comm, .request = request, .launched = seconds_since_launch()};
  for (int i = 0; i < request->count; i++) AE_RETURN_IF(check_name(comm, request->names[i]));
  AE_RETURN_IF(ae_comm_agree(comm, ae_bench_make_directory(&bench)));
  ae_comm_broadcast(comm, bench.directory, (int64_t)sizeof bench.directory);
  const ae_status status = run_parts(&bench);
  ae_comm_barrier(comm);
  ae_bench_remove_directory(&bench);
  return status;
}
