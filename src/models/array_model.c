#include "mpiae/models/array_model.h"

ae_status ae_array_model_read(const ae_model *model, bool needs_hidden, ae_network *network, ae_examples *examples,
                              ae_likelihood *likelihood) {
  const ae_model_setup *setup = &model->setup;
  AE_RETURN_IF(ae_network_read(setup, network));
  if (needs_hidden && network->hidden.count == 0)
    return AE_FAIL(AE_USAGE, "network.hidden is empty, but model '%s' needs at least one hidden layer",
                   model->type->name);
  AE_RETURN_IF(ae_likelihood_read(setup->config, model->type->name, likelihood));
  *examples = ae_examples_of(setup, network->convolutional);
  return setup->data != NULL ? ae_likelihood_accept(likelihood, examples, setup->data) : AE_OK;
}
