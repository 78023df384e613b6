/* How users name an array in an HDF5 file: "FILE.h5:/path"; without ":/" the file alone is named. */
#ifndef MPIAE_DATA_LOCATION_H
#define MPIAE_DATA_LOCATION_H

#include "mpiae/comm/comm.h"
#include "mpiae/h5/h5.h"

typedef struct ae_location {
  char *file;
  char *array; /* from its '/'; NULL when the text names a file alone */
} ae_location;

/* Collective. Takes such a text apart; the parts are owned by the caller. A text that is itself the name of something
 * that exists is a file, whatever colons it holds; of several ":/" the last one counts that has a file before it.
 * "FILE.h5:path" is FILE.h5:/path where FILE.h5 exists. Errors: AE_INTERNAL without memory. */
ae_status ae_location_find(const ae_comm *comm, const char *text, ae_location *out);
void ae_location_free(ae_location *location); /* Local */

/* Collective. AE_DATA when the file has no dataset of that path: the sentence names some that it has, or says why what is
 * there cannot be opened. */
ae_status ae_location_require(const ae_comm *comm, ae_h5 *file, const char *array);

/* Local. Whether there is a dataset (not a group) of that path. */
bool ae_location_holds(const ae_h5 *file, const char *array);

#endif
