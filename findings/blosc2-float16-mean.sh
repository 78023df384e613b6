#!/usr/bin/env bash
# blosc2: the mean of a large float16 array is NaN, and argmax passes by a NaN that max reports.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: as NumPy, whose names and results blosc2's arrays follow: mean 1 of ones, argmax the place of the NaN.
# Seen: a sum and a count past 65 504 both overflow float16, and inf / inf is NaN: so with 66 000 ones; with 65 000
# the mean is right. argmax of [1, NaN, 3] is 0, neither NumPy's 1 nor nanargmax's 2.
# Matters: statistics of compressed activations are NaN by size alone.
#
#> blosc2 4.14.1
#> 60000 ones: mean 1.0 NumPy 1.0
#> 65000 ones: mean 1.0 NumPy 1.0
#> 66000 ones: mean nan NumPy 1.0
#> 1000000 ones: mean nan NumPy 1.0
#> max nan argmax 0 NumPy 1
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'blosc2==4.14.1' 'numpy==2.4.6'
venv/bin/python -W ignore - 2>&1 <<'PY' | tee seen
from importlib.metadata import version
import blosc2
import numpy as np
print("blosc2", version("blosc2"))
for count in (60_000, 65_000, 66_000, 1_000_000):
    ones = np.ones(count, "f2")
    print(count, "ones: mean", float(blosc2.asarray(ones).mean()), "NumPy", float(ones.mean()))
holed = np.array([1, np.nan, 3], "f4")
print("max", float(blosc2.asarray(holed).max()), "argmax", int(blosc2.asarray(holed).argmax()), "NumPy", int(holed.argmax()))
PY
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
