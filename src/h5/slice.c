/* Rows of a dataset, read at once. */
#include "private.h"

/* Each rank reads by itself: a rank whose chunk is damaged must not leave the others in a collective call. */
herr_t ae_h5_read_slice(hid_t source, hid_t type, int rank, const int64_t *dim, int64_t begin, int64_t count,
                        void *rows) {
  hsize_t start[AE_H5_MAX_RANK] = {(hsize_t)begin}, size[AE_H5_MAX_RANK] = {(hsize_t)count};
  for (int i = 1; i < rank; i++) size[i] = (hsize_t)dim[i];
  hid_t space = H5Dget_space(source), memory = H5Screate_simple(rank, size, NULL);
  herr_t result = -1;
  if (space >= 0 && memory >= 0 && H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, size, NULL) >= 0)
    result = H5Dread(source, type, memory, space, H5P_DEFAULT, rows);
  ae_h5_release(&memory);
  ae_h5_release(&space);
  return result;
}
