/* Both halves of the exchange. Nothing in them blocks but what waits for others, and that goes on with everything else
 * meanwhile: ranks of a domain wait for each other's marks, domains for each other's messages. */
#include "exchange_state.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/profile.h"

#include <sched.h>

static void send_floats(const ae_exchange *exchange, const float *floats, ae_range slice, int to, int tag,
                        messages *under_way) {
  if (ae_range_length(slice) == 0) return;
  ae_comm_require(exchange->comm,
                  MPI_Isend(floats, (int)ae_range_length(slice), MPI_FLOAT, to, tag, exchange->handle,
                            &under_way->request[under_way->count++]),
                  "sending gradients or parameters");
}

static void receive_floats(const ae_exchange *exchange, float *floats, ae_range slice, int from, int tag,
                           messages *under_way) {
  if (ae_range_length(slice) == 0) return;
  ae_comm_require(exchange->comm,
                  MPI_Irecv(floats, (int)ae_range_length(slice), MPI_FLOAT, from, tag, exchange->handle,
                            &under_way->request[under_way->count++]),
                  "receiving gradients or parameters");
}

static bool are_through(const ae_exchange *exchange, messages *under_way) {
  int through = 1;
  if (under_way->count == 0) return true;
  ae_comm_require(exchange->comm, MPI_Testall(under_way->count, under_way->request, &through, MPI_STATUSES_IGNORE),
                  "gradients or parameters under way");
  if (through) under_way->count = 0;
  return through;
}

/* Marks of the domain's ranks: what others have written before they set one can be read by those who see it. */
static void set_mark(const ae_exchange *exchange, int place, int64_t to) {
  const int own = exchange->shards.rank - exchange->domains->first[exchange->domains->own];
  atomic_store_explicit(&exchange->mark[own][place], to, memory_order_release);
}

static bool have_come(const ae_exchange *exchange, int place, int64_t to) {
  const int ranks = ae_domains_size(exchange->domains, exchange->domains->own);
  for (int i = 0; i < ranks; i++)
    if (atomic_load_explicit(&exchange->mark[i][place], memory_order_acquire) < to) return false;
  return true;
}

/* The floats of a partial for a slice: of the one plane, or added up from several, at *added. */
static const float *add_planes(ae_exchange *exchange, const ae_partial *partial, ae_range slice, float **added) {
  const ae_layout *layout = &exchange->layout;
  const int first = partial->first;
  float *sum = *added;
  if (partial->planes == 1) return layout->plane[first] + slice.begin;
  for (int i = first; i < first + partial->planes; i++) layout->row[i] = layout->plane[i] + slice.begin;
  ae_tree_finish_float(partial->shards, layout->range + first, layout->row + first, ae_range_length(slice), sum);
  *added += ae_range_length(slice);
  return sum;
}

/* Where the domain's planes are final: sends guests what the domain gives them. */
static void send_when_final(ae_exchange *exchange, int b) {
  parcel *bucket = &exchange->bucket[b];
  const ae_layout *layout = &exchange->layout;
  if (bucket->stage != STARTED || !have_come(exchange, b, exchange->step + 1)) return;
  const bool before = ae_profile_wait(false);
  float *added = bucket->added;
  for (int i = 0; i < layout->guests; i++) {
    const ae_range slice = ae_exchange_slice_of(exchange, b, layout->guest[i]);
    for (int j = 0; j < layout->partials; j++)
      send_floats(exchange, add_planes(exchange, &layout->partial[j], slice, &added), slice, layout->guest[i], 2 * b,
                  &bucket->partials);
  }
  bucket->stage = SENT;
  ae_profile_wait(before);
}

/* A lone rank's gradient is the global one. */
static bool is_alone(const ae_exchange *exchange) { return exchange->shards.ranks == 1; }

void ae_exchange_start(ae_exchange *exchange, int b) {
  parcel *bucket = &exchange->bucket[b];
  const int64_t own = ae_range_length(bucket->own);
  if (is_alone(exchange)) ae_exchange_square(exchange, b);
  bucket->stage = STARTED;
  set_mark(exchange, b, exchange->step + 1);
  for (int i = 0; i < exchange->layout.peers; i++) {
    const ae_peer *peer = &exchange->layout.peer[i];
    for (int j = peer->place; j < peer->place + peer->partials; j++)
      receive_floats(exchange, bucket->received + j * own, bucket->own, peer->lane, 2 * b, &bucket->partials);
  }
  send_when_final(exchange, b);
}

/* Tells the domain of the values that are there. They are sent in the order of the buckets. */
static void bring_values(ae_exchange *exchange) {
  const int64_t before = exchange->brought, done = (exchange->step - 1) * exchange->buckets;
  while (exchange->brought < done + exchange->buckets &&
         are_through(exchange, &exchange->bucket[exchange->brought - done].arrivals))
    exchange->brought++;
  if (exchange->brought > before) set_mark(exchange, exchange->buckets, exchange->brought);
}

void ae_exchange_progress(ae_exchange *exchange) {
  int arrived;
  if (is_alone(exchange)) return;
  for (int b = exchange->buckets - 1; b >= 0; b--) send_when_final(exchange, b);
  bring_values(exchange);
  ae_comm_require(exchange->comm,
                  MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, exchange->handle, &arrived, MPI_STATUS_IGNORE), "progress");
}

/* MPI is entered also where nothing is awaited from it: others may be waiting for examples that only this rank's
 * progress brings them. */
static void await(ae_exchange *exchange, bool (*holds)(ae_exchange *exchange, int b), int b) {
  const bool before = ae_profile_wait(true);
  while (!holds(exchange, b)) {
    ae_exchange_progress(exchange);
    sched_yield();
  }
  ae_profile_wait(before);
}

static bool has_sent_values(ae_exchange *exchange, int b) {
  return are_through(exchange, &exchange->bucket[b].departures);
}

static bool has_partials(ae_exchange *exchange, int b) {
  parcel *bucket = &exchange->bucket[b];
  return bucket->stage == SENT && are_through(exchange, &bucket->partials) && has_sent_values(exchange, b);
}

static bool has_brought_values(ae_exchange *exchange, int b) {
  return exchange->brought > (exchange->step - 1) * exchange->buckets + b;
}

static bool has_values(ae_exchange *exchange, int b) {
  return have_come(exchange, exchange->buckets, (exchange->step - 1) * exchange->buckets + b + 1);
}

/* Finishes the tree for the own slice of a bucket, from the domain's planes and what the others sent. */
static void finish_bucket(ae_exchange *exchange, const parcel *bucket) {
  const ae_layout *layout = &exchange->layout;
  const int64_t own = ae_range_length(bucket->own);
  const float *received = bucket->received;
  if (own == 0) return;
  for (int i = 0; i < layout->rows; i++) {
    const bool is_here = layout->plane[i] != NULL;
    layout->row[i] = is_here ? layout->plane[i] + bucket->own.begin : received;
    if (!is_here) received += own;
  }
  ae_tree_finish_float((ae_range){0, exchange->shards.shards}, layout->range, layout->row, own,
                       exchange->gradient[0] + bucket->own.begin);
}

void ae_exchange_reduce(ae_exchange *exchange) {
  await(exchange, has_brought_values, exchange->buckets - 1);
  for (int b = exchange->buckets - 1; b >= 0; b--) {
    await(exchange, has_partials, b);
    exchange->bucket[b].stage = IDLE;
    if (is_alone(exchange)) continue;
    finish_bucket(exchange, &exchange->bucket[b]);
    ae_exchange_square(exchange, b);
  }
}

void ae_exchange_publish(ae_exchange *exchange) {
  const ae_layout *layout = &exchange->layout;
  exchange->step++;
  for (int b = 0; b < exchange->buckets; b++) {
    parcel *bucket = &exchange->bucket[b];
    for (int i = 0; i < layout->guests; i++) {
      const ae_range slice = ae_exchange_slice_of(exchange, b, layout->guest[i]);
      receive_floats(exchange, exchange->values + slice.begin, slice, layout->guest[i], 2 * b + 1, &bucket->arrivals);
    }
    for (int i = 0; i < layout->peers; i++)
      send_floats(exchange, exchange->values + bucket->own.begin, bucket->own, layout->peer[i].lane, 2 * b + 1,
                  &bucket->departures);
  }
  bring_values(exchange);
}

/* Whoever has brought values has also read what it needed of this rank's planes: they may be written again. */
void ae_exchange_need(ae_exchange *exchange, int b) { await(exchange, has_values, b); }

void ae_exchange_settle(ae_exchange *exchange) {
  ae_exchange_need(exchange, exchange->buckets - 1);
  for (int b = 0; b < exchange->buckets; b++) await(exchange, has_sent_values, b);
}

void ae_exchange_gather(ae_exchange *exchange, float *values) {
  ae_exchange_settle(exchange);
  const bool before = ae_profile_wait(true);
  for (int b = 0; b < exchange->buckets; b++) {
    for (int rank = 0; rank < exchange->shards.ranks; rank++) {
      const ae_range slice = ae_exchange_slice_of(exchange, b, rank);
      exchange->share[rank] = (int)ae_range_length(slice);
      exchange->share_at[rank] = (int)(slice.begin - exchange->border[b]);
    }
    ae_comm_require(exchange->comm,
                    MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, values + exchange->border[b], exchange->share,
                                   exchange->share_at, MPI_FLOAT, exchange->handle),
                    "gathering slices");
  }
  ae_profile_wait(before);
}
