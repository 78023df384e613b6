/* PyTorch's forms of the models: source text, of the .py files beside the models that they mirror. One after another
 * they are a module: ae_python_model, which all have, first. */
#ifndef MPIAE_MODELS_PYTHON_H
#define MPIAE_MODELS_PYTHON_H

extern const char ae_python_model[], ae_python_network[], ae_python_autoencoder[], ae_python_acn[], ae_python_vhe[],
    ae_python_vqvae[], ae_python_pixelcnn[], ae_python_sets[];

#endif
