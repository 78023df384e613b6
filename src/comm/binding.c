#include "mpiae/comm/binding.h"

#include "mpiae/base/memory.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = AE_MOST_CORES / 64, MOST_NAMED = 8 };

#define BIND "mpirun --bind-to core --map-by core, or srun --cpu-bind=cores"

void ae_cores_add(ae_cores *cores, int core) { cores->bit[core / 64] |= UINT64_C(1) << core % 64; }

int ae_cores_count(const ae_cores *cores) {
  int count = 0;
  for (int i = 0; i < WORDS; i++) count += __builtin_popcountll(cores->bit[i]);
  return count;
}

static bool is_inside(const ae_cores *a, const ae_cores *b) {
  for (int i = 0; i < WORDS; i++)
    if (a->bit[i] & ~b->bit[i]) return false;
  return true;
}

/* The first of the hardware threads that share a core; the thread itself where the system does not tell. */
static int core_of(int thread) {
  char path[128];
  int first = thread;
  snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", thread);
  FILE *file = fopen(path, "r");
  if (file == NULL) return thread;
  if (fscanf(file, "%d", &first) != 1 || first < 0 || first >= AE_MOST_CORES) first = thread;
  fclose(file);
  return first;
}

ae_status ae_cores_find(ae_cores *out) {
  cpu_set_t *threads = CPU_ALLOC(AE_MOST_CORES);
  const size_t size = CPU_ALLOC_SIZE(AE_MOST_CORES);
  *out = (ae_cores){0};
  if (threads == NULL || sched_getaffinity(0, size, threads) != 0) {
    const int reason = errno;
    CPU_FREE(threads);
    return AE_FAIL(AE_INTERNAL, "the system does not say which cores a rank may run on: %s", strerror(reason));
  }
  for (int i = 0; i < AE_MOST_CORES; i++)
    if (CPU_ISSET_S((size_t)i, size, threads)) ae_cores_add(out, core_of(i));
  CPU_FREE(threads);
  return AE_OK;
}

static ae_cores all_cores(const ae_cores *cores, int count) {
  ae_cores all = {0};
  for (int i = 0; i < count; i++)
    for (int word = 0; word < WORDS; word++) all.bit[word] |= cores[i].bit[word];
  return all;
}

/* "0, 1, 2 and 5 more": the ranks that may run nowhere but on `cores`. */
static void name_ranks(const ae_cores *cores, const ae_cores *within, const int *rank, int count, char out[256]) {
  int inside = 0;
  size_t used = 0;
  out[0] = '\0';
  for (int i = 0; i < count; i++) {
    if (!is_inside(&cores[i], within)) continue;
    if (inside++ < MOST_NAMED)
      used += (size_t)snprintf(out + used, 256 - used, "%s%d", inside > 1 ? ", " : "", rank[i]);
  }
  if (inside > MOST_NAMED) snprintf(out + used, 256 - used, " and %d more", inside - MOST_NAMED);
}

static const char *plural(int count) { return count == 1 ? "" : "s"; }

static ae_status judge_squeezed(const char *host, const ae_cores *cores, const int *rank, int count) {
  char names[256];
  for (int i = 0; i < count; i++) {
    const int have = ae_cores_count(&cores[i]);
    int inside = 0;
    for (int j = 0; j < count; j++) inside += is_inside(&cores[j], &cores[i]);
    if (inside <= have) continue;
    name_ranks(cores, &cores[i], rank, count, names);
    return AE_FAIL(AE_USAGE,
                   "ranks %s on %s share %d core%s, and others are free: bind each rank to a core of its own: " BIND,
                   names, host, have, plural(have));
  }
  return AE_OK;
}

static ae_status judge_unbound(const char *host, const ae_cores *cores, int count) {
  const int have = ae_cores_count(&cores[0]);
  for (int i = 1; i < count; i++)
    if (!is_inside(&cores[i], &cores[0]) || !is_inside(&cores[0], &cores[i])) return AE_OK;
  if (count == 1 || have == 1) return AE_OK;
  return AE_FAIL(AE_USAGE,
                 "the %d ranks on %s are bound to no core: each may move between the same %d, away from its memory: "
                 "bind each to a core of its own: " BIND,
                 count, host, have);
}

ae_status ae_binding_judge(const char *host, const ae_cores *cores, const int *rank, int count) {
  const ae_cores all = all_cores(cores, count);
  const int have = ae_cores_count(&all);
  if (count > have)
    return AE_FAIL(AE_USAGE,
                   "%d ranks on %s have %d core%s between them: start at most %d there (mpirun -n, srun "
                   "--ntasks-per-node), or give the job more cores",
                   count, host, have, plural(have), have);
  AE_RETURN_IF(judge_squeezed(host, cores, rank, count));
  return judge_unbound(host, cores, count);
}

ae_status ae_binding_judge_threads(const char *host, const char *variable, int threads, int ranks, int cores) {
  if (threads <= 1 || (int64_t)threads * ranks <= cores) return AE_OK;
  return AE_FAIL(AE_USAGE,
                 "%s=%d on each of %d rank%s of %s asks for %lld threads on %d core%s: mpiae computes on train.threads "
                 "threads, but the libraries beside it may not: set %s=1",
                 variable, threads, ranks, plural(ranks), host, (long long)threads * ranks, cores, plural(cores),
                 variable);
}

ae_status ae_binding_check(const ae_comm *comm, const ae_host *host, int *cores) {
  ae_status status;
  ae_cores own, *all = NULL;
  const int rank = ae_comm_rank(comm);
  int *ranks = NULL;
  *cores = 0;
  AE_CHECK(ae_comm_agree(comm, ae_cores_find(&own)));
  status = AE_NEW(all, host->is_first ? host->count : 1);
  if (status == AE_OK) status = AE_NEW(ranks, host->is_first ? host->count : 1);
  AE_CHECK(ae_comm_agree(comm, status));
  ae_comm_require(comm, MPI_Gather(&own, (int)sizeof own, MPI_BYTE, all, (int)sizeof own, MPI_BYTE, 0, host->ranks),
                  "gathering the cores of ranks");
  ae_comm_require(comm, MPI_Gather(&rank, 1, MPI_INT, ranks, 1, MPI_INT, 0, host->ranks), "gathering ranks");
  if (host->is_first) {
    const ae_cores together = all_cores(all, host->count);
    *cores = ae_cores_count(&together);
    status = ae_binding_judge(host->name, all, ranks, host->count);
  }
  ae_comm_require(comm, MPI_Bcast(cores, 1, MPI_INT, 0, host->ranks), "cores of a host");
  status = ae_comm_agree(comm, status);
cleanup:
  AE_FREE(all);
  AE_FREE(ranks);
  return status;
}

ae_status ae_binding_check_threads(const ae_comm *comm, const ae_host *host, int cores) {
  static const char *const variables[] = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"};
  ae_status status = AE_OK;
  for (size_t i = 0; i < sizeof variables / sizeof *variables && status == AE_OK; i++) {
    const char *value = getenv(variables[i]);
    if (value != NULL) status = ae_binding_judge_threads(host->name, variables[i], atoi(value), host->count, cores);
  }
  return ae_comm_agree(comm, status);
}
