#include "mpiae/comm/shared.h"

#include "mpiae/base/memory.h"

#include <string.h>
#include <sys/statvfs.h>

/* Pieces are only 8-byte aligned by MPI; room that others may need is left in /dev/shm. */
enum { ALIGNMENT = 64, SPARE = 16 << 20 };

struct ae_shared {
  MPI_Comm node;
  MPI_Win window;
  void **piece; /* of every rank */
};

int64_t ae_shared_room(void) {
  struct statvfs room;
  return statvfs("/dev/shm", &room) == 0 ? (int64_t)(room.f_bavail * room.f_frsize) - SPARE : -1;
}

/* Whether all ranks are on this node and there is room for what they want together. */
static bool can_share(const ae_comm *comm, MPI_Comm node, int64_t bytes) {
  int size;
  int64_t total = bytes;
  MPI_Comm_size(node, &size); /* another on each node: all ranks go on to the agreement */
  ae_comm_require(comm, MPI_Allreduce(MPI_IN_PLACE, &total, 1, MPI_INT64_T, MPI_SUM, ae_comm_handle(comm)), "sizes");
  const bool cannot = size == 1 || size != ae_comm_size(comm) || ae_shared_room() <= total;
  return ae_comm_max(comm, cannot) == 0;
}

static void *aligned(void *base) { return (char *)base + (ALIGNMENT - (uintptr_t)base % ALIGNMENT) % ALIGNMENT; }

static ae_status open_window(const ae_comm *comm, ae_shared *shared, int64_t bytes) {
  MPI_Info info;
  void *own;
  ae_comm_require(comm, MPI_Info_create(&info), "allocating shared memory");
  ae_comm_require(comm, MPI_Info_set(info, "alloc_shared_noncontig", "true"), "allocating shared memory");
  const int result =
      MPI_Win_allocate_shared((MPI_Aint)(bytes + ALIGNMENT), 1, info, shared->node, &own, &shared->window);
  MPI_Info_free(&info);
  ae_comm_require(comm, result, "allocating shared memory");
  memset(own, 0, (size_t)(bytes + ALIGNMENT));
  for (int rank = 0; rank < ae_comm_size(comm); rank++) {
    MPI_Aint size;
    int unit;
    ae_comm_require(comm, MPI_Win_shared_query(shared->window, rank, &size, &unit, &shared->piece[rank]),
                    "shared memory");
    shared->piece[rank] = aligned(shared->piece[rank]);
  }
  ae_comm_barrier(comm);
  return AE_OK;
}

ae_status ae_shared_create(const ae_comm *comm, int64_t bytes, ae_shared **out) {
  ae_shared *shared = NULL;
  MPI_Comm node;
  *out = NULL;
  /* keyed by rank: with all on one node, ranks there are ranks here */
  ae_comm_require(
      comm, MPI_Comm_split_type(ae_comm_handle(comm), MPI_COMM_TYPE_SHARED, ae_comm_rank(comm), MPI_INFO_NULL, &node),
      "finding the ranks of a node");
  if (!can_share(comm, node, bytes)) {
    MPI_Comm_free(&node);
    return AE_OK;
  }
  ae_status status = AE_NEW(shared, 1);
  if (status == AE_OK) {
    shared->node = node;
    shared->window = MPI_WIN_NULL;
    status = AE_NEW(shared->piece, ae_comm_size(comm));
  }
  status = ae_comm_agree(comm, status);
  if (status == AE_OK) status = open_window(comm, shared, bytes);
  if (status == AE_OK) *out = shared;
  else ae_shared_destroy(&shared);
  return status;
}

void ae_shared_destroy(ae_shared **shared) {
  if (*shared == NULL) return;
  if ((*shared)->window != MPI_WIN_NULL) MPI_Win_free(&(*shared)->window);
  MPI_Comm_free(&(*shared)->node);
  AE_FREE((*shared)->piece);
  AE_FREE(*shared);
}

void *ae_shared_piece(const ae_shared *shared, int rank) { return shared->piece[rank]; }
