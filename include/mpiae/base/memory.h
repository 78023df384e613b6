/* Counted allocation: zeroed, 64-byte aligned blocks. The count of blocks still held is checked at the end
 * of every test; the peak of bytes stands in the profile. Training steps take what they need beforehand, but
 * for the sums of a codebook. */
#ifndef MPIAE_BASE_MEMORY_H
#define MPIAE_BASE_MEMORY_H

#include "mpiae/base/status.h"

#include <stdint.h>

/* Allocates count × size bytes, zeroed, into *out (a pointer to a pointer of any type). count 0 gives a valid,
 * freeable pointer. Errors: AE_INTERNAL when memory is short or the product overflows. */
ae_status ae_memory_allocate(void *out, size_t count, size_t size);

/* ae_memory_allocate for `count` objects of what `pointer` points to. */
#define AE_NEW(pointer, count) ae_memory_allocate(&(pointer), (size_t)(count), sizeof *(pointer))

/* Frees what ae_memory_allocate gave, and sets the pointer to NULL. NULL is fine. */
void ae_memory_free(void *pointer_to_pointer);
#define AE_FREE(pointer) ae_memory_free(&(pointer))

/* Local. So many processes of the run, each with as much, are on this host; 1 unless told. */
void ae_memory_share(int processes);

/* Local. The part of its host's memory that a process has by that, in bytes. */
int64_t ae_memory_of_rank(void);

/* Local. AE_USAGE when the bytes that one rank is going to need are more than its host has: the system would end it
 * later without a word. The format says what for: "K clusters". */
ae_status ae_memory_expect(double wanted, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Local. The same of bytes that all ranks need alike, so that those of one host need them together. */
ae_status ae_memory_expect_each(double wanted, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Copies a string. */
ae_status ae_memory_text(const char *text, char **out);

int64_t ae_memory_blocks(void);     /* blocks held now */
int64_t ae_memory_bytes(void);      /* bytes held now */
int64_t ae_memory_peak_bytes(void); /* most bytes held so far */

#endif
