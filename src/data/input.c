#include "input.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"

#include <errno.h>
#include <string.h>

#define FIRST_BYTES ((int64_t)1 << 20)
#define PIECE_BYTES ((int64_t)16 << 20)

ae_status ae_input_open(const char *path, gzFile *out) {
  errno = 0;
  *out = gzopen(path, "rb");
  if (*out == NULL)
    return AE_FAIL(AE_DATA, "cannot open %s: %s", path, errno != 0 ? strerror(errno) : "memory is short");
  gzbuffer(*out, 1u << 18);
  return AE_OK;
}

void ae_input_close(gzFile stream) {
  if (stream != NULL) gzclose_r(stream);
}

ae_status ae_input_read(gzFile stream, const char *path, void *bytes, int64_t count, int64_t *got) {
  *got = 0;
  while (*got < count) {
    const int now = gzread(stream, (uint8_t *)bytes + *got, (unsigned)ae_min(count - *got, PIECE_BYTES));
    if (now < 0) break;
    *got += now;
    if (now == 0) break;
  }
  int code = Z_OK;
  const char *reason = gzerror(stream, &code);
  if (code == Z_ERRNO) return AE_FAIL(AE_DATA, "cannot read %s: %s", path, strerror(errno));
  if (code == Z_BUF_ERROR)
    return AE_FAIL(AE_DATA, "%s: the gzip stream ends in its midst, after giving %lld bytes; fetch the file again",
                   path, (long long)gztell(stream));
  if (code != Z_OK && code != Z_STREAM_END)
    return AE_FAIL(AE_DATA, "%s: the gzip stream is damaged after %lld bytes (%s); fetch the file again", path,
                   (long long)gztell(stream), reason);
  return AE_OK;
}

static ae_status grow(void **values, int64_t held, int64_t capacity) {
  uint8_t *larger = NULL;
  AE_RETURN_IF(AE_NEW(larger, capacity));
  if (held > 0) memcpy(larger, *values, (size_t)held);
  AE_FREE(*values);
  *values = larger;
  return AE_OK;
}

static ae_status read_values(gzFile stream, const char *path, int64_t wanted, void **values, int64_t *out_held) {
  int64_t held = 0, got = 0, capacity = ae_min(wanted, FIRST_BYTES);
  AE_RETURN_IF(grow(values, 0, capacity));
  do {
    if (held == capacity) {
      capacity = ae_min(wanted, 2 * capacity);
      AE_RETURN_IF(grow(values, held, capacity));
    }
    AE_RETURN_IF(ae_input_read(stream, path, (uint8_t *)*values + held, capacity - held, &got));
    held += got;
  } while (held == capacity && held < wanted);
  *out_held = held;
  return AE_OK;
}

ae_status ae_input_read_rest(gzFile stream, const char *path, int64_t wanted, void **values) {
  int64_t held = 0, got = 0;
  uint8_t byte;
  AE_RETURN_IF(read_values(stream, path, wanted, values, &held));
  if (held < wanted)
    return AE_FAIL(AE_DATA, "%s: it has %lld bytes of data, but its sizes ask for %lld; is it cut short?", path,
                   (long long)held, (long long)wanted);
  const int64_t end = (int64_t)gztell(stream);
  AE_RETURN_IF(ae_input_read(stream, path, &byte, 1, &got));
  if (got > 0)
    return AE_FAIL(AE_DATA, "%s: it is longer than its sizes say; the first byte too many is %lld", path,
                   (long long)end);
  return AE_OK;
}

ae_status ae_input_read_all(gzFile stream, const char *path, void **values, int64_t *count) {
  return read_values(stream, path, INT64_MAX, values, count);
}
