#!/usr/bin/env bash
# h5coro reads big-endian numbers as little-endian, and of an array of text the first alone.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: the numbers that HDF5 reads, or an error: the byte order stands in the file.
# Seen: 1, 2, 3 as int32 come back as 16777216, 33554432, 50331648, floats likewise, without a word; an array of two
# texts gives one. Little-endian arrays are right.
# Matters: files of older instruments and of Java and IDL writers are big-endian; the wrong numbers look like data.
#
#> h5py 3.16.0, h5coro 1.0.7
#> little [1, 2, 3]
#> big [16777216, 33554432, 50331648]
#> text ab
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'h5py==3.16.0' 'numpy==2.4.6' 'boto3==1.43.117' 'requests==2.34.2' 'xarray==2026.9.0'
venv/bin/pip install --quiet --no-deps 'h5coro==1.0.7' # what it takes from earthaccess is not used here
cat >program.py <<'PY'
from importlib.metadata import version
import h5py
import numpy as np
from h5coro import filedriver, h5coro
print(f"h5py {version('h5py')}, h5coro {version('h5coro')}")
with h5py.File("numbers.h5", "w", libver="earliest") as file:
    file["little"] = np.array([1, 2, 3], "<i4")
    file["big"] = np.array([1, 2, 3], ">i4")
    file["text"] = ["ab", "cd"]
for name in ("little", "big", "text"):
    data = h5coro.H5Coro("numbers.h5", filedriver.FileDriver).readDatasets([name], block=True)[name]
    print(name, np.asarray(data).tolist())
PY
venv/bin/python program.py 2>&1 | tee seen
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
