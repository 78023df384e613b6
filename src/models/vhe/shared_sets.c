#include "shared_sets.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"
#include "mpiae/models/rows.h"

static ae_status allocate(vhe_shared_sets *sets) {
  const ae_shards *shards = &sets->labels->data->shards;
  const int64_t own = ae_shards_own_count(shards);
  AE_RETURN_IF(ae_model_sampler(sets->labels->config, shards, sets->labels->seed, &sets->sampler));
  AE_RETURN_IF(AE_NEW(sets->begin, ae_sampler_steps(sets->sampler) + 1));
  AE_RETURN_IF(AE_NEW(sets->set, own));
  AE_RETURN_IF(AE_NEW(sets->drawn, own * sets->exemplars));
  AE_RETURN_IF(AE_NEW(sets->place, sets->labels->clusters));
  AE_RETURN_IF(AE_NEW(sets->offset, shards->count + INT64_C(1)));
  AE_RETURN_IF(AE_NEW(sets->of_row, ae_sampler_capacity(sets->sampler)));
  for (int k = 0; k < sets->labels->clusters; k++) sets->place[k] = -1;
  return AE_OK;
}

ae_status ae_vhe_shared_sets_create(const ae_pseudo_labels *labels, int exemplars, vhe_shared_sets **out) {
  AE_RETURN_IF(AE_NEW(*out, 1));
  (*out)->labels = labels;
  (*out)->exemplars = exemplars;
  const ae_status status = allocate(*out);
  if (status != AE_OK) ae_vhe_shared_sets_destroy(out);
  return status;
}

void ae_vhe_shared_sets_destroy(vhe_shared_sets **out) {
  vhe_shared_sets *sets = *out;
  if (sets == NULL) return;
  ae_sampler_destroy(&sets->sampler);
  AE_FREE(sets->begin);
  AE_FREE(sets->set);
  AE_FREE(sets->drawn);
  AE_FREE(sets->place);
  AE_FREE(sets->offset);
  AE_FREE(sets->of_row);
  AE_FREE(*out);
}

int64_t ae_vhe_shared_sets_capacity(const vhe_shared_sets *sets) {
  return ae_min(ae_sampler_capacity(sets->sampler), (int64_t)sets->labels->data->shards.count * sets->labels->clusters);
}

/* The sets of a segment, in the order in which their classes come, to `out`. Returns how many. */
static int64_t list_segment(vhe_shared_sets *sets, const ae_batch *batch, int segment, ae_exemplar_set *out) {
  const ae_shards *shards = &sets->labels->data->shards;
  const int32_t *label = sets->labels->label;
  const int64_t own = ae_shards_own_begin(shards);
  int64_t count = 0;
  for (int64_t i = batch->offset[segment]; i < batch->offset[segment + 1]; i++) {
    const int32_t k = label[batch->example[i] - own];
    if (sets->place[k] < 0) {
      sets->place[k] = count;
      out[count++] = (ae_exemplar_set){k, (uint32_t)k * (uint32_t)sets->exemplars,
                                       batch->step * shards->shards + shards->first + segment};
    }
    sets->of_row[i] = sets->place[k];
  }
  for (int64_t i = 0; i < count; i++) sets->place[out[i].class_number] = -1;
  return count;
}

const int64_t *ae_vhe_shared_sets_list(vhe_shared_sets *sets, const ae_batch *batch) {
  const int64_t begin = sets->begin[batch->step];
  sets->offset[0] = 0;
  for (int s = 0; s < batch->segments; s++)
    sets->offset[s + 1] = sets->offset[s] + list_segment(sets, batch, s, sets->set + begin + sets->offset[s]);
  return sets->drawn + begin * sets->exemplars;
}

ae_status ae_vhe_shared_sets_draw(vhe_shared_sets *sets, uint32_t epoch) {
  const int64_t steps = ae_sampler_steps(sets->sampler);
  ae_sampler_begin(sets->sampler, epoch);
  for (int64_t step = 0; step < steps; step++) {
    ae_batch batch;
    ae_sampler_batch(sets->sampler, step, &batch);
    ae_vhe_shared_sets_list(sets, &batch);
    sets->begin[step + 1] = sets->begin[step] + sets->offset[batch.segments];
  }
  return ae_class_index_draw_sets(sets->labels->index, sets->labels->seed, epoch, sets->exemplars, sets->set,
                                  sets->begin[steps], sets->drawn);
}
