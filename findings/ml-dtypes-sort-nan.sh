#!/usr/bin/env bash
# ml_dtypes: np.sort of a bfloat16 array that holds a NaN leaves the numbers unsorted.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: NaNs last and the numbers in order, as for NumPy's own types.
# Seen: bfloat16 and float8 have no order for NaN: the sort stops short around it, np.unique keeps repeated values and
# np.searchsorted in the result is wrong. Columns: type, result of np.sort, result of np.unique.
# Matters: quantiles, thresholds and top-k of activations in bfloat16 are wrong, not NaN, as soon as one NaN is there.
#
#> ml_dtypes 0.6.0, numpy 2.4.6, of 3 1 nan 2 1
#> float16 [1.0, 1.0, 2.0, 3.0, nan] [1.0, 2.0, 3.0, nan]
#> bfloat16 [1.0, 3.0, nan, 1.0, 2.0] [1.0, 3.0, nan, 1.0, 2.0]
#> float8_e4m3fn [1.0, 3.0, nan, 1.0, 2.0] [1.0, 3.0, nan, 1.0, 2.0]
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
print(f"ml_dtypes {ml_dtypes.__version__}, numpy {np.__version__}, of 3 1 nan 2 1")
for kind in (np.float16, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn):
    values = np.array([3, 1, np.nan, 2, 1], kind)
    print(values.dtype, *([float(v) for v in result] for result in (np.sort(values), np.unique(values))))
PY
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
