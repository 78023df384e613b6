#!/usr/bin/env bash
# Whole runs: the same bits on any number of ranks, also when stopped on some ranks and resumed on others.
# usage: test_train.sh MPIAE
# shellcheck source=tests/harness/runs.sh
. "$(dirname "$0")/../harness/runs.sh"

# 1003 examples in 8 shards and batches of 60: V divides neither B nor N, nor B N. Some labels are unknown.
on 1 synth glyphs --count 1003 --out glyphs.h5
small=(data.train=glyphs.h5 train.batch_size=60 checkpoint.keep=9 output.codes=all)
two=("${small[@]}" data.shards=8 train.epochs=2)
printf 'model: vhe\nnetwork: {hidden: [48, 32], latent_size: 6}\nkmeans: {clusters: 7}\n' >vhe.yaml
printf 'model: vhe\nnetwork: {hidden: [40], latent_size: 5}\nvhe: {labels: given, exemplars: 3}\n' >given.yaml
printf 'model: vae\nnetwork: {hidden: [48], latent_size: 6, likelihood: gaussian, activation: tanh}\n' >vae.yaml
printf 'model: acn\nnetwork: {hidden: [40], latent_size: 6}\nacn: {neighbours: 3}\n' >acn.yaml
for model in vhe given vae acn; do
  for ranks in 1 2 3 4 7; do
    on "$ranks" train "$model.yaml" "${two[@]}" --run "$model-$ranks"
    for file in checkpoint-000000017.h5 checkpoint-000000034.h5 codes-000001.h5 codes-000002.h5; do
      if [ ! -e "$model-$ranks/$file" ]; then fail "no $model-$ranks/$file"; fi
      equal "$model-1/$file" "$model-$ranks/$file"
    done
    equal_metrics "$model-1" "$model-$ranks"
  done
  # stopped after an epoch on four ranks, resumed on three
  on 4 train "$model.yaml" "${small[@]}" data.shards=8 train.epochs=1 --run "$model-4-3"
  on 3 train "$model.yaml" "${two[@]}" --run "$model-4-3" --resume
  # the configuration of the first epoch said 1 epoch: the final one is compared
  equal "$model-1/checkpoint-000000034.h5" "$model-4-3/checkpoint-000000034.h5"
  equal "$model-1/codes-000002.h5" "$model-4-3/codes-000002.h5"
  equal_metrics "$model-1" "$model-4-3"
  on 1 sample "$model-1" --count 300 --out "$model-sample-1.h5"
  on 3 sample "$model-7" --count 300 --out "$model-sample-3.h5"
  equal "$model-sample-1.h5" "$model-sample-3.h5"
done

# Times are those of one clock, in the table and in the checkpoint.
"$python" -c 'import csv, h5py, sys
with open(sys.argv[1] + "/metrics.csv") as table, h5py.File(sys.argv[1] + "/checkpoint-000000034.h5") as file:
    for column in ("seconds", "examples_per_second"):
        table.seek(0)
        told = [float(row[column]) for row in csv.DictReader(table)]
        saved = file["provenance/" + column][()]
        assert len(told) == len(saved) == 2 and (abs(saved / told - 1) < 1e-8).all(), (told, saved)' vhe-4 || fail "times"

# What must differ does: another seed, another number of shards.
on 2 train vhe.yaml "${two[@]}" train.seed=1 --run vhe-seed
differ vhe-1/checkpoint-000000034.h5 vhe-seed/checkpoint-000000034.h5
on 2 train vhe.yaml "${small[@]}" data.shards=5 train.epochs=2 --run vhe-shards
differ vhe-1/checkpoint-000000034.h5 vhe-shards/checkpoint-000000034.h5

# Weights of z and c in the clustering.
for weighting in anneal gradient mutual-information; do
  weighted=("${small[@]}" data.shards=8 "vhe.weighting=$weighting" vhe.anneal_epochs=3)
  on 1 train vhe.yaml "${weighted[@]}" train.epochs=3 --run "$weighting-1"
  on 3 train vhe.yaml "${weighted[@]}" train.epochs=2 --run "$weighting-3"
  on 2 train vhe.yaml "${weighted[@]}" train.epochs=3 --run "$weighting-3" --resume
  equal "$weighting-1/checkpoint-000000051.h5" "$weighting-3/checkpoint-000000051.h5"
  equal "$weighting-1/codes-000003.h5" "$weighting-3/codes-000003.h5"
  equal_metrics "$weighting-1" "$weighting-3"
  differ vhe-1/checkpoint-000000034.h5 "$weighting-1/checkpoint-000000034.h5"
done

# Sets of exemplars that classes share, another number of them in every step; stopped within an epoch.
shared=("${two[@]}" vhe.sets=class)
for ranks in 1 2; do on "$ranks" train vhe.yaml "${shared[@]}" --run "shared-$ranks"; done
on 7 train vhe.yaml "${shared[@]}" train.steps=25 --run shared-7
on 3 train vhe.yaml "${shared[@]}" --run shared-7 --resume
for ranks in 2 7; do
  equal shared-1/checkpoint-000000034.h5 "shared-$ranks/checkpoint-000000034.h5"
  equal shared-1/codes-000002.h5 "shared-$ranks/codes-000002.h5"
  equal_metrics shared-1 "shared-$ranks"
done
differ vhe-1/checkpoint-000000034.h5 shared-1/checkpoint-000000034.h5

# Two ranks have more than data.memory and read the file in every epoch, as they evaluate data.test; four keep all.
blocks=("${two[@]}" data.test=glyphs.h5 data.memory=0.0003 data.shuffle_block=20 data.shuffle_window=2)
on 2 train vae.yaml "${blocks[@]}" train.steps=25 --run blocks-2
on 2 train vae.yaml "${blocks[@]}" --run blocks-2 --resume
on 4 train vae.yaml "${blocks[@]}" --run blocks-4
equal blocks-4/checkpoint-000000034.h5 blocks-2/checkpoint-000000034.h5
equal blocks-4/codes-000002.h5 blocks-2/codes-000002.h5
equal_metrics blocks-4 blocks-2

# Two threads a rank: other bits perhaps, but the same on any number of ranks.
for ranks in 1 2 3; do
  on "$ranks" train vhe.yaml "${small[@]}" data.shards=8 train.epochs=1 train.threads=2 'network.hidden=[256]' --run "threads-$ranks"
  equal threads-1/checkpoint-000000017.h5 "threads-$ranks/checkpoint-000000017.h5"
done
if "${mpirun[@]}" -n 1 "$mpiae" train vhe.yaml "${small[@]}" data.shards=8 train.epochs=2 'network.hidden=[256]' --run threads-1 --resume >log 2>&1; then
  fail "resumed on another number of threads"
fi

# More shards than a step has rows, and than there are ranks: shards without rows in a step.
on 3 train vhe.yaml "${small[@]}" data.shards=200 train.epochs=1 --run vhe-200-3
on 7 train vhe.yaml "${small[@]}" data.shards=200 train.epochs=1 --run vhe-200-7
equal vhe-200-3/checkpoint-000000017.h5 vhe-200-7/checkpoint-000000017.h5
on 3 train vhe.yaml "${small[@]}" data.shards=200 train.epochs=1 vhe.sets=class vhe.exemplars=1 --run shared-200-3
on 7 train vhe.yaml "${small[@]}" data.shards=200 train.epochs=1 vhe.sets=class vhe.exemplars=1 --run shared-200-7
equal shared-200-3/checkpoint-000000017.h5 shared-200-7/checkpoint-000000017.h5

# The defaults keep two checkpoints and the codes of the newest.
on 2 train vhe.yaml data.train=glyphs.h5 train.epochs=3 --run kept
if [ "$(cd kept && echo ./*)" != "./checkpoint-000000016.h5 ./checkpoint-000000024.h5 ./codes-000003.h5 ./config.yaml ./metrics.csv ./run.log" ]; then
  fail "kept: $(cd kept && echo ./*)"
fi

finish
