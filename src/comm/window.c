#include "mpiae/comm/window.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/profile.h"
#include "mpiae/base/system.h"

#include <string.h>

/* MPICH 4.0 over UCX takes the begin of a window for that of the 16 bytes around it: rows would come from elsewhere. */
enum { ALIGNMENT = 16 };

struct ae_window {
  const ae_comm *comm;
  ae_shards shards;
  const char *rows;
  char *copy; /* of rows that begin elsewhere, or NULL */
  int64_t row_bytes;
  int row_count; /* row_bytes as MPI wants it */
  MPI_Win handle;
};

static void release(ae_window **window) {
  AE_FREE((*window)->copy);
  AE_FREE(*window);
}

static ae_status align_rows(ae_window *window, int64_t size) {
  if ((uintptr_t)window->rows % ALIGNMENT == 0 || size == 0) return AE_OK;
  AE_RETURN_IF(AE_NEW(window->copy, size));
  memcpy(window->copy, window->rows, (size_t)size);
  window->rows = window->copy;
  return AE_OK;
}

ae_status ae_window_create(const ae_comm *comm, const ae_shards *shards, const void *rows, int64_t row_bytes,
                           ae_window **out) {
  ae_window *window = NULL;
  *out = NULL;
  int row_count;
  AE_RETURN_IF(ae_to_int(row_bytes, "bytes of an example", &row_count));
  AE_RETURN_IF(ae_comm_agree(comm, AE_NEW(window, 1)));
  window->comm = comm;
  window->shards = *shards;
  window->rows = rows;
  window->row_bytes = row_bytes;
  window->row_count = row_count;
  const int64_t size = ae_shards_own_count(shards) * row_bytes;
  const ae_status status = ae_comm_agree(comm, align_rows(window, size));
  if (status != AE_OK) {
    release(&window);
    return status;
  }
  /* MPI wants a pointer that is not const; nobody writes through the window. */
  void *base;
  memcpy(&base, &window->rows, sizeof base);
  ae_comm_require(comm,
                  MPI_Win_create(base, (MPI_Aint)size, row_count, MPI_INFO_NULL, ae_comm_handle(comm), &window->handle),
                  "opening a window on the shards");
  ae_comm_require(comm, MPI_Win_lock_all(MPI_MODE_NOCHECK, window->handle), "locking the window");
  *out = window;
  return AE_OK;
}

void ae_window_destroy(ae_window **window) {
  if (*window == NULL) return;
  ae_window_wait(*window);
  MPI_Win_unlock_all((*window)->handle);
  MPI_Win_free(&(*window)->handle);
  release(window);
}

void ae_window_fetch(ae_window *window, const int64_t *examples, int64_t count, void *out) {
  const int64_t own = ae_shards_own_begin(&window->shards), own_count = ae_shards_own_count(&window->shards);
  for (int64_t i = 0; i < count; i++) {
    char *target = (char *)out + i * window->row_bytes;
    const int64_t local = examples[i] - own;
    if (local >= 0 && local < own_count) {
      memcpy(target, window->rows + local * window->row_bytes, (size_t)window->row_bytes);
      continue;
    }
    const int rank = ae_shards_owner(&window->shards, ae_shards_find(&window->shards, examples[i]));
    const int first = ae_shards_first_of_rank(&window->shards, rank);
    const MPI_Aint place = (MPI_Aint)(examples[i] - ae_shards_begin(&window->shards, first));
    ae_comm_require(
        window->comm,
        MPI_Get(target, window->row_count, MPI_BYTE, rank, place, window->row_count, MPI_BYTE, window->handle),
        "fetching an example from another rank");
  }
}

/* For all ranks at once, MPICH 4.0 over UCX may return before anything has come; rank by rank, Open MPI 4.1 over TCP
 * hangs. */
static int flush(ae_window *window) {
#ifdef MPICH_VERSION
  int result = MPI_SUCCESS;
  for (int rank = 0; rank < ae_comm_size(window->comm) && result == MPI_SUCCESS; rank++)
    result = MPI_Win_flush_local(rank, window->handle);
  return result;
#else
  return MPI_Win_flush_local_all(window->handle);
#endif
}

void ae_window_wait(ae_window *window) {
  const bool before = ae_profile_wait(true);
  ae_comm_require(window->comm, flush(window), "waiting for examples");
  ae_profile_wait(before);
}

/* For ae_window_try: bytes of a row, one for each rank, and how many ranks each asks. */
enum { TRIED_BYTES = 1000, MOST_ASKED = 64 };

static void fill_tried(int64_t row, unsigned char out[TRIED_BYTES]) {
  for (int i = 0; i < TRIED_BYTES; i++) out[i] = (unsigned char)(row * 31 + i * 7 + (row >> 8) + 1);
}

static ae_status compare_tried(const ae_comm *comm, const int64_t *asked, int64_t count, const unsigned char *rows) {
  unsigned char expected[TRIED_BYTES];
  char host[AE_HOST_NAME];
  ae_host_name(host);
  for (int64_t i = 0; i < count; i++) {
    fill_tried(asked[i], expected);
    if (memcmp(rows + i * TRIED_BYTES, expected, TRIED_BYTES) == 0) continue;
    return AE_FAIL(AE_USAGE,
                   "one-sided communication gives rank %d on %s wrong values from rank %lld: leave the choice to mpiae "
                   "(unset OMPI_MCA_osc, no --mca osc), or take --mca osc ^ucx",
                   ae_comm_rank(comm), host, (long long)asked[i]);
  }
  return AE_OK;
}

ae_status ae_window_try(const ae_comm *comm) {
  const int rank = ae_comm_rank(comm), ranks = ae_comm_size(comm);
  const int64_t count = ae_min(ranks, MOST_ASKED);
  ae_status status;
  ae_window *window = NULL;
  ae_shards shards;
  unsigned char *rows = NULL, own[TRIED_BYTES];
  int64_t asked[MOST_ASKED];
  for (int64_t i = 0; i < count; i++) asked[i] = (rank + i * (ranks / count)) % ranks;
  fill_tried(rank, own);
  status = ae_shards_init(&shards, ranks, ranks, rank, ranks);
  if (status == AE_OK) status = AE_NEW(rows, count * TRIED_BYTES);
  AE_CHECK(ae_comm_agree(comm, status));
  AE_CHECK(ae_window_create(comm, &shards, own, TRIED_BYTES, &window));
  ae_window_fetch(window, asked, count, rows);
  ae_window_wait(window);
  ae_comm_barrier(comm);
  status = ae_comm_agree(comm, compare_tried(comm, asked, count, rows));
cleanup:
  ae_window_destroy(&window);
  AE_FREE(rows);
  return status;
}
