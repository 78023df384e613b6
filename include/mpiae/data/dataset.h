/* The dataset file and a rank's part of it in memory.
 *
 * File: attributes mpiae_format="dataset", mpiae_version=1; /x uint8 or float32 of shape (N, C, H, W) or (N, F);
 * optional /label int32 (N), −1 = unknown; optional /source_index int64 (N), the place in the file it was made
 * from. Or sets of points in place of /x: /points float32 (M, d) and /offset int64 (N + 1): set i is points offset[i] …
 * offset[i+1]. Empty sets, and none with a point, are legal.
 *
 * Instead of such a file any HDF5 array of examples will do, named FILE.h5:/path. Its first axis is the examples: (N)
 * is one feature, (N, F), (N, H, W) is (N, 1, H, W), (N, C, H, W). uint8 is taken as in a dataset file (× 1/255);
 * float32 as it is; float64 and integers other than uint8 become float32, not scaled. `label` in the same group
 * gives the labels, in any of the forms of labels.h; what is none of them is told of and passed by. An array whose name ends in `points` beside one whose
 * name ends in `offset` instead is sets ("samples.h5:/points", "pairs.h5:/reconstruction_points"). */
#ifndef MPIAE_DATA_DATASET_H
#define MPIAE_DATA_DATASET_H

#include "mpiae/comm/comm.h"
#include "mpiae/comm/shards.h"
#include "mpiae/h5/h5.h"

struct ae_data_scale;
struct ae_loader;

typedef struct ae_dataset {
  char *path;       /* as given: a file, or FILE.h5:/path */
  int64_t examples; /* N in the file */
  int rank;         /* axes of one example: 1 (F) or 3 (C, H, W); of sets, of a point: 1 (d) */
  int64_t dim[3];
  int64_t features;  /* product of dim */
  ae_h5_type type;   /* of the rows here: AE_H5_UINT8 or AE_H5_FLOAT32 */
  int64_t row_bytes; /* features × size of type */
  ae_shards shards;
  void *rows; /* own examples × features, in the stored type; of sets own points × features; NULL: read when */
  struct ae_loader *loader; /* they are needed, through this (loader.h); else NULL */
  int32_t *label;           /* own examples, or NULL when the file has none */
  int classes;              /* 1 + the largest label in the whole dataset; 0 without labels */
  char no_labels[256];      /* "has no known /label", or why what is there is none; of no meaning with classes */
  char *names;              /* of the classes, one a line, where they have some (labels.h); else NULL */
  float least, most;        /* of the numbers as stored, over the whole dataset; 0 without points */
  bool integral;            /* whether all of those are whole */
  float low, high;          /* of the values as trained on, scaled: 0 and 1 for bytes by type */
  bool whole;               /* whether all of them are whole numbers; false for bytes by type */
  const struct ae_data_scale
      *scale;        /* of the values as trained on (scale.h); lent; NULL: bytes × 1/255, others as they are */
  int64_t entries;   /* of an array of indices that tells (attributes `entries`, `codebook`): how many the codebook */
  int64_t codebook;  /* has, and a number that tells it from others; else 0 */
  uint32_t checksum; /* of shape, offsets, rows, labels of the whole dataset; the same for any ranks and shards */

  /* Of sets. Own set i, from 0, is rows offset[i] … offset[i+1]. */
  int64_t *offset;     /* own examples + 1, offset[0] = 0; NULL: the examples are arrays */
  int64_t first_point; /* place of the first own point among all points */
  int64_t points;      /* M: of all sets */
  int64_t most_points; /* of a set, over the whole dataset */
} ae_dataset;

/* How a dataset is cut, and how much of it is kept. */
typedef struct ae_slicing {
  int shards;     /* 0 = as many as ranks */
  int64_t block;  /* > 0: the slices of ae_shards_init_blocks, at most so many examples each, in place of shards */
  int64_t memory; /* bytes of rows that a rank may keep; where one has more, none keeps any; 0 = all are kept */
} ae_slicing;

/* Collective. Reads this rank's shards. A float value that is not finite is
 * AE_DATA and names the example (lowest of the whole dataset) and its feature; so are a wrong format attribute,
 * shapes or types that do not fit, labels of another length or below −1, a file cut short. An empty dataset is
 * AE_DATA; so is a path that is not in the file (some that are get named). Of sets: offsets that do not begin with 0,
 * decrease, run past the points or end before them (naming the set), one of /points and /offset without the other or
 * beside /x, points without coordinates; a coordinate that is not finite is named with its point and set. AE_USAGE when rows are not to be kept of what cannot be
 * read later on as it is: sets, sparse rows, and numbers that are converted in other ways than HDF5's. */
ae_status ae_dataset_open_sliced(const ae_comm *comm, const char *path, ae_slicing cut, ae_dataset **out);

/* Collective. The same with all rows kept. shard_count 0 = as many as ranks. */
ae_status ae_dataset_open(const ae_comm *comm, const char *path, int shard_count, ae_dataset **out);

/* Collective. The same with the slices of ae_shards_init_blocks, for evaluation and encoding: at most `block`
 * examples each, any number of ranks; a rank without slices has no rows. The checksum is that of ae_dataset_open. */
ae_status ae_dataset_open_blocks(const ae_comm *comm, const char *path, int64_t block, ae_dataset **out);

void ae_dataset_close(ae_dataset **dataset); /* Local; NULL is fine */

/* Local. `count` rows in the stored type (row i at rows + i·row_bytes) as float32, scaled, into out (count,
 * features); and in the units of the data, in which bytes by type are 0 to 1. */
void ae_dataset_to_float(const ae_dataset *dataset, const void *rows, int64_t count, float *out);
void ae_dataset_to_units(const ae_dataset *dataset, const void *rows, int64_t count, float *out);

/* Local. The same of images, channels last: out (count, H, W, C). */
void ae_dataset_to_images(const ae_dataset *dataset, const void *rows, int64_t count, float *out);

/* Collective. Rows of `count` examples of arrays (global numbers in any order, equal on all ranks), in the dataset's
 * type, on every rank: rows has count × row_bytes. Errors: AE_USAGE naming a number out of range and how many examples
 * there are. */
ae_status ae_dataset_fetch(const ae_comm *comm, const ae_dataset *dataset, const int64_t *examples, int64_t count,
                           void *rows);

/* Collective. Of sets, in two calls. Sizes first: set i of those wanted will be points offset[i] … offset[i+1] of the
 * packed ones; offset has count + 1. Then the points: (offset[count], d). Errors as above. */
ae_status ae_dataset_fetch_offsets(const ae_comm *comm, const ae_dataset *dataset, const int64_t *examples,
                                   int64_t count, int64_t *offset);
ae_status ae_dataset_fetch_sets(const ae_comm *comm, const ae_dataset *dataset, const int64_t *examples, int64_t count,
                                const int64_t *offset, float *points);

/* Local. Row of an own example of arrays (global number), in the stored type; lent, until the next call where rows are not
 * kept: then what cannot be read is zeros, and ae_dataset_take_error has the first error since it was asked last. */
const void *ae_dataset_row(const ae_dataset *dataset, int64_t example);
ae_status ae_dataset_take_error(const ae_dataset *dataset);

/* Local. Points of an own set (global number): (*count, d); lent. */
const float *ae_dataset_set(const ae_dataset *dataset, int64_t example, int64_t *count);

#endif
