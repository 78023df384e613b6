/* Small idx files for tests. */
#ifndef MPIAE_TESTS_IDX_FILES_H
#define MPIAE_TESTS_IDX_FILES_H

#include <stdint.h>

/* Writes an idx file of `type` (8 = unsigned bytes) and these sizes with `count` bytes of data, byte i = (i·7 +
 * salt) mod 251; gzipped or plain. */
void ae_test_write_idx(const char *path, int type, int rank, const uint32_t *dim, int64_t count, int salt, int zipped);

/* Keeps the first `numerator`/`denominator` of a file. */
void ae_test_cut(const char *path, int64_t numerator, int64_t denominator);

#endif
