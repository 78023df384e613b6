/* Rows of a dataset, read by each rank at times of its own. Where they lie in the file as they are in memory (contiguous, or in
 * chunks of whole rows without a filter but fletcher32) HDF5 has no part in that, and any thread may read; checksums and
 * digests are not looked at. Else HDF5 reads, whose calls are for one thread. */
#ifndef MPIAE_H5_READER_H
#define MPIAE_H5_READER_H

#include "mpiae/h5/h5.h"

typedef struct ae_h5_reader ae_h5_reader;

/* Collective. Of a dataset with so many numbers in a row; the file, lent, stays open as long. Errors: those of ae_h5_describe;
 * AE_DATA when the file cannot be opened once more. */
ae_status ae_h5_reader_open(ae_h5 *file, const char *path, ae_h5_type type, int64_t width, ae_h5_reader **out);
void ae_h5_reader_close(ae_h5_reader **reader); /* Local; NULL is fine */

/* Local. Whether any thread may read. */
bool ae_h5_reader_is_direct(const ae_h5_reader *reader);

/* Local. Rows [begin, begin + count) as `type`, (count, width). Errors: AE_DATA with the system's or HDF5's reason. */
ae_status ae_h5_reader_read(const ae_h5_reader *reader, int64_t begin, int64_t count, void *rows);

#endif
