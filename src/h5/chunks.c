/* Rows to chunks, and chunks to the disk. HDF5 has given each chunk its place; the rank that has a chunk's first row
 * puts it together, checksums it and writes it there itself: filtered chunks that HDF5 writes for many ranks are read
 * and written twice over, and a rank that fails strands the others. */
#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "private.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define CHECKSUM_BYTES 4
#define TAG 1

typedef struct row_range {
  int64_t begin, end;
} row_range;

/* Everything a rank needs to put its chunks together. */
typedef struct assembly {
  const ae_h5_dataset *dataset;
  const ae_h5_chunks *chunks;
  row_range *range; /* rows of each rank */
  row_range own;
  const char *rows; /* own rows */
  char *buffer;     /* one chunk, of rows of several ranks, or padded */
  MPI_Request *request;
  const int64_t *place;
  uint64_t *digest; /* of every chunk: of own ones, and zero */
  ae_h5 *file;
  int ranks;
} assembly;

static int compare_ranges(const void *a, const void *b) {
  const row_range *one = a, *two = b;
  if (one->begin != two->begin) return one->begin < two->begin ? -1 : 1;
  return (one->end > two->end) - (one->end < two->end);
}

/* The same verdict on every rank. */
static ae_status check_ranges(const char *path, const assembly *work) {
  int64_t covered = 0;
  row_range *sorted = NULL;
  AE_RETURN_IF(AE_NEW(sorted, work->ranks));
  memcpy(sorted, work->range, (size_t)work->ranks * sizeof *sorted);
  qsort(sorted, (size_t)work->ranks, sizeof *sorted, compare_ranges);
  bool whole = true;
  for (int i = 0; i < work->ranks; i++) {
    if (sorted[i].begin == sorted[i].end) continue;
    whole = whole && sorted[i].begin == covered && sorted[i].end > covered;
    covered = sorted[i].end;
  }
  AE_FREE(sorted);
  if (whole && covered == work->chunks->rows) return AE_OK;
  return AE_FAIL(AE_INTERNAL, "%s: the ranks do not give each of its %lld rows once", path,
                 (long long)work->chunks->rows);
}

static int owner_of(const assembly *work, int64_t row) {
  int rank = 0;
  while (row < work->range[rank].begin || row >= work->range[rank].end) rank++;
  return rank;
}

/* The first own row that starts a chunk. */
static int64_t first_start(const assembly *work) {
  return ae_min(work->own.end, ae_round_up(work->own.begin, work->chunks->chunk_rows));
}

static int64_t chunk_end(const assembly *work, int64_t start) {
  return ae_min(start + work->chunks->chunk_rows, work->chunks->rows);
}

/* Asks the ranks that have the rest of the chunk begun at row `start`. Returns the number of requests. */
static int receive_rest(assembly *work, int64_t start) {
  int requests = 0;
  const ae_comm *comm = work->file->comm;
  const int64_t end = chunk_end(work, start), row_bytes = work->chunks->row_bytes;
  for (int rank = 0; rank < work->ranks && end > work->own.end; rank++) {
    const int64_t from = ae_max(work->range[rank].begin, work->own.end), to = ae_min(work->range[rank].end, end);
    if (from >= to) continue;
    ae_comm_require(comm,
                    MPI_Irecv(work->buffer + (from - start) * row_bytes, (int)((to - from) * row_bytes), MPI_BYTE, rank,
                              TAG, ae_comm_handle(comm), &work->request[requests++]),
                    "asking for the rest of a chunk");
  }
  return requests;
}

/* Gives the rows before the first chunk of one's own to the rank that has begun their chunk. */
static void send_head(const assembly *work) {
  const ae_comm *comm = work->file->comm;
  const int64_t first = first_start(work), count = first - work->own.begin;
  if (count == 0) return;
  const int64_t start = work->own.begin / work->chunks->chunk_rows * work->chunks->chunk_rows;
  ae_comm_require(comm,
                  MPI_Send(work->rows, (int)(count * work->chunks->row_bytes), MPI_BYTE, owner_of(work, start), TAG,
                           ae_comm_handle(comm)),
                  "giving the head of a chunk");
}

/* Digests and checksums a chunk and writes it. After an error nothing is written. */
static void write_chunk(const assembly *work, int64_t start, const char *rows) {
  ae_h5 *file = work->file;
  const ae_h5_dataset *dataset = work->dataset;
  const int64_t bytes = work->chunks->chunk_rows * work->chunks->row_bytes, chunk = start / work->chunks->chunk_rows;
  uint8_t end[CHECKSUM_BYTES];
  work->digest[chunk] = ae_h5_digest(dataset->path, dataset->rank, dataset->dim, chunk, rows,
                                     (chunk_end(work, start) - start) * work->chunks->row_bytes);
  const uint32_t checksum = ae_h5_fletcher32((const uint8_t *)rows, bytes);
  for (int i = 0; i < CHECKSUM_BYTES; i++) end[i] = (uint8_t)(checksum >> 8 * i);
  ae_h5_disk_write(&file->disk, file->descriptor, work->place[chunk], rows, bytes);
  ae_h5_disk_write(&file->disk, file->descriptor, work->place[chunk] + bytes, end, sizeof end);
}

static const char *own_rows(const assembly *work, int64_t start) {
  return work->rows + (start - work->own.begin) * work->chunks->row_bytes;
}

/* Copies own rows of the chunk at row `start` into the buffer and zeroes what lies beyond the dataset. */
static void copy_own(const assembly *work, int64_t start) {
  const int64_t row_bytes = work->chunks->row_bytes, end = chunk_end(work, start);
  const int64_t own = ae_min(end, work->own.end) - start, padding = start + work->chunks->chunk_rows - end;
  memcpy(work->buffer, own_rows(work, start), (size_t)(own * row_bytes));
  memset(work->buffer + (end - start) * row_bytes, 0, (size_t)(padding * row_bytes));
}

/* The last chunk comes first: the others wait to be rid of their heads. */
static void write_own(assembly *work) {
  const int64_t first = first_start(work), step = work->chunks->chunk_rows;
  if (first == work->own.end) {
    send_head(work);
    return;
  }
  const int64_t last = first + (work->own.end - 1 - first) / step * step;
  const bool whole = last + step <= work->own.end;
  const int requests = receive_rest(work, last);
  send_head(work);
  if (!whole) copy_own(work, last);
  ae_comm_require(work->file->comm, MPI_Waitall(requests, work->request, MPI_STATUSES_IGNORE),
                  "waiting for the rest of a chunk");
  write_chunk(work, last, whole ? own_rows(work, last) : work->buffer);
  for (int64_t start = first; start < last; start += step) write_chunk(work, start, own_rows(work, start));
}

/* Each chunk's digest is known to the rank that wrote it, and zero elsewhere. */
static ae_status write_digests(const assembly *work, hid_t target) {
  const ae_comm *comm = work->file->comm;
  const bool root = ae_h5_is_root(work->file);
  for (int64_t at = 0; at < work->chunks->count; at += INT_MAX)
    ae_comm_require(comm,
                    MPI_Reduce(root ? MPI_IN_PLACE : work->digest + at, root ? work->digest + at : NULL,
                               (int)ae_min(work->chunks->count - at, INT_MAX), MPI_UINT64_T, MPI_BOR, 0,
                               ae_comm_handle(comm)),
                    "gathering digests");
  AE_RETURN_IF(ae_h5_require(work->file, 0, "write", work->dataset->path, AE_H5_SPACE));
  return root ? ae_h5_write_digests(work->file, target, work->dataset->path, work->digest) : AE_OK;
}

static ae_status prepare(assembly *work) {
  AE_RETURN_IF(AE_NEW(work->range, work->ranks));
  AE_RETURN_IF(AE_NEW(work->request, work->ranks));
  AE_RETURN_IF(AE_NEW(work->digest, work->chunks->count));
  return AE_NEW(work->buffer, work->chunks->chunk_rows * work->chunks->row_bytes);
}

ae_status ae_h5_write_chunks(ae_h5 *file, const ae_h5_dataset *dataset, const ae_h5_chunks *chunks,
                             const int64_t *place, hid_t target, int64_t begin, int64_t count, const void *rows) {
  ae_status status = AE_OK;
  const ae_comm *comm = file->comm;
  assembly work = {.dataset = dataset,
                   .chunks = chunks,
                   .own = {begin, begin + count},
                   .rows = rows,
                   .place = place,
                   .file = file,
                   .ranks = ae_comm_size(comm)};
  AE_CHECK(ae_comm_agree(comm, prepare(&work)));
  ae_comm_require(comm, MPI_Allgather(&work.own, 2, MPI_INT64_T, work.range, 2, MPI_INT64_T, ae_comm_handle(comm)),
                  "gathering the rows of the ranks");
  AE_CHECK(ae_comm_agree(comm, check_ranges(dataset->path, &work)));
  write_own(&work);
  if (chunks->count * chunks->chunk_rows * chunks->row_bytes >= AE_H5_PORTION) ae_h5_disk_begin(file->descriptor);
  AE_CHECK(ae_comm_agree(comm, write_digests(&work, target)));
cleanup:
  AE_FREE(work.digest);
  AE_FREE(work.buffer);
  AE_FREE(work.request);
  AE_FREE(work.range);
  return status;
}

/* The places that HDF5 tells, by the chunk's first row. */
typedef struct place_list {
  const ae_h5_chunks *chunks;
  int64_t *place;
  int64_t found;
} place_list;

static int note_place(const hsize_t *offset, unsigned mask, haddr_t address, hsize_t size, void *context) {
  place_list *list = context;
  const int64_t chunk = (int64_t)offset[0] / list->chunks->chunk_rows;
  const int64_t bytes = list->chunks->chunk_rows * list->chunks->row_bytes + CHECKSUM_BYTES;
  if (mask != 0 || address == HADDR_UNDEF || (int64_t)size != bytes || chunk >= list->chunks->count) return -1;
  list->place[chunk] = (int64_t)address;
  list->found++;
  return 0;
}

/* Before 1.14 HDF5 cannot be asked for all at once. */
static herr_t visit_chunks(hid_t dataset, place_list *list) {
#if H5_VERSION_GE(1, 14, 0)
  return H5Dchunk_iter(dataset, H5P_DEFAULT, note_place, list);
#else
  hsize_t offset[AE_H5_MAX_RANK] = {0}, size;
  unsigned mask;
  haddr_t address;
  for (int64_t i = 0; i < list->chunks->count; i++) {
    offset[0] = (hsize_t)(i * list->chunks->chunk_rows);
    if (H5Dget_chunk_info_by_coord(dataset, offset, &mask, &address, &size) < 0 ||
        note_place(offset, mask, address, size, list) < 0)
      return -1;
  }
  return 0;
#endif
}

/* With the size that chunks have with their checksum. Of their bytes the driver writes none. */
static herr_t give_places(hid_t dataset, const ae_h5_chunks *chunks) {
  static const char none;
  hsize_t offset[AE_H5_MAX_RANK] = {0};
  const int64_t bytes = chunks->chunk_rows * chunks->row_bytes + CHECKSUM_BYTES;
  for (int64_t i = 0; i < chunks->count; i++) {
    offset[0] = (hsize_t)(i * chunks->chunk_rows);
    if (H5Dwrite_chunk(dataset, H5P_DEFAULT, 0, offset, (size_t)bytes, &none) < 0) return -1;
  }
  return 0;
}

ae_status ae_h5_place_chunks(ae_h5 *file, hid_t dataset, const char *path, const ae_h5_chunks *chunks, int64_t *place) {
  place_list list = {.chunks = chunks, .place = place};
  file->disk.placing = true;
  const herr_t given = give_places(dataset, chunks);
  file->disk.placing = false;
  AE_RETURN_IF(ae_h5_require(file, given, "give places to", path, AE_H5_SPACE));
  AE_RETURN_IF(ae_h5_require(file, visit_chunks(dataset, &list), "find the places of", path, AE_H5_SPACE));
  if (list.found != chunks->count)
    return AE_FAIL(AE_INTERNAL, "%s: %s has %lld chunks, but %lld have a place", file->path, path,
                   (long long)chunks->count, (long long)list.found);
  return AE_OK;
}
