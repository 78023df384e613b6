#!/usr/bin/env bash
# Convolutional models, whole: the same bits on any number of ranks and over a resume, in training and in what the
# commands make; colours that come back in their places.
# usage: test_images.sh MPIAE RANKS…    training on so many ranks is compared with that on one
configs=$(realpath "$(dirname "$0")/../../configs")
# shellcheck source=tests/harness/runs.sh
. "$(dirname "$0")/../harness/runs.sh"

on 1 synth glyphs --count 403 --out glyphs.h5
on 1 synth glyphs --count 270 --seed 2 --out glyphs-test.h5
# Planes that differ, on sides that differ: a column of red, a row of green, blue all over.
"$python" - <<'END'
import h5py, numpy
random = numpy.random.default_rng(1)
def colours(name, count):
    x = numpy.zeros((count, 3, 8, 12))
    x[numpy.arange(count), 0, :, random.integers(0, 12, count)] = 1
    x[numpy.arange(count), 1, random.integers(0, 8, count), :] = 0.8
    x[:, 2] = random.random((count, 1, 1))
    with h5py.File(name, "w") as file:
        file["x"] = numpy.round(255 * x).astype("u1")
        file["flat"] = x.reshape(count, -1).astype("f4")
        file["odd"] = x[:, :, :7].astype("f4")
        file["last"] = x.transpose(0, 2, 3, 1).astype("f4")
colours("colours.h5", 300)
colours("colours-test.h5", 40)
END
cat >vae.yaml <<'END'
model: vae
data: {train: glyphs.h5, shards: 6, binarize: dynamic}
train: {batch_size: 60, epochs: 2}
network: {kind: conv, channels: [4, 8], hidden: [24], latent_size: 2}
END
cat >vhe.yaml <<'END'
model: vhe
data: {train: glyphs.h5, shards: 6}
train: {batch_size: 60, epochs: 2}
network: {kind: conv, channels: [4, 8], hidden: [24], latent_size: 4}
vhe: {exemplars: 2}
kmeans: {clusters: 7}
END
cat >colours.yaml <<'END'
model: vhe
data: {train: "colours.h5:/x", shards: 9, center: 0.5}
train: {batch_size: 45, epochs: 2}
network: {kind: conv, channels: [8, 5], hidden: [20], latent_size: 3, likelihood: gaussian, activation: tanh}
kmeans: {clusters: 4}
END
cat >ae.yaml <<'END'
model: ae
data: {train: "colours.h5:/x", shards: 4, center: 0.5}
train: {batch_size: 30, epochs: 2, learning_rate: 0.003}
network: {kind: conv, channels: [16, 16], hidden: [], latent_size: 24, likelihood: gaussian}
END

for model in vae vhe colours ae; do
  for ranks in 1 "${@:2}"; do
    on "$ranks" train "$model.yaml" --run "$model-$ranks"
    for file in "$model-1"/checkpoint-*.h5 "$model-1"/codes-*.h5; do equal "$file" "$model-$ranks/$(basename "$file")"; done
    equal_metrics "$model-1" "$model-$ranks"
  done
  on 4 train "$model.yaml" train.epochs=1 --run "$model-4-3"
  on 3 train "$model.yaml" --run "$model-4-3" --resume
  saved=("$model-1"/checkpoint-*.h5)
  equal "${saved[-1]}" "$model-4-3/$(basename "${saved[-1]}")"
  equal "$model-1/codes-000002.h5" "$model-4-3/codes-000002.h5"
  equal_metrics "$model-1" "$model-4-3"
done

# to RANKS COMMAND…: its results in files <name>-<ranks>.h5, those of one rank compared with them
to() {
  local ranks=$1 name=$2
  shift 2
  on "$ranks" "$@" --out "$name-$ranks.h5"
  equal "$name-1.h5" "$name-$ranks.h5"
}

for ranks in 1 3; do
  for pair in "vae glyphs-test.h5" "colours colours-test.h5:/x"; do
    read -r model data <<<"$pair"
    to "$ranks" "$model-codes" encode "$model-1" "$data"
    to "$ranks" "$model-decoded" decode "$model-1" "$model-codes-1.h5"
    to "$ranks" "$model-pairs" reconstruct "$model-1" "$data" --count 30
    to "$ranks" "$model-line" interpolate "$model-1" "$data" --from 3 --to 39 --steps 5
    to "$ranks" "$model-samples" sample "$model-1" --count 20
    timeout 100 "${mpirun[@]}" -n "$ranks" "$mpiae" evaluate "$model-1" "$data" --json \
      >"$model-$ranks.json" 2>log || fail "evaluate $model-1 on $ranks ranks"
    if ! diff "$model-1.json" "$model-$ranks.json"; then fail "evaluate $model-1 on $ranks ranks"; fi
  done
  to "$ranks" vae-grid decode vae-1 --grid 3
  to "$ranks" colours-like sample colours-1 --count 6 --like colours-test.h5:/x:3,9
  to "$ranks" colours-swap sample colours-1 --count 4 --swap
done

# Another kind of network is another model, and other layers make other numbers.
on 1 train vae.yaml network.kind=dense --run vae-dense
differ vae-1/checkpoint-000000014.h5 vae-dense/checkpoint-000000014.h5

# What is decoded stands where it stood in the example: the error is the one that evaluate tells, and training lowers it.
on 2 train ae.yaml train.epochs=60 checkpoint.every_epochs=60 output.codes=none --run ae-long
on 1 reconstruct ae-long colours-test.h5:/x --out long-pairs.h5
on 1 evaluate ae-long colours-test.h5:/x --json
cp log long.json
"$python" - <<'END' || fail "reconstructions of colours"
import h5py, json, math, numpy
with h5py.File("long-pairs.h5") as file:
    x, y = file["x"][()].astype("f8"), file["reconstruction"][()].astype("f8")
with h5py.File("colours-test.h5") as file:
    assert numpy.allclose(x, file["x"][()] / 255, atol=1e-6)
assert x.shape == (40, 3, 8, 12) == y.shape
squared = ((x - y) ** 2).sum(axis=(1, 2, 3)).mean()
with open("long.json") as file:
    told = json.loads([line for line in file if line.startswith("{")][-1])["squared_error"]
expected = squared + x[0].size / 2 * math.log(math.pi)
assert abs(told - expected) < 1e-4 * expected, (told, expected)
for channel in range(3):
    spread = x[:, channel].var()
    error = ((x[:, channel] - y[:, channel]) ** 2).mean()
    assert error < 0.5 * spread, (channel, error, spread)
END

# refuse MESSAGE ARGUMENTS…
refuse() {
  local message=$1
  shift
  timeout 100 "${mpirun[@]}" -n 2 "$mpiae" "$@" >log 2>&1 </dev/null
  status=$?
  if [ "$status" != 2 ] || [ "$(grep -c '^mpiae: error: ' log)" != 1 ] || ! grep -qF -- "$message" log; then
    fail "status $status, not 2 with '$message': $*"
    tail -3 log
  fi
}

refuse "sides of 28 × 28 can be halved 2 times only: give network.channels 2 numbers at most" train vae.yaml 'network.channels=[4,4,4]' --run no
refuse "sides of 7 × 12 can be halved 0 times only: set network.kind=dense" train ae.yaml data.train=colours.h5:/odd --run no
refuse "sides of 12 × 3 can be halved 0 times only" train ae.yaml data.train=colours.h5:/last --run no
grep -qF "warning: colours.h5:/last is taken as images of 8 channels, 12 × 3: if these are 8 × 12 with the 3 channels last" log || fail "nothing is said of channels that come last: $(cat log)"
refuse "but the data are (N, 288)" train vhe.yaml data.train=colours.h5:/flat --run no
refuse "network.channels is empty" train vhe.yaml 'network.channels=[]' --run no
refuse "network.hidden is empty" train vhe.yaml 'network.hidden=[]' --run no
refuse "data.center=0.5 takes values out of 0 to 1" train vae.yaml data.center=0.5 --run no
refuse "(N, 1, 28, 28), but the model is for (N, 3, 8, 12)" encode ae-1 glyphs.h5 --out no.h5
refuse "--init-from: the networks of" train vae.yaml network.kind=dense --init-from vae-1 --run no
if [ -e no.h5 ]; then fail "what was refused left a file"; fi

# Every configuration of images is read, and lacks but its data.
for config in "$configs"/conv-*.yaml "$configs"/vhe-conv-*.yaml "$configs"/vqvae-cifar10*.yaml "$configs"/pixelcnn-cifar10.yaml; do
  timeout 100 "${mpirun[@]}" -n 1 "$mpiae" train "$config" --run no >log 2>&1
  if [ $? != 3 ] || ! grep -qE '(cifar10-train|mnist-train|cifar10-codes).h5' log; then fail "$config: $(tail -1 log)"; fi
done

finish
