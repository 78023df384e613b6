#include "mpiae/train/buckets.h"

#include "mpiae/base/arithmetic.h"

/* Floats after which a bucket is closed: 1 MiB. And those of a rank's slice, at least: 16 KiB, below which a message
 * costs as much as its bytes. */
enum { BUCKET_FLOATS = 1 << 18, SLICE_FLOATS = 1 << 12 };

int ae_buckets_cut(const ae_params *params, int ranks, int64_t *border, int *bucket_of) {
  const int count = ae_params_count(params);
  const int64_t all = ae_params_size(params), least = SLICE_FLOATS * (int64_t)ranks;
  const int64_t size = ae_max(ae_max(BUCKET_FLOATS, least), all / (AE_MOST_BUCKETS - 1));
  int buckets = 0;
  border[0] = 0;
  for (int i = 0; i < count; i++) {
    const int64_t end = i + 1 < count ? ae_params_at(params, i + 1)->offset : all;
    bucket_of[i] = buckets;
    border[buckets + 1] = end;
    if (end - border[buckets] >= size && all - end >= least) buckets++;
  }
  return buckets + 1;
}
