#include "sparse.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/h5/object.h"

#include <stdio.h>
#include <string.h>

/* Rows read at once. */
#define PIECE_ROWS 4096

enum { PATH_SIZE = 512 };

typedef struct sparse {
  const ae_comm *comm;
  ae_h5 *file;
  const char *group;
  int64_t columns;
} sparse;

static void name_part(const char *group, const char *part, char out[PATH_SIZE]) {
  snprintf(out, PATH_SIZE, "%.400s/%s", group, part);
}

static ae_status has_parts(ae_h5 *file, const char *group, bool *found) {
  static const char *const parts[] = {"data", "indices", "indptr"};
  *found = true;
  for (int i = 0; i < 3 && *found; i++) {
    char path[PATH_SIZE];
    name_part(group, parts[i], path);
    AE_RETURN_IF(ae_h5_exists(file, path, found));
  }
  return AE_OK;
}

static ae_status refuse_columns(ae_h5 *file, const char *group) {
  static const char *const names[] = {"encoding-type", "h5sparse_format"};
  for (int i = 0; i < 2; i++) {
    bool exists;
    char *text = NULL;
    AE_RETURN_IF(ae_h5_has_attribute(file, group, names[i], &exists));
    if (!exists) continue;
    AE_RETURN_IF(ae_h5_get_text(file, group, names[i], &text));
    const bool by_columns = strncmp(text, "csc", 3) == 0;
    AE_FREE(text);
    if (by_columns)
      return AE_FAIL(AE_DATA,
                     "%s:%s is a sparse matrix by columns (CSC), and examples are rows: store it by rows, as "
                     "X.tocsr() of SciPy is",
                     ae_h5_path(file), group);
  }
  return AE_OK;
}

static ae_status get_shape(ae_h5 *file, const char *group, int64_t shape[2]) {
  static const char *const names[] = {"shape", "h5sparse_shape"};
  double size[2];
  int count = 0;
  for (int i = 0; i < 2 && count == 0; i++) {
    bool exists;
    AE_RETURN_IF(ae_h5_has_attribute(file, group, names[i], &exists));
    if (exists) AE_RETURN_IF(ae_h5_get_reals(file, group, names[i], 2, size, &count));
  }
  if (count != 2 || !(size[0] >= 0 && size[0] < 9e15) || !(size[1] >= 0 && size[1] < 9e15))
    return AE_FAIL(AE_DATA,
                   "%s:%s looks like a sparse matrix, but has no attribute `shape` of two numbers: give it one",
                   ae_h5_path(file), group);
  shape[0] = (int64_t)size[0];
  shape[1] = (int64_t)size[1];
  return AE_OK;
}

ae_status ae_sparse_find(const ae_comm *comm, ae_h5 *file, const char *group, bool *found, int64_t shape[2]) {
  ae_h5_object what;
  (void)comm;
  *found = false;
  AE_RETURN_IF(ae_h5_object_find(file, group, &what));
  if (what.kind == AE_H5_OBJECT_GROUP) AE_RETURN_IF(has_parts(file, group, found));
  if (!*found) return AE_OK;
  AE_RETURN_IF(refuse_columns(file, group));
  return get_shape(file, group, shape);
}

/* Stored numbers of a piece. */
typedef struct piece {
  int64_t *end;    /* (rows + 1) places in the group */
  int64_t *column; /* of each number */
  float *value;
} piece;

static void free_piece(piece *p) {
  AE_FREE(p->end);
  AE_FREE(p->column);
  AE_FREE(p->value);
}

static ae_status check_ends(const sparse *from, int64_t first, int64_t count, const int64_t *end) {
  for (int64_t i = 0; i < count; i++)
    if (end[i] < 0 || end[i + 1] < end[i])
      return AE_FAIL(AE_DATA, "%s:%s/indptr: row %lld is numbers %lld to %lld, which cannot be: write the matrix again",
                     ae_h5_path(from->file), from->group, (long long)(first + i), (long long)end[i],
                     (long long)end[i + 1]);
  return AE_OK;
}

static ae_status spread(const sparse *from, int64_t first, int64_t count, const piece *p, float *out) {
  memset(out, 0, (size_t)(count * from->columns) * sizeof *out);
  for (int64_t i = 0; i < count; i++)
    for (int64_t at = p->end[i] - p->end[0]; at < p->end[i + 1] - p->end[0]; at++) {
      if (p->column[at] < 0 || p->column[at] >= from->columns)
        return AE_FAIL(AE_DATA, "%s:%s/indices: row %lld has column %lld, but there are %lld: write the matrix again",
                       ae_h5_path(from->file), from->group, (long long)(first + i), (long long)p->column[at],
                       (long long)from->columns);
      out[i * from->columns + p->column[at]] += p->value[at];
    }
  return AE_OK;
}

static ae_status read_piece(const sparse *from, int64_t first, int64_t count, piece *p, float *out) {
  char path[PATH_SIZE];
  ae_status status;
  AE_CHECK(ae_comm_agree(from->comm, AE_NEW(p->end, count + 1)));
  name_part(from->group, "indptr", path);
  AE_CHECK(ae_h5_read(from->file, path, AE_H5_INT64, 1, first, count + 1, p->end));
  AE_CHECK(ae_comm_agree(from->comm, check_ends(from, first, count, p->end)));
  const int64_t numbers = p->end[count] - p->end[0];
  status = AE_NEW(p->column, numbers);
  if (status == AE_OK) status = AE_NEW(p->value, numbers);
  AE_CHECK(ae_comm_agree(from->comm, status));
  name_part(from->group, "indices", path);
  AE_CHECK(ae_h5_read(from->file, path, AE_H5_INT64, 1, p->end[0], numbers, p->column));
  name_part(from->group, "data", path);
  AE_CHECK(ae_h5_read(from->file, path, AE_H5_FLOAT32, 1, p->end[0], numbers, p->value));
  AE_CHECK(ae_comm_agree(from->comm, spread(from, first, count, p, out)));
cleanup:
  free_piece(p);
  return status;
}

ae_status ae_sparse_read(const ae_comm *comm, ae_h5 *file, const char *group, const int64_t shape[2], int64_t begin,
                         int64_t count, float *out) {
  const sparse from = {comm, file, group, shape[1]};
  const int64_t most = ae_comm_max(comm, count);
  for (int64_t at = 0; at < most; at += PIECE_ROWS) {
    piece p = {0};
    const int64_t done = ae_min(at, count);
    AE_RETURN_IF(read_piece(&from, begin + done, ae_min(PIECE_ROWS, count - done), &p, out + done * shape[1]));
  }
  return AE_OK;
}
