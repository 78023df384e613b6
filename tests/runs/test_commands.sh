#!/usr/bin/env bash
# What the commands say of a trained model, and what a run says of a test set: the same bits on any number of ranks.
# usage: test_commands.sh MPIAE
# shellcheck source=tests/harness/runs.sh
. "$(dirname "$0")/../harness/runs.sh"

on 1 synth glyphs --count 703 --out train.h5
on 1 synth glyphs --count 531 --seed 2 --out test.h5
on 1 synth glyphs --count 5 --seed 3 --out few.h5
run=(data.train=train.h5 data.test=test.h5 data.shards=6 train.batch_size=60 train.epochs=2 output.samples=270)
printf 'model: vhe\nnetwork: {hidden: [48], latent_size: 6}\nkmeans: {clusters: 7}\n' >vhe.yaml
printf 'model: vae\nnetwork: {hidden: [48], latent_size: 2}\ndata: {binarize: dynamic}\n' >vae.yaml
printf 'model: acn\nnetwork: {hidden: [48], latent_size: 6}\nacn: {neighbours: 3}\n' >acn.yaml
printf 'model: ae\nnetwork: {hidden: [48], latent_size: 2}\n' >ae.yaml

# to RANKS COMMAND…: its results in files <name>-<ranks>.h5, those of one rank compared with them
to() {
  local ranks=$1 name=$2
  shift 2
  on "$ranks" "$@" --out "$name-$ranks.h5"
  equal "$name-1.h5" "$name-$ranks.h5"
}

# What it prints, but for the line that names the run.
told() { timeout 100 "${mpirun[@]}" -n "$1" "$mpiae" "${@:2}" 2>log || fail "mpiae ${*:2}"; }

for model in vhe vae ae acn; do
  for ranks in 1 3 7; do
    # 7 ranks: more than blocks of data, and than the shards of a run
    if [ "$ranks" != 7 ]; then
      on "$ranks" train "$model.yaml" "${run[@]}" --run "$model-$ranks"
      for file in checkpoint-000000024.h5 codes-000002.h5 samples-000001.h5 samples-000002.h5; do
        equal "$model-1/$file" "$model-$ranks/$file"
      done
      equal_metrics "$model-1" "$model-$ranks"
    fi
    to "$ranks" "$model-codes" encode "$model-1" test.h5
    to "$ranks" "$model-decoded" decode "$model-1" "$model-codes-1.h5"
    to "$ranks" "$model-pairs" reconstruct "$model-1" test.h5 --count 300
    to "$ranks" "$model-line" interpolate "$model-1" test.h5 --from 530 --to 0 --steps 7
    told "$ranks" evaluate "$model-1" test.h5 --json >"$model-$ranks.json"
    told "$ranks" evaluate "$model-1" few.h5 --json >>"$model-$ranks.json"
    if ! diff "$model-1.json" "$model-$ranks.json"; then fail "mpiae evaluate on $ranks ranks"; fi
  done
done
on 2 train vhe.yaml "${run[@]}" vhe.weighting=mutual-information --run weighted-1
told 2 evaluate weighted-1 test.h5 --json >weighted-1.json
for ranks in 1 2 4; do
  to "$ranks" vhe-samples sample vhe-1 --count 300
  to "$ranks" vhe-like sample vhe-1 --count 300 --like test.h5:3,500
  to "$ranks" vhe-table sample vhe-1 --count 5 --swap
  to "$ranks" vhe-swap sample vhe-1 --like test.h5:3,500,7 --swap
  to "$ranks" vae-grid decode vae-1 --grid 17
  to "$ranks" ae-grid decode ae-1 --grid 5
  told "$ranks" evaluate vae-1 test.h5 --samples 20 >"bound-$ranks.txt"
  if ! diff bound-1.txt "bound-$ranks.txt"; then fail "the bound on $ranks ranks"; fi
done

# Nothing is given to numbers that no class of the training data has, wherever their centroids lie.
"$python" -c 'import h5py, shutil
shutil.copy("train.h5", "gaps.h5")
with h5py.File("gaps.h5", "a") as file:
    file["label"][:] = 3 * file["label"][:] + 1
    del file["label"].attrs["digests"]' || fail "labels with gaps"
for weighting in none mutual-information; do
  gaps=gaps-$weighting
  on 2 train vhe.yaml data.train=gaps.h5 data.shards=2 train.epochs=2 vhe.labels=given vhe.weighting=$weighting --run "$gaps"
  on 1 encode "$gaps" test.h5 --out "$gaps.h5"
  "$python" -c 'import glob, h5py, numpy, sys
with h5py.File(sys.argv[1] + ".h5") as codes, h5py.File(max(glob.glob(sys.argv[1] + "/checkpoint-*.h5")), "a") as model:
    empty = numpy.flatnonzero(model["pseudo_labels/size"][()] == 0)
    both = numpy.concatenate([codes["z_mean"][()], codes["c_mean"][()]], axis=1)
    for k in empty: model["pseudo_labels/centroid"][k] = both[k]
    del model["pseudo_labels/centroid"].attrs["digests"]' "$gaps" || fail "centroids of empty classes"
  on 3 encode "$gaps" test.h5 --out "$gaps.h5"
  "$python" -c 'import h5py, sys
sys.exit(any(k % 3 != 1 for k in h5py.File(sys.argv[1])["pseudo_label"][()]))' "$gaps.h5" || fail "an empty class has examples"
done

# Episodes; and a model that cannot tell anything guesses.
for ranks in 1 2 3 4; do
  told "$ranks" evaluate vhe-1 test.h5 --ways 5 --shots 3 --episodes 50 --samples 2 --json >"episodes-$ranks.json"
  if ! diff episodes-1.json "episodes-$ranks.json"; then fail "episodes on $ranks ranks"; fi
done
"$python" - <<'END' || fail "the accuracies of episodes are $(cat episodes-1.json)"
import json
found = json.load(open("episodes-1.json"))
assert 0.05 < found["few_shot_acc"] < 0.9 and 0.3 < found["pixels_acc"] < 1
assert 0 < found["few_shot_acc_interval"] < 0.1 and 0 < found["pixels_acc_interval"] < 0.1
END

# Some slices without a rank's share, ties, and clusters that are empty at first.
"$python" - <<'END'
import h5py, numpy
random = numpy.random.default_rng(3)
rows = random.normal(size=(30001, 7)) + 5 * random.normal(size=(40, 7))[random.integers(0, 40, 30001)]
rows[::3] = numpy.round(rows[::3])
with h5py.File("points.h5", "w") as file:
    file["x"], file["label"], file["start"] = rows, random.integers(0, 40, 30001), rows[numpy.arange(300) % 90]
END
for ranks in 1 2 3 4 9; do
  for init in random k-means++ scalable; do
    to "$ranks" "clusters-$init" cluster points.h5:/x --clusters 150 --init "$init" --iterations 12
  done
  to "$ranks" clusters-from cluster points.h5:/x --clusters 300 --init-from points.h5:/start --tolerance 0 --iterations 5
  told "$ranks" cluster points.h5:/x --clusters 20 --iterations 4 --out any.h5 >"clusters-$ranks.txt"
  if ! diff clusters-1.txt "clusters-$ranks.txt"; then fail "mpiae cluster on $ranks ranks"; fi
done

# A run evaluates its test set as the command does: the figures of the last epoch are those of the last checkpoint.
"$python" - <<'END' || fail "test_loss and evaluate"
import csv, json
for model in ("vhe", "vae", "ae", "acn", "weighted"):
    with open(f"{model}-1/metrics.csv") as file:
        last = list(csv.DictReader(file))[-1]
    with open(f"{model}-1.json") as file:
        told = json.loads(file.readline())
    columns = [name for name in last if name.startswith("test_")]
    assert len(columns) >= 2
    for name in columns:
        assert float(last[name]) == told[name.removeprefix("test_")], (model, name, last[name], told)
END

# The film begins with what reconstruct and sample give: the same code, the same noise.
on 1 reconstruct vhe-1 test.h5 --count 270 --out film-pairs.h5
on 1 sample vhe-1 --count 270 --out film-samples.h5
for pair in "/reconstruction film-pairs.h5 /reconstruction" "/sampled film-samples.h5 /x"; do
  read -r ours file theirs <<<"$pair"
  "$python" -c 'import h5py, sys
film, file = (h5py.File(name) for name in sys.argv[1:3])
assert (film[sys.argv[3]][()] == file[sys.argv[4]][()]).all()' vhe-1/samples-000002.h5 "$file" "$ours" "$theirs" || fail "film: $pair"
done

finish
