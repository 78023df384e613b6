#!/usr/bin/env bash
# mpiae train --init-from, and runs that stopped within an epoch.
# usage: test_train_from.sh MPIAE RANKS
# shellcheck source=tests/harness/cases.sh
. "$(dirname "$0")/../harness/cases.sh"

make_configurations
mkdir empty-directory
accept "" train vae.yaml --run run-vae

refuse 2 "--init-from needs a value: --init-from MODEL" train vhe.yaml --run r-init --init-from
refuse 3 "--init-from: cannot open absent" train vhe.yaml --init-from absent --run r-init
refuse 3 "--init-from: empty-directory has no checkpoint" train vhe.yaml --init-from empty-directory --run r-init
refuse 3 "--init-from: train.h5 is not a checkpoint" train vhe.yaml --init-from train.h5 --run r-init
refuse 2 "--init-from: run-vae/checkpoint-000000003.h5 has no parameter encoder_c/hidden_0/weight, which is (2, 8, 784) in this model" train vhe.yaml --init-from run-vae --run r-init
refuse 2 "--init-from: the networks of run-vae/checkpoint-000000003.h5 are others: network.hidden is '[8, 8]' here but '[8]' there" train vae.yaml 'network.hidden=[8,8]' --init-from run-vae --run r-init
refuse 2 "--init-from: parameter encoder/hidden_0/weight of run-vae/checkpoint-000000003.h5 is (8, 784), but (8, 6) in this model" train vae.yaml data.train=vectors.h5 --init-from run-vae --run r-init
refuse 2 "run-vae already holds a run" train vae.yaml --init-from run-vae --run run-vae
absent r-init
accept "" train vae.yaml --init-from run-vae/checkpoint-000000003.h5 --run run-init
accept "" train vae.yaml --init-from run-init --run run-init --overwrite train.steps=2 checkpoint.best=true
accept "run-init/checkpoint-000000002.h5: checkpoint" info run-init
accept "" sample run-init --count 2 --out s.h5
cp run-init/checkpoint-000000002.h5 cut.h5
cp cut.h5 cut-place.h5
cp cut.h5 cut-sums.h5
"$python" - <<'END'
import h5py
with h5py.File("cut-place.h5", "r+") as file:
    file["state/epoch_step"][()] = 3
with h5py.File("cut-sums.h5", "r+") as file:
    del file["state/partial_sums"]
    file["state/partial_sums"] = [1.0, 2.0]
END
cp cut-place.h5 run-init/checkpoint-000000002.h5
refuse 3 "/state/epoch_step is 3 in an epoch of 3 steps: the file is damaged" train vae.yaml --run run-init --resume
cp cut-sums.h5 run-init/checkpoint-000000002.h5
refuse 3 "/state/partial_sums has another shape than the configuration in the same file says: the file is damaged or was changed" train vae.yaml --run run-init --resume
cp cut.h5 run-init/checkpoint-000000002.h5
accept "" train vae.yaml --run run-init --resume checkpoint.best=true checkpoint.keep=1
run train vae.yaml --run run-init --resume checkpoint.best=true
if [ "$status" != 0 ] || ! grep -q 'run-init: 1 epoch done, train.epochs is 1: nothing to do' err; then fail "nothing to do, but it is not said"; fi
accept "run-init/checkpoint-best.h5: checkpoint" info run-init/checkpoint-best.h5
accept "" sample run-init/checkpoint-best.h5 --count 2 --out s.h5
# a checkpoint from before there were cuts stands at an epoch's end
"$python" - <<'END'
import h5py
with h5py.File("run-init/checkpoint-000000003.h5", "r+") as file:
    del file["state/epoch_step"]
END
accept "" train vae.yaml train.epochs=2 --run run-init --resume

finish
