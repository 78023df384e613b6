/* Where the numbers of a dataset are: in a dataset file, or in any array of an HDF5 file; and how sets are read. */
#ifndef MPIAE_SRC_DATA_SOURCE_H
#define MPIAE_SRC_DATA_SOURCE_H

#include "mpiae/data/dataset.h"
#include "mpiae/data/numbers.h"

typedef struct ae_source {
  ae_h5 *file;
  const char *path;   /* of the file */
  const char *array;  /* "/x" in a dataset file, "/points" in one of sets */
  const char *label;  /* where labels would be */
  char *offset;       /* of sets; NULL: the examples are arrays; owned */
  bool bare;          /* not in a dataset file */
  bool sparse;        /* the array is a group of sparse rows */
  ae_numbers numbers; /* of a bare array that is none of those */
} ae_source;

/* Collective. Whether the examples are sets: then names points and offsets. */
ae_status ae_source_find_sets(const ae_comm *comm, ae_source *from);

/* Collective. Fills in what the file says of sets. */
ae_status ae_source_describe_sets(const ae_source *from, ae_dataset *dataset);

/* Collective. Reads and checks the offsets of the own sets, counted from the first point of all; finds the largest
 * set. */
ae_status ae_source_read_offsets(const ae_comm *comm, const ae_source *from, ae_dataset *dataset);

#endif
