#include "mpiae/cli/command.h"

#include "mpiae/base/build.h"
#include "mpiae/tensor/blas.h"
#include "mpiae/tensor/convolution.h"

#include <hdf5.h>
#include <string.h>

/* Open MPI's text goes on with its build host and more. */
static int first_part(const char *text) { return (int)strcspn(text, ",\n"); }

void ae_print_version(void) {
  char mpi[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  unsigned major = 0, minor = 0, release = 0;
  if (MPI_Get_library_version(mpi, &length) != MPI_SUCCESS) mpi[0] = '\0';
  H5get_libversion(&major, &minor, &release);
  printf("mpiae %s (commit %s)\n", ae_build_version(), ae_build_commit());
  printf("MPI       %.*s\n", first_part(mpi), mpi);
  printf("HDF5      %u.%u.%u\n", major, minor, release);
  printf("BLAS      %s, core %s\n", ae_blas_library(), ae_blas_core());
  printf("images    %s\n", ae_convolution_library(&ae_multiplier_blas));
}
