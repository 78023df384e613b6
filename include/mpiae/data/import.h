/* Importers: foreign files → dataset file. */
#ifndef MPIAE_DATA_IMPORT_H
#define MPIAE_DATA_IMPORT_H

#include "mpiae/comm/comm.h"

typedef struct ae_import_options {
  const char *labels; /* labels file, or NULL */
  bool shuffle;       /* permute by Philox(seed, AE_RANDOM_IMPORT) */
  uint64_t seed;
  int64_t limit; /* keep the first so many (after shuffling); 0 = all */
} ae_import_options;

/* Collective. idx images (N, H, W) → /x (N, 1, H, W); idx of rank 2 (N, F) → /x (N, F); /source_index always
 * written. Rank 0 reads the files; all ranks write. Several image files are joined in order. AE_DATA when the
 * labels' length differs (says both). */
ae_status ae_import_idx(const ae_comm *comm, const char *const *files, int count, const ae_import_options *options,
                        const char *out);

#endif
