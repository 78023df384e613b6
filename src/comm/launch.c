#include "mpiae/comm/launch.h"

#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>

static int number_of(const char *variable) {
  const char *value = getenv(variable);
  return value != NULL ? atoi(value) : 0;
}

/* Tasks that srun started beside this one, with it; 1 where it did not, or where mpirun stands between. */
static int srun_tasks(void) {
  if (getenv("OMPI_COMM_WORLD_SIZE") != NULL) return 1;
  const int tasks = number_of("SLURM_STEP_NUM_TASKS");
  return tasks > 1 ? tasks : 1;
}

/* What srun's --mpi=pmix, pmi2 and cray leave for the ranks to find each other. */
static bool has_pmi(void) {
  return getenv("PMIX_RANK") != NULL || getenv("PMI_RANK") != NULL || getenv("PMI_FD") != NULL;
}

void ae_launch_prepare(void) {
  if (getenv("OMPI_COMM_WORLD_SIZE") != NULL || number_of("SLURM_STEP_NUM_TASKS") != 1 || has_pmi()) return;
  unsetenv("SLURM_STEP_ID");
  unsetenv("SLURM_STEPID");
}

ae_status ae_launch_check(int ranks) {
  const int tasks = srun_tasks();
  if (tasks == 1 || ranks > 1 || (ranks == 0 && has_pmi())) return AE_OK;
  return AE_FAIL(AE_USAGE,
                 "srun started %d separate copies instead of %d ranks: start it with srun --mpi=pmix, or with mpirun "
                 "in the allocation; for a single process use srun -n 1 ('srun --mpi=list' shows what this SLURM has)",
                 tasks, tasks);
}

bool ae_launch_speaks(void) { return srun_tasks() == 1 || number_of("SLURM_PROCID") == 0; }

void ae_launch_keep_libraries(void) {
  void *program = dlopen(NULL, RTLD_LAZY);
  struct link_map *library = NULL;
  if (program == NULL) return;
  if (dlinfo(program, RTLD_DI_LINKMAP, &library) != 0) library = NULL;
  for (; library != NULL; library = library->l_next) {
    if (library->l_name[0] == '\0') continue; /* the program itself */
    void *kept = dlopen(library->l_name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    if (kept != NULL) dlclose(kept);
  }
  dlclose(program);
}
