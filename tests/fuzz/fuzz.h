/* What the fuzzers share. Each is a file with an ae_fuzz_one; libFuzzer (llvm.org/docs/LibFuzzer.html) calls it, by way of fuzz.c, with bytes of its own
 * making, for as long as it is told. A fuzzer ends with a report when a sanitizer, or what is required here, finds something. */
#ifndef MPIAE_TESTS_FUZZ_H
#define MPIAE_TESTS_FUZZ_H

#include "mpiae/comm/comm.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Tries one input. Afterwards no block of memory and no object of HDF5 may be held that was not before. */
void ae_fuzz_one(const ae_comm *comm, const uint8_t *bytes, size_t count);

/* Ends the fuzzer unless it holds. */
void ae_fuzz_require(bool holds, const char *what);

/* Whether all went well. An error must be a sentence on one line, and no bug of ours; it is cleared. */
bool ae_fuzz_went_well(ae_status status);

/* The path of a file of these bytes, in TMPDIR; it is overwritten by the next. */
const char *ae_fuzz_file(const void *bytes, size_t count);

#endif
