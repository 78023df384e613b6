#include "mpiae/comm/launch.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

typedef struct process {
  char name[16], state; /* names are cut by the system at 15 characters, and may hold anything */
  int parent;
  unsigned long long since;
} process;

static bool read_process(pid_t number, process *out) {
  char path[64], text[1024];
  snprintf(path, sizeof path, "/proc/%lld/stat", (long long)number);
  FILE *file = fopen(path, "re");
  if (file == NULL) return false;
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  fclose(file);
  const char *begin = strchr(text, '('), *end = strrchr(text, ')');
  if (begin == NULL || end == NULL) return false;
  snprintf(out->name, sizeof out->name, "%.*s", (int)(end - begin - 1), begin + 1);
  return sscanf(end, ") %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &out->state,
                &out->parent, &out->since) == 3;
}

/* Those of Open MPI 4 and 5, SLURM, MPICH and its descendants, and PALS; also with an ending, mpirun.openmpi. */
static bool is_launcher(const char *name) {
  static const char *const names[] = {"mpirun",          "mpiexec",         "orterun",   "orted",
                                      "prterun",         "prted",           "prte",      "slurmstepd",
                                      "hydra_pmi_proxy", "hydra_bstrap_pr", "pmi_proxy", "palsd"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const size_t length = strlen(names[i]);
    if (strncmp(name, names[i], length) == 0 && (name[length] == '\0' || name[length] == '.')) return true;
  }
  return false;
}

void ae_launcher_find(ae_launcher *out) {
  enum { MOST_BETWEEN = 16 };
  process one = {.parent = (int)getppid()};
  *out = (ae_launcher){getppid(), true, 0};
  for (int i = 0; i < MOST_BETWEEN; i++) {
    const pid_t number = one.parent;
    if (number <= 0 || !read_process(number, &one)) return;
    if (!is_launcher(one.name)) continue;
    *out = (ae_launcher){number, number == out->process, one.since};
    return;
  }
}

/* Orphans get another parent, also while nobody has asked yet how theirs ended. */
bool ae_launcher_lives(const ae_launcher *launcher) {
  process now;
  if (launcher->is_parent) return getppid() == launcher->process;
  return read_process(launcher->process, &now) && now.since == launcher->since && now.state != 'Z' && now.state != 'X';
}

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
