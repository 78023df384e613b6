#!/usr/bin/env bash
# mpiae train into a directory that holds a run: resumed, replaced, locked, damaged.
# usage: test_train_again.sh MPIAE RANKS
# shellcheck source=tests/harness/cases.sh
. "$(dirname "$0")/../harness/cases.sh"

make_configurations
head -c "$(($(stat -c %s train.h5) / 2))" train.h5 >half-train.h5
prepare synth glyphs --count 120 --out glyphs.h5

accept "" train vhe.yaml --run run
refuse 3 "half-train.h5" train vhe.yaml data.train=half-train.h5 --run r-slash/
absent r-slash
refuse 2 "run already holds a run" train vhe.yaml --run run
refuse 2 "model" train vae.yaml --run run --resume
refuse 2 "network.latent_size" train vhe.yaml network.latent_size=3 --run run --resume
refuse 2 "is not the dataset this run was started on" train vhe.yaml data.train=glyphs.h5 --run run --resume
accept "" train vhe.yaml --run run --resume
accept "" train vhe.yaml train.epochs=2 --run run --resume
refuse 3 "absent.h5" train vhe.yaml data.train=absent.h5 --run run --overwrite
refuse 3 "absent.h5" train vhe.yaml data.train=absent.h5 --run run --resume
if [ ! -e run/checkpoint-000000006.h5 ]; then fail "the run to be replaced is gone before there is another"; fi
if [ "$(head -n 1 run/metrics.csv | cut -d, -f 1-6)" != epoch,step,seconds,examples_per_second,learning_rate,train_loss ]; then
  fail "columns of metrics.csv"
fi
if ! awk -F, 'NR > 1 && !($3 > 0) { exit 1 }' run/metrics.csv; then fail "the time of an epoch is gone after a resume"; fi
for flag in --overwrite --resume; do
  cp run/checkpoint-000000003.h5 run/checkpoint-000000099.h5.partial
  accept "" train vhe.yaml --run run "$flag"
  absent run/checkpoint-000000099.h5.partial
done
absent run/.lock
exec 9>run/.lock
flock 9
refuse 2 "another process trains in run" train vhe.yaml --run run --resume
flock --unlock 9
accept "run/checkpoint-000000003.h5: checkpoint" info run/checkpoint-000000003.h5
accept "run/checkpoint-000000003.h5: checkpoint" info run
cp run/checkpoint-000000003.h5 kept.h5
head -c 5000 kept.h5 >run/checkpoint-000000003.h5
refuse 3 "checkpoint-000000003.h5" train vhe.yaml --run run --resume
cp kept.h5 run/checkpoint-000000003.h5
head -c 5000 kept.h5 >run/checkpoint-000000009.h5
run train vhe.yaml train.epochs=2 checkpoint.keep=1 --run run --resume
if [ "$status" != 0 ] || ! grep -q 'warning: .*checkpoint-000000009.h5' err; then fail "a damaged checkpoint is not passed by"; fi
absent run/checkpoint-000000009.h5
if [ ! -e run/checkpoint-000000006.h5 ]; then fail "the new checkpoint is gone"; fi

# Damage that shows only when the numbers are read, and numbers that cannot be
accept "" train vhe.yaml train.epochs=3 --run run --resume
rm run/checkpoint-000000009.h5
"$python" - <<'END'
import h5py
with h5py.File("run/checkpoint-000000006.h5", "r+") as file:
    file["pseudo_labels/label"][7] = 700000
END
refuse 3 "rows 0 to 89 of /pseudo_labels/label are not those that were written" train vhe.yaml train.epochs=3 --run run --resume
"$python" - <<'END'
import h5py
with h5py.File("run/checkpoint-000000006.h5", "r+") as file:
    del file["pseudo_labels/label"].attrs["digests"]
END
refuse 3 "/pseudo_labels holds labels or sizes that cannot be" train vhe.yaml train.epochs=3 --run run --resume

finish
