#include "mpiae/cluster/neighbours.h"

#include "closest.h"
#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/profile.h"
#include "mpiae/comm/tree.h"
#include "mpiae/tensor/nearest.h"
#include "points.h"

#include <math.h>

/* A tile of rows and its copy should fit in a core's own cache, with many blocks. */
enum { TILE_FLOATS = 1 << 17, LEAST_TILE = 16 * AE_CLOSEST_CANDIDATES };
/* Rows that are copied at a time where all are at hand. */
enum { PIECE = 1 << 13 };

typedef struct search {
  ae_points points;
  int count;
  ae_shards dealt;     /* the queries, dealt evenly */
  float *query;        /* (dealt, dim) */
  int64_t *number;     /* (dealt, count) */
  double *distance;    /* (dealt, count) */
  float *buffer[2];    /* (most rows of a rank, dim): the piece being searched and the one arriving */
  int64_t tile;        /* examples in a tile of the search */
  int64_t most_rows;   /* of any rank */
  int *message;        /* (4 ranks): counts and places of what a rank sends and receives */
  MPI_Datatype row;    /* dim floats */
  ae_closest *closest; /* the search on this rank */
} search;

static ae_range range_of(const ae_shards *shards, int rank) {
  return (ae_range){ae_shards_begin(shards, ae_shards_first_of_rank(shards, rank)),
                    ae_shards_begin(shards, ae_shards_first_of_rank(shards, rank + 1))};
}

/* Owned by the caller. */
static MPI_Datatype row_type(const search *s, int count, MPI_Datatype number) {
  MPI_Datatype row;
  ae_comm_require(s->points.comm, MPI_Type_contiguous(count, number, &row), "a type of rows");
  ae_comm_require(s->points.comm, MPI_Type_commit(&row), "a type of rows");
  return row;
}

static ae_status search_create(search *s) {
  int64_t rows, queries, results;
  int dim, most;
  const ae_shards *shards = s->points.shards;
  for (int p = 0; p < shards->ranks; p++) {
    const ae_range piece = range_of(shards, p);
    s->most_rows = ae_max(s->most_rows, piece.end - piece.begin);
  }
  AE_RETURN_IF(ae_to_int(s->most_rows, "examples of a rank", &most));
  AE_RETURN_IF(ae_to_int(s->points.dim, "dimensions of an example", &dim));
  AE_RETURN_IF(ae_multiply(shards->ranks > 1 ? most : 0, dim, "rows × dimensions", &rows));
  AE_RETURN_IF(ae_multiply(ae_shards_own_count(&s->dealt), dim, "rows × dimensions", &queries));
  AE_RETURN_IF(ae_multiply(ae_shards_own_count(&s->dealt), s->count, "rows × neighbours", &results));
  AE_RETURN_IF(AE_NEW(s->query, queries));
  AE_RETURN_IF(AE_NEW(s->number, results));
  AE_RETURN_IF(AE_NEW(s->distance, results));
  AE_RETURN_IF(AE_NEW(s->buffer[0], rows));
  AE_RETURN_IF(AE_NEW(s->buffer[1], rows));
  AE_RETURN_IF(AE_NEW(s->message, 4 * shards->ranks));
  s->tile = ae_min(most, ae_max(LEAST_TILE, TILE_FLOATS / dim / LEAST_TILE * LEAST_TILE));
  for (int64_t i = 0; i < results; i++) {
    s->number[i] = -1;
    s->distance[i] = INFINITY;
  }
  s->row = row_type(s, dim, MPI_FLOAT);
  return AE_OK;
}

static void search_destroy(search *s) {
  AE_FREE(s->query);
  AE_FREE(s->number);
  AE_FREE(s->distance);
  AE_FREE(s->buffer[0]);
  AE_FREE(s->buffer[1]);
  AE_FREE(s->message);
  if (s->row != MPI_DATATYPE_NULL) MPI_Type_free(&s->row);
  ae_closest_destroy(&s->closest);
}

/* The mean of all rows is the origin. */
static ae_status create_closest(search *s) {
  ae_status status;
  const int64_t dim = s->points.dim;
  ae_points_sums scratch = {0};
  int32_t *label = NULL;
  double *sum = NULL;
  float *origin = NULL;
  status = ae_points_sums_create(&s->points, 1, &scratch);
  if (status == AE_OK) status = AE_NEW(label, ae_shards_own_count(s->points.shards));
  if (status == AE_OK) status = AE_NEW(sum, dim);
  if (status == AE_OK) status = AE_NEW(origin, dim);
  AE_CHECK(ae_comm_agree(s->points.comm, status));
  AE_CHECK(ae_points_sum(&s->points, &scratch, label, 1, sum));
  for (int64_t j = 0; j < dim; j++) origin[j] = (float)(sum[j] / (double)s->points.shards->examples);
  AE_CHECK(ae_comm_agree(s->points.comm, ae_closest_create(dim, s->count, s->tile, origin, &s->closest)));
cleanup:
  ae_points_sums_destroy(&scratch);
  AE_FREE(label);
  AE_FREE(sum);
  AE_FREE(origin);
  return status;
}

/* How much of rank p's part of `to` lies in `own`, and where it begins there. */
static void intersect(ae_range own, ae_range other, int *count, int *place) {
  const int64_t begin = ae_max(own.begin, other.begin), end = ae_min(own.end, other.end);
  *count = (int)ae_max(0, end - begin);
  *place = *count > 0 ? (int)(begin - own.begin) : 0;
}

/* Rows of the examples from those who have them in `from` to those who have them in `to`. */
static void redeal(const search *s, const ae_shards *from, const ae_shards *to, const void *rows, MPI_Datatype row,
                   void *out) {
  const int rank = from->rank, ranks = from->ranks;
  int *send = s->message, *receive = s->message + 2 * ranks;
  for (int p = 0; p < ranks; p++) {
    intersect(range_of(from, rank), range_of(to, p), &send[p], &send[ranks + p]);
    intersect(range_of(to, rank), range_of(from, p), &receive[p], &receive[ranks + p]);
  }
  const bool waits = ae_profile_wait(true);
  ae_comm_require(
      s->points.comm,
      MPI_Alltoallv(rows, send, send + ranks, row, out, receive, receive + ranks, row, ae_comm_handle(s->points.comm)),
      "dealing out the rows whose neighbours are sought");
  ae_profile_wait(waits);
}

static void progress(const search *s, MPI_Request request[2]) {
  int done;
  ae_comm_require(s->points.comm, MPI_Testall(2, request, &done, MPI_STATUSES_IGNORE),
                  "passing rows for the search of neighbours");
}

/* Queries [queries.begin, queries.end) of the dealt against examples [tile.begin, tile.end) of a piece. */
static void search_tile(search *s, ae_range queries, const float *rows, ae_range tile, MPI_Request request[2]) {
  const int64_t own = ae_shards_own_begin(&s->dealt);
  const int64_t blocks = ae_closest_take_piece(s->closest, rows, tile.begin, tile.end - tile.begin);
  for (int64_t at = queries.begin; at < queries.end; at += AE_CLOSEST_QUERIES) {
    const ae_closest_queries block = {.rows = s->query + (at - own) * s->points.dim,
                                      .first = at,
                                      .count = ae_min(AE_CLOSEST_QUERIES, queries.end - at),
                                      .number = s->number + (at - own) * s->count,
                                      .distance = s->distance + (at - own) * s->count};
    ae_closest_take_queries(s->closest, &block);
    const int64_t start = ae_closest_first_block(s->closest);
    for (int64_t b = 0; b < blocks; b++) {
      ae_closest_search(s->closest, (start + b) % blocks);
      progress(s, request);
    }
  }
}

/* Tiles stay in the cache while many queries pass. Each queries' tile begins with the candidates nearest in number. */
static void search_piece(search *s, const float *rows, ae_range piece, MPI_Request request[2]) {
  const ae_range own = range_of(&s->dealt, s->dealt.rank);
  const int64_t tiles = (piece.end - piece.begin + s->tile - 1) / s->tile;
  for (int64_t turn = 0; turn < tiles; turn++)
    for (int64_t at = own.begin; at < own.end; at += s->tile) {
      const int64_t home = ae_max(0, ae_min((at - piece.begin) / s->tile, tiles - 1));
      const int64_t begin = piece.begin + (home + turn) % tiles * s->tile;
      search_tile(s, (ae_range){at, ae_min(at + s->tile, own.end)}, rows + (begin - piece.begin) * s->points.dim,
                  (ae_range){begin, ae_min(begin + s->tile, piece.end)}, request);
    }
}

/* Every rank's rows pass by every other, the next while the present ones are searched. */
static void search_ring(search *s) {
  const ae_comm *comm = s->points.comm;
  const int rank = s->dealt.rank, ranks = s->dealt.ranks;
  const float *rows = s->points.rows;
  for (int step = 0; step < ranks; step++) {
    MPI_Request request[2] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL};
    float *next = s->buffer[step % 2];
    const ae_range piece = range_of(s->points.shards, (rank - step + ranks) % ranks);
    if (step + 1 < ranks) {
      const ae_range coming = range_of(s->points.shards, (rank - step - 1 + ranks) % ranks);
      ae_comm_require(comm,
                      MPI_Irecv(next, (int)(coming.end - coming.begin), s->row, (rank - 1 + ranks) % ranks, 0,
                                ae_comm_handle(comm), &request[0]),
                      "receiving rows for the search of neighbours");
      ae_comm_require(comm,
                      MPI_Isend(rows, (int)(piece.end - piece.begin), s->row, (rank + 1) % ranks, 0,
                                ae_comm_handle(comm), &request[1]),
                      "passing on rows for the search of neighbours");
    }
    search_piece(s, rows, piece, request);
    const bool waits = ae_profile_wait(true);
    ae_comm_require(comm, MPI_Waitall(2, request, MPI_STATUSES_IGNORE), "passing rows for the search of neighbours");
    ae_profile_wait(waits);
    rows = next;
  }
}

/* To the ranks that own the examples. */
static void give_back(const search *s, int64_t *neighbour, double *distance) {
  MPI_Datatype numbers = row_type(s, s->count, MPI_INT64_T), distances = row_type(s, s->count, MPI_DOUBLE);
  redeal(s, &s->dealt, s->points.shards, s->number, numbers, neighbour);
  if (distance != NULL) redeal(s, &s->dealt, s->points.shards, s->distance, distances, distance);
  MPI_Type_free(&numbers);
  MPI_Type_free(&distances);
}

static ae_status check_queries(const float *query, int64_t queries, int64_t dim) {
  for (int64_t i = 0; i < queries * dim; i++)
    if (!(fabsf(query[i]) <= (float)AE_NEAREST_LIMIT))
      return AE_FAIL(AE_DATA, "code %lld, whose neighbours are sought, is not finite or too large",
                     (long long)(i / dim));
  return AE_OK;
}

ae_status ae_neighbours_among(const float *rows, int64_t examples, int64_t dim, const float *query, int64_t queries,
                              int count, int64_t *number) {
  ae_status status;
  ae_closest *closest = NULL;
  double *distance = NULL;
  AE_CHECK(check_queries(query, queries, dim));
  AE_CHECK(AE_NEW(distance, queries * count));
  AE_CHECK(ae_closest_create(dim, count, ae_min(examples, PIECE), rows, &closest));
  for (int64_t i = 0; i < queries * count; i++) {
    number[i] = -1;
    distance[i] = INFINITY;
  }
  for (int64_t first = 0; first < examples; first += PIECE) {
    const int64_t blocks = ae_closest_take_piece(closest, rows + first * dim, first, ae_min(PIECE, examples - first));
    for (int64_t at = 0; at < queries; at += AE_CLOSEST_QUERIES) {
      const ae_closest_queries block = {.rows = query + at * dim,
                                        .first = examples + at,
                                        .count = ae_min(AE_CLOSEST_QUERIES, queries - at),
                                        .number = number + at * count,
                                        .distance = distance + at * count};
      ae_closest_take_queries(closest, &block);
      for (int64_t b = 0; b < blocks; b++) ae_closest_search(closest, b);
    }
  }
cleanup:
  ae_closest_destroy(&closest);
  AE_FREE(distance);
  return status;
}

ae_status ae_neighbours_find(const ae_comm *comm, const ae_shards *shards, const float *rows, int64_t dim, int count,
                             int64_t queries, int64_t *neighbour, double *distance) {
  AE_ASSERT(count >= 1 && dim >= 1 && queries >= 0 && queries <= shards->examples);
  ae_status status;
  search s = {.points = {comm, shards, rows, dim}, .count = count, .row = MPI_DATATYPE_NULL};
  if (shards->examples == 0) return AE_OK;
  AE_CHECK(ae_points_check(&s.points, "the search of nearest neighbours"));
  AE_CHECK(
      ae_shards_init(&s.dealt, queries > 0 ? queries : shards->examples, shards->ranks, shards->rank, shards->ranks));
  AE_CHECK(ae_comm_agree(comm, search_create(&s)));
  AE_CHECK(create_closest(&s));
  redeal(&s, shards, &s.dealt, rows, s.row, s.query);
  search_ring(&s);
  give_back(&s, neighbour, distance);
cleanup:
  search_destroy(&s);
  return status;
}
