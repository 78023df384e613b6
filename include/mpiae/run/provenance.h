/* Where and with what a file was written: group /provenance, the only part of a file that does not follow from
 * configuration, data, seed, kind of CPU and versions of libraries. Collective. */
#ifndef MPIAE_RUN_PROVENANCE_H
#define MPIAE_RUN_PROVENANCE_H

#include "mpiae/h5/h5.h"
#include "mpiae/tensor/multiplier.h"

/* What was built and runs here, into attributes of a group: version, commit, date, hosts, ranks, MPI, HDF5, BLAS, core,
 * library of convolutions, and the products of training (ae_multiplier_blas where there is none). */
ae_status ae_provenance_write(const ae_comm *comm, ae_h5 *file, const ae_multiplier *products, double seconds);

/* Warns when ranks run different kernels, or others than the file's writer did (file may be NULL): bits would differ.
 */
ae_status ae_provenance_compare(const ae_comm *comm, const ae_multiplier *products, ae_h5 *file);

#endif
