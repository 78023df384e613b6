#include "mpiae/h5/place.h"

#include "mpiae/base/profile.h"
#include "mpiae/base/system.h"
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Rows that each rank writes, and numbers in a row. */
enum { ROWS = 64, WIDTH = 16 };

static void fill(int rank, int64_t rows[ROWS * WIDTH]) {
  for (int i = 0; i < ROWS * WIDTH; i++) rows[i] = (int64_t)rank * ROWS * WIDTH + i;
}

static ae_status write_rows(ae_h5 *file, void *context) {
  const ae_comm *comm = context;
  const int rank = ae_comm_rank(comm);
  const int64_t count = (int64_t)ae_comm_size(comm) * ROWS;
  int64_t rows[ROWS * WIDTH];
  const ae_h5_dataset dataset = {.path = "/x",
                                 .type = AE_H5_INT64,
                                 .rank = 2,
                                 .dim = {count, WIDTH},
                                 .axes = {"row", "column"},
                                 .description = "numbers from 0, to try the file system"};
  fill(rank, rows);
  AE_RETURN_IF(ae_h5_create_axis(file, "/", "row", count, NULL, "row"));
  AE_RETURN_IF(ae_h5_create_axis(file, "/", "column", WIDTH, NULL, "column"));
  return ae_h5_write(file, &dataset, (int64_t)rank * ROWS, ROWS, rows);
}

static ae_status read_rows(const ae_comm *comm, const char *path) {
  ae_h5 *file = NULL;
  const int writer = (ae_comm_rank(comm) + 1) % ae_comm_size(comm);
  int64_t rows[ROWS * WIDTH], expected[ROWS * WIDTH];
  ae_status status = ae_h5_open(comm, path, &file);
  if (status != AE_OK) return status;
  status = ae_h5_read(file, "/x", AE_H5_INT64, WIDTH, (int64_t)writer * ROWS, ROWS, rows);
  ae_h5_close(&file);
  if (status != AE_OK) return status;
  fill(writer, expected);
  if (memcmp(rows, expected, sizeof rows) != 0)
    status = AE_FAIL(AE_DATA,
                     "%s: rank %d does not read what rank %d has written: the file system does not show the hosts the "
                     "same; take another",
                     path, ae_comm_rank(comm), writer);
  return ae_comm_agree(comm, status);
}

ae_status ae_place_try_file(const ae_comm *comm, const char *path, double *seconds) {
  void *context;
  memcpy(&context, &comm, sizeof context);
  const double begun = ae_clock_seconds();
  AE_RETURN_IF(ae_h5_produce(comm, path, write_rows, context));
  AE_RETURN_IF(read_rows(comm, path));
  *seconds = ae_clock_seconds() - begun;
  return AE_OK;
}

static ae_status lock(const char *path, int *descriptor) {
  *descriptor = open(path, O_RDWR | O_CLOEXEC);
  if (*descriptor < 0) return AE_FAIL(AE_DATA, "cannot open %s: %s", path, strerror(errno));
  if (flock(*descriptor, LOCK_EX | LOCK_NB) == 0) return AE_OK;
  return AE_FAIL(AE_DATA,
                 "files here cannot be locked (flock: %s): h5py and h5dump will refuse them: set "
                 "HDF5_USE_FILE_LOCKING=FALSE; nothing keeps two runs out of one directory then",
                 strerror(errno));
}

static ae_status be_refused(const ae_comm *comm, const char *path) {
  char host[AE_HOST_NAME];
  const int descriptor = open(path, O_RDWR | O_CLOEXEC);
  ae_host_name(host);
  if (descriptor < 0) return AE_FAIL(AE_DATA, "cannot open %s: %s", path, strerror(errno));
  const bool refused = flock(descriptor, LOCK_EX | LOCK_NB) != 0;
  close(descriptor);
  if (refused) return AE_OK;
  return AE_FAIL(AE_DATA,
                 "a lock of rank 0 does not keep out rank %d on %s: mount the file system with locks that all hosts "
                 "heed (Lustre: flock; NFS: no nolock), and start no two runs in one directory",
                 ae_comm_rank(comm), host);
}

ae_status ae_place_try_locks(const ae_comm *comm, const char *path, int witness, ae_place_locks *out) {
  ae_status status = AE_OK;
  int descriptor = -1, off = !ae_h5_locks_wanted();
  ae_comm_broadcast(comm, &off, (int64_t)sizeof off);
  *out = off ? AE_PLACE_LOCKS_OFF : AE_PLACE_LOCKED;
  if (off) return AE_OK;
  if (ae_comm_rank(comm) == 0) status = lock(path, &descriptor);
  status = ae_comm_agree(comm, status);
  if (status == AE_OK) status = ae_comm_agree(comm, ae_comm_rank(comm) == witness ? be_refused(comm, path) : AE_OK);
  if (descriptor >= 0) close(descriptor);
  return status;
}

ae_status ae_place_room(const ae_comm *comm, const char *path, int64_t *bytes) {
  struct statvfs room;
  ae_status status = AE_OK;
  *bytes = 0;
  if (ae_comm_rank(comm) == 0 && statvfs(path, &room) != 0)
    status = AE_FAIL(AE_DATA, "the free space at %s is not told: %s", path, strerror(errno));
  else if (ae_comm_rank(comm) == 0) *bytes = (int64_t)(room.f_bavail * room.f_frsize);
  AE_RETURN_IF(ae_comm_agree(comm, status));
  ae_comm_broadcast(comm, bytes, (int64_t)sizeof *bytes);
  return AE_OK;
}
