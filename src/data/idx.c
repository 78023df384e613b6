#include "mpiae/data/idx.h"

#include "mpiae/base/arithmetic.h"
#include "mpiae/base/memory.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#define UNSIGNED_BYTE 0x08
#define PIECE_BYTES ((int64_t)16 << 20)

static const char *name_of_type(int type) {
  switch (type) {
  case 0x09:
    return "signed bytes";
  case 0x0b:
    return "int16";
  case 0x0c:
    return "int32";
  case 0x0d:
    return "float32";
  case 0x0e:
    return "float64";
  default:
    return "an unknown type";
  }
}

/* Reads up to `count` bytes; fewer only at the end of the file. */
static ae_status read_bytes(gzFile stream, const char *path, uint8_t *bytes, int64_t count, int64_t *got) {
  *got = 0;
  while (*got < count) {
    const int now = gzread(stream, bytes + *got, (unsigned)ae_min(count - *got, PIECE_BYTES));
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

static ae_status read_header(gzFile stream, const char *path, ae_idx *idx) {
  uint8_t bytes[16];
  int64_t got = 0;
  AE_RETURN_IF(read_bytes(stream, path, bytes, 4, &got));
  if (got < 4) return AE_FAIL(AE_DATA, "%s: %lld bytes are too few for an idx file", path, (long long)got);
  if (bytes[0] != 0 || bytes[1] != 0 || bytes[3] < 1 || bytes[3] > 4)
    return AE_FAIL(AE_DATA,
                   "%s: it begins %02x %02x %02x %02x, but an idx file of bytes begins 00 00 08 and 01 to 04; is it "
                   "another format?",
                   path, bytes[0], bytes[1], bytes[2], bytes[3]);
  if (bytes[2] != UNSIGNED_BYTE)
    return AE_FAIL(AE_DATA, "%s: byte 2 is %02x (%s), but only unsigned bytes (08) can be read", path, bytes[2],
                   name_of_type(bytes[2]));
  idx->rank = bytes[3];
  AE_RETURN_IF(read_bytes(stream, path, bytes, 4 * idx->rank, &got));
  if (got < 4 * idx->rank)
    return AE_FAIL(AE_DATA, "%s: it ends within its sizes, at byte %lld", path, (long long)(4 + got));
  for (int i = 0; i < idx->rank; i++)
    idx->dim[i] = (int64_t)bytes[4 * i] << 24 | bytes[4 * i + 1] << 16 | bytes[4 * i + 2] << 8 | bytes[4 * i + 3];
  return AE_OK;
}

static ae_status grow(uint8_t **values, int64_t held, int64_t capacity) {
  uint8_t *larger = NULL;
  AE_RETURN_IF(AE_NEW(larger, capacity));
  if (held > 0) memcpy(larger, *values, (size_t)held);
  AE_FREE(*values);
  *values = larger;
  return AE_OK;
}

/* The buffer grows with what arrives, so that sizes out of a damaged header are not believed before the bytes
 * are there. */
static ae_status read_values(gzFile stream, const char *path, int64_t wanted, ae_idx *idx) {
  int64_t held = 0, got = 0, capacity = ae_min(wanted, 4 * PIECE_BYTES);
  AE_RETURN_IF(grow(&idx->values, 0, capacity));
  do {
    if (held == capacity) {
      capacity = ae_min(wanted, 2 * capacity);
      AE_RETURN_IF(grow(&idx->values, held, capacity));
    }
    AE_RETURN_IF(read_bytes(stream, path, idx->values + held, capacity - held, &got));
    held += got;
  } while (held == capacity && held < wanted);
  if (held < wanted)
    return AE_FAIL(AE_DATA, "%s: it has %lld bytes of data, but its sizes ask for %lld; is it cut short?", path,
                   (long long)held, (long long)wanted);
  return AE_OK;
}

static ae_status read_stream(gzFile stream, const char *path, ae_idx *idx) {
  int64_t wanted = 1, got = 0;
  uint8_t byte;
  AE_RETURN_IF(read_header(stream, path, idx));
  for (int i = 0; i < idx->rank; i++) {
    ae_status overflow = ae_multiply(wanted, idx->dim[i], path, &wanted);
    if (overflow == AE_OK) continue;
    ae_error_clear(&overflow);
    return AE_FAIL(AE_DATA, "%s: its sizes ask for more than 2^63 bytes; the header is damaged", path);
  }
  AE_RETURN_IF(read_values(stream, path, wanted, idx));
  AE_RETURN_IF(read_bytes(stream, path, &byte, 1, &got));
  if (got > 0)
    return AE_FAIL(AE_DATA, "%s: it is longer than its sizes say; the first byte too many is %lld", path,
                   (long long)(4 + 4 * idx->rank + wanted));
  return AE_OK;
}

ae_status ae_idx_read(const char *path, ae_idx *out) {
  *out = (ae_idx){0};
  errno = 0;
  gzFile stream = gzopen(path, "rb");
  if (stream == NULL)
    return AE_FAIL(AE_DATA, "cannot open %s: %s", path, errno != 0 ? strerror(errno) : "memory is short");
  gzbuffer(stream, 1u << 18);
  ae_status status = read_stream(stream, path, out);
  gzclose_r(stream);
  if (status != AE_OK) ae_idx_free(out);
  return status;
}

void ae_idx_free(ae_idx *idx) { AE_FREE(idx->values); }
