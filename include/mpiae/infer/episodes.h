/* Few-shot classification in episodes (Lake et al. 2015; Vinyals et al. 2016): of so many classes a few examples are
 * shown, and one more of each is to be told apart. */
#ifndef MPIAE_INFER_EPISODES_H
#define MPIAE_INFER_EPISODES_H

#include "mpiae/models/model.h"

typedef struct ae_episodes_request {
  int ways;     /* classes in an episode, ≥ 2 */
  int shots;    /* examples shown of each, ≥ 1 */
  int episodes; /* ≥ 2 */
  int draws;    /* of the codes for each query and class, ≥ 1 */
  uint64_t seed;
} ae_episodes_request;

/* Shares of queries told right, and half the width of their 95 % intervals over episodes. */
typedef struct ae_episodes_outcome {
  double accuracy, accuracy_interval; /* by the model: the class whose examples make the query most likely */
  double pixels, pixels_interval;     /* by the nearest of the examples shown, squared distance of their numbers */
} ae_episodes_outcome;

/* Collective. Episode e takes classes, examples and noise from Philox(seed, AE_RANDOM_EPISODE, e): the same for any
 * number of ranks. The data is open in blocks, with labels. AE_USAGE when fewer classes than `ways` have shots + 1
 * examples. */
ae_status ae_episodes_run(ae_model *model, const ae_dataset *data, const ae_episodes_request *request,
                          ae_episodes_outcome *out);

#endif
