/* Texts as HDF5 has them, of attributes and of datasets. */
#include "mpiae/base/memory.h"
#include "private.h"

hid_t ae_h5_text_type(size_t size, H5T_cset_t letters) {
  hid_t type = H5Tcopy(H5T_C_S1);
  if (type >= 0 && (H5Tset_size(type, size) < 0 || H5Tset_cset(type, letters) < 0)) ae_h5_release(&type);
  return type;
}

/* HDF5 does not convert between ASCII and UTF-8, even where they are the same bytes, and Octave asks for ASCII: a text
 * dataset that is not gives up the whole file there. */
H5T_cset_t ae_h5_letters_of(const char *text) {
  for (; *text != '\0'; text++)
    if ((unsigned char)*text > 127) return H5T_CSET_UTF8;
  return H5T_CSET_ASCII;
}

ae_status ae_h5_take_text(ae_h5 *file, hid_t source, hid_t type, const char *object, char **text) {
  ae_status status = AE_OK;
  const bool attribute = H5Iget_type(source) == H5I_ATTR;
  char *lent = NULL;
  *text = NULL;
  if (H5Tget_class(type) != H5T_STRING) AE_RAISE(AE_DATA, "%s: %s must be text; " AE_H5_DAMAGED, file->path, object);
  const bool variable = H5Tis_variable_str(type) > 0;
  if (!variable) AE_CHECK(AE_NEW(*text, H5Tget_size(type) + 1));
  void *place = variable ? (void *)&lent : *text;
  AE_CHECK(ae_h5_require(
      file, attribute ? H5Aread(source, type, place) : H5Dread(source, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, place),
      "read", object, AE_H5_DAMAGED));
  if (variable) AE_CHECK(ae_memory_text(lent == NULL ? "" : lent, text));
cleanup:
  if (lent != NULL) H5free_memory(lent);
  return status;
}

ae_status ae_h5_agree_text(const ae_h5 *file, ae_status status, char **text) {
  status = ae_comm_agree(file->comm, status);
  if (status != AE_OK) AE_FREE(*text);
  return status;
}
