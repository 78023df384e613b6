/* Which kernels OpenBLAS runs. It knows processors by model number: on one newer than itself it falls back to kernels
 * of 2004 (SSE3), many times slower, though the instructions of a known one are all there. */
#ifndef MPIAE_TENSOR_CORE_H
#define MPIAE_TENSOR_CORE_H

/* Local. First thing in main, before MPI starts: when OpenBLAS fell back and the processor has AVX-512 or AVX2, starts
 * the program again with OPENBLAS_CORETYPE naming the core for it (OpenBLAS reads it before main). Leaves a core that
 * the user forced. Returns when there is nothing to do or starting again fails. */
void ae_blas_choose_core(char **argv);

/* What kernels and processors compute with. */
typedef enum ae_vectors { AE_VECTORS_PLAIN, AE_VECTORS_AVX2, AE_VECTORS_AVX512 } ae_vectors;

/* Local. Of an OpenBLAS core by its name ("Haswell"); of this processor. */
ae_vectors ae_vectors_of_core(const char *core);
ae_vectors ae_vectors_of_processor(void);

/* The core that uses them, by which OPENBLAS_CORETYPE can force it; NULL for AE_VECTORS_PLAIN. */
const char *ae_vectors_core(ae_vectors vectors);

#endif
