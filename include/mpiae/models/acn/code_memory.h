/* What an associative compression network remembers: the code recorded of every training example, and which are nearest
 * to each (Graves, Menick, van den Oord 2018). Codes live with their examples; others fetch them. An epoch sees the
 * codes as they were when it began. */
#ifndef MPIAE_MODELS_CODE_MEMORY_H
#define MPIAE_MODELS_CODE_MEMORY_H

#include "mpiae/comm/window.h"
#include "mpiae/data/dataset.h"
#include "mpiae/data/sampler.h"

/* Readable by all, changed by the functions below. */
typedef struct ae_code_memory {
  const ae_comm *comm;
  const ae_dataset *data; /* NULL for inference */
  uint64_t seed;
  int64_t latent;    /* L */
  int neighbours;    /* of an example, that one is drawn from */
  float *mean;       /* (own, L): recorded last */
  float *logstd;     /* (own, L): likewise */
  float *remembered; /* (own, L): in training, means at the begin of the epoch */
  float *all;        /* (N, L): those of all examples, as inference wants them; in training as of the last gathering */
  int64_t examples;  /* N */
  int64_t *chosen;   /* own: the neighbour drawn for each example in the epoch */
  ae_window *window; /* of `remembered`, in an epoch */
} ae_code_memory;

/* Collective. data NULL: for inference; every rank then holds N·L numbers. AE_USAGE when the data have one example,
 * which has no other. */
ae_status ae_code_memory_create(const ae_comm *comm, const ae_dataset *data, int64_t latent, int neighbours,
                                uint64_t seed, ae_code_memory **out);
void ae_code_memory_destroy(ae_code_memory **memory); /* Collective when in an epoch; NULL is fine */

/* Local. First codes N(0, 1) for every example. */
void ae_code_memory_start(ae_code_memory *memory);

/* Collective. Finds the nearest neighbours of all examples, never themselves, and draws one for each by Philox(seed,
 * AE_RANDOM_NEIGHBOUR, epoch, example). */
ae_status ae_code_memory_epoch_begin(ae_code_memory *memory, uint32_t epoch);

/* Local. Starts fetching the remembered means of the neighbours drawn for a batch into out (rows, L). */
void ae_code_memory_fetch(ae_code_memory *memory, const ae_batch *batch, int64_t *wanted, float *out);

/* Local. Records an own example's posterior (μ | s). */
void ae_code_memory_record(ae_code_memory *memory, int64_t example, const float *gaussian);

/* Collective. What was recorded is remembered from now on. */
void ae_code_memory_epoch_end(ae_code_memory *memory);

/* Collective, in training. Every rank receives all that is remembered (`all`): N·L numbers. AE_USAGE when its host has
 * no room for them. */
ae_status ae_code_memory_gather(ae_code_memory *memory);

/* Collective. Group /code_memory of a checkpoint. Loading: AE_DATA when a dataset of it is missing or of another shape,
 * or a code in it is not finite or above 1e15 in size (names the lowest such example). */
ae_status ae_code_memory_save(const ae_code_memory *memory, ae_h5 *file);
ae_status ae_code_memory_load(ae_code_memory *memory, ae_h5 *file);

/* Local, with `all`. The nearest remembered codes of `count` codes (count, L): number (count, neighbours), −1 where
 * there are fewer. A training example's own code is among them. */
ae_status ae_code_memory_recall(const ae_code_memory *memory, int64_t count, const float *code, int64_t *number);

#endif
