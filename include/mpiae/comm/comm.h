/* The ranks of a run: start and end of MPI, agreement on errors, small exchanges.
 *
 * Words used in every header: a function is Collective when all ranks of the comm must call it in the same order
 * with the same arguments (unless said otherwise), and then returns the same status on all of them; Local otherwise. */
#ifndef MPIAE_COMM_COMM_H
#define MPIAE_COMM_COMM_H

#include "mpiae/base/status.h"

#include <mpi.h>
#include <stdint.h>

typedef struct ae_comm ae_comm;

/* Collective over MPI_COMM_WORLD. Starts MPI (once in a process; with one-sided communication kept off the component
 * that returns wrong values over TCP, unless the user chose it), numbers the ranks of the world node by node (rank 0 is
 * the world's, whatever the launcher's mapping) and starts the lifeline (lifeline.h), which ends this process when the
 * run is lost. AE_USAGE when srun started the ranks apart from each
 * other (launch.h). */
ae_status ae_comm_create(int *argc, char ***argv, ae_comm **out);

/* Collective. Frees the comm and ends MPI. NULL is fine. */
void ae_comm_destroy(ae_comm **comm);

int ae_comm_rank(const ae_comm *comm);
int ae_comm_size(const ae_comm *comm);
MPI_Comm ae_comm_handle(const ae_comm *comm); /* lent: for MPI calls */

/* Collective, each rank with its own status. If any rank failed, all ranks return the error of the lowest such rank
 * (code, sentence and place); otherwise AE_OK. Takes ownership of `local`. */
ae_status ae_comm_agree(const ae_comm *comm, ae_status local);

/* Collective. Copies `count` bytes from rank 0 to all. */
void ae_comm_broadcast(const ae_comm *comm, void *bytes, int64_t count);

/* Collective. Rank 0 reads a whole text file; all ranks get it, zero-terminated, in *text (owned by the caller).
 * Errors: AE_USAGE with the path and the reason of the system. */
ae_status ae_comm_read_text(const ae_comm *comm, const char *path, char **text, int64_t *length);

/* Collective. */
void ae_comm_barrier(const ae_comm *comm);

/* Collective. Largest of the ranks' values. */
int64_t ae_comm_max(const ae_comm *comm, int64_t value);

/* Local. Ends all ranks after one message to standard error: for faults that cannot be agreed on. */
void ae_comm_abort(const ae_comm *comm, ae_status status) __attribute__((noreturn));

/* Local. Aborts as above when an MPI call did not succeed. */
void ae_comm_require(const ae_comm *comm, int mpi_result, const char *what);

#endif
