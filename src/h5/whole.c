/* Datasets of which every rank has all rows: each writes, and reads, a share of whole chunks. */
#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "private.h"

/* Where a rank's share begins; that of the last ends with the rows. */
static int64_t begin_of(const ae_h5_chunks *chunks, int64_t rank, int64_t ranks) {
  return ae_min(chunks->rows, (chunks->count * rank + ranks - 1) / ranks * chunks->chunk_rows);
}

ae_status ae_h5_write_whole(ae_h5 *file, const ae_h5_dataset *dataset, const void *rows) {
  const ae_h5_chunks chunks = ae_h5_choose_chunks(dataset);
  const int rank = ae_comm_rank(file->comm), ranks = ae_comm_size(file->comm);
  const int64_t begin = begin_of(&chunks, rank, ranks), end = begin_of(&chunks, rank + 1, ranks);
  return ae_h5_write(file, dataset, begin, end - begin, (const char *)rows + begin * chunks.row_bytes);
}

/* In rows, which are fewer than bytes: MPI counts in 31 bits. */
static ae_status count_shares(const ae_h5_chunks *chunks, int ranks, int *begin, int *count) {
  for (int rank = 0; rank < ranks; rank++) {
    AE_RETURN_IF(ae_to_int(begin_of(chunks, rank, ranks), "rows that are gathered", &begin[rank]));
    AE_RETURN_IF(ae_to_int(begin_of(chunks, rank + 1, ranks) - begin[rank], "rows of a rank", &count[rank]));
  }
  return AE_OK;
}

/* Ranks of a node may give one array: all write the same into it. */
static ae_status gather_shares(const ae_comm *comm, const ae_h5_chunks *chunks, void *rows) {
  ae_status status;
  int *begin = NULL, *count = NULL;
  MPI_Datatype row;
  status = AE_NEW(begin, ae_comm_size(comm));
  if (status == AE_OK) status = AE_NEW(count, ae_comm_size(comm));
  if (status == AE_OK) status = count_shares(chunks, ae_comm_size(comm), begin, count);
  AE_CHECK(ae_comm_agree(comm, status));
  ae_comm_require(comm, MPI_Type_contiguous((int)chunks->row_bytes, MPI_BYTE, &row), "a type of rows");
  ae_comm_require(comm, MPI_Type_commit(&row), "a type of rows");
  ae_comm_require(comm,
                  MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, rows, count, begin, row, ae_comm_handle(comm)),
                  "gathering rows");
  MPI_Type_free(&row);
cleanup:
  AE_FREE(begin);
  AE_FREE(count);
  return status;
}

ae_status ae_h5_read_whole(ae_h5 *file, const ae_h5_dataset *dataset, void *rows) {
  const ae_h5_chunks chunks = ae_h5_choose_chunks(dataset);
  const int rank = ae_comm_rank(file->comm), ranks = ae_comm_size(file->comm);
  const int64_t begin = begin_of(&chunks, rank, ranks), end = begin_of(&chunks, rank + 1, ranks);
  AE_RETURN_IF(ae_h5_expect(file, dataset->path, dataset->rank, dataset->dim));
  AE_RETURN_IF(ae_h5_read(file, dataset->path, dataset->type, chunks.row_bytes / ae_h5_type_size(dataset->type), begin,
                          end - begin, (char *)rows + begin * chunks.row_bytes));
  return gather_shares(file->comm, &chunks, rows);
}
