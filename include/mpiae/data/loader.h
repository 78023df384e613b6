/* Rows of a dataset that are not kept in memory but read from its file, again in every epoch.
 *
 * In training each own shard has two windows of blocks, as the sampler shuffles them (sampler.h): one that the steps draw
 * from, and the next, which a thread reads ahead where the file allows that (h5/reader.h); elsewhere the rank itself reads,
 * when it needs one. The thread touches neither MPI nor HDF5. Which rows a step has is the sampler's affair alone, so
 * bits are those of the same dataset in memory.
 *
 * An error of reading is kept, rows that could not be read are zeros, and who uses them asks for it. Local unless
 * told. */
#ifndef MPIAE_DATA_LOADER_H
#define MPIAE_DATA_LOADER_H

#include "mpiae/comm/comm.h"
#include "mpiae/data/sampler.h"
#include "mpiae/h5/h5.h"

typedef struct ae_loader ae_loader;

/* Collective. Of an array in an open file, which is the loader's from now on, also after an error; `memory`: bytes that a
 * rank may spend on windows. */
ae_status ae_loader_open(const ae_comm *comm, ae_h5 **file, const char *array, ae_h5_type type, int64_t features,
                         const ae_shards *shards, int64_t memory, ae_loader **out);
void ae_loader_close(ae_loader **loader); /* NULL is fine */

/* Collective. Windows for the steps of this sampler, which shuffles in blocks. Errors: AE_USAGE when they take more than
 * `memory`, or a step of a shard may have more rows than a window. */
ae_status ae_loader_follow(const ae_comm *comm, ae_loader *loader, const ae_sampler *sampler);

/* Begins to read for an epoch that the sampler has begun, from this batch on; then, before each step, waits for the rows
 * of its batch. NULL, of a dataset in memory, is fine. */
void ae_loader_begin(ae_loader *loader, const ae_sampler *sampler, const ae_batch *batch);
void ae_loader_step(ae_loader *loader, const ae_batch *batch);

/* An own example (global number): out of a window, or read now; lent until the next call. */
const void *ae_loader_row(ae_loader *loader, int64_t example);

/* At most AE_BLOCK_ROWS own examples from `begin` on, read now; lent until the next call. */
const void *ae_loader_rows(ae_loader *loader, int64_t begin, int64_t count);

/* The first error of reading since the last call; AE_OK: there was none, or the loader is NULL. */
ae_status ae_loader_take_error(ae_loader *loader);
bool ae_loader_has_failed(ae_loader *loader);

#endif
