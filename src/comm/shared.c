#include "mpiae/comm/shared.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"

#include <string.h>
#include <sys/statvfs.h>

/* MPI aligns segments to 8 bytes only; room that others may need is left in /dev/shm. */
enum { ALIGNMENT = 64, SPARE = 16 << 20 };

struct ae_shared {
  MPI_Comm node; /* ranks of the own domain, ascending; MPI_COMM_NULL: this rank alone */
  MPI_Win window;
  char *alone; /* in the window's place */
  ae_domains domains;
  void **piece; /* of the domain's ranks */
  void *common;
};

int64_t ae_shared_room(void) {
  struct statvfs room;
  return statvfs("/dev/shm", &room) == 0 ? (int64_t)(room.f_bavail * room.f_frsize) - SPARE : -1;
}

/* Whether this node's ranks are several and there is room for what they want together. They see the room one after
 * another: what one of them does not find, none has. */
static bool can_share(const ae_comm *comm, MPI_Comm node, int64_t bytes, int64_t common) {
  int ranks, cannot;
  int64_t total = bytes;
  MPI_Comm_size(node, &ranks);
  ae_comm_require(comm, MPI_Allreduce(MPI_IN_PLACE, &total, 1, MPI_INT64_T, MPI_SUM, node), "sizes");
  cannot = ranks == 1 || ae_shared_room() <= total + common;
  ae_comm_require(comm, MPI_Allreduce(MPI_IN_PLACE, &cannot, 1, MPI_INT, MPI_MAX, node), "room in /dev/shm");
  return cannot == 0;
}

/* The ranks of this node, where they can share memory. */
static void find_node(const ae_comm *comm, int64_t bytes, int64_t common, MPI_Comm *out) {
  const int rank = ae_comm_rank(comm);
  ae_comm_require(comm, MPI_Comm_split_type(ae_comm_handle(comm), MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, out),
                  "finding the ranks of a node");
  if (!can_share(comm, *out, bytes, common)) MPI_Comm_free(out);
}

static ae_status find_domains(const ae_comm *comm, ae_shared *shared) {
  int *leader = NULL, own = ae_comm_rank(comm);
  AE_RETURN_IF(ae_comm_agree(comm, AE_NEW(leader, ae_comm_size(comm))));
  if (shared->node != MPI_COMM_NULL)
    ae_comm_require(comm, MPI_Bcast(&own, 1, MPI_INT, 0, shared->node), "finding the ranks of a node");
  ae_comm_require(comm, MPI_Allgather(&own, 1, MPI_INT, leader, 1, MPI_INT, ae_comm_handle(comm)), "nodes of ranks");
  const ae_status status = ae_domains_create(leader, ae_comm_size(comm), ae_comm_rank(comm), &shared->domains);
  AE_FREE(leader);
  return ae_comm_agree(comm, status);
}

static void *aligned(void *base) { return (char *)base + (ALIGNMENT - (uintptr_t)base % ALIGNMENT) % ALIGNMENT; }

/* Collective over the domain. Its first rank's segment holds the common bytes, before the piece. */
static void open_window(const ae_comm *comm, ae_shared *shared, int64_t bytes, int64_t common) {
  MPI_Info info;
  void *own;
  int ranks, rank;
  MPI_Comm_size(shared->node, &ranks);
  MPI_Comm_rank(shared->node, &rank);
  bytes += (rank == 0 ? common : 0) + ALIGNMENT;
  ae_comm_require(comm, MPI_Info_create(&info), "allocating shared memory");
  ae_comm_require(comm, MPI_Info_set(info, "alloc_shared_noncontig", "true"), "allocating shared memory");
  const int result = MPI_Win_allocate_shared((MPI_Aint)bytes, 1, info, shared->node, &own, &shared->window);
  MPI_Info_free(&info);
  ae_comm_require(comm, result, "allocating shared memory");
  memset(own, 0, (size_t)bytes);
  for (int i = 0; i < ranks; i++) {
    MPI_Aint size;
    int unit;
    ae_comm_require(comm, MPI_Win_shared_query(shared->window, i, &size, &unit, &shared->piece[i]), "shared memory");
    shared->piece[i] = aligned(shared->piece[i]);
  }
}

static void place_common(ae_shared *shared, int64_t common) {
  shared->common = shared->piece[0];
  shared->piece[0] = (char *)shared->common + common;
}

static ae_status create_local(ae_shared *shared, int64_t bytes) {
  AE_RETURN_IF(AE_NEW(shared->piece, ae_domains_size(&shared->domains, shared->domains.own)));
  if (shared->node != MPI_COMM_NULL) return AE_OK;
  AE_RETURN_IF(AE_NEW(shared->alone, bytes));
  shared->piece[0] = shared->alone;
  return AE_OK;
}

static ae_status create_empty(ae_shared **out) {
  AE_RETURN_IF(AE_NEW(*out, 1));
  (*out)->node = MPI_COMM_NULL;
  (*out)->window = MPI_WIN_NULL;
  return AE_OK;
}

ae_status ae_shared_create(const ae_comm *comm, bool apart, int64_t bytes, int64_t common, ae_shared **out) {
  ae_status status;
  ae_shared *shared = NULL;
  *out = NULL;
  common = ae_round_up(common, ALIGNMENT);
  AE_CHECK(ae_comm_agree(comm, create_empty(&shared)));
  if (!apart) find_node(comm, bytes, common, &shared->node);
  AE_CHECK(find_domains(comm, shared));
  AE_CHECK(ae_comm_agree(comm, create_local(shared, common + bytes)));
  if (shared->node != MPI_COMM_NULL) open_window(comm, shared, bytes, common);
  place_common(shared, common);
  ae_comm_barrier(comm);
  *out = shared;
  shared = NULL;
cleanup:
  ae_shared_destroy(&shared);
  return status;
}

void ae_shared_destroy(ae_shared **out) {
  ae_shared *shared = *out;
  if (shared == NULL) return;
  if (shared->window != MPI_WIN_NULL) MPI_Win_free(&shared->window);
  if (shared->node != MPI_COMM_NULL) MPI_Comm_free(&shared->node);
  ae_domains_free(&shared->domains);
  AE_FREE(shared->alone);
  AE_FREE(shared->piece);
  AE_FREE(*out);
}

const ae_domains *ae_shared_domains(const ae_shared *shared) { return &shared->domains; }

void *ae_shared_piece(const ae_shared *shared, int rank) {
  return shared->piece[rank - shared->domains.first[shared->domains.own]];
}

void *ae_shared_common(const ae_shared *shared) { return shared->common; }
