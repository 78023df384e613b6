#include "mpiae/models/metrics.h"

#include <math.h>
#include <string.h>

static const ae_column columns[] = {
    {"epoch", "epoch, from 1", "", false},
    {"step", "optimizer steps since the start of the run", "", false},
    {"seconds", "wall clock of the epoch", "s", true},
    {"examples_per_second", "examples trained on per second, all ranks together", "1/s", true},
    {"learning_rate", "learning rate of the last step", "", false},
    {"train_loss",
     "training loss per example, averaged over the epoch as it trained; of a VQ-VAE per number of an example, or as a "
     "share of the data's variance",
     "nat", false},
    {"train_cross_entropy", "reconstruction term of the training loss", "nat", false},
    {"train_squared_error",
     "reconstruction term of the training loss, with the constant of the Gaussian; of a VQ-VAE the mean as a share of "
     "the data's variance",
     "nat", false},
    {"train_commitment", "mean squared distance of the encoder's numbers from their entries", "", false},
    {"train_codebook", "the same, as the term that moves the entries", "", false},
    {"train_reconstruction", "distance of a set from its prediction times its points / (2 sigma^2)", "nat", false},
    {"train_chamfer", "squared Chamfer distance of a set from its prediction", "", false},
    {"train_huber", "Chamfer distance of a set from its prediction, Huber's for each coordinate", "", false},
    {"train_matching", "mean squared distance of points from those they are matched with in the prediction", "", false},
    {"train_size", "minus the logarithm of the probability of a set's size given its code", "nat", false},
    {"train_kl", "divergence of the posterior from the prior", "nat", false},
    {"train_kl_c", "divergence of the class code's posterior from its prior, divided by the size of the class", "nat",
     false},
    {"train_kl_z", "divergence of the example code's posterior from its prior given the class code", "nat", false},
    {"test_loss",
     "loss per example of data.test after the epoch; of a VQ-VAE per number of an example, or as a share of the "
     "training data's variance",
     "nat", false},
    {"test_cross_entropy", "reconstruction term of the test loss", "nat", false},
    {"test_squared_error",
     "reconstruction term of the test loss, with the constant of the Gaussian; of a VQ-VAE the mean as a share of the "
     "training data's variance",
     "nat", false},
    {"test_commitment", "mean squared distance of the encoder's numbers from their entries, on data.test", "", false},
    {"test_codebook", "the same", "", false},
    {"test_reconstruction", "distance of a set from its prediction times its points / (2 sigma^2), on data.test", "nat",
     false},
    {"test_chamfer", "squared Chamfer distance of a set from its prediction, on data.test", "", false},
    {"test_huber", "Chamfer distance of a set from its prediction, Huber's for each coordinate, on data.test", "",
     false},
    {"test_matching", "mean squared distance of points from those they are matched with, on data.test", "", false},
    {"test_size", "minus the logarithm of the probability of a set's size given its code, on data.test", "nat", false},
    {"test_size_rmse",
     "root of the mean squared error of the likeliest size of a set, also of one above set.most_points, on data.test",
     "", false},
    {"test_size_acc", "share of sets whose likeliest size is theirs, on data.test", "", false},
    {"test_kl", "divergence of the posterior from the prior, on data.test", "nat", false},
    {"test_kl_c",
     "divergence of the class posterior of the nearest cluster, divided by the cluster's size, on data.test", "nat",
     false},
    {"test_kl_z", "divergence of the example code's posterior from its prior given the class code, on data.test", "nat",
     false},
    {"test_label_price", "minus the logarithm of the nearest cluster's share, on data.test", "nat", false},
    {"active_units", "latent dimensions whose divergence from the prior is above 0.01 nats on average", "", false},
    {"size_rmse",
     "root of the mean squared error of the likeliest size of a set, averaged over the epoch as it trained", "", false},
    {"codebook_perplexity", "perplexity of the codebook's use over the epoch", "", false},
    {"codebook_used", "entries of the codebook used in the epoch", "", false},
    {"codebook_revived", "entries restarted in the epoch because they were not used", "", false},
    {"label_entropy", "entropy of the shares of the clusters used as labels: the price of a label", "nat", false},
    {"label_nmi", "normalised mutual information of the labels used in this epoch and the known ones", "", false},
    {"label_acc", "share of examples matched by the best one-to-one assignment of labels used to known ones", "",
     false},
    {"label_ari", "adjusted Rand index of the labels used in this epoch and the known ones", "", false},
    {"previous_nmi", "normalised mutual information with the labels of the epoch before", "", false},
    {"changed", "share of examples whose label changed since the epoch before", "", false},
    {"inertia", "sum of squared distances of the codes to their centroids", "", false},
    {"kmeans_iterations", "Lloyd iterations of the clustering that gave these labels", "", false},
    {"cluster_min", "examples in the smallest cluster", "", false},
    {"cluster_median", "median number of examples in a cluster", "", false},
    {"cluster_max", "examples in the largest cluster", "", false},
    {"cluster_empty", "clusters without examples", "", false},
    {"grad_c", "root of the mean squared norm of the gradient of an example's loss by its class code c, as sampled", "",
     false},
    {"grad_z", "root of the mean squared norm of the gradient of an example's loss by its code z, as sampled", "",
     false},
    {"grad_ratio", "grad_z over grad_c: which of the codes the loss depends on", "", false},
    {"weight_c", "weight of c in the distance behind the labels used in this epoch", "", false},
    {"weight_z", "weight of z in the distance behind the labels used in this epoch", "", false},
    {"skipped_steps", "steps left out because their loss or gradient was not finite", "", false},
};

const ae_column *ae_metrics_columns(int *count) {
  *count = (int)(sizeof columns / sizeof *columns);
  return columns;
}

const char *ae_metrics_units(const ae_column *column, const char *of_loss) {
  return strcmp(column->units, "nat") == 0 ? of_loss : column->units;
}

int ae_metrics_find(const char *column) {
  int count;
  ae_metrics_columns(&count);
  for (int i = 0; i < count; i++)
    if (strcmp(columns[i].name, column) == 0) return i;
  ae_assert_failed(column, __FILE__, __LINE__);
}

void ae_metrics_clear(ae_metrics *metrics) {
  for (int i = 0; i < AE_METRICS_MAX; i++) metrics->value[i] = NAN;
}

void ae_metrics_set(ae_metrics *metrics, const char *column, double value) {
  metrics->value[ae_metrics_find(column)] = value;
}
double ae_metrics_get(const ae_metrics *metrics, const char *column) { return metrics->value[ae_metrics_find(column)]; }
