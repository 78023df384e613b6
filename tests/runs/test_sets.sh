#!/usr/bin/env bash
# Whole runs of the set autoencoders and of their predictors of sizes: the same bits on any number of ranks, also when stopped and
# resumed; every command; sets that are empty, of one point, of the same point again and again; points of one and of three coordinates;
# what is refused.
# usage: test_sets.sh MPIAE
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

on 1 synth glyphs --count 61 --layout set --out glyphs.h5
on 1 synth glyphs --count 21 --layout set --seed 2 --out test.h5
for model in ae vae; do
  printf 'model: set-%s\ndata: {train: glyphs.h5, test: test.h5, shards: 5}\ntrain: {batch_size: 11, epochs: 2, learning_rate: 0.003, optimizer: adamw, weight_decay: 0.01, schedule: onecycle}\nset: {width: 16, heads: 2, blocks: 1%s}\noutput: {samples: 4}\n' \
    "$model" "$([ $model = vae ] && echo ", latent_size: 6")" >$model.yaml
  for stage in autoencoder size; do
    keys=("set.stage=$stage")
    first=()
    [ $stage = size ] && first=(--init-from "$model-autoencoder-1")
    run=$model-$stage
    for ranks in 1 2 3 4; do
      on "$ranks" train $model.yaml "${keys[@]}" "${first[@]}" --run "$run-$ranks"
      for file in checkpoint-000000012.h5 codes-000002.h5 samples-000002.h5; do equal "$run-1/$file" "$run-$ranks/$file"; done
      equal_metrics "$run-1" "$run-$ranks"
    done
    # in the middle of an epoch
    on 3 train $model.yaml "${keys[@]}" "${first[@]}" train.steps=8 --run "$run-cut"
    on 2 train $model.yaml "${keys[@]}" --run "$run-cut" --resume
    equal "$run-1/checkpoint-000000012.h5" "$run-cut/checkpoint-000000012.h5"
    equal_metrics "$run-1" "$run-cut"
    for ranks in 1 3; do
      on "$ranks" encode "$run-1" test.h5 --out "$run-codes-$ranks.h5"
      on "$ranks" decode "$run-1" "$run-codes-$ranks.h5" --size 9 --out "$run-decoded-$ranks.h5"
      on "$ranks" reconstruct "$run-1" test.h5 --out "$run-pairs-$ranks.h5"
      on "$ranks" interpolate "$run-1" test.h5 --from 3 --to 5 --steps 7 --out "$run-line-$ranks.h5"
      [ $model = vae ] && on "$ranks" sample "$run-1" --count 11 --size 5 --out "$run-sample-$ranks.h5"
      [ $stage = size ] && on "$ranks" decode "$run-1" "$run-codes-$ranks.h5" --out "$run-predicted-$ranks.h5"
      [ $run = vae-size ] && on "$ranks" sample "$run-1" --count 300 --out "$run-drawn-$ranks.h5"
      timeout 100 "${mpirun[@]}" -n "$ranks" "$mpiae" evaluate "$run-1" test.h5 --matching --json >"$run-$ranks.json" 2>/dev/null || fail "evaluate on $ranks"
    done
    for what in "$run"-*-1.h5; do equal "$what" "${what%-1.h5}-3.h5"; done
    cmp -s "$run-1.json" "$run-3.json" || fail "evaluate on 1 and 3 ranks: $(cat "$run-1.json" "$run-3.json")"
  done
done

# What is in the files.
"$python" - <<'EOF' || fail "contents"
import h5py, json, numpy as np
def sets(file, prefix=""):
    with h5py.File(file) as f:
        return np.split(f[prefix + "points"][()], f[prefix + "offset"][1:-1])
test = sets("test.h5")
def chamfer(a, b, huber=False):
    d = np.abs(a[:, None].astype(float) - b[None])
    d = np.where(d <= 1, d * d / 2, d - 0.5).mean(2) if huber else (d * d).sum(2)
    return d.min(0).mean() + d.min(1).mean()
for model in ("ae", "vae"):
    for stage in ("autoencoder", "size"):
        run = f"{model}-{stage}"
        told = json.load(open(f"{run}-1.json"))
        pairs = list(zip(sets(f"{run}-pairs-1.h5"), sets(f"{run}-pairs-1.h5", "reconstruction_")))
        assert len(pairs) == 21 and all(a.shape == b.shape and (a == c).all() for (a, b), c in zip(pairs, test))
        assert all(len(s) == 9 for s in sets(f"{run}-decoded-1.h5"))
        assert told["matching"] > 0 and told["huber"] > 0
        line = [len(s) for s in sets(f"{run}-line-1.h5")]
        ends = len(test[3]), len(test[5])
        if model == "ae":  # its codes are not drawn: evaluate sees what reconstruct writes
            for kind in (False, True):
                assert np.isclose(np.mean([chamfer(a, b, kind) for a, b in pairs]), told["huber" if kind else "chamfer"], 1e-5), told
        if stage == "autoencoder":
            assert line[0] == ends[0] and line[6] == ends[1] and np.allclose(line, np.linspace(*ends, 7), atol=1)
            continue
        assert told["size_rmse"] > 0 and 0 <= told["size_acc"] <= 1
        with h5py.File(f"{run}-1/checkpoint-000000012.h5") as size, h5py.File(f"{model}-autoencoder-1/checkpoint-000000012.h5") as frozen:
            def same(path, thing):
                if isinstance(thing, h5py.Dataset) and not h5py.h5ds.is_scale(thing.id):
                    assert (size["parameters"][path][()] == thing[()]).all(), path
                    assert not size["optimizer/m"][path][()].any(), path
            frozen["parameters"].visititems(same)
            assert "size" in size["parameters"] and "size" not in frozen["parameters"]
            assert size["optimizer/m/size/output/weight"][()].any()
            assert (size["set/mean"][()] == frozen["set/mean"][()]).all()
            assert size["history/size_rmse"][-1] > 0 and "active_units" not in size["history"]
with h5py.File("glyphs.h5") as f, h5py.File("ae-autoencoder-1/checkpoint-000000012.h5") as run:
    points = f["points"][()].astype(float)
    assert np.allclose(run["set/mean"], points.mean(0)) and np.allclose(run["set/deviation"], points.std(0))
with h5py.File("vae-autoencoder-1/checkpoint-000000012.h5") as run:
    h = {name: run[f"history/{name}"][-1] for name in ("train_loss", "train_reconstruction", "train_kl", "train_chamfer")}
    assert np.isclose(h["train_loss"], h["train_reconstruction"] + h["train_kl"])
    # between the smallest and the largest set times 28^2 / 2
    assert 30 < h["train_reconstruction"] / h["train_chamfer"] / (28 ** 2 / 2) < 300, h
drawn = [len(s) for s in sets("vae-size-drawn-1.h5")]
assert len(drawn) == 300 and len(set(drawn)) > 20
assert all(len(s) == 5 for s in sets("vae-autoencoder-sample-1.h5"))
EOF

# Sets that are empty, of one point, of the same point again and again; other dimensions; other losses.
"$python" - <<'EOF' || fail "making files"
import h5py, numpy as np
random = np.random.default_rng(1)
def write(name, sets, d):
    with h5py.File(name, "w") as f:
        f.attrs["mpiae_format"], f.attrs["mpiae_version"] = "dataset", 1
        f["points"] = np.concatenate(sets).reshape(-1, d).astype("float32")
        f["offset"] = np.cumsum([0] + [len(s) for s in sets])
for d in (1, 2, 3):
    kinds = [np.zeros((0, d)), random.random((1, d)), np.full((7, d), 0.25), random.random((5, d)), np.zeros((0, d)), random.random((30, d))]
    write(f"odd-{d}.h5", kinds * 5, d)
write("empty.h5", [np.zeros((0, 2))] * 4, 2)
write("large.h5", [random.random((3, 2)), random.random((2001, 2))], 2)
write("few.h5", [random.random((5000 if i % 20 == 0 else 3, 2)) for i in range(120)], 2)
with h5py.File("colour.h5", "w") as f:
    f["x"] = random.random((9, 3, 4, 4)).astype("float32")
write("wide.h5", [random.random((9000, 2)), random.random((4, 2)), random.random((30000, 2)), np.zeros((0, 2))], 2)
EOF
for d in 1 2 3; do
  for model in ae vae; do
    odd=("data.train=odd-$d.h5" "data.test=odd-$d.h5" train.batch_size=6)
    for loss in chamfer huber hungarian; do
      [ $d = 2 ] || [ $loss = chamfer ] || continue
      on 2 train $model.yaml "${odd[@]}" set.loss=$loss --run odd-$model-$loss-$d
      [ $d = 2 ] || continue
      on 3 train $model.yaml "${odd[@]}" set.loss=$loss --run odd-$model-$loss-3-ranks
      equal_metrics odd-$model-$loss-2 odd-$model-$loss-3-ranks
      saved=("odd-$model-$loss-2"/checkpoint-*.h5)
      equal "${saved[-1]}" "odd-$model-$loss-3-ranks/$(basename "${saved[-1]}")"
    done
    on 2 train $model.yaml "${odd[@]}" set.stage=size --init-from odd-$model-chamfer-$d --run odd-$model-size-$d
    "$mpiae" evaluate odd-$model-size-$d odd-$d.h5 --matching --json >figures 2>/dev/null || fail "evaluate odd sets"
    # metrics.csv leaves a figure without a value out
    if grep -qi 'null\|nan\|inf\|,,\|,$' odd-$model-*-$d/metrics.csv figures; then fail "figures of odd sets are not finite: $(cat figures odd-"$model"-*-$d/metrics.csv)"; fi
  done
done
# the optimal matching is what trains, and is recorded as such
head -1 odd-ae-hungarian-2/metrics.csv | grep -q 'train_matching,.*test_matching,.*test_chamfer\|train_matching,.*test_chamfer,.*test_matching' || fail "columns of a run with set.loss=hungarian"

# Images: their bright pixels are the sets that import makes of the same images.
on 1 synth glyphs --count 61 --out images.h5
on 1 synth glyphs --count 21 --seed 2 --out test-images.h5
printf 'model: set-ae\ndata: {train: images.h5, test: test-images.h5, shards: 5}\ntrain: {batch_size: 11, epochs: 2, learning_rate: 0.003}\nset: {input: image, width: 16, heads: 2, blocks: 1}\nnetwork: {kind: conv, channels: [4], hidden: [12]}\noutput: {samples: 4}\n' >image.yaml
for model in set-ae set-vae; do
  keys=()
  [ $model = set-vae ] && keys=(set.latent_size=6 data.binarize=dynamic)
  sed "s/^model: .*/model: $model/" image.yaml >$model-image.yaml
  for ranks in 1 2 3 4; do
    on "$ranks" train $model-image.yaml "${keys[@]}" --run "$model-image-$ranks"
    for file in checkpoint-000000012.h5 codes-000002.h5 samples-000002.h5; do equal "$model-image-1/$file" "$model-image-$ranks/$file"; done
    equal_metrics "$model-image-1" "$model-image-$ranks"
  done
  on 3 train $model-image.yaml "${keys[@]}" train.steps=8 --run $model-image-cut
  on 2 train $model-image.yaml "${keys[@]}" --run $model-image-cut --resume
  equal $model-image-1/checkpoint-000000012.h5 $model-image-cut/checkpoint-000000012.h5
  on 2 train $model-image.yaml "${keys[@]}" set.stage=size --init-from $model-image-1 --run $model-image-size
  on 1 reconstruct $model-image-size test-images.h5 --out $model-image-pairs-1.h5
  on 3 reconstruct $model-image-size test-images.h5 --out $model-image-pairs-3.h5
  equal $model-image-pairs-1.h5 $model-image-pairs-3.h5
  on 1 interpolate $model-image-1 test-images.h5 --from 3 --to 5 --steps 7 --out $model-image-line.h5
done
on 2 train image.yaml network.kind=dense train.epochs=1 --run dense-image
"$mpiae" evaluate set-ae-image-size test-images.h5 --matching --json >figures 2>/dev/null || fail "evaluate images"
"$python" - <<'EOF' || fail "sets of images"
import h5py, json, numpy as np
def sets(file, prefix=""):
    with h5py.File(file) as f:
        return np.split(f[prefix + "points"][()], f[prefix + "offset"][1:-1])
told = json.load(open("figures"))
with h5py.File("test-images.h5") as f:
    bright = [np.argwhere(image[0] > 20) / 28 for image in f["x"][()]]
pairs = list(zip(bright, sets("set-ae-image-pairs-1.h5"), sets("set-ae-image-pairs-1.h5", "reconstruction_")))
assert len(pairs) == 21 and all(len(a) == len(b) == len(c) and np.allclose(a, b) for a, b, c in pairs)
def chamfer(a, b):
    d = ((a[:, None].astype(float) - b[None]) ** 2).sum(2)
    return d.min(0).mean() + d.min(1).mean()
assert np.isclose(np.mean([chamfer(b, c) for _, b, c in pairs]), told["chamfer"], 1e-5), told
assert told["matching"] > 0 and told["size_rmse"] > 0
line = [len(s) for s in sets("set-ae-image-line.h5")]
assert line[0] == len(bright[3]) and line[6] == len(bright[5])
with h5py.File("images.h5") as f, h5py.File("set-ae-image-1/checkpoint-000000012.h5") as run:
    images = f["x"][()][:, 0] > 20
    points = np.argwhere(images)[:, 1:] / 28
    assert np.allclose(run["set/mean"], points.mean(0)) and np.allclose(run["set/deviation"], points.std(0))
with h5py.File("set-ae-image-size/checkpoint-000000012.h5") as run:
    assert run["parameters/size/output/bias"].shape[0] == images.sum((1, 2)).max() + 1
EOF

# All pixels of an image: more points than are decoded at a time.
on 2 train image.yaml set.threshold=-1 train.epochs=1 train.batch_size=3 train.steps=2 output.samples=0 --run all-pixels
on 1 reconstruct all-pixels test-images.h5 --out all-pixels.h5
"$mpiae" evaluate all-pixels test-images.h5 --json >figures 2>/dev/null || fail "evaluate all pixels"
"$python" - <<'EOF' || fail "more points than are decoded at a time"
import h5py, json, numpy as np
with h5py.File("all-pixels.h5") as f:
    a, b = (f[name + "points"][()].reshape(-1, 784, 2).astype(float) for name in ("", "reconstruction_"))
assert len(a) == 21 and 784 * 21 > 2 * 8192
def chamfer(a, b):
    d = ((a[:, None] - b[None]) ** 2).sum(2)
    return d.min(0).mean() + d.min(1).mean()
assert np.isclose(np.mean([chamfer(*pair) for pair in zip(a, b)]), json.load(open("figures"))["chamfer"], 1e-5)
EOF

# More than one bucket of gradients, of which a predictor's training leaves some alone.
large=(set.width=192 set.blocks=2 train.epochs=1 output.samples=0 data.test=none)
on 2 train ae.yaml "${large[@]}" train.steps=1 --run many-buckets
for ranks in 1 3; do on "$ranks" train ae.yaml "${large[@]}" set.stage=size train.steps=2 --init-from many-buckets --run many-buckets-$ranks; done
grep -qE '^gradients in [3-9] buckets' many-buckets-1/run.log || fail "buckets: $(grep bucket many-buckets-1/run.log)"
equal many-buckets-1/checkpoint-000000002.h5 many-buckets-3/checkpoint-000000002.h5
# by way of tensors, which lack the predictor
on 2 export many-buckets --out many-tensors
on 2 train ae.yaml "${large[@]}" set.stage=size train.steps=2 --init-from many-tensors/model.safetensors --run many-buckets-2
equal many-buckets-1/checkpoint-000000002.h5 many-buckets-2/checkpoint-000000002.h5

# larger than a block, and than what training saw
for ranks in 1 3; do
  on "$ranks" reconstruct ae-size-1 wide.h5 --out wide-$ranks.h5
  on "$ranks" encode ae-size-1 wide.h5 --out wide-codes-$ranks.h5
  on "$ranks" evaluate ae-size-1 wide.h5 --json
  grep '^{' log >wide-$ranks
done
for what in wide wide-codes; do equal $what-1.h5 $what-3.h5; done
diff wide-1 wide-3 || fail "evaluate of large sets on 1 and 3 ranks"
"$python" - <<'EOF' || fail "the distances of large sets: $(cat wide-1)"
import h5py, json, numpy as np
told = json.load(open("wide-1"))
def chamfer(a, b):
    there, back = [], np.full(len(b), np.inf)
    x, y = np.ascontiguousarray(b.T)
    for at in range(0, len(a), 10):  # what stays in a core's cache
        rows = a[at:at + 10]
        apart, other = x - rows[:, :1], y - rows[:, 1:]
        apart *= apart
        other *= other
        apart += other
        there.append(apart.min(1))
        np.minimum(back, apart.min(0), out=back)
    return np.concatenate(there).mean() + back.mean()
with h5py.File("wide-1.h5") as f:
    sets, made = (np.split(f[name + "points"][()].astype(float), f[name + "offset"][1:-1]) for name in ("", "reconstruction_"))
assert [len(s) for s in sets] == [9000, 4, 30000, 0] == [len(s) for s in made]
expected = sum(chamfer(a, b) for a, b in zip(sets[:3], made)) / 4
assert np.isclose(told["chamfer"], expected, 1e-5), expected
assert all(value is not None for value in told.values())
EOF
grep -q 'warning: wide.h5 has sets of up to 30000 points: those of more than set.most_points=' log || fail "nothing is said of larger sets: $(cat log)"

# What it refuses: one message each.
refused 2 "odd-3.h5 holds points of 3 coordinates, but the model is for 2" encode ae-autoencoder-1 odd-3.h5 --out refused.h5
on 1 synth glyphs --count 9 --out arrays.h5
refused 2 "arrays.h5 holds arrays, but model 'set-ae' is for sets of points" train ae.yaml data.train=arrays.h5 --run refused
refused 2 "odd-2.h5 holds sets of points, but model 'set-ae' is for arrays" train image.yaml data.train=odd-2.h5 --run refused
refused 2 "set.input=image is for images of one channel, (N, 1, H, W), whose bright pixels are points, but the data are (N, 3, 4, 4)" train image.yaml data.train=colour.h5:/x data.test=none --run refused
refused 2 "sides of 28 × 28 can be halved 2 times only" train image.yaml "network.channels=[2,2,2]" --run refused
refused 2 "has set.input=image, but here it is points" train ae.yaml set.stage=size network.kind=conv "network.channels=[4]" "network.hidden=[12]" --init-from set-ae-image-1 --run refused
refused 2 "large.h5: a set of 2001 points is too large for the optimal matching" train ae.yaml data.train=large.h5 set.loss=hungarian --run refused
refused 2 "large.h5: a set of 2001 points is too large for the optimal matching" evaluate ae-autoencoder-1 large.h5 --matching
on 2 evaluate odd-ae-hungarian-2 large.h5 --json
grep -q 'warning: large.h5: a set of 2001 points is too large .*; so evaluate cannot tell the loss of this model, set.loss=hungarian' log || fail "nothing is said of a loss without a value"
grep -q '"loss": null, "matching": null, "chamfer": 0' log || fail "what is left of the figures of large sets: $(cat log)"
timeout 100 "${mpirun[@]}" -n 3 "$mpiae" evaluate ae-autoencoder-1 large.h5 --matching >log 2>&1
if [ $? != 2 ] || [ "$(grep -c 'large.h5: a set of 2001 points is too large' log)" != 1 ]; then fail "matching on 3 ranks: $(cat log)"; fi
refused 3 "all its sets are empty" train ae.yaml data.train=empty.h5 --run refused
refused 2 "vae-autoencoder-1 tells no sizes of sets: give --size N" sample vae-autoencoder-1 --out refused.h5
refused 2 "ae-autoencoder-1 tells no sizes of sets: give --size N" decode ae-autoencoder-1 ae-autoencoder-codes-1.h5 --out refused.h5
refused 2 "set.stage=size trains the predictor of sizes on the codes of a model" train ae.yaml set.stage=size --run refused
refused 2 "is a model 'set-ae': a 'set-vae' begins with" train vae.yaml --init-from ae-autoencoder-1 --run refused
refused 2 "has set.heads=2, but here it is 4" train ae.yaml set.heads=4 --init-from ae-autoencoder-1 --run refused
refused 2 "has set.latent_size=6, but here it is 7" train vae.yaml set.latent_size=7 --init-from vae-autoencoder-1 --run refused
refused 2 "has set.most_points=" train ae.yaml set.stage=size set.most_points=7 --init-from ae-size-1 --run refused
if [ "$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)" -lt 60000000 ]; then
  refused 2 "a predictor with set.most_points=1000000 would take" train ae.yaml set.width=16384 set.stage=size set.most_points=1000000 --init-from ae-autoencoder-1 --run refused
  refused 2 "9 sets of 19327352823 points in all would take" sample vae-autoencoder-1 --count 9 --size 2147483647 --out refused.h5
  refused 2 "sets of 200000000 points would take" sample vae-autoencoder-1 --count 1 --size 200000000 --out refused.h5
  refused 2 "train.batch_size=60: steps of up to " train ae.yaml set.width=65536 set.blocks=4 train.batch_size=60 --run refused
  # large sets among small ones: what the steps to come have, not what the largest sets of all would
  refused 2 "train.batch_size=11: steps of up to " train ae.yaml data.train=few.h5 set.width=65536 set.blocks=4 --run refused
  most=$(sed -n 's/.*steps of up to \([0-9]*\) points.*/\1/p' log)
  if [ "$most" -lt 5000 ] || [ "$most" -ge 30000 ]; then fail "the largest step has $most points"; fi
fi
refused 2 "is for points of 2 coordinates, but those of the data have 3" train ae.yaml data.train=odd-3.h5 data.test=none --init-from ae-autoencoder-1 --run refused
refused 2 "has data.center=0, but here it is 0.5" train image.yaml set.stage=size data.center=0.5 --init-from set-ae-image-1 --run refused
cp -r ae-autoencoder-1 damaged
damaged=damaged/checkpoint-000000012.h5
for damage in 'f["set/mean"][0] = float("nan")' 'f["set/deviation"][1] = -1' 'f["set/deviation"][0] = float("inf")' \
  'd = f["set/mean"][()]; del f["set/mean"]; f["set/mean"] = [*d, 0.5]' 'del f["set/deviation"]; f["set/deviation"] = 0.5' 'del f["set/mean"]'; do
  cp ae-autoencoder-1/checkpoint-000000012.h5 $damaged
  "$python" -c "import h5py
with h5py.File('$damaged', 'a') as f: $damage" || fail "damaging: $damage"
  refused 3 "/set" evaluate $damaged test.h5
done
refused 2 "set.heads=3 does not divide set.width=16" train ae.yaml set.heads=3 --run refused
refused 2 "are for values of images, not for points" train ae.yaml data.center=0.5 --run refused
refused 2 "--grid: a table is made of arrays" decode ae-autoencoder-1 --grid 3 --out refused.h5
refused 2 "model 'set-ae' has no distribution to draw samples from" sample ae-autoencoder-1 --size 3 --out refused.h5
printf 'model: vae\ndata: {train: arrays.h5}\ntrain: {epochs: 1}\nnetwork: {hidden: [4], latent_size: 2}\n' >arrays.yaml
on 1 train arrays.yaml --run arrays
refused 2 "--size: model 'vae' makes no sets of points" sample arrays --size 3 --out refused.h5
refused 2 "--matching: model 'vae' makes no sets of points" evaluate arrays arrays.h5 --matching
if [ -e refused.h5 ] || [ -e refused ]; then fail "something refused left files"; fi
finish
