/* Open, create, commit, close. */
#include "mpiae/base/memory.h"
#include "mpiae/base/system.h"
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* What HDF5 says of a call that failed. */
typedef struct complaint {
  char reason[AE_MESSAGE_SIZE / 4]; /* its innermost message */
  bool out_of_memory;
} complaint;

static herr_t keep_innermost(unsigned depth, const H5E_error2_t *error, void *out) {
  complaint *kept = out;
  if (depth == 0 && error->desc != NULL) snprintf(kept->reason, sizeof kept->reason, "%s", error->desc);
  if (error->maj_num == H5E_RESOURCE && (error->min_num == H5E_NOSPACE || error->min_num == H5E_CANTALLOC))
    kept->out_of_memory = true;
  return 0;
}

/* A file that is read may have other parts that can be read; one that is written is lost with its first error. */
static ae_status disk_failed(ae_h5 *file, const char *action, const char *object) {
  const bool writing = file->temporary != NULL;
  const int error = file->disk.error;
  if (!writing) file->disk.error = 0;
  H5Eclear2(H5E_DEFAULT);
  if (error == ENOMEM) return AE_FAIL(AE_INTERNAL, "%s: cannot %s %s: out of memory", file->path, action, object);
  ae_status status = AE_FAIL(AE_DATA, "%s: cannot %s %s: %s; %s", file->path, action, object,
                             error == ENODATA ? "the file became shorter while it was read" : strerror(error),
                             writing ? AE_H5_SPACE : "check the disk or the file server, and try again");
  return error == ENODATA ? status : ae_error_mark_passing(status);
}

ae_status ae_h5_require(ae_h5 *file, int64_t result, const char *action, const char *object, const char *advice) {
  if (file->disk.error != 0) return disk_failed(file, action, object);
  if (result >= 0) return AE_OK;
  complaint found = {.reason = "no reason given"};
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, &found);
  H5Eclear2(H5E_DEFAULT);
  if (found.out_of_memory)
    return AE_FAIL(AE_INTERNAL, "%s: cannot %s %s: out of memory (HDF5 says '%s')", file->path, action, object,
                   found.reason);
  /* HDF5 refuses what is newer than itself by the number of its version */
  const bool newer = file->temporary == NULL && strstr(found.reason, "version") != NULL;
  return AE_FAIL(AE_DATA, "%s: cannot %s %s: HDF5 says '%s'; %s", file->path, action, object, found.reason,
                 newer ? AE_H5_NEWER : advice);
}

bool ae_h5_is_root(const ae_h5 *file) { return ae_comm_rank(file->comm) == 0; }

bool ae_h5_locks_wanted(void) {
  const char *choice = getenv("HDF5_USE_FILE_LOCKING");
  return choice == NULL || (strcmp(choice, "FALSE") != 0 && strcmp(choice, "0") != 0);
}

/* The lock that serial HDF5 takes in h5py and h5dump; the driver takes none. */
static ae_status take_lock(ae_h5 *file, const char *name, int flags, int lock) {
  struct stat info;
  file->guard = open(name, flags | O_CLOEXEC | O_NONBLOCK, 0666);
  if (file->guard < 0 && lock == LOCK_EX)
    return AE_FAIL(AE_DATA, "cannot create %s: %s; the directory must exist and allow writing", name, strerror(errno));
  if (file->guard < 0) return ae_error_mark_passing(AE_FAIL(AE_DATA, "cannot open %s: %s", name, strerror(errno)));
  if (fstat(file->guard, &info) != 0 || !S_ISREG(info.st_mode))
    return AE_FAIL(AE_DATA, "cannot open %s: it is not a regular file", name);
  if (ae_h5_locks_wanted() && flock(file->guard, lock | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    return AE_FAIL(AE_DATA,
                   "%s is locked: another program has it open; wait for that one to end, or set "
                   "HDF5_USE_FILE_LOCKING=FALSE when no program has",
                   name);
  return AE_OK;
}

/* Each rank opens the file by itself, and it may be another one. */
static ae_status see_file(ae_h5 *file, const char *name, int flags, int64_t first_size) {
  char host[AE_HOST_NAME];
  struct stat info;
  ae_host_name(host);
  const int rank = ae_comm_rank(file->comm);
  file->descriptor = open(name, flags | O_CLOEXEC | O_NONBLOCK);
  if (file->descriptor < 0 || fstat(file->descriptor, &info) != 0)
    return ae_error_mark_passing(AE_FAIL(AE_DATA,
                                         "rank %d on %s cannot open %s: %s; every host must see the same directory",
                                         rank, host, name, strerror(errno)));
  if (info.st_size == first_size) return AE_OK;
  return AE_FAIL(AE_DATA,
                 "rank %d on %s sees another %s (%lld bytes) than rank 0 (%lld bytes); give all hosts one file", rank,
                 host, name, (long long)info.st_size, (long long)first_size);
}

static ae_status take(ae_h5 *file, const char *name, int flags, int lock) {
  return ae_comm_agree(file->comm, ae_h5_is_root(file) ? take_lock(file, name, flags, lock) : AE_OK);
}

static ae_status see(ae_h5 *file, const char *name, int flags) {
  struct stat info = {0};
  if (ae_h5_is_root(file)) fstat(file->guard, &info);
  int64_t size = (int64_t)info.st_size;
  ae_comm_broadcast(file->comm, &size, (int64_t)sizeof size);
  return ae_comm_agree(file->comm, see_file(file, name, flags, size));
}

static hid_t access_list(ae_h5_disk *disk) {
  hid_t list = ae_h5_disk_access(disk);
  if (list >= 0 && (H5Pset_libver_bounds(list, H5F_LIBVER_V110, H5F_LIBVER_V110) < 0 ||
                    H5Pset_fclose_degree(list, H5F_CLOSE_STRONG) < 0))
    ae_h5_release(&list);
  return list;
}

static hid_t creation_list(void) {
  hid_t list = H5Pcreate(H5P_FILE_CREATE);
  if (list >= 0 && H5Pset_obj_track_times(list, false) < 0) ae_h5_release(&list);
  return list;
}

static ae_status new_handle(const ae_comm *comm, const char *path, bool writing, ae_h5 **out) {
  ae_status status = AE_OK;
  ae_h5 *file = NULL;
  AE_CHECK(AE_NEW(file, 1));
  file->comm = comm;
  file->handle = H5I_INVALID_HID;
  file->guard = file->descriptor = -1;
  AE_CHECK(ae_memory_text(path, &file->path));
  if (writing) {
    AE_CHECK(AE_NEW(file->temporary, strlen(path) + sizeof ".partial"));
    sprintf(file->temporary, "%s.partial", path);
  }
  *out = file;
  return AE_OK;
cleanup:
  if (file != NULL) AE_FREE(file->path);
  AE_FREE(file);
  return status;
}

static void free_handle(ae_h5 **file) {
  if (*file == NULL) return;
  if ((*file)->descriptor >= 0) close((*file)->descriptor);
  if ((*file)->guard >= 0) close((*file)->guard);
  AE_FREE((*file)->path);
  AE_FREE((*file)->temporary);
  AE_FREE(*file);
}

static ae_status create_temporary(ae_h5 *file) {
  hid_t creation = creation_list(), access = access_list(&file->disk);
  file->handle = H5Fcreate(file->temporary, H5F_ACC_TRUNC, creation, access);
  ae_status status = ae_h5_require(file, file->handle, "create", "the temporary file", AE_H5_SPACE);
  ae_h5_release(&creation);
  ae_h5_release(&access);
  return status;
}

static ae_status refuse_directory(const char *path) {
  struct stat info;
  if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
    return AE_FAIL(AE_DATA, "cannot create %s: it is a directory; give the name of a file", path);
  return AE_OK;
}

ae_status ae_h5_create(const ae_comm *comm, const char *path, ae_h5 **out) {
  ae_status status = AE_OK;
  bool locked = false;
  ae_h5 *file = NULL;
  *out = NULL;
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  AE_CHECK(ae_comm_agree(comm, refuse_directory(path)));
  AE_CHECK(ae_comm_agree(comm, new_handle(comm, path, true, &file)));
  AE_CHECK(take(file, file->temporary, O_RDWR | O_CREAT, LOCK_EX));
  locked = true;
  AE_CHECK(see(file, file->temporary, O_RDWR | ae_h5_disk_flags(file->temporary)));
  AE_CHECK(ae_comm_agree(comm, ae_h5_is_root(file) ? create_temporary(file) : AE_OK));
  *out = file;
  return AE_OK;
cleanup:
  if (locked) ae_h5_close(&file);
  else free_handle(&file);
  return status;
}

ae_status ae_h5_look(const ae_comm *comm, const char *path) {
  ae_h5 *file = NULL;
  AE_RETURN_IF(ae_comm_agree(comm, new_handle(comm, path, false, &file)));
  ae_status status = take(file, path, O_RDONLY, LOCK_SH);
  if (status == AE_OK) status = see(file, path, O_RDONLY);
  free_handle(&file);
  return status;
}

/* The signature stands at the beginning, or, behind a block of the user's own, at 512, 1024, 2048 … */
static ae_status require_signature(ae_h5 *file) {
  static const char signature[] = {'\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n'};
  char found[sizeof signature];
  int64_t got = sizeof found;
  for (int64_t at = 0; got == sizeof found; at = at == 0 ? 512 : 2 * at) {
    got = ae_h5_disk_read(&file->disk, file->descriptor, at, found, sizeof found);
    if (got == sizeof found && memcmp(found, signature, sizeof found) == 0) return AE_OK;
  }
  AE_RETURN_IF(ae_h5_require(file, got, "read", "its first bytes", AE_H5_DAMAGED));
  return AE_FAIL(AE_DATA, "%s is not an HDF5 file", file->path);
}

static ae_status open_whole(ae_h5 *file) {
  hid_t access = access_list(&file->disk);
  file->handle = H5Fopen(file->path, H5F_ACC_RDONLY, access);
  ae_status status = ae_h5_require(file, file->handle, "open", "it as HDF5", AE_H5_DAMAGED);
  ae_h5_release(&access);
  return status;
}

ae_status ae_h5_open(const ae_comm *comm, const char *path, ae_h5 **out) {
  ae_status status = AE_OK;
  ae_h5 *file = NULL;
  *out = NULL;
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  AE_CHECK(ae_comm_agree(comm, new_handle(comm, path, false, &file)));
  AE_CHECK(take(file, path, O_RDONLY, LOCK_SH));
  AE_CHECK(see(file, path, O_RDONLY));
  AE_CHECK(ae_comm_agree(comm, require_signature(file)));
  AE_CHECK(ae_comm_agree(comm, open_whole(file)));
  *out = file;
  return AE_OK;
cleanup:
  ae_h5_close(&file);
  return status;
}

/* A full disk is best met before anything is written. Where the file system cannot reserve, the writes will tell. */
ae_status ae_h5_reserve(ae_h5 *file, int64_t beyond) {
  const int64_t length = file->disk.end, more = length - file->room;
  if (more <= beyond) return AE_OK;
  if (fallocate(file->descriptor, 0, file->room, more) != 0 &&
      (errno == ENOSPC || errno == EFBIG || errno == EDQUOT || errno == EIO))
    return AE_FAIL(AE_DATA, "cannot make %s %lld bytes long: %s; " AE_H5_SPACE, file->temporary, (long long)length,
                   strerror(errno));
  file->room = length;
  return AE_OK;
}

/* What a rank of another host has written reaches the file server only now, and may fail only now. */
static ae_status sync_rows(const ae_h5 *file) {
  if (fsync(file->descriptor) == 0) return AE_OK;
  return AE_FAIL(AE_DATA, "cannot sync %s: %s; " AE_H5_SPACE, file->temporary, strerror(errno));
}

static ae_status close_file(ae_h5 *file) {
  const herr_t result = H5Fclose(file->handle);
  file->handle = H5I_INVALID_HID;
  return ae_h5_require(file, result, "write", "the temporary file", AE_H5_SPACE);
}

static ae_status rename_file(ae_h5 *file) {
  if (ae_h5_locks_wanted()) flock(file->guard, LOCK_UN); /* whole: who sees it under its name may read it */
  if (rename(file->temporary, file->path) != 0)
    return AE_FAIL(AE_DATA, "cannot rename %s to %s: %s", file->temporary, file->path, strerror(errno));
  ae_sync_directory_of(file->path);
  return AE_OK;
}

static ae_status publish(ae_h5 *file) {
  AE_RETURN_IF(ae_h5_reserve(file, 0));
  AE_RETURN_IF(close_file(file));
  AE_RETURN_IF(sync_rows(file));
  return rename_file(file);
}

ae_status ae_h5_commit(ae_h5 **handle) {
  ae_h5 *file = *handle;
  const bool root = ae_h5_is_root(file);
  ae_status status = ae_comm_agree(file->comm, root ? AE_OK : sync_rows(file));
  if (status == AE_OK) status = ae_comm_agree(file->comm, root ? publish(file) : AE_OK);
  if (status == AE_OK) free_handle(handle);
  else ae_h5_close(handle);
  return status;
}

void ae_h5_close(ae_h5 **handle) {
  ae_h5 *file = *handle;
  if (file == NULL) return;
  file->disk.dropped = true;
  if (file->handle >= 0) H5Fclose(file->handle);
  H5Eclear2(H5E_DEFAULT);
  if (file->temporary != NULL && ae_h5_is_root(file)) unlink(file->temporary);
  free_handle(handle);
}

void ae_h5_read_ahead(const ae_h5 *file) { posix_fadvise(file->descriptor, 0, 0, POSIX_FADV_WILLNEED); }

const char *ae_h5_path(const ae_h5 *file) { return file->path; }

hid_t ae_h5_handle(const ae_h5 *file) { return file->handle; }

ae_status ae_h5_produce(const ae_comm *comm, const char *path, ae_status (*fill)(ae_h5 *file, void *context),
                        void *context) {
  ae_h5 *file = NULL;
  ae_status status = ae_h5_create(comm, path, &file);
  if (status == AE_OK) status = fill(file, context);
  if (status == AE_OK) return ae_h5_commit(&file);
  ae_h5_close(&file);
  return status;
}
