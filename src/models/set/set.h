/* The set autoencoders: what their training (autoencoder.c) and their inference (inference.c) share. */
#ifndef MPIAE_MODELS_SET_H
#define MPIAE_MODELS_SET_H

#include "examples.h"
#include "mpiae/models/network.h"
#include "mpiae/tensor/matching.h"
#include "network.h"

/* What is told of a set; terms of the loss and measures are such. */
typedef enum ae_set_figure {
  AE_SET_RECONSTRUCTION, /* n · distance / (2 σ²): −ln of a Gaussian density of points about their predictions, but for
                            constants */
  AE_SET_KL,
  AE_SET_CHAMFER,
  AE_SET_HUBER,
  AE_SET_MATCHING,
  AE_SET_SIZE,       /* −ln of the probability of the set's size */
  AE_SET_SIZE_ERROR, /* squared, of the likeliest size */
  AE_SET_SIZE_HIT,   /* whether that is the set's */
  AE_SET_FIGURES
} ae_set_figure;

/* Inputs of networks for inference: what the encoder sees, points or (set.input=image) an image; the codes of sets, and
 * the points (·, d) that a prediction begins as. */
enum { IN_SEEN, IN_CODE = 0, IN_START };

/* One on blocks of at most AE_BLOCK_ROWS sets and `capacity` points; made anew when a block has more. */
typedef struct ae_set_pass {
  ae_forward net;   /* out: the code or (μ | s); the points predicted; logits of sizes */
  int points;       /* axis */
  int64_t capacity; /* of it */
} ae_set_pass;

typedef struct ae_set_model {
  ae_model base;
  ae_set_network network;
  ae_set_examples examples;
  ae_network image_network;             /* with set.input=image: of the encoder */
  ae_examples images;                   /* and what it sees */
  int64_t most;                         /* largest size that the predictor knows */
  double sigma;                         /* of a variational one */
  ae_set_figure distance;               /* set.loss */
  ae_set_figure figure[AE_SET_FIGURES]; /* what the terms are, then the measures */
  bool begun;                           /* what follows is known */
  double *mean, *deviation; /* of the coordinates of the training data's points: what predictions begin as */
  int sets;                 /* axis of the training graph */
  /* training; of stage `autoencoder` */
  ae_tensor *points, *image, *start, *noise, *weight, *q; /* image: what is encoded with set.input=image; or NULL */
  int64_t *offset;                                        /* (capacity + 1) */
  double *divergence; /* of each latent dimension, mean over the last epoch; NaN before one */
  /* of stage `size` */
  ae_tensor *code, *size, *logit;
  float *frozen; /* what the encoder, which stays as it is, gives for the own examples; NULL before the first epoch */
  float *frozen_noise; /* (code) */
  /* inference */
  ae_set_pass encoder, decoder;
  ae_forward predictor;
  float *drawn, *z; /* (AE_BLOCK_ROWS, code) */
  int32_t *nearest; /* (nearest_size): scratch of distances, like what follows */
  int64_t nearest_size;
  float *scratch;
  ae_matching *matching; /* NULL before it is wanted */
} ae_set_model;

/* Local. The networks for inference, and the hooks that run them (models/model.h). */
ae_status ae_set_build_inference(ae_set_model *model);
void ae_set_destroy_inference(ae_set_model *model);

/* Local. The encoder on at most AE_BLOCK_ROWS examples: model->encoder.net.out. */
ae_status ae_set_run_encoder(ae_set_model *model, const ae_block *block);

/* Local. What the encoder gave for an own example, once model->frozen is there. */
const float *ae_set_frozen(const ae_set_model *model, int64_t example);

/* Local. `count` points that a prediction begins as: of the data's mean and deviation, by a stream of their own. */
void ae_set_fill_start(const ae_set_model *model, ae_stream stream, int64_t count, float *points);

/* Local. Whether the loss is that of the optimal matching. */
bool ae_set_matches(const ae_set_model *model);

/* Local. The likeliest of the sizes; ties to the smallest. */
int64_t ae_set_likeliest(const ae_set_model *model, const float *logit);

/* Hooks. */
ae_status ae_set_start(ae_model *base);
ae_status ae_set_save(ae_model *base, ae_h5 *file);
ae_status ae_set_load(ae_model *base, ae_h5 *file);
ae_status ae_set_init_from(ae_model *base, const ae_config *config, ae_h5 *file);
int ae_set_arrays(ae_model *base, ae_model_array *out);
ae_status ae_set_adopt(ae_model *base);
ae_status ae_set_of_block(ae_model *base, const ae_block *block, ae_block *sets);
ae_status ae_set_encode(ae_model *base, const ae_block *block, void *const *field);
ae_status ae_set_evaluate(ae_model *base, const ae_block *block, uint32_t draw, double *terms, double *log_weight);
ae_status ae_set_predict_sizes(ae_model *base, const ae_set_codes *codes, bool drawn, int64_t *sizes);
ae_status ae_set_decode(ae_model *base, const ae_set_codes *codes, const int64_t *offset, float *points);

#endif
