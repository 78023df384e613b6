#!/usr/bin/env bash
# Files of every released version (tests/files/VERSION, made there by tests/files/make.sh) are read by this program: what `evaluate` says of a
# checkpoint and the codes that `encode` makes are those of the version that wrote it, and a run that it began goes on as it did there.
# usage: test_old_files.sh MPIAE
tests=$(realpath "$(dirname "$0")/..")
# shellcheck source=tests/harness/runs.sh
. "$tests/harness/runs.sh"

cat >same.py <<'PYTHON'
"""same.py A B: figures (.json, .csv) or arrays (.h5) that are equal but for what another kind of CPU or BLAS rounds."""
import csv
import json
import sys

import h5py
import numpy as np

TIMES = {"seconds", "examples_per_second"}


def read(path):
    if path.endswith(".json"):
        with open(path) as file:
            return json.load(file)
    if path.endswith(".csv"):
        with open(path) as file:
            rows = list(csv.DictReader(file))
        return {name: [row[name] for row in rows] for name in rows[0] if name not in TIMES}
    with h5py.File(path) as file:
        return {name: array[()] for name, array in file.items() if isinstance(array, h5py.Dataset)}


def same(a, b):
    try:
        return np.allclose(np.array(a, float), np.array(b, float), rtol=1e-3, atol=1e-5)
    except ValueError:
        return np.array_equal(a, b)


old, new = map(read, sys.argv[1:])
assert old and set(old) <= set(new), f"{sorted(set(old) - set(new))} is not there any more"
for name in old:
    assert same(old[name], new[name]), f"{name}: {old[name]} then, {new[name]} now"
PYTHON
same() { "$python" same.py "$1" "$2" 2>log || fail "$1, $2: $(tail -1 log)"; }

# alone ARGUMENTS…: without a launcher, which takes longer than the work
alone() { timeout 100 "$mpiae" "$@" >log 2>&1 || fail "mpiae $*: $(tail -5 log)"; }

# check MODEL DATA: the files of one model
check() {
  local model=$1 data=$2
  mkdir "run-$model"
  cp "$model.h5" "run-$model/checkpoint-$(printf %09d "$("$python" -c "import json; print(json.load(open('$model.json'))['step'])")").h5"
  alone info "run-$model"
  alone evaluate "run-$model" "$data" --json
  cp log "now-$model.json"
  same "$model.json" "now-$model.json"
  if [ -e "$model-codes.h5" ]; then
    alone info "$model-codes.h5"
    alone encode "run-$model" "$data" --out "now-$model.h5"
    same "$model-codes.h5" "now-$model.h5"
  fi
  on 2 train "$model.yaml" train.epochs=2 --run "run-$model" --resume
  same "$model.csv" "run-$model/metrics.csv"
}

versions=0
for files in "$tests"/files/*/; do
  version=$(basename "$files")
  versions=$((versions + 1))
  cp -r "$files" "$version"
  gunzip "$version"/*.gz
  cd "$version" || exit 1
  cp ../same.py .
  for model in *.yaml; do
    model=${model%.yaml}
    grep -aq "$version" "$model.h5" || fail "$model.h5 is not of $version"
    data=$(sed -n 's/^data: {train: \([^,]*\),.*/\1/p' "$model.yaml")
    alone info "${data%%:*}"
    check "$model" "$data"
  done
  cd ..
done
if [ "$versions" = 0 ]; then fail "there are no files of earlier versions"; fi

finish
