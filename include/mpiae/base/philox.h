/* Counter-based random numbers: Philox 4×32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as
 * 1, 2, 3", SC 2011). Key = seed, counter = (purpose, epoch, example, index), so a number depends on what it is for
 * and on nothing else: no rank, no order, no history. */
#ifndef MPIAE_BASE_PHILOX_H
#define MPIAE_BASE_PHILOX_H

#include <stdint.h>

/* What a number is for. The numbers are part of what a seed means: append only. */
typedef enum ae_purpose {
  AE_RANDOM_INIT = 1,   /* example = parameter, index = element */
  AE_RANDOM_SHUFFLE,    /* example = shard, index = position */
  AE_RANDOM_NOISE_Z,    /* example, index = dimension */
  AE_RANDOM_NOISE_C,    /* example, index = dimension */
  AE_RANDOM_CODE,       /* example, index = dimension: first codes, before there is a network */
  AE_RANDOM_EXEMPLAR,   /* example, index = exemplar */
  AE_RANDOM_KMEANS,     /* example or cluster, index = draw */
  AE_RANDOM_SAMPLE,     /* example = sample, index = dimension */
  AE_RANDOM_IMPORT,     /* example = position */
  AE_RANDOM_GLYPH,      /* example = glyph, index = draw */
  AE_RANDOM_SELFTEST,   /* matrices of start-up self-tests */
  AE_RANDOM_BINARIZE,   /* example, index = feature */
  AE_RANDOM_EVALUATE_Z, /* epoch = draw; example, index = dimension */
  AE_RANDOM_EVALUATE_C, /* likewise */
  AE_RANDOM_NEIGHBOUR,  /* example, index 0 */
  AE_RANDOM_EPISODE,    /* example = episode, index = draw */
  AE_RANDOM_CODEBOOK,   /* epoch 0: index = number of the codebook; else example = step, index = entry */
  AE_RANDOM_POINT,      /* example, index = point · d + coordinate */
  AE_RANDOM_SEEN_POINT, /* epoch = draw, or 0 for what is shown; example or number of a code, index likewise */
  AE_RANDOM_SIZE,       /* example = number of a code, index 0 */
  AE_RANDOM_SHARED,     /* example = step · shards + shard, index = class · exemplars + exemplar */
  AE_RANDOM_BLOCK       /* example = shard, index = position: of blocks of examples */
} ae_purpose;

/* A stream of numbers for one (purpose, epoch, example): plain data, copied freely. */
typedef struct ae_stream {
  uint64_t seed;
  uint64_t example; /* below 2^48 */
  uint32_t epoch;
  uint32_t purpose;
} ae_stream;

static inline ae_stream ae_stream_of(uint64_t seed, ae_purpose purpose, uint32_t epoch, int64_t example) {
  ae_stream stream = {seed, (uint64_t)example, epoch, (uint32_t)purpose};
  return stream;
}

/* The four words of block `index`. */
void ae_philox(ae_stream stream, uint32_t index, uint32_t out[4]);

/* Number `index` of the stream (word index % 4 of block index / 4), as … */
uint32_t ae_random_bits(ae_stream stream, uint32_t index);
double ae_random_uniform(ae_stream stream, uint32_t index); /* [0, 1), 32 bits */
int64_t ae_random_below(ae_stream stream, uint32_t index,
                        int64_t count); /* [0, count), from 64 bits of block `index` */

/* Fills out[0 … count) with numbers 0 … count−1 of the stream: uniform in [low, high), or N(0, 1) by Box–Muller. */
void ae_random_fill_uniform(ae_stream stream, float low, float high, int64_t count, float *out);
void ae_random_fill_normal(ae_stream stream, int64_t count, float *out);

#endif
