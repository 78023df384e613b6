#include "mpiae/data/loader.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/profile.h"
#include "mpiae/data/block.h"
#include "mpiae/h5/reader.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

/* What is read of one own shard in an epoch: windows 0 … windows − 1, one after another. A window is of use from the step
 * that needs it first to the last one; window w is in buffer w % 2. */
typedef struct lane {
  int64_t begin, end;     /* its examples */
  int64_t blocks, *order; /* as the sampler has permuted them */
  int64_t *place;         /* of each block in that order */
  int64_t windows;
  int64_t loaded; /* windows that have been read, or passed by; by whoever reads */
  int64_t first;  /* window that is needed; by the rank */
  int64_t ready;  /* windows below this one have been waited for; the rank's own */
  char *buffer[2];
} lane;

struct ae_loader {
  ae_h5 *file;
  ae_h5_reader *reader;
  ae_shards shards;
  int64_t row_bytes, memory;
  char *rows; /* AE_BLOCK_ROWS that were asked for */
  int64_t block, window;
  lane *lanes; /* of own shards; NULL: nobody is followed */
  bool has_thread;
  pthread_t thread;
  pthread_mutex_t mutex; /* of all below, and of what lanes have in common */
  pthread_cond_t asked, answered;
  bool over, reading;
  ae_status error;
};

static void keep_error(ae_loader *loader, ae_status status) {
  pthread_mutex_lock(&loader->mutex);
  loader->error = ae_error_first(loader->error, status);
  pthread_mutex_unlock(&loader->mutex);
}

static void read_rows(ae_loader *loader, int64_t begin, int64_t count, char *out) {
  const ae_status status = ae_h5_reader_read(loader->reader, begin, count, out);
  if (status == AE_OK) return;
  memset(out, 0, (size_t)(count * loader->row_bytes));
  keep_error(loader, status);
}

/* Windows. */

static void read_window(ae_loader *loader, const lane *l, int64_t window) {
  const int64_t first = window * loader->window, last = ae_min(first + loader->window, l->blocks);
  char *out = l->buffer[window % 2];
  for (int64_t i = first; i < last; i++) {
    const int64_t begin = l->begin + l->order[i] * loader->block;
    read_rows(loader, begin, ae_min(loader->block, l->end - begin), out);
    out += loader->block * loader->row_bytes;
  }
}

/* The next window that there is room for, of the shard that has least ahead; NULL: there is none. */
static lane *find_work(ae_loader *loader) {
  lane *found = NULL;
  for (lane *l = loader->lanes; l < loader->lanes + loader->shards.count; l++)
    if (l->loaded < l->windows && l->loaded - l->first < 2 &&
        (found == NULL || l->loaded - l->first < found->loaded - found->first))
      found = l;
  return found;
}

/* With the mutex held. */
static void read_next(ae_loader *loader, lane *l) {
  const int64_t window = l->loaded;
  loader->reading = true;
  pthread_mutex_unlock(&loader->mutex);
  read_window(loader, l, window);
  pthread_mutex_lock(&loader->mutex);
  loader->reading = false;
  l->loaded++;
  pthread_cond_broadcast(&loader->answered);
}

static void *read_ahead(void *context) {
  ae_loader *loader = context;
  pthread_mutex_lock(&loader->mutex);
  while (!loader->over) {
    lane *work = find_work(loader);
    if (work != NULL) read_next(loader, work);
    else pthread_cond_wait(&loader->asked, &loader->mutex);
  }
  pthread_mutex_unlock(&loader->mutex);
  return NULL;
}

static int64_t window_of(const ae_loader *loader, const lane *l, int64_t example) {
  return l->place[(example - l->begin) / loader->block] / loader->window;
}

static void take_order(lane *l, const int64_t *order) {
  memcpy(l->order, order, (size_t)l->blocks * sizeof *order);
  for (int64_t i = 0; i < l->blocks; i++) l->place[order[i]] = i;
  l->first = l->loaded = l->ready = 0;
}

void ae_loader_begin(ae_loader *loader, const ae_sampler *sampler, const ae_batch *batch) {
  if (loader == NULL) return;
  pthread_mutex_lock(&loader->mutex);
  while (loader->reading) pthread_cond_wait(&loader->answered, &loader->mutex);
  for (int s = 0; s < loader->shards.count; s++) {
    lane *l = &loader->lanes[s];
    take_order(l, ae_sampler_block_order(sampler, s));
    if (batch->offset[s] < batch->offset[s + 1])
      l->first = l->loaded = window_of(loader, l, batch->example[batch->offset[s]]);
  }
  pthread_cond_signal(&loader->asked);
  pthread_mutex_unlock(&loader->mutex);
}

/* With the mutex held. Until the windows below `ready` have been read. */
static void wait_for(ae_loader *loader, lane *l) {
  while (l->loaded < l->ready)
    if (loader->has_thread) pthread_cond_wait(&loader->answered, &loader->mutex);
    else read_next(loader, l);
}

void ae_loader_step(ae_loader *loader, const ae_batch *batch) {
  if (loader == NULL) return;
  const ae_phase previous = ae_profile_enter(AE_PHASE_READ);
  pthread_mutex_lock(&loader->mutex);
  for (int s = 0; s < loader->shards.count; s++) {
    lane *l = &loader->lanes[s];
    if (batch->offset[s] == batch->offset[s + 1]) continue;
    l->first = window_of(loader, l, batch->example[batch->offset[s]]);
    l->ready = window_of(loader, l, batch->example[batch->offset[s + 1] - 1]) + 1;
    AE_ASSERT(l->ready - l->first <= 2);
  }
  pthread_cond_signal(&loader->asked);
  for (int s = 0; s < loader->shards.count; s++) wait_for(loader, &loader->lanes[s]);
  pthread_mutex_unlock(&loader->mutex);
  ae_profile_leave(previous);
}

/* Rows. */

const void *ae_loader_rows(ae_loader *loader, int64_t begin, int64_t count) {
  AE_ASSERT(count <= AE_BLOCK_ROWS);
  read_rows(loader, begin, count, loader->rows);
  return loader->rows;
}

const void *ae_loader_row(ae_loader *loader, int64_t example) {
  const lane *l =
      loader->lanes != NULL ? &loader->lanes[ae_shards_find(&loader->shards, example) - loader->shards.first] : NULL;
  const int64_t window = l != NULL ? window_of(loader, l, example) : 0;
  if (l == NULL || window < l->first || window >= l->ready) return ae_loader_rows(loader, example, 1);
  const int64_t block = (example - l->begin) / loader->block, within = (example - l->begin) % loader->block;
  return l->buffer[window % 2] + (l->place[block] % loader->window * loader->block + within) * loader->row_bytes;
}

ae_status ae_loader_take_error(ae_loader *loader) {
  if (loader == NULL) return AE_OK;
  pthread_mutex_lock(&loader->mutex);
  const ae_status status = loader->error;
  loader->error = AE_OK;
  pthread_mutex_unlock(&loader->mutex);
  return status;
}

bool ae_loader_has_failed(ae_loader *loader) {
  if (loader == NULL) return false;
  pthread_mutex_lock(&loader->mutex);
  const bool failed = loader->error != AE_OK;
  pthread_mutex_unlock(&loader->mutex);
  return failed;
}

/* Making. */

ae_status ae_loader_open(const ae_comm *comm, ae_h5 **file, const char *array, ae_h5_type type, int64_t features,
                         const ae_shards *shards, int64_t memory, ae_loader **out) {
  ae_status status = AE_NEW(*out, 1);
  if (status == AE_OK) {
    pthread_mutex_init(&(*out)->mutex, NULL);
    pthread_cond_init(&(*out)->asked, NULL);
    pthread_cond_init(&(*out)->answered, NULL);
    (*out)->file = *file;
    (*out)->shards = *shards;
    (*out)->memory = memory;
    (*out)->row_bytes = features * (type == AE_H5_UINT8 ? 1 : (int64_t)sizeof(float));
    status = AE_NEW((*out)->rows, AE_BLOCK_ROWS * (*out)->row_bytes);
    *file = NULL;
  }
  AE_CHECK(ae_comm_agree(comm, status));
  AE_CHECK(ae_h5_reader_open((*out)->file, array, type, features, &(*out)->reader));
  return AE_OK;
cleanup:
  ae_loader_close(out);
  return status;
}

static void stop_thread(ae_loader *loader) {
  if (!loader->has_thread) return;
  pthread_mutex_lock(&loader->mutex);
  loader->over = true;
  pthread_cond_signal(&loader->asked);
  pthread_mutex_unlock(&loader->mutex);
  pthread_join(loader->thread, NULL);
}

void ae_loader_close(ae_loader **out) {
  ae_loader *loader = *out;
  if (loader == NULL) return;
  stop_thread(loader);
  for (int s = 0; s < loader->shards.count && loader->lanes != NULL; s++) {
    AE_FREE(loader->lanes[s].order);
    AE_FREE(loader->lanes[s].place);
    for (int i = 0; i < 2; i++) AE_FREE(loader->lanes[s].buffer[i]);
  }
  AE_FREE(loader->lanes);
  AE_FREE(loader->rows);
  ae_h5_reader_close(&loader->reader);
  ae_h5_close(&loader->file);
  ae_error_clear(&loader->error);
  pthread_cond_destroy(&loader->answered);
  pthread_cond_destroy(&loader->asked);
  pthread_mutex_destroy(&loader->mutex);
  AE_FREE(*out);
}

static ae_status make_lane(ae_loader *loader, const ae_sampler *sampler, int s) {
  lane *l = &loader->lanes[s];
  l->begin = ae_shards_begin(&loader->shards, loader->shards.first + s);
  l->end = ae_shards_begin(&loader->shards, loader->shards.first + s + 1);
  l->blocks = ae_sampler_blocks(sampler, s);
  l->windows = l->loaded = (l->blocks + loader->window - 1) / loader->window;
  AE_RETURN_IF(AE_NEW(l->order, l->blocks));
  AE_RETURN_IF(AE_NEW(l->place, l->blocks));
  for (int64_t i = 0; i < ae_min(2, l->windows); i++)
    AE_RETURN_IF(AE_NEW(l->buffer[i], ae_min(l->blocks, loader->window) * loader->block * loader->row_bytes));
  return AE_OK;
}

/* Bytes of the windows of all own shards. */
static double count_bytes(const ae_loader *loader, const ae_sampler *sampler) {
  double blocks = 0;
  for (int s = 0; s < loader->shards.count; s++)
    blocks += (double)ae_min(2 * loader->window, ae_sampler_blocks(sampler, s));
  return blocks * (double)loader->block * (double)loader->row_bytes;
}

static ae_status check_sizes(const ae_loader *loader, const ae_sampler *sampler) {
  const int64_t most = ae_sampler_most_of_shard(sampler), least = (loader->window - 1) * loader->block + 1;
  const double bytes = count_bytes(loader, sampler);
  if (bytes > (double)loader->memory)
    return AE_FAIL(AE_USAGE,
                   "two windows of %lld blocks of %lld examples of each of the %d shards of a rank are %.4g GiB, and "
                   "data.memory is %.4g: raise it, or begin a new run with a smaller data.shuffle_block, "
                   "data.shuffle_window or data.shards",
                   (long long)loader->window, (long long)loader->block, loader->shards.count, bytes / 0x1p30,
                   (double)loader->memory / 0x1p30);
  if (most > least && ae_sampler_blocks(sampler, 0) > 2 * loader->window)
    return AE_FAIL(AE_USAGE,
                   "a step may take %lld examples of a shard, and the windows of data.shuffle_block and "
                   "data.shuffle_window have no more than %lld: begin a new run with larger ones, or more data.shards",
                   (long long)most, (long long)least);
  return AE_OK;
}

/* Signals are for the thread that trains. */
static ae_status start_thread(ae_loader *loader) {
  sigset_t all, before;
  if (!ae_h5_reader_is_direct(loader->reader)) return AE_OK;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int result = pthread_create(&loader->thread, NULL, read_ahead, loader);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  loader->has_thread = result == 0;
  return result == 0 ? AE_OK : AE_FAIL(AE_INTERNAL, "no thread to read data ahead: %s", strerror(result));
}

static ae_status follow(ae_loader *loader, const ae_sampler *sampler) {
  loader->block = ae_sampler_block(sampler);
  loader->window = ae_sampler_window(sampler);
  AE_ASSERT(loader->lanes == NULL && loader->block > 0);
  AE_RETURN_IF(check_sizes(loader, sampler));
  AE_RETURN_IF(AE_NEW(loader->lanes, loader->shards.count));
  for (int s = 0; s < loader->shards.count; s++) AE_RETURN_IF(make_lane(loader, sampler, s));
  return start_thread(loader);
}

ae_status ae_loader_follow(const ae_comm *comm, ae_loader *loader, const ae_sampler *sampler) {
  return loader != NULL ? ae_comm_agree(comm, follow(loader, sampler)) : AE_OK;
}
