#include "mpiae/models/vqvae/codebook.h"

#include "mpiae/base/memory.h"
#include "mpiae/base/philox.h"
#include "mpiae/comm/reduce.h"

#include <math.h>
#include <string.h>

/* ε of the Laplace smoothing of counts. */
static const double smoothing = 1e-5;

ae_status ae_codebook_create(const ae_comm *comm, int64_t entries, int64_t width, bool averages, double decay,
                             int64_t revive_after, uint64_t seed, ae_codebook **out) {
  ae_status status;
  ae_codebook *made = NULL;
  AE_CHECK(AE_NEW(made, 1));
  *made = (ae_codebook){.comm = comm,
                        .entries = entries,
                        .width = width,
                        .averages = averages,
                        .decay = decay,
                        .revive_after = revive_after,
                        .seed = seed};
  AE_CHECK(AE_NEW(made->unused, entries));
  AE_CHECK(AE_NEW(made->used, entries));
  if (averages) {
    AE_CHECK(AE_NEW(made->count, entries));
    AE_CHECK(AE_NEW(made->sum, entries * width));
    AE_CHECK(AE_NEW(made->entry, entries * width));
    const float bound = sqrtf(3.0f / (float)width);
    ae_random_fill_uniform(ae_stream_of(seed, AE_RANDOM_CODEBOOK, 0, 0), -bound, bound, entries * width, made->entry);
  }
  *out = made;
cleanup:
  if (status != AE_OK) ae_codebook_destroy(&made);
  return status;
}

void ae_codebook_destroy(ae_codebook **codebook) {
  if (*codebook == NULL) return;
  AE_FREE((*codebook)->entry);
  AE_FREE((*codebook)->count);
  AE_FREE((*codebook)->sum);
  AE_FREE((*codebook)->unused);
  AE_FREE((*codebook)->used);
  AE_FREE((*codebook)->given);
  AE_FREE((*codebook)->reduced);
  AE_FREE(*codebook);
}

/* Numbers of a shard in the reduction: counts, then with averages sums of vectors. */
static int64_t width_of(const ae_codebook *codebook) {
  return codebook->entries * (codebook->averages ? codebook->width + 1 : 1);
}

static void add_rows(const ae_codebook *codebook, const ae_codebook_batch *a, int64_t begin, int64_t end, double *out) {
  const int64_t width = codebook->width;
  for (int64_t i = begin * a->places; i < end * a->places; i++) {
    const int64_t entry = (int64_t)a->index[i];
    double *sum = out + codebook->entries + entry * width;
    out[entry]++;
    for (int64_t j = 0; j < width && codebook->averages; j++) sum[j] += (double)a->vector[i * width + j];
  }
}

/* Counts and sums of the batch of all ranks, into `reduced`. The shards are known at the first update. */
static ae_status reduce(ae_codebook *codebook, const ae_codebook_batch *a) {
  const int64_t width = width_of(codebook), count = a->batch->segments * width;
  ae_status status = AE_OK;
  if (codebook->reduced == NULL) {
    status = AE_NEW(codebook->given, count);
    if (status == AE_OK) status = AE_NEW(codebook->reduced, width);
    AE_RETURN_IF(ae_comm_agree(codebook->comm, status));
  }
  memset(codebook->given, 0, (size_t)count * sizeof *codebook->given);
  for (int s = 0; s < a->batch->segments; s++)
    add_rows(codebook, a, a->batch->offset[s], a->batch->offset[s + 1], codebook->given + s * width);
  return ae_reduce_sum(codebook->comm, a->shards, codebook->given, width, codebook->reduced);
}

static void count_use(ae_codebook *codebook, const double *counts) {
  for (int64_t k = 0; k < codebook->entries; k++) {
    codebook->used[k] += (int64_t)counts[k];
    codebook->unused[k] = counts[k] > 0 ? 0 : codebook->unused[k] + 1;
  }
}

/* What moving averages that began at 0 have come to: 1 − γᵗ. */
static double correction(const ae_codebook *codebook) { return 1 - pow(codebook->decay, (double)codebook->updates); }

static void make_entries(ae_codebook *codebook) {
  const double share = 1 / correction(codebook);
  double total = 0;
  for (int64_t k = 0; k < codebook->entries; k++) total += codebook->count[k] * share;
  for (int64_t k = 0; k < codebook->entries; k++) {
    const double size =
        (codebook->count[k] * share + smoothing) * total / (total + (double)codebook->entries * smoothing);
    for (int64_t j = k * codebook->width; j < (k + 1) * codebook->width; j++)
      codebook->entry[j] = (float)(codebook->sum[j] * share / size);
  }
}

static void average(ae_codebook *codebook, const double *counts) {
  const double *sums = counts + codebook->entries, decay = codebook->decay;
  codebook->updates++;
  for (int64_t k = 0; k < codebook->entries; k++)
    codebook->count[k] = decay * codebook->count[k] + (1 - decay) * counts[k];
  for (int64_t j = 0; j < codebook->entries * codebook->width; j++)
    codebook->sum[j] = decay * codebook->sum[j] + (1 - decay) * sums[j];
}

/* Entries that restart, ascending. */
static int64_t list_dead(const ae_codebook *codebook, int64_t *dead) {
  int64_t count = 0;
  for (int64_t k = 0; k < codebook->entries; k++)
    if (codebook->unused[k] >= codebook->revive_after) dead[count++] = k;
  return count;
}

/* Draws a vector of the batch of all ranks for each dead entry; those of this rank go to their shards' rows of
 * `values`, (own shards, dead, D). size[v]: rows of shard v in the batch. */
static void draw_own(const ae_codebook *codebook, const ae_codebook_batch *a, const int64_t *dead, int64_t count,
                     const int64_t *size, double *values) {
  const ae_batch *batch = a->batch;
  const ae_stream stream = ae_stream_of(codebook->seed, AE_RANDOM_CODEBOOK, batch->epoch, batch->step);
  for (int64_t i = 0; i < count; i++) {
    int shard = 0;
    int64_t number = ae_random_below(stream, (uint32_t)dead[i], batch->global_rows * a->places);
    for (; number >= size[shard] * a->places; shard++) number -= size[shard] * a->places;
    const int own = shard - a->shards->first;
    if (own < 0 || own >= batch->segments) continue;
    const float *vector = a->vector + (batch->offset[own] * a->places + number) * codebook->width;
    for (int64_t j = 0; j < codebook->width; j++) values[(own * count + i) * codebook->width + j] = (double)vector[j];
  }
}

static void restart(ae_codebook *codebook, const int64_t *dead, int64_t count, const double *vectors) {
  const double share = correction(codebook);
  for (int64_t i = 0; i < count; i++) {
    const int64_t k = dead[i];
    codebook->count[k] = share;
    codebook->unused[k] = 0;
    for (int64_t j = 0; j < codebook->width; j++)
      codebook->sum[k * codebook->width + j] = share * vectors[i * codebook->width + j];
  }
  codebook->revived += count;
}

static ae_status revive(ae_codebook *codebook, const ae_codebook_batch *a) {
  ae_status status;
  int64_t *dead = NULL, *size = NULL, count = 0;
  double *values = NULL, *vectors = NULL;
  status = AE_NEW(dead, codebook->entries);
  if (status == AE_OK) count = list_dead(codebook, dead);
  if (status == AE_OK) status = AE_NEW(size, a->shards->shards);
  if (status == AE_OK) status = AE_NEW(values, a->batch->segments * count * codebook->width);
  if (status == AE_OK) status = AE_NEW(vectors, count * codebook->width);
  AE_CHECK(ae_comm_agree(codebook->comm, status));
  if (count == 0) goto cleanup;
  for (int s = 0; s < a->batch->segments; s++)
    size[a->shards->first + s] = a->batch->offset[s + 1] - a->batch->offset[s];
  ae_reduce_integers(codebook->comm, size, a->shards->shards);
  draw_own(codebook, a, dead, count, size, values);
  AE_CHECK(ae_reduce_sum(codebook->comm, a->shards, values, count * codebook->width, vectors));
  restart(codebook, dead, count, vectors);
cleanup:
  AE_FREE(dead);
  AE_FREE(size);
  AE_FREE(values);
  AE_FREE(vectors);
  return status;
}

ae_status ae_codebook_update(ae_codebook *codebook, const ae_codebook_batch *assignment) {
  AE_RETURN_IF(reduce(codebook, assignment));
  count_use(codebook, codebook->reduced);
  if (codebook->averages) average(codebook, codebook->reduced);
  if (!codebook->averages) return AE_OK;
  if (codebook->revive_after > 0) AE_RETURN_IF(revive(codebook, assignment));
  make_entries(codebook);
  return AE_OK;
}

void ae_codebook_epoch(ae_codebook *codebook, double *perplexity, int64_t *used) {
  double total = 0, entropy = 0;
  *used = 0;
  for (int64_t k = 0; k < codebook->entries; k++) total += (double)codebook->used[k];
  for (int64_t k = 0; k < codebook->entries; k++) {
    const double share = (double)codebook->used[k] / total;
    if (codebook->used[k] == 0) continue;
    entropy -= share * log(share);
    ++*used;
  }
  *perplexity = exp(entropy);
  memset(codebook->used, 0, (size_t)codebook->entries * sizeof *codebook->used);
  codebook->revived = 0;
}

/* Files. Every rank has all of it. */

static ae_status write_array(const ae_codebook *codebook, ae_h5 *file, const char *path, ae_h5_type type, bool table,
                             const char *description, const void *rows) {
  const ae_h5_dataset dataset = {
      path, type, table ? 2 : 1, {codebook->entries, codebook->width}, {"entry", "code"}, description, NULL};
  return ae_h5_write_whole(file, &dataset, rows);
}

ae_status ae_codebook_save(const ae_codebook *codebook, ae_h5 *file) {
  AE_RETURN_IF(ae_h5_create_group(file, "/codebook", "entries of the codebook and their use"));
  AE_RETURN_IF(ae_h5_create_axis(file, "/codebook", "entry", codebook->entries, NULL, "entry of the codebook"));
  AE_RETURN_IF(write_array(codebook, file, "/codebook/unused", AE_H5_INT64, false,
                           "steps since the entry was used last", codebook->unused));
  AE_RETURN_IF(write_array(codebook, file, "/codebook/used", AE_H5_INT64, false,
                           "vectors assigned to the entry in the epoch so far", codebook->used));
  AE_RETURN_IF(ae_h5_put_integer(file, "/codebook", "updates", codebook->updates));
  AE_RETURN_IF(ae_h5_put_integer(file, "/codebook", "revived", codebook->revived));
  if (!codebook->averages) return AE_OK;
  AE_RETURN_IF(ae_h5_create_axis(file, "/codebook", "code", codebook->width, NULL, "dimension of an entry"));
  AE_RETURN_IF(write_array(codebook, file, "/codebook/embedding", AE_H5_FLOAT32, true, "the entries", codebook->entry));
  AE_RETURN_IF(write_array(codebook, file, "/codebook/count", AE_H5_FLOAT64, false,
                           "moving average of the number of vectors assigned in a step, from 0", codebook->count));
  return write_array(codebook, file, "/codebook/sum", AE_H5_FLOAT64, true,
                     "moving average of the sum of those vectors, from 0", codebook->sum);
}

static ae_status read_array(ae_codebook *codebook, ae_h5 *file, const char *path, ae_h5_type type, bool table,
                            void *rows) {
  AE_RETURN_IF(ae_h5_expect(file, path, table ? 2 : 1, (int64_t[]){codebook->entries, codebook->width}));
  return ae_h5_read(file, path, type, table ? codebook->width : 1, 0, codebook->entries, rows);
}

static bool is_sound(const ae_codebook *codebook) {
  bool right = codebook->updates >= 0;
  for (int64_t k = 0; k < codebook->entries; k++)
    right =
        right && codebook->used[k] >= 0 && codebook->unused[k] >= 0 && (!codebook->averages || codebook->count[k] >= 0);
  for (int64_t j = 0; j < codebook->entries * codebook->width && codebook->averages; j++)
    right = right && isfinite(codebook->entry[j]) && isfinite(codebook->sum[j]);
  return right;
}

static ae_status check_loaded(const ae_codebook *codebook, const ae_h5 *file) {
  if (is_sound(codebook)) return AE_OK;
  return AE_FAIL(AE_DATA, "%s: /codebook holds numbers that cannot be: the file is damaged or was changed",
                 ae_h5_path(file));
}

ae_status ae_codebook_load(ae_codebook *codebook, ae_h5 *file) {
  AE_RETURN_IF(read_array(codebook, file, "/codebook/unused", AE_H5_INT64, false, codebook->unused));
  AE_RETURN_IF(read_array(codebook, file, "/codebook/used", AE_H5_INT64, false, codebook->used));
  AE_RETURN_IF(ae_h5_get_integer(file, "/codebook", "updates", &codebook->updates));
  AE_RETURN_IF(ae_h5_get_integer(file, "/codebook", "revived", &codebook->revived));
  if (codebook->averages) {
    AE_RETURN_IF(read_array(codebook, file, "/codebook/embedding", AE_H5_FLOAT32, true, codebook->entry));
    AE_RETURN_IF(read_array(codebook, file, "/codebook/count", AE_H5_FLOAT64, false, codebook->count));
    AE_RETURN_IF(read_array(codebook, file, "/codebook/sum", AE_H5_FLOAT64, true, codebook->sum));
  }
  return ae_comm_agree(codebook->comm, check_loaded(codebook, file));
}

ae_status ae_codebook_take_over(ae_codebook *codebook, ae_h5 *file) {
  AE_RETURN_IF(ae_codebook_load(codebook, file));
  return ae_comm_agree(codebook->comm, ae_codebook_adopt(codebook));
}

ae_status ae_codebook_adopt(ae_codebook *codebook) {
  if (!is_sound(codebook)) return AE_FAIL(AE_DATA, "the codebook holds numbers that cannot be");
  memset(codebook->used, 0, (size_t)codebook->entries * sizeof *codebook->used);
  memset(codebook->unused, 0, (size_t)codebook->entries * sizeof *codebook->unused);
  codebook->revived = 0;
  return AE_OK;
}
