#include "comm_state.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/profile.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

int ae_comm_rank(const ae_comm *comm) { return comm->rank; }
int ae_comm_size(const ae_comm *comm) { return comm->size; }
MPI_Comm ae_comm_handle(const ae_comm *comm) { return comm->handle; }

void ae_comm_abort(const ae_comm *comm, ae_status status) {
  fprintf(stderr, "mpiae: error: rank %d: %s (%s:%d)\n", comm->rank, ae_error_message(status), ae_error_file(status),
          ae_error_line(status));
  fflush(NULL);
  /* prterun of Open MPI 5.0.7 does not print what a rank said right before its call: 3 of 20 messages were lost. */
  nanosleep(&(struct timespec){.tv_nsec = 250000000}, NULL);
  MPI_Abort(comm->handle, (int)ae_error_code(status));
  abort();
}

void ae_comm_require(const ae_comm *comm, int mpi_result, const char *what) {
  if (mpi_result == MPI_SUCCESS) return;
  char reason[MPI_MAX_ERROR_STRING];
  int length;
  MPI_Error_string(mpi_result, reason, &length);
  ae_comm_abort(comm, AE_FAIL(AE_INTERNAL, "%s failed: %s", what, reason));
}

/* An error as it travels between ranks; source files are the same program's everywhere. */
typedef struct parcel {
  int code, line;
  bool passing;
  char file[256];
  char message[AE_MESSAGE_SIZE];
} parcel;

/* The file of an error that came from another rank must outlive it: kept for the process, a few at most. */
static const char *keep_name(const char *name) {
  static char kept[16][256];
  for (int i = 0; i < 15; i++) {
    if (kept[i][0] == '\0') snprintf(kept[i], sizeof kept[i], "%s", name);
    if (strcmp(kept[i], name) == 0) return kept[i];
  }
  return "another rank";
}

ae_status ae_comm_agree(const ae_comm *comm, ae_status local) {
  int first = local == AE_OK ? INT_MAX : comm->rank;
  const bool before = ae_profile_wait(true);
  ae_comm_require(comm, MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_INT, MPI_MIN, comm->handle), "agreeing on errors");
  ae_profile_wait(before);
  if (first == INT_MAX) return AE_OK;
  parcel error = {0};
  if (first == comm->rank) {
    error.code = (int)ae_error_code(local);
    error.line = ae_error_line(local);
    error.passing = ae_error_is_passing(local);
    snprintf(error.file, sizeof error.file, "%s", ae_error_file(local));
    snprintf(error.message, sizeof error.message, "%s", ae_error_message(local));
  }
  ae_comm_require(comm, MPI_Bcast(&error, (int)sizeof error, MPI_BYTE, first, comm->handle), "telling an error");
  if (first == comm->rank) return local;
  ae_error_clear(&local);
  local = ae_error_create((ae_code)error.code, keep_name(error.file), error.line, "%s", error.message);
  return error.passing ? ae_error_mark_passing(local) : local;
}

void ae_comm_broadcast(const ae_comm *comm, void *bytes, int64_t count) {
  const bool before = ae_profile_wait(true);
  for (int64_t at = 0; at < count; at += INT_MAX) {
    const int part = (int)ae_min(count - at, INT_MAX);
    ae_comm_require(comm, MPI_Bcast((char *)bytes + at, part, MPI_BYTE, 0, comm->handle), "broadcast");
  }
  ae_profile_wait(before);
}

/* Rank 0's part of ae_comm_read_text. */
static ae_status read_whole_file(const char *path, char **text, int64_t *length) {
  ae_status status = AE_OK;
  struct stat info;
  if (stat(path, &info) != 0) return AE_FAIL(AE_USAGE, "%s: %s", path, strerror(errno));
  if (!S_ISREG(info.st_mode)) return AE_FAIL(AE_USAGE, "%s: this is not a file that can be read as text", path);
  FILE *file = fopen(path, "rb");
  if (file == NULL) return AE_FAIL(AE_USAGE, "%s: %s", path, strerror(errno));
  const bool sought = fseek(file, 0, SEEK_END) == 0;
  *length = ftell(file);
  if (!sought || *length < 0 || *length == LONG_MAX || fseek(file, 0, SEEK_SET) != 0)
    AE_RAISE(AE_USAGE, "%s: this is not a file that can be read as text", path);
  AE_CHECK(AE_NEW(*text, *length + 1));
  if (fread(*text, 1, (size_t)*length, file) != (size_t)*length)
    AE_RAISE(AE_USAGE, "%s: cannot be read: %s", path, strerror(errno));
cleanup:
  fclose(file);
  return status;
}

ae_status ae_comm_read_text(const ae_comm *comm, const char *path, char **text, int64_t *length) {
  *text = NULL;
  *length = 0;
  ae_status status = comm->rank == 0 ? read_whole_file(path, text, length) : AE_OK;
  AE_CHECK(ae_comm_agree(comm, status));
  ae_comm_broadcast(comm, length, (int64_t)sizeof *length);
  if (comm->rank != 0) status = AE_NEW(*text, *length + 1);
  AE_CHECK(ae_comm_agree(comm, status));
  ae_comm_broadcast(comm, *text, *length);
cleanup:
  if (status != AE_OK) AE_FREE(*text);
  return status;
}

void ae_comm_barrier(const ae_comm *comm) {
  const bool before = ae_profile_wait(true);
  ae_comm_require(comm, MPI_Barrier(comm->handle), "barrier");
  ae_profile_wait(before);
}

int64_t ae_comm_max(const ae_comm *comm, int64_t value) {
  const bool before = ae_profile_wait(true);
  ae_comm_require(comm, MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_INT64_T, MPI_MAX, comm->handle), "maximum");
  ae_profile_wait(before);
  return value;
}
