/* Clocks and the phase profile: where the time of a run went. A phase is entered and left on one thread; phases
 * nest, and the time of an inner phase is not counted in the outer one. */
#ifndef MPIAE_BASE_PROFILE_H
#define MPIAE_BASE_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

/* Seconds of a monotonic clock. */
double ae_clock_seconds(void);

/* One row per phase: name, what the user reads in the table, whether it is part of a training step. */
#define AE_PHASE_TABLE(X)                                                                                              \
  X(AE_PHASE_OTHER, "other", 0)                                                                                        \
  X(AE_PHASE_READ, "read data", 0)                                                                                     \
  X(AE_PHASE_FILL, "fill inputs", 1)                                                                                   \
  X(AE_PHASE_EXEMPLARS, "exemplars from ranks", 1)                                                                     \
  X(AE_PHASE_PRODUCTS, "matrix products", 1)                                                                           \
  X(AE_PHASE_ELEMENTWISE, "elementwise", 1)                                                                            \
  X(AE_PHASE_TREE, "sum over shards", 1)                                                                               \
  X(AE_PHASE_EXCHANGE, "gradient exchange", 1)                                                                         \
  X(AE_PHASE_CONTROL, "control reduction", 1)                                                                          \
  X(AE_PHASE_OPTIMIZER, "optimizer", 1)                                                                                \
  X(AE_PHASE_VERIFY, "compare parameters", 1)                                                                          \
  X(AE_PHASE_RECORD, "record codes", 1)                                                                                \
  X(AE_PHASE_STEP, "rest of the step", 1)                                                                              \
  X(AE_PHASE_KMEANS, "k-means", 0)                                                                                     \
  X(AE_PHASE_LABELS, "class index and scores", 0)                                                                      \
  X(AE_PHASE_ENCODE, "encode", 0)                                                                                      \
  X(AE_PHASE_EVALUATE, "evaluate", 0)                                                                                  \
  X(AE_PHASE_WRITE, "write files", 0)

#define AE_PHASE_ENUM(name, label, step) name,
typedef enum ae_phase { AE_PHASE_TABLE(AE_PHASE_ENUM) AE_PHASE_COUNT } ae_phase;
#undef AE_PHASE_ENUM

const char *ae_phase_label(ae_phase phase);
int ae_phase_in_step(ae_phase phase);

/* Enters a phase and returns the one left, to be given back to ae_profile_leave. */
ae_phase ae_profile_enter(ae_phase phase);
void ae_profile_leave(ae_phase previous);
/* The same for work that is done in steps and elsewhere: outside a step the phase stays, with a beat. */
ae_phase ae_profile_enter_in_step(ae_phase phase);

/* Seconds spent in each phase since the last reset, AE_PHASE_COUNT of them. A reset also sets the step to 0. */
void ae_profile_read(double seconds[AE_PHASE_COUNT]);
void ae_profile_reset(void);

/* Signs of life, for a thread that watches (train/watchdog.h). Entering and leaving a phase is a beat, and so are the
 * beginning and end of a wait; every matrix product of a long loop enters a phase. */
typedef struct ae_life {
  uint64_t beats;
  int64_t step; /* under way, from 1; 0 before the first */
  ae_phase phase;
  bool waits; /* for other ranks */
} ae_life;

void ae_profile_set_step(int64_t step);

/* Around calls that return when other ranks have come as far: returns what was so before, to be given back at the end.
 */
bool ae_profile_wait(bool waits);

/* From any thread; the parts may be of neighbouring moments. */
ae_life ae_profile_life(void);

#endif
