#include "private.h"

/* Every call of HDF5 forgets the messages of the call before, and the one that failed is yet to be reported. */
void ae_h5_release(hid_t *handle) {
  if (*handle < 0) return;
  const bool failing = H5Eget_num(H5E_DEFAULT) > 0;
  const hid_t messages = failing ? H5Eget_current_stack() : H5I_INVALID_HID;
  H5Idec_ref(*handle);
  if (messages >= 0) H5Eset_current_stack(messages);
  *handle = H5I_INVALID_HID;
}
