#include "mpiae/train/verify.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/profile.h"

#include <stdio.h>
#include <string.h>

enum {
  TOGETHER = 64, /* parameters of one reduction */
  MOST_NAMED = 5 /* ranks */
};

/* One-to-one in `word` and in `hash`. The shift brings high bits down again: a product moves changes only upwards. */
static uint64_t mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
  return hash ^ hash >> 32;
}

/* Four chains of multiplications, so that they overlap. */
uint64_t ae_verify_hash(const void *bytes, int64_t count) {
  uint64_t a = 1, b = 2, c = 3, d = 4, word[4], hash = (uint64_t)count;
  const char *at = bytes;
  for (; count >= (int64_t)sizeof word; count -= (int64_t)sizeof word, at += sizeof word) {
    memcpy(word, at, sizeof word);
    a = mix(a, word[0]);
    b = mix(b, word[1]);
    c = mix(c, word[2]);
    d = mix(d, word[3]);
  }
  memset(word, 0, sizeof word);
  if (count > 0) memcpy(word, at, (size_t)count);
  hash = mix(mix(hash, mix(a, word[0])), mix(b, word[1]));
  return mix(mix(hash, mix(c, word[2])), mix(d, word[3]));
}

/* "on rank 3" or "on ranks 1, 3 … and 5 more": those whose hash is another. */
static void name_ranks(const uint64_t *hash, int ranks, uint64_t right, char *out, size_t size) {
  int differ = 0, named = 0;
  for (int rank = 0; rank < ranks; rank++) differ += hash[rank] != right;
  size_t used = (size_t)snprintf(out, size, "on rank%s", differ == 1 ? "" : "s");
  for (int rank = 0; rank < ranks && named < MOST_NAMED; rank++)
    if (hash[rank] != right) used += (size_t)snprintf(out + used, size - used, "%s %d", named++ > 0 ? "," : "", rank);
  if (differ > named) snprintf(out + used, size - used, " and %d more", differ - named);
}

/* The lowest rank whose hash is the most frequent; *decided: no other hash is as frequent. */
static int find_most(const uint64_t *hash, int ranks, bool *decided) {
  int best = 0, first = 0;
  for (int i = 0; i < ranks; i++) {
    int count = 0;
    for (int j = 0; j < ranks; j++) count += hash[j] == hash[i];
    if (count < best || (count == best && hash[i] == hash[first])) continue;
    *decided = count > best;
    if (count > best) first = i;
    best = count;
  }
  return first;
}

static ae_status name_difference(const ae_comm *comm, const ae_parameter *parameter, uint64_t own) {
  const int ranks = ae_comm_size(comm);
  uint64_t *all = NULL;
  bool decided = false;
  char where[32 + MOST_NAMED * 16], right[32] = "the other ranks'";
  AE_RETURN_IF(ae_comm_agree(comm, AE_NEW(all, ranks)));
  ae_comm_require(comm, MPI_Allgather(&own, 1, MPI_UINT64_T, all, 1, MPI_UINT64_T, ae_comm_handle(comm)),
                  "gathering hashes");
  const int most = find_most(all, ranks, &decided);
  if (!decided) snprintf(right, sizeof right, "rank %d's", most);
  name_ranks(all, ranks, all[most], where, sizeof where);
  AE_FREE(all);
  return AE_FAIL(AE_INTERNAL,
                 "parameter %s %s differs from %s: memory or a message was corrupted, or there is a bug; resume from "
                 "the last checkpoint (--resume)",
                 parameter->path, where, right);
}

/* Of parameters first … first+count−1. One reduction: the largest hash and, from the largest complement, the least. */
static ae_status verify_some(const ae_comm *comm, const ae_params *params, int first, int count) {
  uint64_t own[TOGETHER], bounds[2 * TOGETHER];
  for (int i = 0; i < count; i++) {
    const ae_parameter *parameter = ae_params_at(params, first + i);
    own[i] = bounds[2 * i] =
        ae_verify_hash(ae_params_value(params, parameter), parameter->count * (int64_t)sizeof(float));
    bounds[2 * i + 1] = ~own[i];
  }
  const bool before = ae_profile_wait(true);
  ae_comm_require(comm, MPI_Allreduce(MPI_IN_PLACE, bounds, 2 * count, MPI_UINT64_T, MPI_MAX, ae_comm_handle(comm)),
                  "comparing hashes");
  ae_profile_wait(before);
  for (int i = 0; i < count; i++)
    if (bounds[2 * i] != ~bounds[2 * i + 1]) return name_difference(comm, ae_params_at(params, first + i), own[i]);
  return AE_OK;
}

ae_status ae_verify_parameters(const ae_comm *comm, const ae_params *params) {
  const int parameters = ae_params_count(params);
  for (int first = 0; first < parameters; first += TOGETHER)
    AE_RETURN_IF(verify_some(comm, params, first, (int)ae_min(TOGETHER, parameters - first)));
  return AE_OK;
}
