/* HDF5 files that are valid, and such as no program of ours writes. */
#ifndef MPIAE_TESTS_ODD_FILE_H
#define MPIAE_TESTS_ODD_FILE_H

#include <stddef.h>
#include <stdint.h>

/* Choices that bytes make; when they have run out, always the first. */
typedef struct ae_choices {
  const uint8_t *at;
  size_t left;
} ae_choices;

/* 0 … count − 1, count ≤ 256. */
unsigned ae_choose(ae_choices *choices, unsigned count);

/* Edits a file as the choices say, to their end: makes and removes datasets of any type, shape and layout, attributes,
 * groups and links, changes numbers and lines of text. `before`: the bytes of the file, NULL for a new one. `path`: what the
 * edits are about, ended by NULL, as well as what is in the file before. Returns the path of the file
 * (ae_fuzz_file). */
const char *ae_odd_file(ae_choices *choices, const char *const *path, const void *before, size_t count);

#endif
