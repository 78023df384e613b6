/* Where and with what a file was written: group /provenance, the only part of a file that does not follow from
 * configuration, data, seed, kind of CPU and versions of libraries. Collective. */
#ifndef MPIAE_RUN_PROVENANCE_H
#define MPIAE_RUN_PROVENANCE_H

#include "mpiae/h5/h5.h"

/* What was built and runs here, into attributes of a group: version, commit, date, hosts, ranks, MPI, HDF5, BLAS, core,
 * library of convolutions. */
ae_status ae_provenance_write(const ae_comm *comm, ae_h5 *file, double seconds);

/* Warns when ranks run different BLAS kernels, or others than the file's writer did (file may be NULL), or another
 * library of convolutions: bits would differ. */
ae_status ae_provenance_compare(const ae_comm *comm, ae_h5 *file);

#endif
