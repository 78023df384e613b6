/* HDF5's checksum of a chunk, as fast as memory gives the bytes. */
#include "mpiae/base/arithmetic.h"
#include "mpiae/base/clones.h"
#include "private.h"

#include <endian.h>
#include <string.h>

/* Words stand in rows of LANES, each lane summed by itself; ROWS (ROWS + 1) / 2 · 65535 < 2³². */
enum { LANES = 32, ROWS = 256 };

typedef struct lane_sums {
  uint32_t sum[LANES], sum_of_sums[LANES];
} lane_sums;

AE_CLONES static void sum_lanes(const uint8_t *bytes, int64_t rows, lane_sums *restrict out) {
  *out = (lane_sums){0};
  for (int64_t row = 0; row < rows; row++) {
    uint16_t word[LANES];
    memcpy(word, bytes + row * (int64_t)sizeof word, sizeof word);
    for (int lane = 0; lane < LANES; lane++) {
      out->sum[lane] += le16toh(word[lane]);
      out->sum_of_sums[lane] += out->sum[lane];
    }
  }
}

/* Modulo 65535, but zero only for zero. */
static uint64_t fold(uint64_t sum) { return sum == 0 ? 0 : (sum - 1) % 65535 + 1; }

static uint32_t exchange_bytes(uint64_t word) { return (uint32_t)(word >> 8 | (word & 255) << 8); }

/* Modulo 65535, 256 times a word is that word with its bytes exchanged: so little-endian words are summed, and the sums'
 * bytes exchanged at the end (RFC 1071). */
uint32_t ae_h5_fletcher32(const uint8_t *bytes, int64_t count) {
  const int64_t words = count / 2;
  uint64_t sum = 0, sum_of_sums = 0;
  int64_t at = 0;
  for (int64_t rows; (rows = ae_min(ROWS, (words - at) / LANES)) > 0; at += rows * LANES) {
    lane_sums lanes;
    sum_lanes(bytes + 2 * at, rows, &lanes);
    sum_of_sums += (uint64_t)(rows * LANES) * sum;
    for (unsigned lane = 0; lane < LANES; lane++) {
      sum += lanes.sum[lane];
      sum_of_sums += (uint64_t)LANES * lanes.sum_of_sums[lane] - (uint64_t)lane * lanes.sum[lane];
    }
    sum = fold(sum);
    sum_of_sums = fold(sum_of_sums);
  }
  for (int64_t i = 2 * at; i < count; i += 2) {
    sum += bytes[i] + (i + 1 < count ? (unsigned)bytes[i + 1] << 8 : 0);
    sum_of_sums += sum;
  }
  return exchange_bytes(fold(sum_of_sums)) << 16 | exchange_bytes(fold(sum));
}
