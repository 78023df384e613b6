/* Generators: the embedded dataset as a dataset file. */
#ifndef MPIAE_DATA_SYNTH_H
#define MPIAE_DATA_SYNTH_H

#include "mpiae/comm/comm.h"

#include <stdint.h>

/* Collective. Writes `count` glyphs (glyphs.h) to a dataset file: /x uint8 (count, 1, 28, 28), /label = first + example
 * mod classes. Each rank draws its own part; the file is the same for any number of ranks. AE_USAGE when count <
 * 1, classes < 1 or first < 0, AE_DATA as ae_dataset_write. */
ae_status ae_glyphs_write(const ae_comm *comm, const char *path, int64_t count, int first, int classes, uint64_t seed);

/* Collective. The same glyphs as sets of points: the pixels above AE_POINTS_THRESHOLD (points.h). */
ae_status ae_glyphs_write_sets(const ae_comm *comm, const char *path, int64_t count, int first, int classes,
                               uint64_t seed);

#endif
