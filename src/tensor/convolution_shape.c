#include "mpiae/tensor/convolution.h"
#include "mpiae/tensor/convolution_kind.h"

#include <string.h>

static int64_t side(int64_t length, int64_t kernel, int64_t padding, int64_t stride) {
  const int64_t room = length + 2 * padding - kernel;
  return room < 0 ? 0 : room / stride + 1;
}

int64_t ae_convolution_rows(const ae_convolution_shape *s) {
  return side(s->rows, s->kernel[0], s->padding[0], s->stride);
}

int64_t ae_convolution_columns(const ae_convolution_shape *s) {
  return side(s->columns, s->kernel[1], s->padding[1], s->stride);
}

bool ae_convolution_is_whole(const ae_convolution_shape *s) {
  return s->taps[0] == s->kernel[0] && s->taps[1] == s->kernel[1];
}

int64_t ae_convolution_weights(const ae_convolution_shape *s) {
  return s->outputs * s->kernel[0] * s->kernel[1] * s->channels;
}

/* Copies the taps that count from one kernel array to another, both cleared or overwritten by the caller. */
static void copy_taps(const ae_convolution_shape *s, const float *from, const int64_t from_side[2], float *to,
                      const int64_t to_side[2]) {
  for (int64_t o = 0; o < s->outputs; o++)
    for (int64_t row = 0; row < s->taps[0]; row++)
      memcpy(to + (o * to_side[0] + row) * to_side[1] * s->channels,
             from + (o * from_side[0] + row) * from_side[1] * s->channels,
             (size_t)(s->taps[1] * s->channels) * sizeof *to);
}

void ae_convolution_narrow(const ae_convolution_shape *s, const int64_t kept[2], const float *weight, float *narrow) {
  memset(narrow, 0, (size_t)(s->outputs * kept[0] * kept[1] * s->channels) * sizeof *narrow);
  copy_taps(s, weight, s->kernel, narrow, kept);
}

void ae_convolution_widen(const ae_convolution_shape *s, const int64_t kept[2], const float *narrow, float *weight) {
  memset(weight, 0, (size_t)ae_convolution_weights(s) * sizeof *weight);
  copy_taps(s, narrow, kept, weight, s->kernel);
}
