#include "mpiae/base/philox.h"

#include <math.h>

static inline void multiply(uint32_t a, uint32_t b, uint32_t *high, uint32_t *low) {
  const uint64_t product = (uint64_t)a * b;
  *high = (uint32_t)(product >> 32);
  *low = (uint32_t)product;
}

void ae_philox(ae_stream stream, uint32_t index, uint32_t out[4]) {
  uint32_t c0 = index, c1 = (uint32_t)stream.example;
  uint32_t c2 = (uint32_t)(stream.example >> 32) | stream.purpose << 16, c3 = stream.epoch;
  uint32_t k0 = (uint32_t)stream.seed, k1 = (uint32_t)(stream.seed >> 32);
  for (int round = 0; round < 10; round++) {
    uint32_t high0, low0, high1, low1;
    multiply(0xD2511F53u, c0, &high0, &low0);
    multiply(0xCD9E8D57u, c2, &high1, &low1);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

uint32_t ae_random_bits(ae_stream stream, uint32_t index) {
  uint32_t words[4];
  ae_philox(stream, index / 4, words);
  return words[index % 4];
}

double ae_random_uniform(ae_stream stream, uint32_t index) { return ae_random_bits(stream, index) * 0x1p-32; }

__extension__ typedef unsigned __int128 wide;

int64_t ae_random_below(ae_stream stream, uint32_t index, int64_t count) {
  uint32_t words[4];
  ae_philox(stream, index, words);
  const uint64_t bits = (uint64_t)words[1] << 32 | words[0];
  return (int64_t)((wide)bits * (uint64_t)count >> 64);
}

void ae_random_fill_uniform(ae_stream stream, float low, float high, int64_t count, float *out) {
  uint32_t words[4];
  for (int64_t i = 0; i < count; i++) {
    if (i % 4 == 0) ae_philox(stream, (uint32_t)(i / 4), words);
    /* 24 bits, so that the float is exact and below 1 */
    out[i] = low + (high - low) * ((float)(words[i % 4] >> 8) * 0x1p-24f);
  }
}

/* Two normal numbers from two words: Box and Muller (1958). The radius uses (0, 1], so its logarithm is finite. */
static void box_muller(uint32_t a, uint32_t b, float *first, float *second) {
  const float radius = sqrtf(-2.0f * logf(((float)(a >> 8) + 1.0f) * 0x1p-24f));
  const float angle = 6.28318530717958648f * ((float)(b >> 8) * 0x1p-24f);
  *first = radius * cosf(angle);
  *second = radius * sinf(angle);
}

void ae_random_fill_normal(ae_stream stream, int64_t count, float *out) {
  for (int64_t i = 0; i < count; i += 4) {
    uint32_t words[4];
    float normal[4];
    ae_philox(stream, (uint32_t)(i / 4), words);
    box_muller(words[0], words[1], &normal[0], &normal[1]);
    box_muller(words[2], words[3], &normal[2], &normal[3]);
    for (int64_t j = 0; j < 4 && i + j < count; j++) out[i + j] = normal[j];
  }
}
