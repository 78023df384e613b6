/* The variational homoencoder: what its training (vhe.c) and its inference (inference.c) share. */
#ifndef MPIAE_MODELS_VHE_H
#define MPIAE_MODELS_VHE_H

#include "mpiae/comm/window.h"
#include "mpiae/models/array_model.h"
#include "mpiae/models/vhe/pseudo_labels.h"
#include "shared_sets.h"

/* Inputs of the networks for inference. */
enum { IN_X, IN_C, IN_Z };

typedef struct vhe {
  ae_model base;
  int64_t latent, exemplars;
  ae_network network;
  ae_examples examples;
  ae_likelihood likelihood;
  ae_pseudo_labels *labels;
  /* training */
  ae_tensor *x, *exemplar, *noise_c, *noise_z, *weight; /* inputs; weight = 1 / |class of x| */
  ae_tensor *set; /* input with vhe.sets=class: the set of each row, from 0 in its segment */
  int set_axis;   /* of q(c|D): sets, or the axis of x */
  ae_tensor *posterior_c, *posterior_z;
  ae_tensor *code[2]; /* z and c as sampled, AE_PART_… */
  ae_window *window;
  vhe_shared_sets *shared; /* of vhe.sets=class, or NULL */
  int64_t *drawn;   /* (own, exemplars): the epoch's exemplars of every own example; NULL where sets are shared */
  int64_t sets;     /* most of a step: as many as rows, or classes */
  int64_t *wanted;  /* (sets, exemplars): those of the batch prefetched last */
  char *fetched[2]; /* their rows, of even and odd steps */
  /* inference */
  ae_forward encoder_c, encoder_z, prior, decoder; /* q(c|{x}), q(z|x,c), p(z|c), p(x|c,z) */
  float *pair;                                     /* (AE_BLOCK_ROWS, 2L): codes [z, c] */
  float *noise;                                    /* (AE_BLOCK_ROWS, L) */
  int32_t label[AE_BLOCK_ROWS];                    /* clusters of the block being evaluated */
} vhe;

/* Local. q(c | D), D the `exemplars` that x has for each row of `axis`; p(z | c), q(z | x, c) and p(x | c, z), in any
 * graph. */
ae_tensor *ae_vhe_encoder_c(const vhe *model, ae_graph *graph, ae_tensor *x, int axis, int64_t exemplars);
ae_tensor *ae_vhe_prior(const vhe *model, ae_graph *graph, ae_tensor *c);
ae_tensor *ae_vhe_encoder_z(const vhe *model, ae_graph *graph, ae_tensor *x, ae_tensor *c);
ae_tensor *ae_vhe_decoder(const vhe *model, ae_graph *graph, ae_tensor *c, ae_tensor *z);

/* Local. The networks for inference, and the hooks that run them (models/model.h). Unseen examples take the posterior
 * of the nearest cluster for that of their class. */
ae_status ae_vhe_build_inference(vhe *model);
void ae_vhe_destroy_inference(vhe *model);
ae_status ae_vhe_encode(ae_model *base, const ae_block *block, void *const *field);
ae_status ae_vhe_decode(ae_model *base, int64_t count, const float *code, float *x);
ae_status ae_vhe_evaluate(ae_model *base, const ae_block *block, uint32_t draw, double *terms, double *log_weight);
ae_status ae_vhe_draw(ae_model *base, const ae_sample_request *request, int64_t at, int64_t count, float *code,
                      int32_t *label);
ae_status ae_vhe_likelihood(ae_model *base, const ae_block *like, const ae_block *queries, int draws, double *out);
ae_status ae_vhe_one_shot(ae_model *base, const ae_block *block, float *code);

#endif
