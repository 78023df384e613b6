#!/usr/bin/env bash
# The study in small: runs, what it writes, going on where it was, one task of an array.
# usage: test_study.sh MPIAE SOURCE
source=$(realpath "$2")
# shellcheck source=tests/harness/runs.sh
. "$(dirname "$0")/../harness/runs.sh"
on 1 synth glyphs --count 300 --out train.h5
on 1 synth glyphs --count 100 --seed 2 --out test.h5
study=("$source/tools/study/vhe_mnist" train.h5 test.h5 --epochs 2 --seeds 1 --jobs 1 --mpiae "$mpiae" --only vae vhe-10 --out study --set 'network.hidden=[16]')

"${study[@]}" --list >list || fail "the list of runs"
if [ "$(wc -l <list)" != 6 ] || ! grep -q '^3 vhe-10-anneal seed 0 ' list; then fail "the list is $(cat list)"; fi
"${study[@]}" --task 3 >out || fail "one task"
if [ ! -e study/vhe-10-anneal-seed0/evaluation.json ] || [ -e study/study.md ]; then fail "one task makes $(ls study)"; fi
"${study[@]}" --task 6 >out 2>err && fail "a task that is not there"
grep -q 'there are runs 0 to 5' err || fail "a task that is not there says $(cat err)"
"${study[@]}" >out || fail "the study"
grep -q '^6 runs, 5 of them to do$' out || fail "the study does again what was done"
"${study[@]}" >out || fail "the study once more"
grep -q '^6 runs, 0 of them to do$' out || fail "the study once more does something"
if [ "$(grep -c '^| v' study/study.md)" != 6 ] || ! grep -q '^Best unsupervised setting by NMI: vhe-10-' study/study.md; then fail "the table is $(cat study/study.md)"; fi
if [ "$(head -c 4 study/study.png | tail -c 3)" != PNG ]; then fail "no figure"; fi
"$python" - <<'EOF' || fail "study.h5"
import glob, h5py, numpy as np
with h5py.File("study/study.h5") as f, h5py.File(max(glob.glob("study/vhe-10-none-seed0/checkpoint-0*.h5"))) as run:
    names = [n.decode() for n in f["setting"][()]]
    place = names.index("vhe-10-none")
    assert [d[0].name for d in f["loss"].dims] == ["/setting", "/seed"]
    assert f["loss"][place, 0] == run["history/train_loss"][-1]
    assert f["code_length"][place, 0] == run["history/train_loss"][-1] + run["history/label_entropy"][-1]
    assert f["history_grad_z"].shape == (6, 1, 2) and np.isnan(f["history_grad_z"][names.index("vae")]).all()
EOF
# as many parameters as the homoencoder has with the width that was asked for
grep -q 'hidden: \[1[0-9][0-9]\]\|hidden: \[[2-9][0-9]\]' study/vae-wide-seed0/config.yaml || fail "the wide VAE is $(grep hidden study/vae-wide-seed0/config.yaml)"
echo '{"loss": 1' >study/vae-seed0/evaluation.json
"${study[@]}" >out || fail "an evaluation cut short"
grep -q '^6 runs, 1 of them to do$' out || fail "an evaluation cut short is not made again"
rm study/vae-seed0/checkpoint-*.h5
"${study[@]}" >out || fail "an evaluation without its checkpoint"
grep -q '^6 runs, 1 of them to do$' out || fail "a run whose checkpoints are gone is not made again"
# without labels there is nothing to agree with, but a table all the same
"$python" -c 'import h5py, shutil
for name in ("train.h5", "test.h5"):
    shutil.copy(name, "bare-" + name)
    with h5py.File("bare-" + name, "a") as file: del file["label"]'
"$source/tools/study/vhe_mnist" bare-train.h5 bare-test.h5 --epochs 2 --seeds 1 --jobs 1 --mpiae "$mpiae" --only vhe-10-none --out bare --set 'network.hidden=[16]' >out 2>err || fail "a study without labels"
if [ -s err ]; then fail "a study without labels warns: $(cat err)"; fi
if ! grep -q '^Best unsupervised setting by code length: vhe-10-none' bare/study.md || grep -q 'by NMI' bare/study.md; then fail "without labels: $(cat bare/study.md)"; fi
# other settings are other results
"${study[@]}" --epochs 3 --only vae >out || fail "more epochs"
grep -q '^2 runs, 2 of them to do$' out || fail "more epochs are taken for done"
"${study[@]}" --only vae >out 2>err && fail "fewer epochs than there are"
grep -q '^vhe_mnist: error: study/vae.*-seed0 has 3 epochs, not 2: choose another --out' err || fail "fewer epochs say $(cat err)"
"${study[@]}" --set kmeans.clusters=5 >out 2>err && fail "a key that the study varies"
grep -q 'the study decides this itself' err || fail "a key that the study varies says $(cat err)"
"${study[@]}" --set vhe.exemplars=2 'network.hidden=[16]' --out other --only vae vhe-10-none >out || fail "a key that only some models have"
grep -q 'exemplars: 2' other/vhe-10-none-seed0/config.yaml || fail "--set does not arrive"
finish
