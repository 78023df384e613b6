#include "mpiae/comm/reduce.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/profile.h"
#include "mpiae/comm/nodes.h"

#include <string.h>

/* Numbers reduced at a time: bounds the scratch at 8·(nodes)·SLICE/P bytes and keeps MPI's counts far below 2³¹. */
enum { SLICE = 1 << 20 };

/* Own shards → own nodes: row i of `values` becomes the sum of node i. */
static void add_own(const ae_shards *shards, const ae_nodes *all, double *values, int64_t width) {
  double *target = values;
  for (int node = all->first[shards->rank]; node < all->first[shards->rank + 1]; node++, target += width) {
    double *rows = values + (all->range[node].begin - shards->first) * width;
    ae_tree_add(all->range[node].end - all->range[node].begin, rows, width);
    if (target != rows) memmove(target, rows, (size_t)width * sizeof *rows);
  }
}

/* Buffers of one exchange of a slice of columns: rank p finishes the tree for its share of them. */
typedef struct transfer {
  double *send, *receive;
  int *send_count, *send_at, *receive_count, *receive_at;
} transfer;

static void transfer_free(transfer *t) {
  AE_FREE(t->send);
  AE_FREE(t->receive);
  AE_FREE(t->send_count);
  AE_FREE(t->send_at);
  AE_FREE(t->receive_count);
  AE_FREE(t->receive_at);
}

static ae_status transfer_create(transfer *t, int ranks, int64_t send, int64_t receive) {
  AE_RETURN_IF(AE_NEW(t->send, send));
  AE_RETURN_IF(AE_NEW(t->receive, receive));
  AE_RETURN_IF(AE_NEW(t->send_count, ranks));
  AE_RETURN_IF(AE_NEW(t->send_at, ranks));
  AE_RETURN_IF(AE_NEW(t->receive_count, ranks));
  return AE_NEW(t->receive_at, ranks);
}

static int64_t share(int64_t width, int rank, int ranks) { return rank * width / ranks; }

/* Sums columns [0, width) of own node rows (distance `stride` apart) into `sum` on all ranks. */
static void reduce_slice(const ae_comm *comm, const ae_shards *shards, const ae_nodes *all, const double *rows,
                         int64_t stride, int64_t width, transfer *t, double *sum) {
  const int rank = shards->rank, ranks = shards->ranks, own_nodes = all->first[rank + 1] - all->first[rank];
  const int64_t own_width = share(width, rank + 1, ranks) - share(width, rank, ranks);
  for (int p = 0, sent = 0; p < ranks; p++) {
    const int64_t begin = share(width, p, ranks), columns = share(width, p + 1, ranks) - begin;
    t->send_at[p] = sent;
    t->send_count[p] = (int)(own_nodes * columns);
    t->receive_at[p] = (int)(all->first[p] * own_width);
    t->receive_count[p] = (int)((all->first[p + 1] - all->first[p]) * own_width);
    for (int node = 0; node < own_nodes; node++, sent += (int)columns)
      memcpy(t->send + sent, rows + node * stride + begin, (size_t)columns * sizeof *rows);
  }
  bool before = ae_profile_wait(true);
  ae_comm_require(comm,
                  MPI_Alltoallv(t->send, t->send_count, t->send_at, MPI_DOUBLE, t->receive, t->receive_count,
                                t->receive_at, MPI_DOUBLE, ae_comm_handle(comm)),
                  "reduction, first half");
  ae_profile_wait(before);
  ae_tree_finish(shards->shards, all->range, all->first[ranks], t->receive, own_width, t->send);
  for (int p = 0; p < ranks; p++) {
    t->receive_at[p] = (int)share(width, p, ranks);
    t->receive_count[p] = (int)(share(width, p + 1, ranks) - share(width, p, ranks));
  }
  before = ae_profile_wait(true);
  ae_comm_require(comm,
                  MPI_Allgatherv(t->send, (int)own_width, MPI_DOUBLE, sum, t->receive_count, t->receive_at, MPI_DOUBLE,
                                 ae_comm_handle(comm)),
                  "reduction, second half");
  ae_profile_wait(before);
}

ae_status ae_reduce_sum(const ae_comm *comm, const ae_shards *shards, double *values, int64_t width, double *sum) {
  ae_status status;
  ae_nodes all = {0};
  transfer t = {0};
  AE_CHECK(ae_comm_agree(comm, ae_nodes_create(shards, &all)));
  const int own_nodes = all.first[shards->rank + 1] - all.first[shards->rank];
  const int64_t slice = ae_min(width, SLICE / all.first[shards->ranks] + 1);
  const int64_t own_columns = slice / shards->ranks + 1;
  AE_CHECK(ae_comm_agree(comm, transfer_create(&t, shards->ranks, ae_max(own_nodes * slice, own_columns),
                                               all.first[shards->ranks] * own_columns)));
  add_own(shards, &all, values, width);
  for (int64_t at = 0; at < width; at += slice)
    reduce_slice(comm, shards, &all, own_nodes > 0 ? values + at : NULL, width, ae_min(slice, width - at), &t,
                 sum + at);
cleanup:
  transfer_free(&t);
  ae_nodes_free(&all);
  return status;
}

void ae_reduce_integers(const ae_comm *comm, int64_t *values, int64_t count) {
  const bool before = ae_profile_wait(true);
  for (int64_t at = 0; at < count; at += SLICE)
    ae_comm_require(comm,
                    MPI_Allreduce(MPI_IN_PLACE, values + at, (int)ae_min(SLICE, count - at), MPI_INT64_T, MPI_SUM,
                                  ae_comm_handle(comm)),
                    "sum of integers");
  ae_profile_wait(before);
}

int ae_ranked_compare(const void *a, const void *b) {
  const ae_ranked *left = a, *right = b;
  if (left->value != right->value) return left->value > right->value ? -1 : 1;
  return (left->index > right->index) - (left->index < right->index);
}

/* The first `count` of two lists of as many, in the second. It is filled from its end, so nothing is overwritten
 * unread. */
static void merge_lists(const ae_ranked *one, ae_ranked *other, int64_t count) {
  int64_t ones = 0, others = 0;
  while (ones + others < count)
    if (ae_ranked_compare(&one[ones], &other[others]) < 0) ones++;
    else others++;
  while (ones > 0)
    if (others > 0 && ae_ranked_compare(&other[others - 1], &one[ones - 1]) > 0) {
      other[ones + others - 1] = other[others - 1];
      others--;
    } else {
      other[ones + others - 1] = one[ones - 1];
      ones--;
    }
}

static void merge(void *in, void *in_out, int *lists, MPI_Datatype *type) {
  int bytes;
  MPI_Type_size(*type, &bytes);
  const int64_t count = bytes / (int64_t)sizeof(ae_ranked);
  for (int i = 0; i < *lists; i++)
    merge_lists((const ae_ranked *)in + i * count, (ae_ranked *)in_out + i * count, count);
}

ae_status ae_reduce_first(const ae_comm *comm, ae_ranked *pairs, int64_t count) {
  MPI_Datatype list;
  MPI_Op first;
  int bytes;
  AE_RETURN_IF(ae_to_int(count * (int64_t)sizeof *pairs, "bytes of a list of pairs", &bytes));
  ae_comm_require(comm, MPI_Type_contiguous(bytes, MPI_BYTE, &list), "a type of lists of pairs");
  ae_comm_require(comm, MPI_Type_commit(&list), "a type of lists of pairs");
  ae_comm_require(comm, MPI_Op_create(merge, true, &first), "a merge of lists of pairs");
  const bool before = ae_profile_wait(true);
  ae_comm_require(comm, MPI_Allreduce(MPI_IN_PLACE, pairs, 1, list, first, ae_comm_handle(comm)), "first of pairs");
  ae_profile_wait(before);
  MPI_Op_free(&first);
  MPI_Type_free(&list);
  return AE_OK;
}
