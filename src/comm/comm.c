#include "mpiae/comm/comm.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/profile.h"
#include "mpiae/comm/launch.h"
#include "mpiae/comm/lifeline.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct ae_comm {
  MPI_Comm handle;
  int rank, size;
  ae_lifeline *lifeline;
};

/* How many ranks are on this host. */
static void tell_memory(MPI_Comm all) {
  MPI_Comm host;
  int ranks = 1;
  if (MPI_Comm_split_type(all, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host) != MPI_SUCCESS) return;
  MPI_Comm_size(host, &ranks);
  MPI_Comm_free(&host);
  ae_memory_share(ranks);
}

ae_status ae_comm_create(int *argc, char ***argv, ae_comm **out) {
  *out = NULL;
  /* Open MPI's ucx component for one-sided communication returns wrong values over TCP without an error. */
  setenv("OMPI_MCA_osc", "^ucx", 0);
  int provided;
  AE_RETURN_IF(ae_launch_check(0));
  ae_launch_prepare();
  if (MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS)
    return AE_FAIL(AE_INTERNAL, "MPI did not start");
  ae_comm *comm;
  AE_RETURN_IF(AE_NEW(comm, 1));
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  if (MPI_Comm_dup(MPI_COMM_WORLD, &comm->handle) != MPI_SUCCESS) {
    AE_FREE(comm);
    return AE_FAIL(AE_INTERNAL, "MPI gives no second communicator of all ranks");
  }
  MPI_Comm_set_errhandler(comm->handle, MPI_ERRORS_RETURN);
  MPI_Comm_rank(comm->handle, &comm->rank);
  MPI_Comm_size(comm->handle, &comm->size);
  tell_memory(comm->handle);
  const ae_status status = ae_launch_check(comm->size);
  if (status == AE_OK) ae_lifeline_start(comm, &comm->lifeline);
  if (status == AE_OK) *out = comm;
  else ae_comm_destroy(&comm);
  return status;
}

void ae_comm_destroy(ae_comm **comm) {
  if (*comm == NULL) return;
  ae_lifeline_stop(&(*comm)->lifeline);
  MPI_Comm_free(&(*comm)->handle);
  AE_FREE(*comm);
  ae_launch_keep_libraries();
  MPI_Finalize();
}

int ae_comm_rank(const ae_comm *comm) { return comm->rank; }
int ae_comm_size(const ae_comm *comm) { return comm->size; }
MPI_Comm ae_comm_handle(const ae_comm *comm) { return comm->handle; }

void ae_comm_abort(const ae_comm *comm, ae_status status) {
  fprintf(stderr, "mpiae: error: rank %d: %s (%s:%d)\n", comm->rank, ae_error_message(status), ae_error_file(status),
          ae_error_line(status));
  fflush(NULL);
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
    snprintf(error.file, sizeof error.file, "%s", ae_error_file(local));
    snprintf(error.message, sizeof error.message, "%s", ae_error_message(local));
  }
  ae_comm_require(comm, MPI_Bcast(&error, (int)sizeof error, MPI_BYTE, first, comm->handle), "telling an error");
  if (first == comm->rank) return local;
  ae_error_clear(&local);
  return ae_error_create((ae_code)error.code, keep_name(error.file), error.line, "%s", error.message);
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
  if (fseek(file, 0, SEEK_END) != 0 || (*length = ftell(file)) < 0 || *length == LONG_MAX ||
      fseek(file, 0, SEEK_SET) != 0)
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
