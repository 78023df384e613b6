#!/usr/bin/env bash
# The examples of the commands' help, which build on one another.
# usage: test_examples.sh MPIAE RANKS
# shellcheck source=tests/harness/cases.sh
. "$(dirname "$0")/../harness/cases.sh"

mkdir -p runs/data
ln -s "$configs" configs
accept "" synth glyphs --count 300 --out runs/data/glyphs.h5
cp runs/data/glyphs.h5 glyphs.h5
accept "" synth glyphs --count 40 --seed 2 --out test.h5
for command in train encode decode evaluate reconstruct sample interpolate cluster info; do example "$command"; done

finish
