#!/usr/bin/env bash
# Whole runs of the VQ-VAE: the same bits on any number of ranks, also when stopped and resumed, with moving averages, revived entries, a
# codebook in the loss and a categorical likelihood; its commands; what it refuses.
# usage: test_vqvae.sh MPIAE
# shellcheck source=tests/harness/runs.sh
. "$(dirname "$0")/../harness/runs.sh"

# refused STATUS PART ARGUMENTS…: one message
refused() {
  "$mpiae" "${@:3}" >log 2>&1 </dev/null
  local status=$?
  if [ "$status" != "$1" ] || [ "$(grep -c '^mpiae: error: ' log)" != 1 ] || ! grep -qF -- "$2" log; then
    fail "mpiae ${*:3}: status $status, $(cat log)"
  fi
}

on 1 synth glyphs --count 203 --out glyphs.h5
on 1 synth glyphs --count 57 --seed 2 --out test.h5
printf 'model: vqvae\ndata: {train: glyphs.h5, test: test.h5, shards: 8}\ntrain: {batch_size: 30, epochs: 2, learning_rate: 0.003}\nvqvae: {entries: 12, entry_size: 4, channels: 8, residual_channels: 4, residual_blocks: 1}\noutput: {samples: 3}\n' >small.yaml
declare -A kinds=([ema]="vqvae.revive_after=3" [loss]="vqvae.codebook=loss" [categorical]="network.likelihood=categorical data.center=0.5")
for kind in "${!kinds[@]}"; do
  read -ra keys <<<"${kinds[$kind]}"
  for ranks in 1 2 3 4; do
    on "$ranks" train small.yaml "${keys[@]}" --run "$kind-$ranks"
    for file in checkpoint-000000014.h5 codes-000002.h5 samples-000002.h5; do equal "$kind-1/$file" "$kind-$ranks/$file"; done
    equal_metrics "$kind-1" "$kind-$ranks"
  done
  # in the middle of an epoch
  on 3 train small.yaml "${keys[@]}" train.steps=10 --run "$kind-cut"
  on 2 train small.yaml "${keys[@]}" --run "$kind-cut" --resume
  equal "$kind-1/checkpoint-000000014.h5" "$kind-cut/checkpoint-000000014.h5"
  equal_metrics "$kind-1" "$kind-cut"
  for ranks in 1 3; do
    on "$ranks" encode "$kind-1" test.h5 --out "$kind-codes-$ranks.h5"
    on "$ranks" decode "$kind-1" "$kind-codes-$ranks.h5" --out "$kind-decoded-$ranks.h5"
    on "$ranks" reconstruct "$kind-1" test.h5 --count 57 --out "$kind-pairs-$ranks.h5"
    on "$ranks" sample "$kind-1" --count 11 --out "$kind-sample-$ranks.h5"
    grep -q 'warning: the indices of these samples are drawn evenly' log || fail "sample says nothing of the missing prior"
    timeout 100 "${mpirun[@]}" -n "$ranks" "$mpiae" evaluate "$kind-1" test.h5 --json >"$kind-$ranks.json" 2>/dev/null || fail "evaluate on $ranks"
  done
  for what in codes decoded pairs sample; do equal "$kind-$what-1.h5" "$kind-$what-3.h5"; done
  cmp -s "$kind-1.json" "$kind-3.json" || fail "evaluate on 1 and 3 ranks: $(cat "$kind-1.json" "$kind-3.json")"
  # what was decoded from the codes are the reconstructions
  "$python" - "$kind" <<'EOF' || fail "codes of $kind"
import sys, h5py, numpy as np
kind = sys.argv[1]
with h5py.File(f"{kind}-codes-1.h5") as codes, h5py.File(f"{kind}-decoded-1.h5") as decoded, h5py.File(f"{kind}-pairs-1.h5") as pairs:
    index = codes["index"]
    assert index.shape == (57, 7, 7) and index.dtype == np.int32 and [d[0].name for d in index.dims] == ["/example", "/map_row", "/map_column"]
    assert index[()].min() >= 0 and index[()].max() < 12 and index.attrs["entries"] == 12 and index.attrs["codebook"] > 0
    assert (decoded["x"][()] == pairs["reconstruction"][()]).all()
    assert kind != "ema" or len(np.unique(index[()])) > 1
with h5py.File(f"{kind}-1/checkpoint-000000014.h5") as run:
    units = {name: run["history/" + name].attrs.get("units") for name in ("train_loss", "test_loss", "test_commitment")}
    in_nats = "nat for each number" if kind == "categorical" else None
    assert units == {"train_loss": in_nats, "test_loss": in_nats, "test_commitment": None}, units
    used = run["history/codebook_used"][-1]
    assert 1 <= run["history/codebook_perplexity"][-1] <= used * (1 + 1e-12) <= 12.1
    if kind == "ema":
        assert run["history/codebook_revived"][()].sum() > 0
        assert run["codebook/embedding"].shape == (12, 4)
EOF
done
differ ema-codes-1.h5 loss-codes-1.h5

# A likelihood that was left to the program is that which it came to; one that was not may not change.
grep -q '^ *likelihood: gaussian' ema-1/config.yaml || fail "the likelihood in config.yaml"
on 1 train small.yaml network.likelihood=gaussian "vqvae.revive_after=3" --run ema-1 --resume
on 1 train small.yaml data.center=0.5 --run categorical-1 --resume
refused 2 "network.likelihood is now 'gaussian' but was 'categorical'" train small.yaml data.center=0.5 network.likelihood=gaussian --run categorical-1 --resume

# Another library of convolutions or products gives other bits; the same one, built otherwise, need not.
cp -r ema-cut elsewhere
cp -r ema-cut rebuilt
"$python" -c 'import h5py, sys
with h5py.File(sys.argv[1], "r+") as file:
    file["provenance"].attrs["convolution"] = "of another age"
    blas = file["provenance"].attrs["blas"].split()
    file["provenance"].attrs["blas"] = " ".join([*blas[:1], "".join(blas[1:2]) + "9"])
with h5py.File(sys.argv[2], "r+") as file:
    blas = file["provenance"].attrs["blas"].split()
    file["provenance"].attrs["blas"] = " ".join([*blas[:2], "built otherwise"])' elsewhere/checkpoint-000000014.h5 rebuilt/checkpoint-000000014.h5
on 1 train small.yaml vqvae.revive_after=3 train.epochs=3 --run elsewhere --resume
grep -q 'warning: elsewhere/checkpoint-000000014.h5 was written with another library of convolutions (of another age; here: ' log || fail "nothing is said of another library of convolutions"
grep -q 'warning: elsewhere/checkpoint-000000014.h5 was written with another BLAS (.*; here: .*): what follows differs in the last bits' log ||
  fail "nothing is said of another BLAS"
on 1 train small.yaml vqvae.revive_after=3 train.epochs=3 --run rebuilt --resume
if grep -q 'another BLAS' log; then fail "the same BLAS is called another"; fi

# A new run from another's networks has its codebook too: at a rate near 0 it says what the other says.
for kind in ema loss; do
  read -ra keys <<<"${kinds[$kind]}"
  on 1 train small.yaml "${keys[@]}" train.learning_rate=1e-12 train.steps=1 --init-from "$kind-1" --run "$kind-again"
  on 1 evaluate "$kind-again" test.h5 --json
  grep '^{' log >again.json
  "$python" - "$kind" <<'EOF' || fail "$kind: a run begun from another's codebook"
import json, sys
before, again = (json.load(open(name)) for name in (f"{sys.argv[1]}-1.json", "again.json"))
assert abs(before["squared_error"] - again["squared_error"]) < 0.03 * before["squared_error"], (before, again)
EOF
done

# What it refuses: one message each.
"$python" - <<'EOF' || fail "making files"
import h5py, numpy as np
def write(name, x):
    with h5py.File(name, "w") as f:
        f.attrs["mpiae_format"], f.attrs["mpiae_version"] = "dataset", 1
        f["x"] = x
write("odd.h5", np.random.rand(20, 1, 30, 28).astype("float32"))
write("flat.h5", np.random.rand(20, 64).astype("float32"))
write("wide.h5", np.random.rand(20, 1, 28, 28).astype("float32") * 3)
write("same.h5", np.full((20, 1, 28, 28), 0.3, "float32"))
write("same-bytes.h5", np.full((20, 1, 28, 28), 77, "uint8"))
write("colour.h5", np.random.rand(20, 3, 28, 28).astype("float32"))
with h5py.File("wrong.h5", "w") as f:
    f["index"] = np.full((3, 7, 7), 12, "int32")
EOF
refused 2 "it needs sides that 4 divides, (N, C, H, W), not (N, 1, 30, 28)" train small.yaml data.train=odd.h5 data.test=none --run refused
refused 2 "not (N, 64)" train small.yaml data.train=flat.h5 data.test=none --run refused
refused 2 "wide.h5 holds" train small.yaml data.train=wide.h5 data.test=none network.likelihood=categorical --run refused
for same in same.h5 same-bytes.h5; do refused 3 "$same: all its numbers are the same" train small.yaml data.train=$same data.test=none --run refused; done
refused 2 "colour.h5 holds examples of shape (N, 3, 28, 28), but the model is for (N, 1, 28, 28)" evaluate ema-1 colour.h5
refused 2 "data.center=1.67772e+07 is too far from the values 0 to 1" train small.yaml data.center=16777218 network.likelihood=categorical --run refused
refused 2 "sums of vqvae.entries=65536 of 4096 numbers for each shard of a rank" train small.yaml vqvae.entries=65536 vqvae.entry_size=4096 data.shards=200 --run refused
refused 3 "12 is no entry of the codebook, which has 0 to 11" decode ema-1 wrong.h5:/index --out refused.h5
refused 2 "indices of a codebook: nothing lies between" interpolate ema-1 test.h5 --from 0 --to 1 --out refused.h5
refused 2 "model 'vqvae' is no prior over codes" sample ema-1 --prior loss-1 --out refused.h5
refused 2 "--from prior is for vhe: give --prior MODEL" sample ema-1 --from prior --out refused.h5
refused 2 "data.binarize is for likelihoods of black and white" train small.yaml data.binarize=static --run refused
refused 2 "the networks have more than 512 operations" train small.yaml vqvae.residual_blocks=64 --run refused
refused 2 "has vqvae.entries=12, but here it is 13" train small.yaml vqvae.entries=13 --init-from ema-1 --run refused
refused 2 "has vqvae.decay=0.99, but here it is 0.9: both must have the same" train small.yaml vqvae.decay=0.9 --init-from ema-1 --run refused
on 1 train small.yaml vqvae.codebook=loss vqvae.decay=0.9 train.steps=1 --init-from loss-1 --run undecayed
refused 2 "has vqvae.codebook=loss, but here it is ema" train small.yaml --init-from loss-1 --run refused
refused 2 "ema-codes-1.h5: /index holds indices of another codebook than that of loss-1 (epoch 2)" decode loss-1 ema-codes-1.h5 --out refused.h5
refused 2 "network.likelihood=bernoulli is not for model 'vqvae'" train small.yaml network.likelihood=bernoulli --run refused
finish
