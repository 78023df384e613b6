#!/usr/bin/env bash
# Files as a version of the program writes them, for that version's directory here: tests/files/make.sh MPIAE tests/files/VERSION
# Run it once, by the released program, and never again: what is kept here is what that version wrote.
#
# Of every kind of model: its configuration, the checkpoint of one epoch (vqvae: in the middle of the second), what `evaluate --json` says
# of it, the codes that `encode` writes, and metrics.csv after the run went on to two epochs.
set -euo pipefail
mpiae=$(realpath "$1")
out=$(realpath -m "$2")
python=$(realpath "$(dirname "$0")/../../tools/python")
mkdir -p "$out"
cd "$out"

# 48 images of 8 x 8 in four classes, a bright bar and a grey one.
"$python" - <<'PYTHON'
import numpy as np
images = np.zeros((48, 1, 8, 8), np.uint8)
for i in range(48):
    images[i, 0, 2 * (i % 4)] = 255
    images[i, 0, i // 4 % 8] = 128 + 2 * i
np.save("bars.npy", images)
np.save("labels.npy", np.arange(48) % 4)
PYTHON
"$mpiae" import npy bars.npy --labels labels.npy --out bars.h5
"$mpiae" synth glyphs --count 16 --layout set --out sets.h5
rm bars.npy labels.npy

# make MODEL DATA SECTION…: on two ranks, as most runs are
make() {
  local model=$1 data=$2 steps=0
  if [ "$model" = vqvae ]; then steps=9; fi
  printf '%s\n' "model: $model" "data: {train: $data, shards: 2}" "train: {batch_size: 8, learning_rate: 0.01}" "${@:3}" >"$model.yaml"
  mpirun -n 2 "$mpiae" train "$model.yaml" train.epochs=$((steps > 0 ? 2 : 1)) train.steps=$steps --run "$model"
  "$mpiae" evaluate "$model" "$data" --json >"$model.json"
  if [ "$model" != pixelcnn ]; then "$mpiae" encode "$model" "$data" --out "$model-codes.h5"; fi
  cp -r "$model" resumed
  mpirun -n 2 "$mpiae" train "$model.yaml" train.epochs=2 --run resumed --resume
  mv resumed/metrics.csv "$model.csv"
  mv "$(printf '%s\n' "$model"/checkpoint-0*.h5 | tail -1)" "$model.h5"
  rm -r "$model" resumed
}
dense="network: {hidden: [4], latent_size: 2}"
make ae bars.h5 "$dense"
make vae bars.h5 "$dense"
make acn bars.h5 "$dense" "acn: {neighbours: 2}"
make vhe bars.h5 "$dense" "vhe: {labels: kmeans, exemplars: 2}" "kmeans: {clusters: 3}"
make vqvae bars.h5 "vqvae: {codebook: ema, entries: 4, entry_size: 2, channels: 4, residual_channels: 2, decay: 0.5, revive_after: 2}"
make pixelcnn vqvae-codes.h5:/index "pixelcnn: {labels: auto, channels: 4, layers: 1}"
make set-vae sets.h5 "set: {width: 4, heads: 2, blocks: 1, latent_size: 2}"
gzip -9n ./*.h5
