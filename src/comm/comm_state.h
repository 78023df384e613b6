/* For src/comm alone. */
#ifndef MPIAE_COMM_COMM_STATE_H
#define MPIAE_COMM_COMM_STATE_H

#include "mpiae/comm/comm.h"
#include "mpiae/comm/lifeline.h"

struct ae_comm {
  MPI_Comm handle;
  int rank, size;
  ae_lifeline *lifeline;
};

#endif
