#!/usr/bin/env bash
# Every optimizer with every schedule, and the other options of training: the same bits on any number of ranks and over a resume.
# usage: test_rules.sh MPIAE
# shellcheck source=tests/harness/runs.sh
. "$(dirname "$0")/../harness/runs.sh"

on 1 synth glyphs --count 403 --out glyphs.h5
printf 'model: vae\ndata: {train: glyphs.h5, shards: 6}\ntrain: {batch_size: 60, epochs: 2}\nnetwork: {hidden: [24], latent_size: 4}\n' >vae.yaml
sed 's/^model: vae/model: ae/' vae.yaml >ae.yaml
sed 's/^model: vae/model: vhe/' vae.yaml >vhe.yaml

# same NAME MODEL KEY=VALUE…: on 1 to 4 ranks, and resumed on another number after the first epoch
same() {
  local name=$1 model=$2
  shift 2
  for ranks in 1 2 3 4; do
    on "$ranks" train "$model.yaml" "$@" --run "$name-$ranks"
    equal "$name-1/checkpoint-000000014.h5" "$name-$ranks/checkpoint-000000014.h5"
    equal "$name-1/codes-000002.h5" "$name-$ranks/codes-000002.h5"
  done
  on 2 train "$model.yaml" "$@" train.epochs=1 --run "$name-2-3"
  on 3 train "$model.yaml" "$@" --run "$name-2-3" --resume
  equal "$name-1/checkpoint-000000014.h5" "$name-2-3/checkpoint-000000014.h5"
  equal_metrics "$name-1" "$name-2-3"
}

rule=(train.schedule_steps=14 train.clip_norm=30 train.weight_decay=0.01 train.warmup_steps=3 train.learning_rate=0.003)
previous=""
for optimizer in sgd adam adamw; do
  for schedule in constant cosine onecycle step; do
    # sgd needs a smaller step than Adam here
    rate=0.003
    if [ "$optimizer" = sgd ]; then rate=0.0003; fi
    same "$optimizer-$schedule" vae "${rule[@]/0.003/$rate}" "train.optimizer=$optimizer" "train.schedule=$schedule"
    if [ -n "$previous" ]; then differ "$previous-1/checkpoint-000000014.h5" "$optimizer-$schedule-1/checkpoint-000000014.h5"; fi
    previous=$optimizer-$schedule
  done
done
same ae ae network.activation=tanh
same static vae data.binarize=static vae.beta=0.5
same dynamic vae data.binarize=dynamic vae.warmup_epochs=1.5
same vhe-dynamic vhe data.binarize=dynamic kmeans.clusters=3
differ static-1/checkpoint-000000014.h5 dynamic-1/checkpoint-000000014.h5

finish
