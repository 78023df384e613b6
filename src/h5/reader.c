#include "mpiae/h5/reader.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

struct ae_h5_reader {
  ae_h5 *file;
  char *path; /* of the dataset */
  hid_t dataset;
  ae_h5_type type;
  int rank;
  int64_t dim[AE_H5_MAX_RANK];
  int64_t row_bytes;
  int64_t part_rows; /* rows that lie one after another from each place on */
  int64_t *place;    /* of each part, in the file; NULL: HDF5 reads */
  int descriptor;
};

/* Chunks of whole rows, as they are. */
static bool is_plain(hid_t layout, ae_h5_reader *reader) {
  hsize_t chunk[AE_H5_MAX_RANK];
  unsigned flags, config;
  size_t none = 0;
  const int filters = H5Pget_nfilters(layout);
  if (filters > 1 || H5Pget_chunk(layout, reader->rank, chunk) != reader->rank) return false;
  if (filters == 1 && H5Pget_filter2(layout, 0, &flags, &none, NULL, 0, NULL, &config) != H5Z_FILTER_FLETCHER32)
    return false;
  for (int i = 1; i < reader->rank; i++)
    if ((int64_t)chunk[i] != reader->dim[i]) return false;
  reader->part_rows = (int64_t)chunk[0];
  return true;
}

static ae_status find_chunks(ae_h5_reader *reader) {
  const int64_t parts = (reader->dim[0] + reader->part_rows - 1) / reader->part_rows;
  AE_RETURN_IF(AE_NEW(reader->place, parts));
  for (int64_t i = 0; i < parts; i++) {
    const hsize_t start[AE_H5_MAX_RANK] = {(hsize_t)(i * reader->part_rows)};
    unsigned mask;
    haddr_t address = HADDR_UNDEF;
    hsize_t size;
    if (H5Dget_chunk_info_by_coord(reader->dataset, start, &mask, &address, &size) < 0 || address == HADDR_UNDEF) {
      AE_FREE(reader->place); /* a chunk that was never written is for HDF5 to fill */
      return AE_OK;
    }
    reader->place[i] = (int64_t)address;
  }
  return AE_OK;
}

static ae_status find_contiguous(ae_h5_reader *reader) {
  const haddr_t address = H5Dget_offset(reader->dataset);
  if (address == HADDR_UNDEF) return AE_OK;
  AE_RETURN_IF(AE_NEW(reader->place, 1));
  reader->part_rows = reader->dim[0];
  reader->place[0] = (int64_t)address;
  return AE_OK;
}

/* Whether places count from the beginning of the file: versions of HDF5 differ in whether they do where a block of the
 * user's own stands before it. */
static bool has_no_user_block(hid_t file) {
  hsize_t size = 1;
  hid_t list = H5Fget_create_plist(file);
  if (list >= 0) H5Pget_userblock(list, &size);
  ae_h5_release(&list);
  return size == 0;
}

static ae_status find_places(ae_h5_reader *reader, hid_t file, hid_t stored, hid_t layout) {
  if (file < 0 || stored < 0 || layout < 0 || !has_no_user_block(file)) return AE_OK;
  if (H5Tequal(stored, ae_h5_memory_type(reader->type)) <= 0) return AE_OK;
  if (H5Pget_layout(layout) == H5D_CONTIGUOUS && H5Pget_external_count(layout) == 0) return find_contiguous(reader);
  const bool plain = H5Pget_layout(layout) == H5D_CHUNKED && is_plain(layout, reader);
  return plain ? find_chunks(reader) : AE_OK;
}

/* The file that the dataset is in, wherever links led to, once more. */
static ae_status open_again(ae_h5_reader *reader) {
  char name[PATH_MAX];
  const ssize_t length = H5Fget_name(reader->dataset, name, sizeof name);
  AE_RETURN_IF(ae_h5_require(reader->file, length, "name the file of", reader->path, AE_H5_DAMAGED));
  reader->descriptor = open(name, O_RDONLY | O_CLOEXEC);
  return reader->descriptor >= 0 ? AE_OK : AE_FAIL(AE_DATA, "cannot open %s once more: %s", name, strerror(errno));
}

static ae_status look(ae_h5_reader *reader) {
  reader->dataset = H5Dopen2(reader->file->handle, reader->path, H5P_DEFAULT);
  AE_RETURN_IF(ae_h5_require(reader->file, reader->dataset, "open dataset", reader->path, AE_H5_DAMAGED));
  hid_t file = H5Iget_file_id(reader->dataset), stored = H5Dget_type(reader->dataset);
  hid_t layout = H5Dget_create_plist(reader->dataset);
  const ae_status status = find_places(reader, file, stored, layout);
  ae_h5_release(&layout);
  ae_h5_release(&stored);
  ae_h5_release(&file);
  return status == AE_OK && reader->place != NULL ? open_again(reader) : status;
}

static ae_status create(ae_h5 *file, const char *path, ae_h5_type type, int64_t width, ae_h5_reader **out) {
  AE_RETURN_IF(AE_NEW(*out, 1));
  **out = (ae_h5_reader){.file = file,
                         .dataset = H5I_INVALID_HID,
                         .type = type,
                         .row_bytes = width * ae_h5_type_size(type),
                         .descriptor = -1};
  return ae_memory_text(path, &(*out)->path);
}

ae_status ae_h5_reader_open(ae_h5 *file, const char *path, ae_h5_type type, int64_t width, ae_h5_reader **out) {
  ae_status status;
  ae_h5_type stored;
  *out = NULL;
  AE_CHECK(ae_comm_agree(file->comm, create(file, path, type, width, out)));
  AE_CHECK(ae_h5_describe(file, path, &stored, &(*out)->rank, (*out)->dim));
  AE_CHECK(ae_comm_agree(file->comm, look(*out)));
  return AE_OK;
cleanup:
  ae_h5_reader_close(out);
  return status;
}

void ae_h5_reader_close(ae_h5_reader **reader) {
  if (*reader == NULL) return;
  if ((*reader)->descriptor >= 0) close((*reader)->descriptor);
  ae_h5_release(&(*reader)->dataset);
  AE_FREE((*reader)->path);
  AE_FREE((*reader)->place);
  AE_FREE(*reader);
}

bool ae_h5_reader_is_direct(const ae_h5_reader *reader) { return reader->place != NULL; }

/* Rows of one part. */
static ae_status read_bytes(const ae_h5_reader *reader, int64_t from, int64_t count, void *bytes) {
  ae_h5_disk disk = {0};
  const int64_t got = ae_h5_disk_read(&disk, reader->descriptor, from, bytes, count);
  if (got == count) return AE_OK;
  return AE_FAIL(AE_DATA, "%s: cannot read %s: %s", reader->file->path, reader->path,
                 got < 0 ? strerror(disk.error) : "the file has become shorter");
}

ae_status ae_h5_reader_read(const ae_h5_reader *reader, int64_t begin, int64_t count, void *rows) {
  const int64_t row_bytes = reader->row_bytes, part = reader->part_rows, end = begin + count;
  if (reader->place == NULL) {
    const herr_t result = ae_h5_read_slice(reader->dataset, ae_h5_memory_type(reader->type), reader->rank, reader->dim,
                                           begin, count, rows);
    return ae_h5_explain_read(reader->file, result, reader->dataset, reader->path);
  }
  for (int64_t at = begin; at < end;) {
    const int64_t next = ae_min(end, (at / part + 1) * part);
    AE_RETURN_IF(read_bytes(reader, reader->place[at / part] + at % part * row_bytes, (next - at) * row_bytes,
                            (char *)rows + (at - begin) * row_bytes));
    at = next;
  }
  return AE_OK;
}
