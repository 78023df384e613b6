#include "mpiae/data/synth.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/log.h"
#include "mpiae/base/memory.h"
#include "mpiae/data/glyphs.h"
#include "mpiae/data/points.h"
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

/* A rank's part of the dataset to write. */
typedef struct part {
  int64_t all, begin, count;
  uint8_t *rows;
  int32_t *label;
} part;

static ae_status write_images(const ae_comm *comm, const char *path, const part *own, const char *origin) {
  const ae_dataset_shape shape = {own->all, 3, {1, AE_GLYPH_SIZE, AE_GLYPH_SIZE}, AE_H5_UINT8};
  return ae_dataset_write(comm, path, &shape, own->begin, own->count, own->rows, own->label, NULL, origin);
}

static ae_status write_sets(const ae_comm *comm, const char *path, const part *own, const char *origin) {
  ae_status status;
  int64_t *offset = NULL;
  float *points = NULL;
  AE_CHECK(ae_comm_agree(comm, ae_points_of_images(AE_H5_UINT8, own->rows, own->count, AE_GLYPH_SIZE, AE_GLYPH_SIZE,
                                                   AE_POINTS_THRESHOLD, &offset, &points)));
  const ae_sets sets = {own->all, 2, own->begin, own->count, offset, points};
  status = ae_dataset_write_sets(comm, path, &sets, own->label, NULL, origin);
cleanup:
  AE_FREE(offset);
  AE_FREE(points);
  return status;
}

static ae_status write_glyphs(const ae_comm *comm, const char *path, int64_t count, int first, int classes,
                              uint64_t seed, bool as_sets) {
  ae_status status = AE_OK;
  char origin[160];
  const int rank = ae_comm_rank(comm), ranks = ae_comm_size(comm);
  part own = {.all = count, .begin = ae_muldiv(rank, count, ranks)};
  own.count = ae_muldiv(rank + 1, count, ranks) - own.begin;
  if (count < 1 || classes < 1 || first < 0)
    AE_RAISE(AE_USAGE,
             "%lld glyphs of %d classes from number %d were asked for; at least one of each is needed, from 0 or above",
             (long long)count, classes, first);
  char from[32] = "";
  if (first > 0) snprintf(from, sizeof from, " --first %d", first);
  snprintf(origin, sizeof origin, "mpiae synth glyphs --count %lld --classes %d%s --seed %llu%s", (long long)count,
           classes, from, (unsigned long long)seed, as_sets ? " --layout set" : "");
  AE_CHECK(ae_comm_agree(comm, draw_part(own.begin, own.count, first, classes, seed, &own.rows, &own.label)));
  AE_CHECK(as_sets ? write_sets(comm, path, &own, origin) : write_images(comm, path, &own, origin));
  ae_log_info("%lld examples in %s", (long long)count, path);
cleanup:
  AE_FREE(own.rows);
  AE_FREE(own.label);
  return status;
}

ae_status ae_glyphs_write(const ae_comm *comm, const char *path, int64_t count, int first, int classes, uint64_t seed) {
  return write_glyphs(comm, path, count, first, classes, seed, false);
}

ae_status ae_glyphs_write_sets(const ae_comm *comm, const char *path, int64_t count, int first, int classes,
                               uint64_t seed) {
  return write_glyphs(comm, path, count, first, classes, seed, true);
}
