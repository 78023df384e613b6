/* One binary for all CPUs: loops compiled for several instruction sets, chosen at load time. */
#ifndef MPIAE_BASE_CLONES_H
#define MPIAE_BASE_CLONES_H

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) &&               \
    !defined(__SANITIZE_THREAD__)
#define AE_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define AE_CLONES
#endif

#endif
