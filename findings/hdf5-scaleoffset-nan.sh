#!/usr/bin/env bash
# HDF5: the scale-offset filter turns a NaN into an ordinary number.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: the NaN stays a NaN or writing fails. (An infinity is handled: its chunk is kept unpacked, in full.)
# Seen: written and read without an error, and the NaN comes back as a finite value in the range of the others, also
# where NaN is the fill value of the dataset, the one value that the filter promises to keep apart.
# Matters: missing values of a packed field become plausible data; nothing in the file tells where they were.
#
#> h5py 3.16.0, HDF5 2.0.0
#> one NaN: 0 NaN of 1 left, in its place a number within the others' range: True
#> NaN is the fill value: [5.0, 6.0, 7.0, 5.0]
#> one infinity: 1 of 1 left
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'h5py==3.16.0' 'numpy==2.4.6'
venv/bin/python - 2>&1 <<'PY' | tee seen
import h5py
import numpy as np
print(f"h5py {h5py.__version__}, HDF5 {h5py.version.hdf5_version}")
field = np.linspace(-3, 3, 100).astype("f4")
def write_and_read(values, **options):
    with h5py.File("packed.h5", "w") as file:
        file.create_dataset("x", data=values, chunks=(len(values),), **options)
    with h5py.File("packed.h5") as file:
        return file["x"][:]
holed = field.copy()
holed[40] = np.nan
back = write_and_read(holed, scaleoffset=3)
print(f"one NaN: {np.isnan(back).sum()} NaN of 1 left, in its place a number within the others' range: {abs(back[40]) <= 3.001}")
back = write_and_read(np.array([5, 6, 7, np.nan], "f4"), scaleoffset=2, fillvalue=np.nan)
print("NaN is the fill value:", [float(v) for v in back])
holed[40] = np.inf
print(f"one infinity: {np.isinf(write_and_read(holed, scaleoffset=3)).sum()} of 1 left")
PY
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
