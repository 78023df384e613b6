/* Calls of MPI, which do nothing and return an error where they are to fail (MPI's profiling interface: the library has
 * every function under the name PMPI_ too). */
#include "fault.h"

#include <mpi.h>

#define CALL(name, parameters, arguments)                                                                              \
  int MPI_##name parameters {                                                                                          \
    static fault_counter counter = {.call = "MPI_" #name};                                                             \
    return fault_next(&counter) != FAULT_NONE ? MPI_ERR_OTHER : PMPI_##name arguments;                                 \
  }

CALL(Allgather, (const void *out, int n, MPI_Datatype type, void *in, int m, MPI_Datatype type_in, MPI_Comm comm),
     (out, n, type, in, m, type_in, comm))
CALL(Allgatherv,
     (const void *out, int n, MPI_Datatype type, void *in, const int m[], const int at[], MPI_Datatype type_in,
      MPI_Comm comm),
     (out, n, type, in, m, at, type_in, comm))
CALL(Allreduce, (const void *out, void *in, int n, MPI_Datatype type, MPI_Op op, MPI_Comm comm),
     (out, in, n, type, op, comm))
CALL(Alltoall, (const void *out, int n, MPI_Datatype type, void *in, int m, MPI_Datatype type_in, MPI_Comm comm),
     (out, n, type, in, m, type_in, comm))
CALL(Alltoallv,
     (const void *out, const int n[], const int from[], MPI_Datatype type, void *in, const int m[], const int at[],
      MPI_Datatype type_in, MPI_Comm comm),
     (out, n, from, type, in, m, at, type_in, comm))
CALL(Barrier, (MPI_Comm comm), (comm))
CALL(Bcast, (void *bytes, int n, MPI_Datatype type, int root, MPI_Comm comm), (bytes, n, type, root, comm))
CALL(Comm_dup, (MPI_Comm comm, MPI_Comm *out), (comm, out))
CALL(Comm_split_type, (MPI_Comm comm, int type, int key, MPI_Info info, MPI_Comm *out), (comm, type, key, info, out))
CALL(Exscan, (const void *out, void *in, int n, MPI_Datatype type, MPI_Op op, MPI_Comm comm),
     (out, in, n, type, op, comm))
CALL(Gather,
     (const void *out, int n, MPI_Datatype type, void *in, int m, MPI_Datatype type_in, int root, MPI_Comm comm),
     (out, n, type, in, m, type_in, root, comm))
CALL(Get, (void *in, int n, MPI_Datatype type, int rank, MPI_Aint at, int m, MPI_Datatype type_there, MPI_Win window),
     (in, n, type, rank, at, m, type_there, window))
CALL(Info_create, (MPI_Info * out), (out))
CALL(Info_set, (MPI_Info info, const char *key, const char *value), (info, key, value))
CALL(Init_thread, (int *argc, char ***argv, int wanted, int *given), (argc, argv, wanted, given))
CALL(Iprobe, (int rank, int tag, MPI_Comm comm, int *found, MPI_Status *status), (rank, tag, comm, found, status))
CALL(Irecv, (void *in, int n, MPI_Datatype type, int rank, int tag, MPI_Comm comm, MPI_Request *request),
     (in, n, type, rank, tag, comm, request))
CALL(Isend, (const void *out, int n, MPI_Datatype type, int rank, int tag, MPI_Comm comm, MPI_Request *request),
     (out, n, type, rank, tag, comm, request))
CALL(Op_create, (MPI_User_function * function, int commutes, MPI_Op *out), (function, commutes, out))
CALL(Recv, (void *in, int n, MPI_Datatype type, int rank, int tag, MPI_Comm comm, MPI_Status *status),
     (in, n, type, rank, tag, comm, status))
CALL(Scan, (const void *out, void *in, int n, MPI_Datatype type, MPI_Op op, MPI_Comm comm),
     (out, in, n, type, op, comm))
CALL(Send, (const void *out, int n, MPI_Datatype type, int rank, int tag, MPI_Comm comm),
     (out, n, type, rank, tag, comm))
CALL(Testall, (int n, MPI_Request request[], int *done, MPI_Status status[]), (n, request, done, status))
CALL(Type_commit, (MPI_Datatype * type), (type))
CALL(Type_contiguous, (int n, MPI_Datatype type, MPI_Datatype *out), (n, type, out))
CALL(Waitall, (int n, MPI_Request request[], MPI_Status status[]), (n, request, status))
CALL(Win_allocate_shared, (MPI_Aint size, int unit, MPI_Info info, MPI_Comm comm, void *base, MPI_Win *out),
     (size, unit, info, comm, base, out))
CALL(Win_create, (void *base, MPI_Aint size, int unit, MPI_Info info, MPI_Comm comm, MPI_Win *out),
     (base, size, unit, info, comm, out))
CALL(Win_flush_local, (int rank, MPI_Win window), (rank, window))
CALL(Win_flush_local_all, (MPI_Win window), (window))
CALL(Win_lock_all, (int what, MPI_Win window), (what, window))
CALL(Win_shared_query, (MPI_Win window, int rank, MPI_Aint *size, int *unit, void *base),
     (window, rank, size, unit, base))
