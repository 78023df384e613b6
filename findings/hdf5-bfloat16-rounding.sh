#!/usr/bin/env bash
# HDF5: float32 written to a dataset of bfloat16 or float16 is not rounded as IEEE 754 says.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: round to nearest, ties to even, overflow to infinity from half a unit above the largest number on.
# Seen, bfloat16: ties go away from zero; just under the smallest normal number a value that rounds up is halved; above
# the largest number it stays at the largest for another half unit and more. Seen, float16: 65519 becomes infinity,
# though 65504 is nearer and is what the processor's own conversion gives. Columns: what, got, nearest.
# Matters: bits differ from those of a framework's bfloat16, ties go up on average, and small numbers can be 50 % off.
#
#> h5py 3.16.0, HDF5 2.0.0, ml_dtypes 0.6.0, numpy 2.4.6
#> tie 1.0078125 1.0
#> near the smallest normal 5.877e-39 1.175e-38
#> small subnormal 3.673e-40 7.347e-40
#> above the largest 3.390e+38 inf
#> 65519 as float16 inf 65504.0
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'h5py==3.16.0' 'ml_dtypes==0.6.0' 'numpy==2.4.6'
venv/bin/python - 2>&1 <<'PY' | tee seen
import h5py
import ml_dtypes
import numpy as np
print(f"h5py {h5py.__version__}, HDF5 {h5py.version.hdf5_version}, ml_dtypes {ml_dtypes.__version__}, numpy {np.__version__}")
kind = h5py.h5t.IEEE_F16LE.copy()
kind.set_fields(15, 7, 8, 0, 7)
kind.set_ebias(127)
values = np.array([1 + 2.0**-8, 1.1729026e-38, 6.887676e-40, 3.4021868e38], "f4")
with h5py.File("narrow.h5", "w") as file, np.errstate(over="ignore"):
    data = h5py.h5d.create(file.id, b"x", kind, h5py.h5s.create_simple(values.shape))
    data.write(h5py.h5s.ALL, h5py.h5s.ALL, values)
    got = file["x"].astype("f4")[:]
    nearest = values.astype(ml_dtypes.bfloat16).astype("f4")
    print("tie", got[0], nearest[0])
    for i, what in enumerate(("near the smallest normal", "small subnormal", "above the largest"), 1):
        print(what, f"{got[i]:.3e}", f"{nearest[i]:.3e}")
    half = file.create_dataset("h", (1,), "f2")
    half[:] = np.array([65519], "f4")
    print("65519 as float16", float(half[0]), float(np.array([65519], "f4").astype("f2")[0]))
PY
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
