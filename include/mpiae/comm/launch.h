/* How the processes were started, by what launchers leave in the environment, and how they end. Local. */
#ifndef MPIAE_COMM_LAUNCH_H
#define MPIAE_COMM_LAUNCH_H

#include "mpiae/base/status.h"

#include <mpi.h>
#include <sys/types.h>

/* Before MPI starts. A process that no launcher started is a world of its own: it needs no network, no devices and no
 * daemon, whose search is most of the start of Open MPI, which is told so where the user has not told it otherwise. Open
 * MPI takes any task of srun without PMI for one of several and gives up; a step of one task, an interactive shell say,
 * is such a world: forgets that there is a step. */
void ae_launch_prepare(void);

/* How srun starts the ranks of this MPI: Open MPI finds them by PMIx, MPICH by the second of its own interfaces. */
#ifdef MPICH_VERSION
#define AE_LAUNCH_SRUN "srun --mpi=pmi2"
#else
#define AE_LAUNCH_SRUN "srun --mpi=pmix"
#endif

/* AE_USAGE, with the remedy, when srun or the launcher of another MPI started several processes that are not ranks of
 * one world. `ranks`: of the world; 0 = MPI has not started yet: then only what is certain is refused (without any PMI
 * Open MPI would end each task with a page of its own; other MPIs start as many worlds of one rank). mpirun and its
 * daemons in such a step are fine. */
ae_status ae_launch_check(int ranks);

/* Whether this process speaks for all when there is no world: the first that a launcher started, or any elsewhere. */
bool ae_launch_speaks(void);

/* The process that launched this one: the nearest ancestor that bears the name of a launcher (mpirun, orted, slurmstepd
 * …), as programs of the user may stand between; the parent when none does, or none can be seen. */
typedef struct ae_launcher {
  pid_t process;
  bool is_parent;
  unsigned long long since; /* when it began, in the system's own unit: numbers are given again */
} ae_launcher;

void ae_launcher_find(ae_launcher *out);
bool ae_launcher_lives(const ae_launcher *launcher);

/* Before MPI_Finalize: every library that is loaded stays loaded to the end of the process. Open MPI 4.1 unloads its
 * components while its progress threads may still run in them, and now and then, on a busy machine, a process whose
 * work was done died of SIGSEGV there, in mca_pmix_ext3x (open-mpi/ompi, issue 10117). */
void ae_launch_keep_libraries(void);

#endif
