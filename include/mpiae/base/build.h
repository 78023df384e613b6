/* What was built: told to users by --version and kept in every file's provenance. */
#ifndef MPIAE_BASE_BUILD_H
#define MPIAE_BASE_BUILD_H

const char *ae_build_version(void); /* "0.2.0" */
const char *
ae_build_commit(void); /* "1a2b3c4d5e6f", with "-dirty" when files were changed since, or "unknown" outside git */

#endif
