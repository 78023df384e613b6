/* What a file says of itself, so that a later program knows how to read it, and an earlier one that it does not. */
#include "private.h"

ae_status ae_h5_put_kind(ae_h5 *file, const char *kind) {
  AE_RETURN_IF(ae_h5_put_text(file, "/", "mpiae_format", kind));
  return ae_h5_put_integer(file, "/", "mpiae_version", AE_H5_VERSION);
}

ae_status ae_h5_get_kind(ae_h5 *file, char **kind) {
  bool exists;
  double version = 1;
  *kind = NULL;
  AE_RETURN_IF(ae_h5_has_attribute(file, "/", "mpiae_format", &exists));
  if (!exists) return AE_OK;
  AE_RETURN_IF(ae_h5_get_real(file, "/", "mpiae_version", &version));
  if (version > AE_H5_VERSION)
    return AE_FAIL(AE_DATA,
                   "%s: its attribute mpiae_version is %g, but this program reads %d: use the one that made it",
                   file->path, version, AE_H5_VERSION);
  return ae_h5_get_text(file, "/", "mpiae_format", kind);
}
