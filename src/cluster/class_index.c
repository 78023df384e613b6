#include "mpiae/cluster/class_index.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/philox.h"
#include "mpiae/base/profile.h"
#include "mpiae/comm/shared.h"

#include <string.h>

struct ae_class_index {
  const ae_comm *comm;
  ae_shards shards;
  int classes;
  int64_t own; /* own examples */
  ae_shared *shared;
  uint32_t *before; /* (classes, shards + 1): members of the class in the shards before; the last is its size */
  int32_t *label;   /* (own) */
  int64_t *member;  /* (own) own examples (local numbers) sorted by class, then number */
  int64_t *begin;   /* (classes + 1) where each class begins in `member` */
};

static uint32_t *row_of(const ae_class_index *index, int class_number) {
  return index->before + class_number * ((int64_t)index->shards.shards + 1);
}

int64_t ae_class_index_size(const ae_class_index *index, int class_number) {
  AE_ASSERT(class_number >= 0 && class_number < index->classes);
  return row_of(index, class_number)[index->shards.shards];
}

/* Collective. Ranks that share memory share the table. */
static ae_status create_table(ae_class_index *index) {
  ae_status status;
  int64_t bytes;
  AE_CHECK(ae_multiply(index->classes, index->shards.shards + INT64_C(1), "classes × shards", &bytes));
  AE_CHECK(ae_multiply(bytes, (int64_t)sizeof *index->before, "classes × shards", &bytes));
  AE_CHECK(ae_shared_create(index->comm, false, 0, bytes, &index->shared));
  index->before = ae_shared_common(index->shared);
cleanup:
  return ae_error_prefix(status, "the class index of %d classes × %d shards (each node holds it; ask for fewer)",
                         index->classes, index->shards.shards);
}

static ae_status create_members(ae_class_index *index) {
  AE_RETURN_IF(AE_NEW(index->label, index->own));
  AE_RETURN_IF(AE_NEW(index->member, index->own));
  return AE_NEW(index->begin, index->classes + INT64_C(1));
}

/* Counting sort, stable, so members stand in order of number. */
static void sort_members(ae_class_index *index) {
  for (int64_t i = 0; i < index->own; i++) index->begin[index->label[i] + 1]++;
  for (int k = 0; k < index->classes; k++) index->begin[k + 1] += index->begin[k];
  for (int64_t i = 0; i < index->own; i++) index->member[index->begin[index->label[i]]++] = i;
  for (int k = index->classes; k > 0; k--) index->begin[k] = index->begin[k - 1];
  index->begin[0] = 0;
}

/* Counts of own shards stand one place to the right, where prefix sums will have them. */
static void count_members(ae_class_index *index) {
  const int64_t first = ae_shards_own_begin(&index->shards);
  for (int shard = index->shards.first; shard < index->shards.first + index->shards.count; shard++)
    for (int64_t i = ae_shards_begin(&index->shards, shard); i < ae_shards_begin(&index->shards, shard + 1); i++)
      row_of(index, index->label[i - first])[shard + 1]++;
}

/* Of shards in all, from those of each. */
static ae_status add_up(ae_class_index *index) {
  for (int k = 0; k < index->classes; k++) {
    uint32_t *before = row_of(index, k);
    int64_t sum = 0;
    for (int v = 0; v <= index->shards.shards; v++) {
      sum += before[v];
      before[v] = (uint32_t)sum;
    }
    if (sum > UINT32_MAX)
      return AE_FAIL(AE_INTERNAL,
                     "the class index of %d classes × %d shards counts in 32 bits, too few for the %lld "
                     "examples of class %d: use more classes",
                     index->classes, index->shards.shards, (long long)sum, k);
  }
  return AE_OK;
}

/* Collective. One rank speaks for all that share a table. */
static ae_status sum_counts(ae_class_index *index) {
  enum { CHUNK = 1 << 24 };
  ae_status status = AE_OK;
  MPI_Comm tables;
  const ae_comm *comm = index->comm;
  const ae_domains *domains = ae_shared_domains(index->shared);
  const int64_t numbers = index->classes * (index->shards.shards + INT64_C(1));
  const bool speaks = ae_comm_rank(comm) == domains->first[domains->own];
  ae_comm_barrier(comm); /* all have counted */
  ae_comm_require(comm, MPI_Comm_split(ae_comm_handle(comm), speaks ? 0 : MPI_UNDEFINED, ae_comm_rank(comm), &tables),
                  "finding those who have a table");
  if (speaks) {
    const bool waits = ae_profile_wait(true);
    for (int64_t at = 0; at < numbers; at += CHUNK)
      ae_comm_require(comm,
                      MPI_Allreduce(MPI_IN_PLACE, index->before + at, (int)ae_min(CHUNK, numbers - at), MPI_UINT32_T,
                                    MPI_SUM, tables),
                      "counts of the class index");
    ae_profile_wait(waits);
    MPI_Comm_free(&tables);
    status = add_up(index);
  }
  return ae_comm_agree(comm, status);
}

ae_status ae_class_index_create(const ae_comm *comm, const ae_shards *shards, const int32_t *label, int classes,
                                ae_class_index **out) {
  ae_status status;
  ae_class_index *index = NULL;
  AE_CHECK(ae_comm_agree(comm, AE_NEW(index, 1)));
  index->comm = comm;
  index->shards = *shards;
  index->classes = classes;
  index->own = ae_shards_own_count(shards);
  AE_CHECK(create_table(index));
  AE_CHECK(ae_comm_agree(comm, create_members(index)));
  for (int64_t i = 0; i < index->own; i++) AE_ASSERT(label[i] >= 0 && label[i] < classes);
  if (index->own > 0) memcpy(index->label, label, (size_t)index->own * sizeof *label);
  sort_members(index);
  count_members(index);
  AE_CHECK(sum_counts(index));
cleanup:
  if (status != AE_OK) ae_class_index_destroy(&index);
  *out = index;
  return status;
}

void ae_class_index_destroy(ae_class_index **index) {
  if (*index == NULL) return;
  ae_shared_destroy(&(*index)->shared);
  AE_FREE((*index)->label);
  AE_FREE((*index)->member);
  AE_FREE((*index)->begin);
  AE_FREE(*index);
}

/* The rank that has a class's member at `position`, by bisection over the shards. */
static int owner_of(const ae_class_index *index, int class_number, int64_t position) {
  const uint32_t *before = row_of(index, class_number);
  int low = 0, high = index->shards.shards;
  while (high - low > 1) {
    const int middle = low + (high - low) / 2;
    if (before[middle] <= position) low = middle;
    else high = middle;
  }
  return ae_shards_owner(&index->shards, low);
}

/* The own example (global number) that is a class's member at `position`. */
static int64_t find_member(const ae_class_index *index, uint64_t class_number, uint64_t position) {
  const uint64_t before = row_of(index, (int)class_number)[index->shards.first];
  return ae_shards_own_begin(&index->shards) + index->member[index->begin[class_number] + (int64_t)(position - before)];
}

/* Questions (class << 32 | position) to the ranks that know, and their answers (global numbers); one round's. */
typedef struct mail {
  int32_t *owner;     /* (capacity) whom to ask, by draw */
  uint64_t *question; /* (capacity) sorted by owner */
  int64_t *slot;      /* (capacity) the draw each question is of */
  int64_t *answer;    /* (capacity) */
  uint64_t *asked;    /* (total of asked_count) questions from others, answered in place */
  int *count, *at;    /* (ranks) of own questions */
  int *asked_count, *asked_at;
} mail;

static ae_status mail_create(mail *m, int64_t capacity, int ranks) {
  AE_RETURN_IF(AE_NEW(m->owner, capacity));
  AE_RETURN_IF(AE_NEW(m->question, capacity));
  AE_RETURN_IF(AE_NEW(m->slot, capacity));
  AE_RETURN_IF(AE_NEW(m->answer, capacity));
  AE_RETURN_IF(AE_NEW(m->count, ranks));
  AE_RETURN_IF(AE_NEW(m->at, ranks));
  AE_RETURN_IF(AE_NEW(m->asked_count, ranks));
  return AE_NEW(m->asked_at, ranks);
}

static void mail_destroy(mail *m) {
  AE_FREE(m->owner);
  AE_FREE(m->question);
  AE_FREE(m->slot);
  AE_FREE(m->answer);
  AE_FREE(m->asked);
  AE_FREE(m->count);
  AE_FREE(m->at);
  AE_FREE(m->asked_count);
  AE_FREE(m->asked_at);
}

static int64_t start_offsets(const int *count, int ranks, int *at) {
  int64_t sum = 0;
  for (int rank = 0; rank < ranks; rank++) {
    at[rank] = (int)sum;
    sum += count[rank];
  }
  return sum;
}

typedef struct draws {
  uint64_t seed;
  uint32_t epoch;
  int exemplars;
  const ae_exemplar_set *set; /* NULL: one set for each own example */
  int64_t count;              /* sets */
  int64_t begin, end;         /* draws of this round: draw d is exemplar d % exemplars of set d / exemplars */
} draws;

static ae_exemplar_set set_of(const ae_class_index *index, const draws *d, int64_t i) {
  if (d->set != NULL) return d->set[i];
  return (ae_exemplar_set){index->label[i], 0, ae_shards_own_begin(&index->shards) + i};
}

static uint64_t draw_one(const ae_class_index *index, const draws *d, int64_t draw) {
  const ae_exemplar_set set = set_of(index, d, draw / d->exemplars);
  const ae_purpose purpose = d->set != NULL ? AE_RANDOM_SHARED : AE_RANDOM_EXEMPLAR;
  const ae_stream stream = ae_stream_of(d->seed, purpose, d->epoch, set.number);
  const uint32_t number = set.first + (uint32_t)(draw % d->exemplars);
  const int64_t position = ae_random_below(stream, number, ae_class_index_size(index, set.class_number));
  return (uint64_t)set.class_number << 32 | (uint64_t)position;
}

static void write_questions(const ae_class_index *index, const draws *d, mail *m) {
  const int ranks = index->shards.ranks;
  memset(m->count, 0, (size_t)ranks * sizeof *m->count);
  for (int64_t draw = d->begin; draw < d->end; draw++) {
    const uint64_t question = draw_one(index, d, draw);
    const int owner = owner_of(index, (int)(question >> 32), (int64_t)(question & UINT32_MAX));
    m->owner[draw - d->begin] = owner;
    m->answer[draw - d->begin] = (int64_t)question;
    m->count[owner]++;
  }
  start_offsets(m->count, ranks, m->at);
  for (int64_t draw = d->begin; draw < d->end; draw++) {
    const int place = m->at[m->owner[draw - d->begin]]++;
    m->question[place] = (uint64_t)m->answer[draw - d->begin];
    m->slot[place] = draw;
  }
  start_offsets(m->count, ranks, m->at);
}

/* Collective. One round of questions and answers. */
static ae_status exchange(const ae_class_index *index, const draws *d, mail *m, int64_t *out) {
  const MPI_Comm handle = ae_comm_handle(index->comm);
  const char *what = "exchange of exemplar numbers";
  write_questions(index, d, m);
  ae_comm_require(index->comm, MPI_Alltoall(m->count, 1, MPI_INT, m->asked_count, 1, MPI_INT, handle), what);
  const int64_t asked = start_offsets(m->asked_count, index->shards.ranks, m->asked_at);
  AE_FREE(m->asked);
  AE_RETURN_IF(ae_comm_agree(index->comm, AE_NEW(m->asked, asked)));
  ae_comm_require(index->comm,
                  MPI_Alltoallv(m->question, m->count, m->at, MPI_UINT64_T, m->asked, m->asked_count, m->asked_at,
                                MPI_UINT64_T, handle),
                  what);
  for (int64_t i = 0; i < asked; i++)
    m->asked[i] = (uint64_t)find_member(index, m->asked[i] >> 32, m->asked[i] & UINT32_MAX);
  ae_comm_require(index->comm,
                  MPI_Alltoallv(m->asked, m->asked_count, m->asked_at, MPI_UINT64_T, m->answer, m->count, m->at,
                                MPI_INT64_T, handle),
                  what);
  for (int64_t i = 0; i < d->end - d->begin; i++) out[m->slot[i]] = m->answer[i];
  return AE_OK;
}

/* Collective. All rounds of draws; those of a round are set here. */
static ae_status draw_all(const ae_class_index *index, draws d, int64_t *out) {
  /* Even if all ranks ask one, its counts fit an int and its memory stays in bounds. */
  enum { MOST_ASKED = 1 << 26, MOST_OWN = 1 << 20 };
  ae_status status;
  mail m = {0};
  int64_t total = 0;
  status = ae_multiply(d.count, d.exemplars, "sets × exemplars", &total);
  const int64_t round = ae_max(1, ae_min(MOST_OWN, MOST_ASKED / index->shards.ranks));
  if (status == AE_OK) status = mail_create(&m, ae_min(round, total), index->shards.ranks);
  AE_CHECK(ae_comm_agree(index->comm, status));
  const int64_t rounds = ae_comm_max(index->comm, (total + round - 1) / round);
  for (int64_t i = 0; i < rounds; i++) {
    d.begin = ae_min(i * round, total);
    d.end = ae_min((i + 1) * round, total);
    const bool waits = ae_profile_wait(true);
    status = exchange(index, &d, &m, out);
    ae_profile_wait(waits);
    if (status != AE_OK) goto cleanup;
  }
cleanup:
  mail_destroy(&m);
  return status;
}

ae_status ae_class_index_draw(const ae_class_index *index, uint64_t seed, uint32_t epoch, int exemplars, int64_t *out) {
  return draw_all(index, (draws){.seed = seed, .epoch = epoch, .exemplars = exemplars, .count = index->own}, out);
}

ae_status ae_class_index_draw_sets(const ae_class_index *index, uint64_t seed, uint32_t epoch, int exemplars,
                                   const ae_exemplar_set *set, int64_t count, int64_t *out) {
  return draw_all(index, (draws){.seed = seed, .epoch = epoch, .exemplars = exemplars, .set = set, .count = count},
                  out);
}
