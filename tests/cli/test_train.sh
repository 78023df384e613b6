#!/usr/bin/env bash
# mpiae train: its configuration, where it may write, and steps that are not finite.
# usage: test_train.sh MPIAE RANKS
# shellcheck source=tests/harness/cases.sh
. "$(dirname "$0")/../harness/cases.sh"

make_configurations
make_closed
sed 's/clusters: 3/clusters: 91/' vhe.yaml >too-many.yaml
printf 'model: vhe\ndata: {train: train.h5}\ntrain:\n  epochz: 3\n' >unknown.yaml
printf 'model: vhe\ndata: {train: train.h5}\ntrain: {epochs: three}\n' >type.yaml
printf 'model: vhe\ndata: {train: train.h5}\nmodel: vae\n' >twice.yaml
printf 'model: [vhe\n' >broken.yaml
printf 'data: {train: train.h5}\n' >no-model.yaml
printf 'model: vae\ndata: {train: train.h5}\nvhe: {exemplars: 3}\n' >foreign.yaml

refuse 2 "absent.yaml: No such file" train absent.yaml
refuse 2 "unknown.yaml" train unknown.yaml
if ! grep -q 'train.epochs' err; then fail "the nearest key is not named"; fi
refuse 2 "type.yaml" train type.yaml
refuse 2 "twice.yaml" train twice.yaml
refuse 2 "broken.yaml" train broken.yaml
refuse 2 "model has no value" train no-model.yaml
refuse 2 "key 'vhe.exemplars' is not for model 'vae' (it is for: vhe)" train foreign.yaml
refuse 2 "train.epochs" train vhe.yaml train.epochs=0
refuse 2 "train.learning_rate" train vhe.yaml train.learning_rate=-1
refuse 2 "exclude each other" train vhe.yaml --resume --overwrite
refuse 2 "kmeans.clusters" train too-many.yaml --run r-many
refuse 2 "kmeans.clusters: 1000000 classes × 1000000 shards (data.shards) would take" train vhe.yaml kmeans.clusters=1000000 data.shards=1000000 --run r-many
warn "train.momentum has no effect here: it is for train.optimizer=sgd" train vhe.yaml train.momentum=0.8 --run r-idle
accept "" train vhe.yaml train.momentum=0.9 network.channels="[32, 64, 128]" --run r-idle --overwrite
refuse 2 "command line: key 'vae.beta' is not for model 'vhe' (it is for: vae, set-vae)" train vhe.yaml vae.beta=2 --run r-beta
refuse 2 "network.hidden is empty" train vhe.yaml network.hidden=[] --run r-hidden
mkfifo pipe
refuse 2 "pipe: this is not a file" train pipe
refuse 3 "$closed" train vhe.yaml --run "$closed/run"
refuse_read_only train vhe.yaml --run read-only
refuse_read_only train vhe.yaml --run read-only/run
if [ "$ranks" -gt 1 ]; then refuse 2 "data.shards" train vhe.yaml data.shards=2 --run r-shards; fi

refuse 2 "train.steps" train vhe.yaml train.steps=-1 --run r-cut
refuse 2 "train.patience" train vhe.yaml train.patience=0.5 --run r-cut
refuse 2 "train.on_nonfinite" train vhe.yaml train.on_nonfinite=warn --run r-cut
refuse 2 "checkpoint.every_steps" train vhe.yaml checkpoint.every_steps=-1 --run r-cut
refuse 2 "checkpoint.best" train vhe.yaml checkpoint.best=maybe --run r-cut
absent r-cut

# A step that is not finite ends the run before the update, and says which
refuse_divergence() {
  run train vae.yaml network.likelihood=gaussian train.learning_rate="$1" train.epochs="$2" --run run-nan --resume
  if [ "$status" != 4 ]; then fail "exit status $status, not 4"; fi
  if [ "$(grep -c '^mpiae: error: step ' err)" != 1 ]; then fail "the step is not named"; fi
  check_noise
}
accept "" train vae.yaml network.likelihood=gaussian --run run-nan
refuse_divergence 1000 9
if [ ! -e run-nan/checkpoint-000000003.h5 ]; then fail "the last good checkpoint is gone"; fi
if ! tail -n 1 run-nan/run.log | grep -q '^mpiae: error: step'; then fail "run.log does not say why the run ended"; fi

finish
