#!/usr/bin/env bash
# ml_dtypes: float64 and int64 become bfloat16 and float8 by way of float32, rounded twice.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: one rounding to the nearest, as NumPy's own float64 -> float16 does.
# Seen: a value a little above the middle between two neighbours first falls onto the middle in float32, then goes to
# the even neighbour, which is the farther one. Columns: type, value's name, got, nearest.
# Matters: a checkpoint in float64 cast to bfloat16 differs in last bits from one cast by a correctly rounding tool, and
# comparisons of bits between the two fail; the error is just over half a unit in the last place.
#
#> ml_dtypes 0.6.0, numpy 2.4.6
#> float16 half-unit-and-a-bit 1.0009765625 1.0009765625
#> bfloat16 half-unit-and-a-bit 1.0 1.0078125
#> float8_e4m3fn half-unit-and-a-bit 1.0 1.125
#> float8_e5m2 half-unit-and-a-bit 1.0 1.25
#> bfloat16 int64 1073741824.0 1082130432.0
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'ml_dtypes==0.6.0' 'numpy==2.4.6'
venv/bin/python - 2>&1 <<'PY' | tee seen
import ml_dtypes
import numpy as np
print(f"ml_dtypes {ml_dtypes.__version__}, numpy {np.__version__}")
for kind, bits in ((np.float16, 10), (ml_dtypes.bfloat16, 7), (ml_dtypes.float8_e4m3fn, 3), (ml_dtypes.float8_e5m2, 2)):
    value = np.array([1 + 2.0 ** -(bits + 1) + 2.0**-40])
    print(np.dtype(kind), "half-unit-and-a-bit", float(value.astype(kind)[0]), 1 + 2.0**-bits)
whole = np.array([2**30 + 2**22 + 1])
print("bfloat16 int64", float(whole.astype(ml_dtypes.bfloat16)[0]), float(2**30 + 2**23))
PY
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
