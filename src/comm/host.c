#include "mpiae/comm/host.h"

#include "mpiae/base/memory.h"
#include "mpiae/base/profile.h"

#include <limits.h>
#include <string.h>

static int smallest(const ae_comm *comm, int value) {
  ae_comm_require(comm, MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_INT, MPI_MIN, ae_comm_handle(comm)), "hosts");
  return value;
}

void ae_host_find(const ae_comm *comm, ae_host *out) {
  const int rank = ae_comm_rank(comm);
  *out = (ae_host){.first = rank};
  ae_host_name(out->name);
  ae_comm_require(comm,
                  MPI_Comm_split_type(ae_comm_handle(comm), MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &out->ranks),
                  "finding the ranks of a host");
  MPI_Comm_size(out->ranks, &out->count);
  ae_comm_require(comm, MPI_Bcast(&out->first, 1, MPI_INT, 0, out->ranks), "hosts");
  out->is_first = out->first == rank;
  out->hosts = out->is_first;
  ae_comm_require(comm, MPI_Allreduce(MPI_IN_PLACE, &out->hosts, 1, MPI_INT, MPI_SUM, ae_comm_handle(comm)), "hosts");
  const int far = smallest(comm, out->first == 0 ? INT_MAX : rank);
  out->elsewhere = far == INT_MAX ? -1 : far;
  if (out->elsewhere < 0) return;
  memcpy(out->far_name, out->name, sizeof out->name);
  ae_comm_require(comm,
                  MPI_Bcast(out->far_name, (int)sizeof out->far_name, MPI_CHAR, out->elsewhere, ae_comm_handle(comm)),
                  "names of hosts");
}

void ae_host_release(ae_host *host) { MPI_Comm_free(&host->ranks); }

/* Seconds for `times` messages of `size` bytes from rank 0 to its partner, each answered by one byte. */
static double time_messages(const ae_comm *comm, int partner, char *bytes, int size, int times) {
  const MPI_Comm handle = ae_comm_handle(comm);
  const bool sends = ae_comm_rank(comm) == 0;
  const int other = sends ? partner : 0;
  int result = MPI_SUCCESS;
  const double begun = ae_clock_seconds();
  for (int i = 0; i < times && result == MPI_SUCCESS; i++) {
    if (sends) result = MPI_Send(bytes, size, MPI_BYTE, other, 0, handle);
    else result = MPI_Recv(bytes, size, MPI_BYTE, other, 0, handle, MPI_STATUS_IGNORE);
    if (result != MPI_SUCCESS) break;
    if (sends) result = MPI_Recv(bytes, 1, MPI_BYTE, other, 0, handle, MPI_STATUS_IGNORE);
    else result = MPI_Send(bytes, 1, MPI_BYTE, other, 0, handle);
  }
  ae_comm_require(comm, result, "timing messages between hosts");
  return ae_clock_seconds() - begun;
}

ae_status ae_host_measure(const ae_comm *comm, const ae_host *host, double *latency, double *bandwidth) {
  enum { SMALL_TIMES = 200, LARGE = 4 << 20, LARGE_TIMES = 8 };
  char *bytes = NULL;
  const int rank = ae_comm_rank(comm), partner = host->elsewhere;
  *latency = *bandwidth = 0;
  if (partner < 0) return AE_OK;
  AE_RETURN_IF(ae_comm_agree(comm, AE_NEW(bytes, LARGE)));
  if (rank == 0 || rank == partner) {
    /* the first ones connect */
    time_messages(comm, partner, bytes, LARGE, 1);
    const double small = time_messages(comm, partner, bytes, 1, SMALL_TIMES);
    const double large = time_messages(comm, partner, bytes, LARGE, LARGE_TIMES);
    if (rank == 0) *latency = small / (2 * (double)SMALL_TIMES);
    if (rank == 0) *bandwidth = (double)LARGE * (double)LARGE_TIMES / large;
  }
  AE_FREE(bytes);
  return AE_OK;
}
