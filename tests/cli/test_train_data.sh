#!/usr/bin/env bash
# mpiae train: the data, of its own format and of others; those to be tested on.
# usage: test_train_data.sh MPIAE RANKS
# shellcheck source=tests/harness/cases.sh
. "$(dirname "$0")/../harness/cases.sh"

make_configurations
make_images
prepare synth glyphs --count 40 --seed 2 --out test.h5
head -c "$(($(stat -c %s train.h5) / 2))" train.h5 >half-train.h5
accept "" import idx images --out unlabelled.h5

refuse 2 "vhe.labels" train vhe.yaml data.train=unlabelled.h5 vhe.labels=given --run r-given
refuse 3 "absent.h5" train vhe.yaml data.train=absent.h5 --run r-absent
refuse 3 "half-train.h5" train vhe.yaml data.train=half-train.h5 --run r-half
"$python" - <<'END'
import h5py, numpy
x = numpy.zeros((90, 6), "f4")
x[41, 2] = numpy.nan
with h5py.File("nan.h5", "w") as file:
    file.attrs["mpiae_format"], file.attrs["mpiae_version"], file["x"] = "dataset", 1, x
END
refuse 3 "nan.h5:/x: feature 2 of example 41" train vhe.yaml data.train=nan.h5 --run r-nan
refuse 2 "signed.h5 holds -1 to 2" train vae.yaml data.train=signed.h5 --run r-signed
accept "" train vae.yaml data.train=signed.h5 network.likelihood=gaussian --run r-signed
refuse 2 "signed.h5 has no known /label" train vhe.yaml data.train=signed.h5 network.likelihood=gaussian vhe.labels=given --run r-unknown
accept "" train vhe.yaml data.train=vectors.h5 --run r-vectors
accept "" train vhe.yaml data.train=vectors.h5 --run r-vectors --resume train.epochs=2
accept "" train ae.yaml data.train=vectors.h5 data.binarize=dynamic --run run-ae
accept "" train ae.yaml --run plane-ae
refuse 2 "data.binarize is for values in 0 to 1" train vae.yaml data.train=signed.h5 network.likelihood=gaussian data.binarize=static --run r-binary

# Less memory than the data take: read in every epoch, or refused
blocks=(data.shards=3 data.memory=0.00002 data.shuffle_window=4 train.batch_size=3)
accept "" train vae.yaml data.binarize=static "${blocks[@]}" --run r-blocks
if ! grep -q '  shuffle_block: 1$' r-blocks/config.yaml; then fail "blocks are not told"; fi
refuse 2 "shuffles each shard as a whole" train vae.yaml data.memory=0.00001 data.shuffle_block=0 --run r-whole
refuse 2 "takes examples from anywhere" train vhe.yaml "${blocks[@]}" --run r-anywhere

# Losses of the test set
accept "" train vae.yaml data.test=test.h5 data.binarize=static --run plane
refuse 3 "data.test: cannot open absent.h5" train vae.yaml data.test=absent.h5 --run r-test
accept "" train vae.yaml data.test=none data.binarize=static --run plane --resume train.epochs=2
if ! head -n 1 plane/metrics.csv | grep -q ',test_loss,'; then fail "the losses of the test set are gone with it"; fi
refuse 2 "(N, 6), but the model is for (N, 1, 28, 28)" train vae.yaml data.test=vectors.h5 --run r-test
if ! head -n 1 plane/metrics.csv | grep -q ',test_loss,test_cross_entropy,test_kl,'; then fail "no columns of the test set"; fi

# FILE.h5:/path as a dataset
"$python" - <<'END'
import h5py, numpy
with h5py.File("foreign.h5", "w") as file:
    file["digits/pixels"], file["digits/label"] = numpy.linspace(-1, 1, 540).reshape(90, 6), numpy.arange(90) % 3
    file["cube"], file["names"] = numpy.zeros((2, 1, 1, 1, 1)), ["a", "b"]
END
cat >array.yaml <<END
model: vae
data: {train: "foreign.h5:/digits/pixels"}
train: {epochs: 1, batch_size: 32}
network: {hidden: [8], latent_size: 2, likelihood: gaussian}
END
refuse 3 "foreign.h5 has no dataset /digits; it has /cube, /digits/label, /digits/pixels, /names" train array.yaml data.train=foreign.h5:/digits
refuse 3 "foreign.h5:/cube has 5 axes; examples are (N), (N, F), (N, H, W) or (N, C, H, W)" train array.yaml data.train=foreign.h5:/cube
refuse 3 "/names must hold numbers" train array.yaml data.train=foreign.h5:/names
refuse 3 "absent.h5: No such file" train array.yaml data.train=absent.h5:/digits/pixels
refuse 3 "not a dataset file" train array.yaml data.train=foreign.h5
refuse 2 "numbers that are converted are kept there" train array.yaml data.memory=0.0000001
refuse 2 "foreign.h5:/digits/pixels holds -1 to 1" train array.yaml network.likelihood=bernoulli
accept "" train array.yaml --run r-array
accept "" train array.yaml --run r-array --resume train.epochs=2

finish
