#include "mpiae/data/idx.h"

#include "input.h"

#define UNSIGNED_BYTE 0x08

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

static ae_status read_header(gzFile stream, const char *path, ae_array *idx) {
  uint8_t bytes[16];
  int64_t got = 0;
  AE_RETURN_IF(ae_input_read(stream, path, bytes, 4, &got));
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
  AE_RETURN_IF(ae_input_read(stream, path, bytes, 4 * idx->rank, &got));
  if (got < 4 * idx->rank)
    return AE_FAIL(AE_DATA, "%s: it ends within its sizes, at byte %lld", path, (long long)(4 + got));
  for (int i = 0; i < idx->rank; i++)
    idx->dim[i] = (int64_t)bytes[4 * i] << 24 | bytes[4 * i + 1] << 16 | bytes[4 * i + 2] << 8 | bytes[4 * i + 3];
  return AE_OK;
}

static ae_status read_stream(gzFile stream, const char *path, ae_array_use use, ae_array *idx) {
  int64_t wanted = 0;
  AE_RETURN_IF(read_header(stream, path, idx));
  if (use == AE_ARRAY_EXAMPLES && idx->rank == 1)
    return AE_FAIL(AE_DATA, "%s: it has one axis, as labels have; give it with --labels and an image file first", path);
  AE_RETURN_IF(ae_array_bytes(path, idx, 1, &wanted));
  idx->type = AE_H5_UINT8;
  return ae_input_read_rest(stream, path, wanted, &idx->values);
}

ae_status ae_idx_read(const char *path, ae_array_use use, ae_array *out) {
  gzFile stream = NULL;
  *out = (ae_array){0};
  ae_status status = ae_input_open(path, &stream);
  if (status == AE_OK) status = read_stream(stream, path, use, out);
  ae_input_close(stream);
  if (status != AE_OK) ae_array_free(out);
  return status;
}
