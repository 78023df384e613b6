#!/usr/bin/env bash
# Data as their owners have them (make_foreign.py makes the files with h5py): the right value of each comes out, or one message says what is the
# matter and what to do. `reconstruct` gives back what was read.
# usage: test_foreign.sh MPIAE
tests=$(realpath "$(dirname "$0")/..")
# shellcheck source=tests/harness/runs.sh
. "$tests/harness/runs.sh"
"$python" "$tests/runs/make_foreign.py" || exit 1
cat >ae.yaml <<'YAML'
model: ae
train: {epochs: 1, batch_size: 8}
network: {hidden: [4], latent_size: 2, likelihood: gaussian}
YAML
cat >same.py <<'PYTHON'
"""Each line A:/PATH|B:/PATH|EXPRESSION of `expected`: arrays that are equal, b after the expression of itself."""
import sys

import h5py
import numpy as np

wrong = 0
for line in open("expected"):
    *names, expression = line.strip().split("|")
    a, b = (np.array(h5py.File(file)[path]) for file, path in (name.rsplit(":", 1) for name in names))
    b = eval(expression, {"b": b, "np": np})
    if not np.array_equal(a.reshape(len(a), -1), np.asarray(b, a.dtype).reshape(len(b), -1)):
        wrong += 1
        print(f"{line.strip()}: {a[:2]} is not {b[:2]}")
sys.exit(wrong > 0)
PYTHON

# alone ARGUMENTS…: without a launcher, which takes longer than the work; its status in $status, what it says in log
alone() {
  status=0
  timeout 100 "$mpiae" "$@" >log 2>&1 </dev/null || status=$?
}
train() {
  rm -rf run
  alone train ae.yaml --run run --quiet "data.train=$1" "${@:2}"
}
# says COUNT TEXT: so many messages, and the text in the only one
says() {
  local count
  count=$(grep -c '^mpiae: ' log)
  if [ "$count" != "$1" ]; then fail "$what: $count messages: $(head -3 log)"; fi
  if [ -n "${2:-}" ] && ! grep -qF -- "$2" log; then fail "$what: no '$2' in: $(head -3 log)"; fi
}
# reads DATA [EXPRESSION [KEY=VALUE…]]: without a message; as it stands in the file, after the expression of it
reads() {
  what="train $1 ${*:3}"
  train "$1" "${@:3}"
  if [ "$status" != 0 ]; then fail "$what: status $status: $(head -3 log)"; fi
  says 0
  same_values "$@"
}
# warns TEXT DATA [EXPRESSION [KEY=VALUE…]]: the same with one warning that holds the text
warns() {
  what="train $2 ${*:4}"
  train "$2" "${@:4}"
  if [ "$status" != 0 ]; then fail "$what: status $status: $(head -3 log)"; fi
  says 1 "$1"
  same_values "${@:2}"
}
same_values() {
  values=$((values + 1))
  alone reconstruct run "$1" --out "$scratch/values-$values.h5"
  echo "values-$values.h5:/x|${1#../}|${2:-b}" >>"$scratch/expected"
}
# refuses STATUS TEXT DATA [KEY=VALUE…]: one error that holds the text
refuses() {
  what="train ${*:3}"
  train "$3" "${@:4}"
  if [ "$status" != "$1" ]; then fail "$what: status $status: $(head -3 log)"; fi
  says 1 "$2"
}
scale_is() { grep -qx "  scale: $1" run/config.yaml || fail "$what: $(grep scale run/config.yaml), not $1"; }

values=0
# Units. Bytes by type come out as 0 to 1, all else in the units of the data.
reads bits.h5:/x
scale_is none
warns "data.scale=16 makes them 0 to 1" levels.h5:/x "b * np.float32(1 / 255)"
scale_is type
reads levels.h5:/x b data.scale=16
reads bytes.h5:/x "b * np.float32(1 / 255)"
scale_is type
reads bool.h5:/x
reads wide-range.h5:/x
reads heights.h5:/x b data.scale=standardize
reads heights.h5:/x b data.scale=0-1 network.likelihood=bernoulli
refuses 2 "set data.scale=0-1 or a divisor" heights.h5:/x network.likelihood=bernoulli
refuses 2 "data.scale must be one of" bits.h5:/x data.scale=most
refuses 2 "0 to 1.00000012" almost.h5:/x network.likelihood=bernoulli

# A run goes on with the scale that it learnt.
train heights.h5:/x data.scale=standardize train.epochs=2
cp run/checkpoint-000000010.h5 straight.h5
train heights.h5:/x data.scale=standardize
alone train ae.yaml --run run --quiet data.train=heights.h5:/x train.epochs=2 --resume
"$python" - <<'PYTHON' || fail "the scale is not that of the training data"
import h5py, numpy as np
x = np.array(h5py.File("heights.h5")["x"], "f4").astype("f8")
for name in "straight.h5", "run/checkpoint-000000010.h5":
    scale = h5py.File(name)["scale"]
    assert np.allclose(scale["offset"], x.mean(0), rtol=1e-6)
    deviation = x.std(0)
    deviation[5] = 1  # it never changes
    assert np.allclose(scale["divisor"], deviation, rtol=1e-5), (scale["divisor"][()], deviation)
PYTHON
equal straight.h5 run/checkpoint-000000010.h5

# Labels: what codes-000001.h5 says they are
while read -r name expression; do
  what="labels of label-$name.h5"
  reads "label-$name.h5:/x"
  cp run/codes-000001.h5 "codes-$name.h5"
  echo "codes-$name.h5:/label|label-int.h5:/label|$expression" >>expected
done <<'END'
int b
column b
row b
float b
bool b > 1
onehot b
onehot-bool b
onehot-int b
texts np.array([3, 0, 1, 2])[b]
fixed np.array([3, 0, 1, 2])[b]
nan np.where(b == 3, -1, b)
END
while IFS='|' read -r name text; do warns "/label is not taken as labels: $text" "label-$name.h5:/x"; done <<'END'
short|its shape is (7), but there are 40 examples
half|label 0.5 of example 0 is no whole number
cube|its shape is (40, 2, 2)
twohot|row 0 of the 4 columns is not zeros and a single 1
huge|label 1099511627776 of example 0 is out of range
below|label -5 of example 0 is out of range
each|it holds 40 different texts
END
reads label-texts.h5:/x
alone evaluate run label-texts.h5:/x --json
grep -qF '"label_names": ["cat", "dog", "eel", "owl"]' log || fail "names of labels: $(cat log)"
# other classes in other data keep their numbers
alone encode run label-others.h5:/x --out codes.h5
"$python" - <<'PYTHON' || fail "labels of other data are numbered otherwise"
import h5py
label = h5py.File("codes.h5")["label"]
assert label.attrs["names"].split("\n") == ["cat", "dog", "eel", "owl", "ant"]
assert list(label[:4]) == [4, 3, 4, 3], label[:4]
PYTHON
sed 's/^model: ae/model: vhe/' ae.yaml >vhe.yaml
for case in "unlabelled has no known /label" "label-half label 0.5 of example 0 is no whole number"; do
  alone train vhe.yaml --run given --quiet data.train="${case%% *}.h5:/x" vhe.labels=given
  grep '^mpiae: error' log | grep -qF "${case#* }" || fail "vhe.labels=given: $(cat log)"
done

# What cannot be read
refuses 3 "it is in a newer format than this HDF5 reads" newer.h5:/x
refuses 3 "is compressed with lzf (filter 32000 of HDF5)" lzf.h5:/x
refuses 3 "is compressed with blosc (filter 32001 of HDF5)" blosc.h5:/x
refuses 3 "is compressed with zstd (filter 32015 of HDF5)" zstd.h5:/x
refuses 3 "is compressed with a filter that is not known here (filter 31999 of HDF5)" unknown.h5:/x
grep -qF "HDF5_PLUGIN_PATH" log || fail "no remedy: $(cat log)"
refuses 3 "is a virtual dataset, made of parts in 2 places, and there is no file gone.h5" virtual-gap.h5:/x
refuses 3 "is a link to /x of gone.h5, where nothing is" links.h5:/gone
refuses 3 "is a link to /y of part1.h5, where nothing is" links.h5:/absent
refuses 3 "is a link to /nowhere of the same file, where nothing is" links.h5:/soft
refuses 3 "is a link to /self of the same file, where nothing is" links.h5:/self
refuses 3 "must hold numbers" structure.h5:/x
refuses 3 "must hold numbers" structure.h5:/text
refuses 3 "is a sparse matrix by columns (CSC)" cells.h5ad:/C
refuses 3 "has column 6, but there are 6" cells.h5ad:/damaged
reads virtual.h5:/x
reads links.h5:/external
mkdir elsewhere
cp ae.yaml elsewhere
cd elsewhere || exit 1
reads ../virtual.h5:/x
reads ../links.h5:/external
cd ..
what="sparse rows"
train cells.h5ad:/X
alone reconstruct run cells.h5ad:/X --out values.h5
echo "values.h5:/x|cells.h5ad:/dense|b" >>expected
alone info links.h5
[ "$status" = 0 ] || fail "info of links: $(cat log)"

# Metadata of others
reads packed.nc:/temperature "b * 0.01 + 273.15"
reads packed.nc:/unused
reads packed.nc:/inside
reads packed.nc:/bytes "b * 0.5"
reads packed.nc:/plain
refuses 3 "feature 3 of example 7 is -32767, which _FillValue or missing_value says is a missing value" packed.nc:/holes
refuses 3 "out of the valid range that its attributes give" packed.nc:/range
refuses 3 "attribute 'scale_factor' of /odd says how its numbers are packed, but is not" packed.nc:/odd

# Precision
warns "loses digits in float32: feature" times.h5:/x
reads times.h5:/fine
refuses 3 "1e+300, beyond what float32 holds" huge-number.h5:/x
for pair in x:plain real:less; do
  alone cluster "times.h5:/${pair%:*}" --clusters 4 --out "${pair%:*}.h5"
  [ "$status" = 0 ] || fail "cluster times.h5:/${pair%:*}: $(cat log)"
  alone cluster "times.h5:/${pair#*:}" --clusters 4 --out "${pair#*:}.h5"
  echo "${pair%:*}.h5:/label|${pair#*:}.h5:/label|b" >>expected
done

# The smaller ones
warns "store them as points (200, 3) beside offset" cloud.h5:/x
train nested.h5:train/data train.learning_rate=1e-5 train.epochs=0001
[ "$status" = 0 ] || fail "FILE.h5:path without a slash: $(cat log)"
if ! grep -qx "  learning_rate: 1.0e-05" run/config.yaml || ! grep -qx "  epochs: 1" run/config.yaml; then fail "numbers of config.yaml"; fi
alone info nested.h5:/train/data
grep -q "/train/data .*(40, 6) .*float32" log || fail "info of a place: $(cat log)"
refuses 2 "the name of a file is empty" unlabelled.h5:/x data.test=
refuses 2 "train.seed must be at most 9e+15" unlabelled.h5:/x train.seed=9007199254740993
alone import npy arrays.npz --out imported.h5
grep -q "an archive of arrays, as numpy.savez makes: unpack it" log || fail "import of .npz: $(cat log)"
alone import npy bits.npy --as-set --threshold 20 --out imported.h5
grep -q "warning: all 40 sets are empty" log || fail "empty sets: $(cat log)"
train zero-one.h5:/x network.likelihood=bernoulli
alone evaluate run zero-one.h5:/x
grep -q "the data are 0 and 1, which data.binarize=static leaves as they are" log || fail "0 and 1: $(cat log)"

# Any number of ranks
for case in cells.h5ad:/X "label-texts.h5:/x data.scale=standardize"; do
  read -ra words <<<"$case"
  train "${words[@]}" data.shards=3
  rm -rf one
  mv run one
  on 3 train ae.yaml --run run --quiet data.train="${words[0]}" "${words[@]:1}" data.shards=3
  equal one/checkpoint-000000005.h5 run/checkpoint-000000005.h5
  equal one/codes-000001.h5 run/codes-000001.h5
done

"$python" same.py >log 2>&1 || fail "values: $(cat log)"
finish
