/* A file driver of HDF5 (its "virtual file layer"): HDF5 lays files out and finds its way in them, every byte goes
 * through here. So a failing disk is met in calls of our own, by the rank that has it, and the reason of the system is
 * kept; and what ranks write together needs no MPI-IO, whose ways to fail are many and differ by version. */
#include "mpiae/base/arithmetic.h"
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

/* Linux moves no more in a call. */
#define MOST_AT_ONCE ((int64_t)1 << 30)

typedef struct driven {
  H5FD_t hdf5; /* first: HDF5 sees nothing else */
  ae_h5_disk *disk;
  int descriptor;
  bool writing;
  haddr_t end;    /* of what has been given a place */
  haddr_t length; /* of the file as HDF5 knows it */
} driven;

/* HDF5 passes pointers to its part, which is the first of ours. */
static driven *of(H5FD_t *file) { return (driven *)(void *)file; }
static const driven *of_const(const H5FD_t *file) { return (const driven *)(const void *)file; }

/* The first error tells what happened; those after it may be consequences. */
static void keep_error(ae_h5_disk *disk, int error) {
  if (disk->error == 0) disk->error = error;
}

/* NFS sends whole pages, with what it takes the bytes of others in them to be, unless a file is opened for writes that
 * go through (Linux, nfs_can_extend_write). Locks of ranges would do too, but rank 0's of the whole file is one of them
 * there: others would wait for it, and it for them. Elsewhere this would only be slow. */
int ae_h5_disk_flags(const char *path) {
  struct statfs system;
  return statfs(path, &system) == 0 && system.f_type == NFS_SUPER_MAGIC ? O_DSYNC : 0;
}

bool ae_h5_disk_write(ae_h5_disk *disk, int descriptor, int64_t from, const void *bytes, int64_t count) {
  for (int64_t done = 0; done < count && disk->error == 0;) {
    const ssize_t wrote = pwrite(descriptor, (const char *)bytes + done, (size_t)ae_min(MOST_AT_ONCE, count - done),
                                 (off_t)(from + done));
    if (wrote > 0) done += wrote;
    else if (wrote == 0) keep_error(disk, ENOSPC);
    else if (errno != EINTR) keep_error(disk, errno);
  }
  return disk->error == 0;
}

void ae_h5_disk_begin(int descriptor) { (void)sync_file_range(descriptor, 0, 0, SYNC_FILE_RANGE_WRITE); }

int64_t ae_h5_disk_read(ae_h5_disk *disk, int descriptor, int64_t from, void *bytes, int64_t count) {
  int64_t done = 0;
  while (done < count) {
    const ssize_t got =
        pread(descriptor, (char *)bytes + done, (size_t)ae_min(MOST_AT_ONCE, count - done), (off_t)(from + done));
    if (got > 0) done += got;
    else if (got == 0) break;
    else if (errno != EINTR) {
      keep_error(disk, errno);
      return -1;
    }
  }
  return done;
}

static H5FD_t *open_driven(const char *name, unsigned flags, hid_t access, haddr_t largest) {
  ae_h5_disk *const *disk = H5Pget_driver_info(access);
  struct stat info;
  (void)largest;
  if (disk == NULL) return NULL;
  driven *file = calloc(1, sizeof *file);
  if (file == NULL) {
    keep_error(*disk, ENOMEM);
    return NULL;
  }
  file->disk = *disk;
  file->writing = (flags & H5F_ACC_RDWR) != 0;
  file->descriptor = open(name, O_CLOEXEC | (file->writing ? O_RDWR | ae_h5_disk_flags(name) : O_RDONLY) |
                                    ((flags & H5F_ACC_TRUNC) != 0 ? O_TRUNC : 0));
  if (file->descriptor >= 0 && fstat(file->descriptor, &info) == 0) {
    file->length = (haddr_t)info.st_size;
    return (H5FD_t *)file;
  }
  /* HDF5 looks for the files of links and of virtual datasets in several places */
  if (file->writing || errno != ENOENT) keep_error(file->disk, errno);
  if (file->descriptor >= 0) close(file->descriptor);
  free(file);
  return NULL;
}

static herr_t close_driven(H5FD_t *handle) {
  driven *file = of(handle);
  if (close(file->descriptor) != 0 && file->writing) keep_error(file->disk, errno);
  free(file);
  return 0;
}

/* HDF5 asks whether a file is open already; each of ours stands for itself. */
static int compare(const H5FD_t *a, const H5FD_t *b) { return (a > b) - (a < b); }

/* What HDF5's own driver for files of the system says of itself. */
static herr_t query(const H5FD_t *file, unsigned long *flags) {
  (void)file;
  if (flags != NULL)
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  return 0;
}

static haddr_t get_end(const H5FD_t *file, H5FD_mem_t type) {
  (void)type;
  return of_const(file)->end;
}

static herr_t set_end(H5FD_t *file, H5FD_mem_t type, haddr_t end) {
  (void)type;
  of(file)->end = end;
  if (of(file)->writing) of(file)->disk->end = (int64_t)end;
  return 0;
}

static haddr_t get_length(const H5FD_t *file, H5FD_mem_t type) {
  (void)type;
  return of_const(file)->length;
}

/* What was given a place and not written yet is zero; a file that is read was as long as its superblock says when it
 * was opened, and has been cut since. */
static herr_t read_driven(H5FD_t *handle, H5FD_mem_t type, hid_t transfer, haddr_t from, size_t count, void *bytes) {
  driven *file = of(handle);
  (void)type, (void)transfer;
  const int64_t got = ae_h5_disk_read(file->disk, file->descriptor, (int64_t)from, bytes, (int64_t)count);
  if (got < 0) return -1;
  if (got < (int64_t)count && !file->writing) {
    keep_error(file->disk, ENODATA);
    return -1;
  }
  memset((char *)bytes + got, 0, count - (size_t)got);
  return 0;
}

/* HDF5 is not told of an error: it would keep what it could not write, and fail again, or crash, when it closes the
 * file. A file with an error is never published. */
static herr_t write_driven(H5FD_t *handle, H5FD_mem_t type, hid_t transfer, haddr_t from, size_t count,
                           const void *bytes) {
  driven *file = of(handle);
  (void)transfer;
  if (from + count > file->length) file->length = from + count;
  if (file->disk->dropped || (file->disk->placing && type == H5FD_MEM_DRAW)) return 0;
  ae_h5_disk_write(file->disk, file->descriptor, (int64_t)from, bytes, (int64_t)count);
  return 0;
}

static herr_t set_length(H5FD_t *handle, hid_t transfer, hbool_t closing) {
  driven *file = of(handle);
  (void)transfer, (void)closing;
  if (!file->writing || file->disk->dropped) return 0;
  file->length = file->end;
  if (file->disk->error == 0 && ftruncate(file->descriptor, (off_t)file->end) != 0) keep_error(file->disk, errno);
  return 0;
}

static void *copy_info(const void *info) {
  ae_h5_disk *disk, **copy = malloc(sizeof disk);
  memcpy(&disk, info, sizeof disk);
  if (copy != NULL) *copy = disk;
  else keep_error(disk, ENOMEM);
  return copy;
}

static void *get_info(H5FD_t *file) { return copy_info(&of(file)->disk); }

static herr_t free_info(void *info) {
  free(info);
  return 0;
}

static const H5FD_class_t DRIVER = {
#ifdef H5FD_CLASS_VERSION
    .version = H5FD_CLASS_VERSION,
    .value = H5_VFD_RESERVED,
#endif
    .name = "mpiae",
    .maxaddr = (haddr_t)INT64_MAX,
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(ae_h5_disk *),
    .fapl_get = get_info,
    .fapl_copy = copy_info,
    .fapl_free = free_info,
    .open = open_driven,
    .close = close_driven,
    .cmp = compare,
    .query = query,
    .get_eoa = get_end,
    .set_eoa = set_end,
    .get_eof = get_length,
    .read = read_driven,
    .write = write_driven,
    .truncate = set_length,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

/* Once in a process, and kept: HDF5 1.10 lets go of a driver before it calls its close, and reads where that is from
 * memory that it has freed when nobody else holds it. */
static hid_t registered(void) {
  static hid_t driver = H5I_INVALID_HID;
  if (driver < 0) driver = H5FDregister(&DRIVER);
  return driver;
}

hid_t ae_h5_disk_access(ae_h5_disk *disk) {
  const hid_t driver = registered();
  hid_t list = H5Pcreate(H5P_FILE_ACCESS);
  if (driver < 0 || list < 0 || H5Pset_driver(list, driver, &disk) < 0) ae_h5_release(&list);
  return list;
}
