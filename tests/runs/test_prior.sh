#!/usr/bin/env bash
# A PixelCNN over maps of indices, from training to samples: the same bits on any number of ranks, also resumed; the prior
# of a VQ-VAE; what it refuses.
# usage: test_prior.sh MPIAE
# shellcheck source=tests/harness/runs.sh
. "$(dirname "$0")/../harness/runs.sh"

# Each number is the one before it plus the label, now and then another; the row above shifts by one.
"$python" - <<'END'
import h5py, numpy
random = numpy.random.default_rng(3)
def draw(count):
    label = random.integers(0, 3, count).astype("int32")
    index = numpy.zeros((count, 5, 4), "int32")
    for r in range(5):
        for c in range(4):
            before = index[:, r, c - 1] + label if c > 0 else index[:, r - 1, 0] + 1
            index[:, r, c] = numpy.where(random.random(count) < 0.8, before, random.integers(0, 7, count)) % 7
    return index, label
def write(name, index, label=None, **attributes):
    with h5py.File(name, "w") as file:
        file["index"] = index
        for key, value in attributes.items():
            file["index"].attrs[key] = value
        if label is not None:
            file["label"] = label
index, label = draw(331)
write("train.h5", index, label, entries=8, codebook=99)
index, label = draw(270)
write("test.h5", index, label, entries=8, codebook=99)
write("bare.h5", index)
write("one.h5", index[:1])
for k in range(3):
    write(f"one-{k}.h5", index[:1], label[:1] * 0 + k)
write("other-codebook.h5", index, label, entries=8, codebook=98)
write("other-entries.h5", index, label, entries=9)
write("large.h5", index + 2, label)
write("negative.h5", index - 1)
write("halves.h5", index / 2)
write("bytes.h5", index.astype("uint8"))
write("huge.h5", index + 65536)
write("flat.h5", index.reshape(len(index), -1))
write("colours.h5", numpy.stack([index] * 3, 1))
unknown = label.copy()
unknown[5] = -1
write("unknown.h5", index, unknown)
write("more-labels.h5", index, label + 1)
END
cat >prior.yaml <<'END'
model: pixelcnn
data: {train: "train.h5:/index", test: "test.h5:/index", shards: 6}
train: {epochs: 3, batch_size: 25, learning_rate: 0.003}
pixelcnn: {channels: 12, layers: 3, labels: auto}
output: {samples: 5}
checkpoint: {keep: 9}
END

for ranks in 1 2 3 4; do
  on "$ranks" train prior.yaml --run "run-$ranks"
  for file in checkpoint-000000014.h5 checkpoint-000000042.h5 samples-000003.h5; do equal "run-1/$file" "run-$ranks/$file"; done
  equal_metrics run-1 "run-$ranks"
done
on 3 train prior.yaml --run cut train.steps=20
on 2 train prior.yaml --run cut --resume
equal run-1/checkpoint-000000042.h5 cut/checkpoint-000000042.h5
if [ -e run-1/codes-000003.h5 ]; then fail "a prior has no codes"; fi

# told RANKS ARGUMENTS…: what it prints
told() { timeout 100 "${mpirun[@]}" -n "$1" "$mpiae" "${@:2}" 2>log || fail "mpiae ${*:2}"; }
for ranks in 1 2 3; do
  on "$ranks" sample run-1 --count 300 --out "samples-$ranks.h5"
  equal samples-1.h5 "samples-$ranks.h5"
  for data in test bare; do told "$ranks" evaluate run-1 "$data.h5:/index" --json >"$data-$ranks.json"; done
  for data in test bare; do diff "$data-1.json" "$data-$ranks.json" || fail "mpiae evaluate on $ranks ranks"; done
done
on 1 sample run-1 --count 20 --label 2 --out second.h5
for data in one one-0 one-1 one-2; do told 1 evaluate run-1 "$data.h5:/index" --json >"$data.json"; done
"$python" - <<'END' || fail "figures and samples"
import csv, json, math, h5py, numpy
def loss(name):
    with open(f"{name}.json") as file:
        return json.load(file)
with open("run-1/metrics.csv") as file:
    rows = list(csv.DictReader(file))
assert float(rows[-1]["test_loss"]) < 0.9 * 20 * math.log(7), rows[-1]
assert float(rows[-1]["train_loss"]) < float(rows[0]["train_loss"])
told = loss("test-1")
assert float(rows[-1]["test_loss"]) == told["loss"] == -told["elbo"]
assert abs(told["nats_per_index"] * 20 - told["loss"]) < 1e-6
assert abs(told["bits_per_dimension"] * math.log(2) - told["nats_per_index"]) < 1e-8
# without a label: the mixture over those of the training data
with h5py.File("train.h5") as file:
    share = numpy.bincount(file["label"][:]) / len(file["label"])
mixed = -math.log(sum(share[k] * math.exp(-loss(f"one-{k}")["loss"]) for k in range(3)))
assert abs(mixed - loss("one")["loss"]) < 1e-6, (mixed, loss("one"))
with h5py.File("samples-1.h5") as file:
    assert file["index"].shape == (300, 5, 4) and file["index"].dtype == "int32" and file["x"].shape == (300, 1, 5, 4)
    assert (file["x"][:, 0] == file["index"][:]).all() and file["index"][:].max() < 8
    assert set(file["label"][:]) == {0, 1, 2}
    assert len(numpy.unique(file["index"][:].reshape(300, -1), axis=0)) > 290
with h5py.File("second.h5") as file:
    assert set(file["label"][:]) == {2}
END

# refuse STATUS PART ARGUMENTS…: ends with this status and one message that holds PART, on two ranks
refuse() {
  local wanted=$1 part=$2 status=0
  shift 2
  timeout 100 "${mpirun[@]}" -n 2 "$mpiae" "$@" >out 2>err </dev/null || status=$?
  if [ "$status" != "$wanted" ]; then fail "mpiae $*: status $status"; fi
  if [ "$(grep -c '^mpiae: error:' err)" != 1 ] || ! grep -qF -- "$part" err; then
    fail "mpiae $*: not one message with '$part'"
    cat err
  fi
}
try() { refuse 2 "$1" train prior.yaml --run refused --overwrite data.test=none "${@:2}"; }
try "holds others, -1 to 5: give what encode writes" data.train=negative.h5:/index
try "holds others, 0 to 3: give" data.train=halves.h5:/index
try "bytes are divided by 255 unless data.scale=none" data.train=bytes.h5:/index
try "whole numbers from 0 to at most 65535" data.train=huge.h5:/index
try "is for maps of indices, (N, rows, columns), not for examples (N, 20)" data.train=flat.h5:/index pixelcnn.labels=0
try "not for examples (N, 3, 5, 4)" data.train=colours.h5:/index pixelcnn.labels=0
try "pixelcnn.labels is auto, but bare.h5:/index has no known /label" data.train=bare.h5:/index
try "pixelcnn.labels asks for labels, but bare.h5:/index has none" data.train=bare.h5:/index pixelcnn.labels=3
try "the label of example 5 is unknown" data.train=unknown.h5:/index
try "has labels up to 2, but pixelcnn.labels is 2" pixelcnn.labels=2
try "holds the index 6, but pixelcnn.entries is 6" pixelcnn.entries=6
try "holds indices of a codebook of 8 entries, but pixelcnn.entries is 9" pixelcnn.entries=9
try "pixelcnn.kernel is 4, but it must be odd" pixelcnn.kernel=4
try "data.binarize and data.center are for values of images" data.binarize=static
try "data.binarize and data.center are for values of images" data.center=0.5
refuse 2 "holds indices of another codebook than the training data" evaluate run-1 other-codebook.h5:/index
refuse 2 "holds indices of a codebook of 9 entries, but pixelcnn.entries is 8" evaluate run-1 other-entries.h5:/index
refuse 2 "holds the index 8, but pixelcnn.entries is 8" evaluate run-1 large.h5:/index
refuse 2 "has labels up to 3, but pixelcnn.labels is 3" evaluate run-1 more-labels.h5:/index
refuse 2 "another codebook" train prior.yaml --run refused --overwrite data.test=other-codebook.h5:/index
refuse 2 "--label 3: the model knows the labels 0 to 2" sample run-1 --label 3 --out x.h5
refuse 2 "has no codes" encode run-1 test.h5:/index --out x.h5
refuse 2 "does not decode codes of data" reconstruct run-1 test.h5:/index --out x.h5
refuse 2 "does not decode codes of data" interpolate run-1 test.h5:/index --from 0 --to 1 --out x.h5

# Without labels, and without what the file tells: entries by the largest index.
on 2 train prior.yaml --run bare data.train=bare.h5:/index data.test=none pixelcnn.labels=0 train.epochs=1
grep -q "pixelcnn.entries is 7, by the largest index" log || fail "where the number of entries is from"
grep -q "entries: 7" bare/config.yaml || fail "the number of entries in config.yaml"
refuse 2 "model 'pixelcnn' is not conditioned on labels" sample bare --label 0 --out x.h5

# The prior of a VQ-VAE.
on 1 synth glyphs --count 120 --out glyphs.h5
printf 'model: vqvae\ndata: {train: glyphs.h5, shards: 2}\ntrain: {epochs: 1, batch_size: 30}\n' >vqvae.yaml
printf 'vqvae: {entries: 8, entry_size: 4, channels: 8, residual_channels: 4, residual_blocks: 1}\n' >>vqvae.yaml
on 1 train vqvae.yaml --run vqvae
on 1 train vqvae.yaml --run stranger train.seed=5
on 2 encode vqvae glyphs.h5 --out glyph-codes.h5
on 2 train prior.yaml --run glyph-prior data.train=glyph-codes.h5:/index data.test=none train.steps=3
for ranks in 1 3; do
  on "$ranks" sample vqvae --prior glyph-prior --label 4 --count 9 --out "glyph-samples-$ranks.h5"
  equal glyph-samples-1.h5 "glyph-samples-$ranks.h5"
done
on 1 sample glyph-prior --label 4 --count 9 --out glyph-maps.h5
if ! h5diff -q glyph-maps.h5 glyph-samples-1.h5 /index /index; then fail "maps of the prior, and those that were decoded"; fi
told 2 evaluate vqvae glyphs.h5 --prior glyph-prior --json >priced.json
told 2 evaluate glyph-prior glyph-codes.h5:/index --json >prior.json
"$python" - <<'END' || fail "the price of codes"
import json
priced, prior = (json.load(open(f"{name}.json")) for name in ("priced", "prior"))
assert abs(priced["prior"] - prior["loss"]) < 1e-5 and abs(priced["prior_per_index"] - prior["nats_per_index"]) < 1e-6
END
refuse 2 "is over the indices of another codebook" sample stranger --prior glyph-prior --out x.h5
"$python" - <<'END' || fail "maps of another shape"
import h5py
with h5py.File("glyph-codes.h5") as file, h5py.File("reshaped.h5", "w") as other:
    other["index"], other["label"] = file["index"][()].reshape(-1, 49, 1), file["label"][()]
with h5py.File("glyph-codes.h5") as file, h5py.File("untagged.h5", "w") as other:
    other["index"], other["label"] = file["index"][()], file["label"][()]
    other["index"].attrs["entries"], other["index"].attrs["codebook"] = 8, "mine"
END
on 1 train prior.yaml --run tall data.train=reshaped.h5:/index data.test=none train.steps=1 pixelcnn.entries=8
refuse 2 "is over maps of 49 × 1 indices, but those of vqvae have 7 × 7" sample vqvae --prior tall --out x.h5
on 1 train prior.yaml --run untagged data.train=untagged.h5:/index data.test=none train.steps=1
on 1 sample vqvae --prior untagged --count 3 --out untagged-samples.h5
grep -q "warning: --prior untagged: the indices that it learned from did not tell their codebook" log || fail "nothing is said of a prior over indices without a codebook"
on 1 evaluate vqvae glyphs.h5 --prior glyph-prior
grep -q "the indices are priced given the labels of the data" log || fail "what a price is the price of"
grep -q '"given_labels": 1\b' priced.json || fail "the share of labels that a price is given: $(cat priced.json)"
"$python" - <<'END' || fail "unknown labels"
import h5py
with h5py.File("glyphs.h5") as file:
    for name, label in (("half.h5", -1), ("many.h5", 99)):
        with h5py.File(name, "w") as other:
            other.attrs["mpiae_format"], other.attrs["mpiae_version"], other["x"] = "dataset", 1, file["x"][()]
            other["label"] = file["label"][()]
            other["label"][60:] = label
END
for data in half many; do
  told 2 evaluate vqvae $data.h5 --prior glyph-prior >priced.txt
  grep -q "the indices of a share of 0.5 are priced given the labels" priced.txt || fail "what a price is the price of: $(cat priced.txt)"
done

# With levels for numbers, bits per dimension: those of the numbers given the indices, and those of the indices.
on 1 train vqvae.yaml network.likelihood=categorical train.steps=2 --run levels
on 1 encode levels glyphs.h5 --out level-codes.h5
on 1 train prior.yaml --run level-prior data.train=level-codes.h5:/index data.test=none train.steps=3
told 2 evaluate levels glyphs.h5 --prior level-prior --json >levels.json
"$python" - <<'END' || fail "bits per dimension"
import json, math
told = json.load(open("levels.json"))
assert abs(told["bits_per_dimension"] * math.log(2) - told["cross_entropy"] - told["prior"] / 784) < 1e-6, told
END
refuse 2 "is over 20 indices below 8, but a code of vqvae has 49 below 8" sample vqvae --prior run-1 --out x.h5
refuse 2 "is no prior over codes; these are: pixelcnn" sample vqvae --prior vqvae --out x.h5
refuse 2 "--prior: glyph-prior is itself a prior: give the model of the codes first, and glyph-prior with --prior" \
  sample glyph-prior --prior vqvae --out x.h5
refuse 2 "is itself a prior" evaluate glyph-prior glyph-codes.h5:/index --prior vqvae

finish
