#include "mpiae/comm/launch.h"

#include <dlfcn.h>
#include <link.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int number_of(const char *variable) {
  const char *value = getenv(variable);
  return value != NULL ? atoi(value) : 0;
}

/* What mpirun's kind leaves in each rank: how many it started, and which of them this is. PMI_ is of MPICH, Intel MPI
 * and Cray, and of srun --mpi=pmi2. */
static const struct {
  const char *ranks, *rank;
} launchers[] = {{"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"}, {"PMI_SIZE", "PMI_RANK"}};
enum { LAUNCHERS = sizeof launchers / sizeof *launchers };

/* The copies that a launcher started, none of which knows of the others. One launcher may stand inside another: who
 * started a single process meant it so. */
typedef struct copies {
  int count; /* 1: that is all there is */
  int own;   /* number of this one */
  const char *told_by;
} copies;

static copies count_copies(void) {
  copies found = {1, 0, NULL};
  for (int i = 0; i < LAUNCHERS; i++) {
    if (getenv(launchers[i].ranks) == NULL) continue;
    if (number_of(launchers[i].ranks) <= 1) return (copies){1, 0, NULL};
    found = (copies){number_of(launchers[i].ranks), number_of(launchers[i].rank), launchers[i].ranks};
  }
  if (found.told_by != NULL || number_of("SLURM_STEP_NUM_TASKS") <= 1) return found;
  return (copies){number_of("SLURM_STEP_NUM_TASKS"), number_of("SLURM_PROCID"), "SLURM_STEP_NUM_TASKS"};
}

static bool by_srun(const copies *found) { return strncmp(found->told_by, "SLURM", 5) == 0; }

/* "Open MPI v4.1.4", "MPICH Version: 4.0.2": as MPI names itself, up to the first that is not part of it. */
static void name_mpi(char *name, size_t size) {
  char whole[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  MPI_Get_library_version(whole, &length);
  snprintf(name, size, "%.*s", (int)strcspn(whole, ",\n"), whole);
  for (char *at = name; *at != '\0'; at++)
    if (*at == '\t') *at = ' ';
}

/* What srun's --mpi=pmix, pmi2 and cray leave for the ranks to find each other. */
static bool has_pmi(void) {
  return getenv("PMIX_RANK") != NULL || getenv("PMI_RANK") != NULL || getenv("PMI_FD") != NULL;
}

/* Of Open MPI 4; what another MPI does not know it passes by. */
static const struct {
  const char *variable, *value;
} lone[] = {{"OMPI_MCA_ess_singleton_isolated", "1"},   /* no daemon, which listens */
            {"OMPI_MCA_orte_create_session_dirs", "0"}, /* without it all such processes would share one directory */
            {"OMPI_MCA_pml", "ob1"},
            {"OMPI_MCA_btl", "self"},
            {"HWLOC_COMPONENTS", "-gl,-pci,-linuxio"}}; /* gl asks ten X servers */

void ae_launch_prepare(void) {
  if (getenv("OMPI_COMM_WORLD_SIZE") != NULL || has_pmi()) return;
  for (size_t i = 0; i < sizeof lone / sizeof *lone; i++) setenv(lone[i].variable, lone[i].value, 0);
  if (number_of("SLURM_STEP_NUM_TASKS") != 1) return;
  unsetenv("SLURM_STEP_ID");
  unsetenv("SLURM_STEPID");
}

ae_status ae_launch_check(int ranks) {
  const copies found = count_copies();
  char mpi[128];
  if (found.count == 1 || ranks > 1 || (ranks == 0 && (has_pmi() || !by_srun(&found)))) return AE_OK;
  if (by_srun(&found))
    return AE_FAIL(AE_USAGE,
                   "srun started %d separate copies instead of %d ranks: start it with %s, or with mpirun "
                   "in the allocation; for a single process use srun -n 1 ('srun --mpi=list' shows what this SLURM "
                   "has)",
                   found.count, found.count, AE_LAUNCH_SRUN);
  name_mpi(mpi, sizeof mpi);
  return AE_FAIL(AE_USAGE,
                 "%s is %d, but this is a world of one rank: %d separate copies were started by the launcher of "
                 "another MPI: mpiae was built with %s: start it with the mpirun of that one",
                 found.told_by, found.count, found.count, mpi);
}

bool ae_launch_speaks(void) { return count_copies().own == 0; }

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
