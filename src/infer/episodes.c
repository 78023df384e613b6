#include "mpiae/infer/episodes.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/base/pass.h"
#include "mpiae/base/philox.h"
#include "mpiae/base/profile.h"
#include "mpiae/comm/reduce.h"
#include "mpiae/tensor/elementwise.h"

#include <math.h>

/* Episodes whose examples are fetched together, at most; and their bytes, unless one episode has more. */
enum { ROUND = 32, ROUND_BYTES = 1 << 26 };

typedef struct run {
  ae_model *model;
  const ae_dataset *data;
  const ae_episodes_request *request;
  /* examples by class: those of the i-th usable class are member[first[i]] … member[first[i + 1] − 1] */
  int usable;
  int64_t *first, *member;
  int64_t width;    /* examples of an episode: ways queries, then `shots` of each class */
  int64_t round;    /* episodes whose examples are fetched together */
  int64_t *example; /* (round, width) */
  char *rows;       /* the same, in the stored type */
  float *pixels;    /* (width, features) */
  double *score;    /* (ways) of a class */
  double *best;     /* (ways) of each query */
  int *guess;       /* (ways) */
  int64_t *right;   /* (episodes, 2): queries told right by the model, by pixels */
} run;

/* Labels of all examples on every rank; −1 = unknown. */
static ae_status gather_labels(const run *r, int64_t **out) {
  const ae_dataset *data = r->data;
  int64_t *label = NULL;
  ae_status status = ae_memory_expect_each(2.0 * sizeof *label * (double)data->examples,
                                           "--ways: the labels of the %lld examples", (long long)data->examples);
  if (status == AE_OK) status = AE_NEW(label, data->examples);
  AE_RETURN_IF(ae_comm_agree(r->model->setup.comm, status));
  const int64_t begin = ae_shards_own_begin(&data->shards);
  for (int64_t i = 0; i < ae_shards_own_count(&data->shards); i++) label[begin + i] = data->label[i];
  for (int64_t i = 0; i < data->examples; i++)
    if (i < begin || i >= begin + ae_shards_own_count(&data->shards)) label[i] = 0;
  ae_reduce_integers(r->model->setup.comm, label, data->examples);
  *out = label;
  return AE_OK;
}

/* Sorts examples by class and leaves out classes that have too few. */
static ae_status sort_classes(run *r, const int64_t *label) {
  const int64_t least = r->request->shots + 1, classes = r->data->classes;
  int64_t *size = NULL, place = 0;
  AE_RETURN_IF(AE_NEW(size, classes));
  for (int64_t i = 0; i < r->data->examples; i++)
    if (label[i] >= 0) size[label[i]]++;
  for (int64_t k = 0; k < classes; k++) {
    if (size[k] < least) {
      size[k] = -1;
      continue;
    }
    r->first[r->usable++] = place;
    place += size[k];
    size[k] = place - size[k];
  }
  r->first[r->usable] = place;
  /* size[k] is now where the next example of class k goes */
  for (int64_t i = 0; i < r->data->examples; i++)
    if (label[i] >= 0 && size[label[i]] >= 0) r->member[size[label[i]]++] = i;
  AE_FREE(size);
  if (r->usable >= r->request->ways) return AE_OK;
  return AE_FAIL(AE_USAGE, "%s has %d classes with at least %lld examples, but --ways is %d", r->data->path, r->usable,
                 (long long)least, r->request->ways);
}

/* A number in [0, count) that is not among those taken. */
static int64_t draw_new(ae_stream stream, uint32_t *index, int64_t count, const int64_t *taken, int many) {
  for (;;) {
    const int64_t number = ae_random_below(stream, (*index)++, count);
    int i = 0;
    while (i < many && taken[i] != number) i++;
    if (i == many) return number;
  }
}

/* Examples of an episode: a query of each class, then what is shown of each. */
static void draw_episode(const run *r, int64_t episode, int64_t *example) {
  const int ways = r->request->ways, shots = r->request->shots;
  const ae_stream stream = ae_stream_of(r->request->seed, AE_RANDOM_EPISODE, 0, episode);
  uint32_t index = 0;
  int64_t class[AE_BLOCK_ROWS], taken[AE_BLOCK_ROWS + 1];
  for (int w = 0; w < ways; w++) {
    class[w] = draw_new(stream, &index, r->usable, class, w);
    const int64_t first = r->first[class[w]], size = r->first[class[w] + 1] - first;
    for (int s = 0; s <= shots; s++) {
      taken[s] = draw_new(stream, &index, size, taken, s);
      example[s == 0 ? w : ways + w * shots + s - 1] = r->member[first + taken[s]];
    }
  }
}

static void keep_best(const run *r, int class) {
  for (int q = 0; q < r->request->ways; q++)
    if (class == 0 || r->score[q] > r->best[q]) {
      r->best[q] = r->score[q];
      r->guess[q] = class;
    }
}

static int64_t count_right(const run *r) {
  int64_t right = 0;
  for (int q = 0; q < r->request->ways; q++) right += r->guess[q] == q;
  return right;
}

static void score_pixels(const run *r, int class) {
  const int ways = r->request->ways, shots = r->request->shots;
  const int64_t features = r->data->features;
  for (int q = 0; q < ways; q++) {
    r->score[q] = -INFINITY;
    for (int s = 0; s < shots; s++) {
      float distance;
      ae_squared_error(1, features, r->pixels + q * features, r->pixels + (ways + class * shots + s) * features,
                       &distance);
      r->score[q] = fmax(r->score[q], -(double)distance);
    }
  }
}

static ae_status run_episode(const run *r, const int64_t *example, const char *rows, int64_t *right) {
  const int ways = r->request->ways, shots = r->request->shots;
  const ae_block queries = {r->data, ways, example, rows, NULL};
  for (int k = 0; k < ways; k++) {
    const int64_t at = ways + k * shots;
    const ae_block shown = {r->data, shots, example + at, rows + at * r->data->row_bytes, NULL};
    AE_RETURN_IF(r->model->type->classes->likelihood(r->model, &shown, &queries, r->request->draws, r->score));
    keep_best(r, k);
  }
  right[0] = count_right(r);
  ae_dataset_to_float(r->data, rows, r->width, r->pixels);
  for (int k = 0; k < ways; k++) {
    score_pixels(r, k);
    keep_best(r, k);
  }
  right[1] = count_right(r);
  return AE_OK;
}

/* Episodes `begin` … `end`−1, dealt to the ranks one by one. */
static ae_status run_round(const run *r, int64_t begin, int64_t end) {
  const ae_comm *comm = r->model->setup.comm;
  ae_status status = AE_OK;
  for (int64_t e = begin; e < end; e++) draw_episode(r, e, r->example + (e - begin) * r->width);
  AE_RETURN_IF(ae_dataset_fetch(comm, r->data, r->example, (end - begin) * r->width, r->rows));
  for (int64_t e = begin; e < end && status == AE_OK; e++)
    if (e % ae_comm_size(comm) == ae_comm_rank(comm))
      status = run_episode(r, r->example + (e - begin) * r->width,
                           r->rows + (e - begin) * r->width * r->data->row_bytes, r->right + 2 * e);
  return ae_comm_agree(comm, status);
}

static ae_status allocate(run *r) {
  const int64_t ways = r->request->ways;
  AE_RETURN_IF(AE_NEW(r->first, r->data->classes + 1));
  AE_RETURN_IF(AE_NEW(r->member, r->data->examples));
  r->round = ae_max(1, ae_min(ROUND, ROUND_BYTES / (r->width * r->data->row_bytes)));
  AE_RETURN_IF(AE_NEW(r->example, r->round * r->width));
  AE_RETURN_IF(AE_NEW(r->rows, r->round * r->width * r->data->row_bytes));
  AE_RETURN_IF(AE_NEW(r->pixels, r->width * r->data->features));
  AE_RETURN_IF(AE_NEW(r->score, ways));
  AE_RETURN_IF(AE_NEW(r->best, ways));
  AE_RETURN_IF(AE_NEW(r->guess, ways));
  return AE_NEW(r->right, 2 * r->request->episodes);
}

static void release(run *r) {
  AE_FREE(r->first);
  AE_FREE(r->member);
  AE_FREE(r->example);
  AE_FREE(r->rows);
  AE_FREE(r->pixels);
  AE_FREE(r->score);
  AE_FREE(r->best);
  AE_FREE(r->guess);
  AE_FREE(r->right);
}

/* Mean share and half the width of its interval; which: 0 = the model, 1 = pixels. */
static void take_share(const run *r, int which, double *mean, double *interval) {
  const double episodes = r->request->episodes;
  double sum = 0, square = 0;
  for (int64_t e = 0; e < r->request->episodes; e++) {
    const double share = (double)r->right[2 * e + which] / r->request->ways;
    sum += share;
    square += share * share;
  }
  *mean = sum / episodes;
  *interval = 1.96 * sqrt(fmax(0, square - sum * *mean) / (episodes - 1) / episodes);
}

ae_status ae_episodes_run(ae_model *model, const ae_dataset *data, const ae_episodes_request *request,
                          ae_episodes_outcome *out) {
  ae_status status;
  const ae_comm *comm = model->setup.comm;
  run r = {.model = model, .data = data, .request = request, .width = (int64_t)request->ways * (request->shots + 1)};
  int64_t *label = NULL;
  ae_pass told = {.what = "episodes", .total = request->episodes};
  const ae_phase previous = ae_profile_enter(AE_PHASE_EVALUATE);
  if (data->label == NULL)
    AE_RAISE(AE_USAGE, "%s %s: labels say what the classes of episodes are", data->path, data->no_labels);
  AE_CHECK(gather_labels(&r, &label));
  AE_CHECK(ae_comm_agree(comm, allocate(&r)));
  AE_CHECK(ae_comm_agree(comm, sort_classes(&r, label)));
  for (int64_t e = 0; e < request->episodes; e += r.round) {
    AE_CHECK(run_round(&r, e, ae_min(e + r.round, request->episodes)));
    ae_pass_on(&told, e);
  }
  ae_pass_end(&told);
  ae_reduce_integers(comm, r.right, 2 * request->episodes);
  take_share(&r, 0, &out->accuracy, &out->accuracy_interval);
  take_share(&r, 1, &out->pixels, &out->pixels_interval);
cleanup:
  AE_FREE(label);
  release(&r);
  ae_profile_leave(previous);
  return status;
}
