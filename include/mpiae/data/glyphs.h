/* The embedded dataset: 28×28 grey glyphs drawn by strokes. The first ten classes are the digits; further
 * classes are random stroke programs (Philox by class number). Every example has its own affine and stroke
 * jitter. Class of example i: i mod classes. */
#ifndef MPIAE_DATA_GLYPHS_H
#define MPIAE_DATA_GLYPHS_H

#include <stdint.h>

#define AE_GLYPH_SIZE 28

/* Local. Draws example `example` of `class_number` (≥ 0) into 28×28 bytes, row-major, 0 = background. Depends on
 * the arguments alone. */
void ae_glyph_draw(uint64_t seed, int class_number, int64_t example, uint8_t image[AE_GLYPH_SIZE * AE_GLYPH_SIZE]);

#endif
