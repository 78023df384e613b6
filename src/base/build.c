#include "mpiae/base/build.h"

/* Both come from CMakeLists.txt. */
const char *ae_build_version(void) { return MPIAE_VERSION; }
const char *ae_build_commit(void) { return MPIAE_COMMIT; }
