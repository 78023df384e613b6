/* Reading foreign files from front to end, plain or .gz, told by content. Local; all errors are AE_DATA and name the
 * file. */
#ifndef MPIAE_SRC_DATA_INPUT_H
#define MPIAE_SRC_DATA_INPUT_H

#include "mpiae/base/status.h"

#include <stdint.h>
#include <zlib.h>

ae_status ae_input_open(const char *path, gzFile *out);
void ae_input_close(gzFile stream); /* NULL is fine */

/* Reads up to `count` bytes; fewer only at the end of the file. */
ae_status ae_input_read(gzFile stream, const char *path, void *bytes, int64_t count, int64_t *got);

/* Reads the `wanted` bytes that must be the rest of the file, into *values (owned by the caller, also on failure).
 * Memory is taken as bytes arrive, so a damaged header that asks for much costs nothing. */
ae_status ae_input_read_rest(gzFile stream, const char *path, int64_t wanted, void **values);

/* Reads the rest of the file, *count bytes, into *values (owned by the caller, also on failure). */
ae_status ae_input_read_all(gzFile stream, const char *path, void **values, int64_t *count);

#endif
