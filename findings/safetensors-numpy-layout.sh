#!/usr/bin/env bash
# safetensors.numpy: an array that is not C-contiguous is saved with its elements in another order, without an error.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: what is loaded equals what was saved, or an error as for PyTorch's tensors.
# Seen: the bytes go out as they lie in memory, under the shape of the view: a transposed matrix comes back scrambled,
# and a view of every other column holds the columns between. Also: bfloat16 (of ml_dtypes) is saved, not loaded.
# Matters: the usual W.T of a dense layer is such a view; use np.ascontiguousarray before each save.
#
#> safetensors 0.8.0, numpy 2.4.6
#> transposed saved [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]] loaded [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
#> stepped saved [[0.0, 2.0], [3.0, 5.0]] loaded [[0.0, 1.0], [2.0, 3.0]]
#> bfloat16 saved, load: KeyError 'BF16'
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'safetensors==0.8.0' 'ml_dtypes==0.6.0' 'numpy==2.4.6'
venv/bin/python - 2>&1 <<'PY' | tee seen
import ml_dtypes
import numpy as np
import safetensors
from safetensors.numpy import load, save
print(f"safetensors {safetensors.__version__}, numpy {np.__version__}")
matrix = np.arange(6, dtype="f4").reshape(2, 3)
for name, view in (("transposed", matrix.T), ("stepped", matrix[:, ::2])):
    print(name, "saved", view.tolist(), "loaded", load(save({"w": view}))["w"].tolist())
saved = save({"w": np.ones(3, ml_dtypes.bfloat16)})
try:
    print("bfloat16 saved, loaded", load(saved)["w"].dtype)
except KeyError as error:
    print("bfloat16 saved, load: KeyError", error)
PY
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
