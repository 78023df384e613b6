/* Losses of a dataset under a trained model. Blocks of examples are dealt to ranks; results are the same bits for any
 * number of them. Collective; errors are agreed. */
#ifndef MPIAE_INFER_EVALUATE_H
#define MPIAE_INFER_EVALUATE_H

#include "mpiae/models/model.h"

/* AE_USAGE: the data are of another kind (arrays, sets) or shape than the model's, or have values that it cannot take.
 */
ae_status ae_inference_accept(const ae_model *model, const ae_dataset *data);

/* Means over the examples of a dataset. */
typedef struct ae_evaluation {
  int64_t examples;
  double loss;                         /* weighted terms */
  double term[2 * AE_MODEL_MAX_TERMS]; /* of the model's terms, then of its measures */
  double elbo;                         /* −Σ terms, each with weight 1; NaN unless the model is proper */
  double bound; /* importance-weighted bound on ln p(x) with `draws` draws (Burda et al. 2016, eq. 8); likewise */
} ae_evaluation;

/* Terms are averaged over `draws` ≥ 1 draws of the noise, which depend on (seed, draw, example) alone. */
ae_status ae_inference_evaluate(ae_model *model, const ae_dataset *data, int draws, ae_evaluation *out);

#endif
