/* How well two labelings agree, from their contingency table. */
#ifndef MPIAE_CLUSTER_SCORE_H
#define MPIAE_CLUSTER_SCORE_H

#include "mpiae/comm/comm.h"

/* More classes than this are not matched, tables of more cells are not made. */
#define AE_SCORE_MOST_MATCHED 2000
#define AE_SCORE_MOST_CELLS (1 << 24)

/* NaN: there are too many classes. */
typedef struct ae_scores {
  double nmi, ari, accuracy;
} ae_scores;

/* Collective. How well two labelings of `count` own examples agree, as below. */
ae_status ae_score_labels(const ae_comm *comm, const int32_t *a, const int32_t *b, int64_t count, int rows, int columns,
                          ae_scores *scores);

/* Collective. Counts of (a, b) over all ranks into table (rows_a × columns_b, row-major, equal on all ranks);
 * examples with a < 0 or b < 0 are left out. a and b: `count` own examples. Errors: AE_INTERNAL when a label is
 * beyond the table. */
ae_status ae_score_contingency(const ae_comm *comm, const int32_t *a, const int32_t *b, int64_t count, int rows,
                               int columns, int64_t *table);

/* Local. Normalised mutual information, arithmetic mean of the entropies (scikit-learn's default); 0 log 0 = 0; two
 * constant labelings score 1, and so does an empty table. */
double ae_score_nmi(const int64_t *table, int rows, int columns);

/* Local. Adjusted Rand index (Hubert & Arabie 1985); equal partitions score 1. */
double ae_score_ari(const int64_t *table, int rows, int columns);

/* Local. Clustering accuracy: share of examples matched by the best one-to-one assignment (ae_score_match); 0 for an
 * empty table. */
ae_status ae_score_accuracy(const int64_t *table, int rows, int columns, double *accuracy);

/* Local. Entropy of the row shares, nats. */
double ae_score_entropy(const int64_t *size, int count);

/* Local. Best one-to-one assignment by the Hungarian method (Kuhn 1955; Jonker & Volgenant 1987 augmentation):
 * match[row] = column, or −1 where there are more rows than columns. Maximises the matched counts; O(max(rows,
 * columns)³). */
ae_status ae_score_match(const int64_t *table, int rows, int columns, int *match);

#endif
