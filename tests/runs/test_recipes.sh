#!/usr/bin/env bash
# The recipes of src/README.md, to the letter: its files and changes go into a copy of the sources, which is built; the new model trains on one
# and on three ranks, with the same bits, and does what models do; the new operation's gradient is tested; the new command answers.
# usage: test_recipes.sh MPIAE SOURCE CMAKE [OPTIONS OF CMAKE …]
# shellcheck source=tests/harness/runs.sh
. "$(dirname "$0")/../harness/runs.sh"
source=$2 cmake=$3
mkdir copy
for name in CMakeLists.txt CHANGELOG.md README.md src include jobs configs tests tools findings; do cp -r "$source/$name" copy; done

cat >follow.py <<'PYTHON'
"""follow.py README TREE: writes its blocks of C under the path before them, adds the lines of its changes, and says what was touched."""
import os
import re
import sys

text = open(sys.argv[1], encoding="utf-8").read()
tree, path, touched = sys.argv[2], None, {}
for title, body in re.findall(r"^### (.+?)\n(.*?)(?=^##|\Z)", text, re.M | re.S):
    for name, kind, block in re.findall(r"^`([\w/.]+)`:$|^```(\w+)\n(.*?)^```", body, re.M | re.S):
        if name:
            path = f"{tree}/{name}"
            touched.setdefault(title, set()).add(name)
        elif kind == "c":
            os.makedirs(os.path.dirname(path), exist_ok=True)
            open(path, "x", encoding="utf-8").write(block)
        elif kind == "diff":
            lines = block.splitlines(keepends=True)
            old, new = ("".join(line[1:] for line in lines if line[0] in kinds) for kinds in (" -", " +"))
            whole = open(path, encoding="utf-8").read()
            assert whole.count(old) == 1, f"{path} has not these lines once:\n{old}"
            open(path, "w", encoding="utf-8").write(whole.replace(old, new))
        elif kind == "yaml":
            open("dae.yaml", "w", encoding="utf-8").write(block)
for title, files in (("A model", 2), ("An operation", 2), ("A loss term", 1), ("A command", 2)):
    assert len(touched[title]) == files, f"{title}: {touched[title]}"
PYTHON
if ! "$python" follow.py "$source/src/README.md" copy; then
  fail "the recipes cannot be followed"
  finish
fi
formatter=$(command -v clang-format)
if [ -n "$formatter" ] && ! (cd copy && cp "$source/.clang-format" . && "$formatter" --dry-run -Werror src/models/dae/dae.c src/graph/op_mean_square.c src/cli/count.c); then
  fail "the recipes' files are not formatted"
fi
if ! "$cmake" -S copy -B build -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS=-O0 -DMPIAE_KERNEL_OPTIONS=-O0 -DCMAKE_COMPILE_WARNING_AS_ERROR=ON "${@:4}" >log 2>&1 ||
  ! "$cmake" --build build --target mpiae test_ops >>log 2>&1; then
  fail "the recipes' sources are not built"
  tail -40 log
  finish
fi
mpiae=$PWD/build/mpiae

on 1 synth glyphs --count 300 --out glyphs.h5
on 1 train dae.yaml --run dae-1
on 3 train dae.yaml --run dae-3
equal dae-1/checkpoint-000000003.h5 dae-3/checkpoint-000000003.h5
if [ "$(awk -F, 'NR == 1 {for (i = 1; i <= NF; i++) place[$i] = i} NR == 2 {print $place["noise"], ($place["train_l2"] > 0)}' dae-1/metrics.csv)" != "0.2 1" ]; then
  fail "metrics.csv does not tell the noise and the term"
  cat dae-1/metrics.csv
fi
on 3 train dae.yaml train.epochs=2 --run dae-1 --resume
on 1 encode dae-1 glyphs.h5 --out codes.h5
on 1 decode dae-1 codes.h5 --out decoded.h5
on 1 reconstruct dae-1 glyphs.h5 --out pairs.h5
on 1 evaluate dae-1 glyphs.h5
if ! grep -q '^  l2  *[0-9]' log; then
  fail "evaluate does not tell the term"
  cat log
fi
if ! "$mpiae" help config dae.noise | grep "noise that the encoder sees" >/dev/null; then fail "the key is not explained"; fi
if [ "$("$mpiae" count glyphs.h5 2>/dev/null)" != 300 ]; then fail "the command does not count"; fi
if ! build/tests/test_ops >log 2>&1; then
  fail "the operation's gradient"
  tail -20 log
fi
finish
