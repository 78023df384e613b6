#!/usr/bin/env bash
# The quickstart as a newcomer runs it, in a fresh copy of the source; then again, which must reuse what is there.
# usage: test_quickstart.sh SOURCE
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$1"
tar -c --exclude=./build --exclude=./runs --exclude=./.git . | tar -x -C "$scratch"
cd "$scratch"

tools/quickstart >first.log 2>&1 || { tail -30 first.log; exit 1; }
grep -q 'data:image/png' runs/quickstart/report.html
last=$(tail -n 1 runs/quickstart/metrics.csv)
stamp=$(stat -c %Y runs/data/glyphs.h5)
checkpoints=$(ls runs/quickstart/checkpoint-*)

cmake --install build/release --prefix "$scratch/prefix" >install.log || { tail -5 install.log; exit 1; }
"$scratch/prefix/bin/mpiae" --version >/dev/null
[ -e "$scratch/prefix/share/mpiae/configs/vhe-mnist.yaml" ]

tools/quickstart >second.log 2>&1 || { tail -30 second.log; exit 1; }
[ "$(stat -c %Y runs/data/glyphs.h5)" = "$stamp" ] || { echo "the dataset was written again"; exit 1; }
[ "$(ls runs/quickstart/checkpoint-*)" = "$checkpoints" ] || { echo "it trained again"; exit 1; }
grep -q 'Building C object' second.log && { echo "it was built again"; exit 1; }

# It learns: the pseudo-labels tell something of the known classes.
awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "label_nmi") n = i } END { exit !($n > 0.3) }' runs/quickstart/metrics.csv || {
  echo "the last epoch: $last"
  exit 1
}
