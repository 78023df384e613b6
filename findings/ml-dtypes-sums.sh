#!/usr/bin/env bash
# ml_dtypes: sums, means and variances of bfloat16 and float8 arrays stop growing; products do not.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: as for NumPy's own float16, whose sums are pairwise and whose means are taken in float32.
# Seen: np.sum and np.mean add one element after the other in the narrow type itself. A sum of ones stays at 256 in
# bfloat16 (8 bits of mantissa) and at 16 in float8_e4m3fn, so the mean of ones is 1/16 and their variance is not 0;
# a dot product of the same arrays is right. No warning is given. Columns: type, sum, mean, variance, dot product.
# Matters: weights, codes and losses kept in bfloat16 get wrong means with the plain NumPy call; convert first.
#
#> ml_dtypes 0.6.0, numpy 2.4.6, 4096 ones
#> float16 4096 1 0 4096
#> bfloat16 256 0.0625 0.0625 4096
#> float8_e4m3fn 16 0.00390625 0.00390625 4096
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
print(f"ml_dtypes {ml_dtypes.__version__}, numpy {np.__version__}, 4096 ones")
for kind in (np.float16, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn):
    ones = np.ones(4096, kind)
    print(ones.dtype, *(f"{float(v):g}" for v in (ones.sum(), ones.mean(), ones.var(), ones @ ones)))
PY
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
