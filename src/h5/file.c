/* Open, create, commit, close. */
#include "mpiae/base/memory.h"
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static herr_t keep_innermost(unsigned depth, const H5E_error2_t *error, void *out) {
  if (depth == 0 && error->desc != NULL) snprintf(out, AE_MESSAGE_SIZE / 4, "%s", error->desc);
  return 0;
}

ae_status ae_h5_require(const ae_h5 *file, int64_t result, const char *action, const char *object, const char *advice) {
  if (result >= 0) return AE_OK;
  char reason[AE_MESSAGE_SIZE / 4] = "no reason given";
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, reason);
  H5Eclear2(H5E_DEFAULT);
  return AE_FAIL(AE_DATA, "%s: cannot %s %s: HDF5 says '%s'; %s", file->path, action, object, reason, advice);
}

/* Every call of HDF5 forgets the messages of the call before, and the one that failed is yet to be reported. */
void ae_h5_release(hid_t *handle) {
  if (*handle < 0) return;
  const bool failing = H5Eget_num(H5E_DEFAULT) > 0;
  const hid_t messages = failing ? H5Eget_current_stack() : H5I_INVALID_HID;
  H5Idec_ref(*handle);
  if (messages >= 0) H5Eset_current_stack(messages);
  *handle = H5I_INVALID_HID;
}

bool ae_h5_locks_wanted(void) {
  const char *choice = getenv("HDF5_USE_FILE_LOCKING");
  return choice == NULL || (strcmp(choice, "FALSE") != 0 && strcmp(choice, "0") != 0);
}

/* The MPI driver of HDF5 neither takes nor heeds locks, so rank 0 does what the serial driver does in h5py and
 * h5dump. */
static ae_status take_guard(ae_h5 *file, const char *name, int flags, int lock) {
  struct stat info;
  file->guard = open(name, flags | O_CLOEXEC | O_NONBLOCK, 0666);
  if (file->guard < 0 && lock == LOCK_EX)
    return AE_FAIL(AE_DATA, "cannot create %s: %s; the directory must exist and allow writing", name, strerror(errno));
  if (file->guard < 0) return AE_FAIL(AE_DATA, "cannot open %s: %s", name, strerror(errno));
  if (fstat(file->guard, &info) != 0 || !S_ISREG(info.st_mode))
    return AE_FAIL(AE_DATA, "cannot open %s: it is not a regular file", name);
  if (ae_h5_locks_wanted() && flock(file->guard, lock | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    return AE_FAIL(AE_DATA,
                   "%s is locked: another program has it open; wait for that one to end, or set "
                   "HDF5_USE_FILE_LOCKING=FALSE when no program has",
                   name);
  return AE_OK;
}

/* MPI-IO can hang when a file opens on some ranks only, and HDF5 when it is not the same for all, so each rank looks by
 * itself first. */
static ae_status see_file(const ae_h5 *file, const char *name, int flags, int64_t first_size) {
  char host[64] = "";
  struct stat info;
  gethostname(host, sizeof host - 1);
  const int rank = ae_comm_rank(file->comm), descriptor = open(name, flags | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0 || fstat(descriptor, &info) != 0)
    return AE_FAIL(AE_DATA, "rank %d on %s cannot open %s: %s; every host must see the same directory", rank, host,
                   name, strerror(errno));
  close(descriptor);
  if (info.st_size == first_size) return AE_OK;
  return AE_FAIL(AE_DATA,
                 "rank %d on %s sees another %s (%lld bytes) than rank 0 (%lld bytes); give all hosts one file", rank,
                 host, name, (long long)info.st_size, (long long)first_size);
}

static ae_status take(ae_h5 *file, const char *name, int flags, int lock) {
  return ae_comm_agree(file->comm, ae_comm_rank(file->comm) == 0 ? take_guard(file, name, flags, lock) : AE_OK);
}

static ae_status see(const ae_h5 *file, const char *name, int mode) {
  struct stat info = {0};
  if (ae_comm_rank(file->comm) == 0) fstat(file->guard, &info);
  int64_t size = (int64_t)info.st_size;
  ae_comm_broadcast(file->comm, &size, (int64_t)sizeof size);
  return ae_comm_agree(file->comm, see_file(file, name, mode, size));
}

static hid_t access_list(const ae_comm *comm) {
  hid_t list = H5Pcreate(H5P_FILE_ACCESS);
  if (list < 0) return list;
  if (H5Pset_fapl_mpio(list, ae_comm_handle(comm), MPI_INFO_NULL) < 0 ||
      H5Pset_libver_bounds(list, H5F_LIBVER_V110, H5F_LIBVER_V110) < 0 ||
      H5Pset_fclose_degree(list, H5F_CLOSE_STRONG) < 0)
    ae_h5_release(&list);
  return list;
}

static hid_t creation_list(void) {
  hid_t list = H5Pcreate(H5P_FILE_CREATE);
  if (list >= 0 && H5Pset_obj_track_times(list, false) < 0) ae_h5_release(&list);
  return list;
}

/* A file that only some ranks have open can neither be used nor closed together. */
static ae_status agree_opened(const ae_h5 *file, ae_status local) {
  const int64_t opened = ae_comm_max(file->comm, file->handle >= 0);
  const int64_t missed = ae_comm_max(file->comm, file->handle < 0);
  if (opened != 0 && missed != 0 && local != AE_OK) ae_comm_abort(file->comm, local);
  return ae_comm_agree(file->comm, local);
}

static ae_status new_handle(const ae_comm *comm, const char *path, bool writing, ae_h5 **out) {
  ae_status status = AE_OK;
  ae_h5 *file = NULL;
  AE_CHECK(AE_NEW(file, 1));
  file->comm = comm;
  file->handle = H5I_INVALID_HID;
  file->guard = -1;
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
  if ((*file)->guard >= 0) close((*file)->guard);
  AE_FREE((*file)->path);
  AE_FREE((*file)->temporary);
  AE_FREE(*file);
}

static ae_status create_temporary(ae_h5 *file) {
  hid_t creation = creation_list(), access = access_list(file->comm);
  file->handle = H5Fcreate(file->temporary, H5F_ACC_TRUNC, creation, access);
  ae_status status = agree_opened(file, ae_h5_require(file, file->handle, "create", "the temporary file", AE_H5_SPACE));
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
  AE_CHECK(see(file, file->temporary, O_RDWR));
  AE_CHECK(create_temporary(file));
  *out = file;
  return AE_OK;
cleanup:
  if (locked && ae_comm_rank(comm) == 0) unlink(file->temporary);
  free_handle(&file);
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

static ae_status require_hdf5(const char *path) {
  const htri_t is = H5Fis_hdf5(path);
  H5Eclear2(H5E_DEFAULT);
  return is == 0 ? AE_FAIL(AE_DATA, "%s is not an HDF5 file", path) : AE_OK;
}

ae_status ae_h5_open(const ae_comm *comm, const char *path, ae_h5 **out) {
  ae_status status = AE_OK;
  ae_h5 *file = NULL;
  hid_t access = H5I_INVALID_HID;
  *out = NULL;
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  AE_CHECK(ae_comm_agree(comm, new_handle(comm, path, false, &file)));
  AE_CHECK(take(file, path, O_RDONLY, LOCK_SH));
  AE_CHECK(see(file, path, O_RDONLY));
  AE_CHECK(ae_comm_agree(comm, ae_comm_rank(comm) == 0 ? require_hdf5(path) : AE_OK));
  access = access_list(comm);
  file->handle = H5Fopen(path, H5F_ACC_RDONLY, access);
  AE_CHECK(agree_opened(file, ae_h5_require(file, file->handle, "open", "it as HDF5", AE_H5_DAMAGED)));
  ae_h5_release(&access);
  *out = file;
  return AE_OK;
cleanup:
  ae_h5_release(&access);
  free_handle(&file);
  return status;
}

/* HDF5 does not say how long a file written through MPI has become, so its metadata is estimated, generously:
 * superblock, groups and attributes of the file; header and index of each dataset, and the index's share for
 * each chunk. */
#define FILE_BYTES ((int64_t)256 << 10)
#define DATASET_BYTES ((int64_t)16 << 10)

static ae_status reserve_on_disk(ae_h5 *file, int64_t bytes) {
  file->content += DATASET_BYTES + bytes + bytes / 256;
  const int64_t length = FILE_BYTES + file->content;
  if (fallocate(file->guard, 0, 0, length) != 0 &&
      (errno == ENOSPC || errno == EFBIG || errno == EDQUOT || errno == EIO))
    return AE_FAIL(AE_DATA, "cannot make %s %lld bytes long: %s; " AE_H5_SPACE, file->temporary, (long long)length,
                   strerror(errno));
  /* Other reasons mean that the file system cannot reserve; then the writes themselves will tell. */
  return AE_OK;
}

/* A rank that fails inside a collective call of HDF5 leaves the others waiting there, so a full disk has to be
 * met outside of them. */
ae_status ae_h5_reserve(ae_h5 *file, int64_t bytes) {
  return ae_comm_agree(file->comm, file->guard >= 0 ? reserve_on_disk(file, bytes) : AE_OK);
}

static void sync_directory(const char *path) {
  char directory[4096];
  const char *slash = strrchr(path, '/');
  const int length = slash == NULL ? 0 : (int)(slash - path);
  snprintf(directory, sizeof directory, "%.*s", length > 0 ? length : 1, length > 0 ? path : slash ? "/" : ".");
  const int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  /* Some file systems cannot sync a directory; the file itself is safe by then. */
  (void)fsync(descriptor);
  close(descriptor);
}

/* Closing a file does not sync it. */
static ae_status publish(ae_h5 *file) {
  if (fsync(file->guard) != 0)
    return AE_FAIL(AE_DATA, "cannot sync %s: %s; " AE_H5_SPACE, file->temporary, strerror(errno));
  if (ae_h5_locks_wanted()) flock(file->guard, LOCK_UN); /* it is whole: who sees it under its name may read it */
  if (rename(file->temporary, file->path) != 0)
    return AE_FAIL(AE_DATA, "cannot rename %s to %s: %s", file->temporary, file->path, strerror(errno));
  sync_directory(file->path);
  return AE_OK;
}

static ae_status close_file(ae_h5 *file) {
  const herr_t result = H5Fclose(file->handle);
  if (result >= 0) file->handle = H5I_INVALID_HID;
  return ae_h5_require(file, result, "close", "the temporary file", AE_H5_SPACE);
}

/* HDF5's own, exported but not declared to users. */
extern void *H5I_remove(hid_t id) __attribute__((weak));

/* Closing writes, which must not be tried on a file whose writing failed: a rank that fails leaves the others
 * waiting, and HDF5 1.10 keeps the handle of a file that it failed to close and has freed, and crashes over it
 * when MPI ends. So a dropped file is forgotten instead; what HDF5 held for it stays allocated. */
static void abandon(ae_h5 *file) {
  void *stream = NULL;
  if (H5I_remove == NULL) {
    H5Fclose(file->handle);
    return;
  }
  if (H5Fget_vfd_handle(file->handle, H5P_DEFAULT, &stream) >= 0 && stream != NULL) MPI_File_close(stream);
  H5I_remove(file->handle);
}

ae_status ae_h5_commit(ae_h5 **handle) {
  ae_status status = AE_OK;
  ae_h5 *file = *handle;
  const bool root = ae_comm_rank(file->comm) == 0;
  AE_CHECK(ae_h5_reserve(file, 0));
  const herr_t flushed = H5Fflush(file->handle, H5F_SCOPE_GLOBAL);
  AE_CHECK(ae_comm_agree(file->comm, ae_h5_require(file, flushed, "write", "the temporary file", AE_H5_SPACE)));
  AE_CHECK(ae_comm_agree(file->comm, close_file(file)));
  AE_CHECK(ae_comm_agree(file->comm, root ? publish(file) : AE_OK));
  free_handle(handle);
  return AE_OK;
cleanup:
  ae_h5_close(handle);
  return status;
}

void ae_h5_close(ae_h5 **handle) {
  ae_h5 *file = *handle;
  if (file == NULL) return;
  if (file->handle >= 0 && file->temporary == NULL) H5Fclose(file->handle);
  else if (file->handle >= 0) abandon(file);
  H5Eclear2(H5E_DEFAULT);
  if (file->temporary != NULL && file->guard >= 0) unlink(file->temporary);
  free_handle(handle);
}

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
