#include "mpiae/data/synth.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/log.h"
#include "mpiae/base/memory.h"
#include "mpiae/data/glyphs.h"
#include "mpiae/data/writer.h"

#include <stdio.h>

#define PIXELS (AE_GLYPH_SIZE * AE_GLYPH_SIZE)

static ae_status draw_part(int64_t begin, int64_t count, int first, int classes, uint64_t seed, uint8_t **rows,
                           int32_t **label) {
  AE_RETURN_IF(AE_NEW(*rows, count * PIXELS));
  AE_RETURN_IF(AE_NEW(*label, count));
  for (int64_t i = 0; i < count; i++) {
    (*label)[i] = (int32_t)(first + (begin + i) % classes);
    ae_glyph_draw(seed, (*label)[i], begin + i, *rows + i * PIXELS);
  }
  return AE_OK;
}

ae_status ae_glyphs_write(const ae_comm *comm, const char *path, int64_t count, int first, int classes, uint64_t seed) {
  ae_status status = AE_OK;
  uint8_t *rows = NULL;
  int32_t *label = NULL;
  char origin[128];
  const int rank = ae_comm_rank(comm), ranks = ae_comm_size(comm);
  const int64_t begin = ae_muldiv(rank, count, ranks), own = ae_muldiv(rank + 1, count, ranks) - begin;
  const ae_dataset_shape shape = {count, 3, {1, AE_GLYPH_SIZE, AE_GLYPH_SIZE}, AE_H5_UINT8};
  if (count < 1 || classes < 1 || first < 0)
    AE_RAISE(AE_USAGE,
             "%lld glyphs of %d classes from number %d were asked for; at least one of each is needed, from 0 or above",
             (long long)count, classes, first);
  char from[32] = "";
  if (first > 0) snprintf(from, sizeof from, " --first %d", first);
  snprintf(origin, sizeof origin, "mpiae synth glyphs --count %lld --classes %d%s --seed %llu", (long long)count,
           classes, from, (unsigned long long)seed);
  AE_CHECK(ae_comm_agree(comm, draw_part(begin, own, first, classes, seed, &rows, &label)));
  AE_CHECK(ae_dataset_write(comm, path, &shape, begin, own, rows, label, NULL, origin));
  ae_log_info("%lld examples in %s", (long long)count, path);
cleanup:
  AE_FREE(rows);
  AE_FREE(label);
  return status;
}
