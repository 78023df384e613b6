#!/usr/bin/env bash
# netCDF4 (netCDF-C): one item that it does not know keeps a whole HDF5 file shut, or vanishes without a word.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: what does not fit netCDF's model is left out with a warning, the other arrays can be read.
# Seen: each file below holds a plain array `good` and one thing more, all valid HDF5 as h5py writes it. A named type, a
# dataset with a null dataspace, a link to nothing and an attribute of two dimensions each make the file impossible to
# open, the message naming none of them. An attribute that is a bool or a float16 is not listed.
# Matters: who writes HDF5 for all readers keeps such items out, or in a file of their own.
#
#> written by h5py 3.16.0, read by netCDF4 1.7.5.1.post1
#> nothing more: reads good, its attributes []
#> a named type: OSError: [Errno -101] NetCDF: HDF error: 'a named type.h5'
#> a null dataspace: OSError: [Errno -101] NetCDF: HDF error: 'a null dataspace.h5'
#> a dangling soft link: OSError: [Errno -101] NetCDF: HDF error: 'a dangling soft link.h5'
#> a 2-D attribute: RuntimeError: NetCDF: Can't open HDF5 attribute
#> a bool attribute: reads good, its attributes []
#> a float16 attribute: reads good, its attributes []
#> a float32 attribute: reads good, its attributes ['more']
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'h5py==3.16.0' 'netCDF4==1.7.5.1.post1' 'numpy==2.4.6'
cat >write.py <<'PY'
import h5py
import numpy as np
items = {
    "nothing more": lambda file: None,
    "a named type": lambda file: file.__setitem__("t", np.dtype("f4")),
    "a null dataspace": lambda file: file.create_dataset("v", data=h5py.Empty("f4")),
    "a dangling soft link": lambda file: file.__setitem__("v", h5py.SoftLink("/nowhere")),
    "a 2-D attribute": lambda file: file["good"].attrs.create("more", np.zeros((2, 2))),
    "a bool attribute": lambda file: file["good"].attrs.create("more", True),
    "a float16 attribute": lambda file: file["good"].attrs.create("more", np.float16(1)),
    "a float32 attribute": lambda file: file["good"].attrs.create("more", np.float32(1)),
}
for name, add in items.items():
    with h5py.File(name + ".h5", "w") as file:
        file["good"] = np.arange(3, dtype="f4")
        add(file)
    print(name)
PY
cat >read.py <<'PY'
import sys
import netCDF4
try:
    with netCDF4.Dataset(sys.argv[1] + ".h5") as file:
        file["good"][:]
        print(f"{sys.argv[1]}: reads good, its attributes {file['good'].ncattrs()}")
except Exception as error:
    print(f"{sys.argv[1]}: {type(error).__name__}: {error}")
PY
{
    echo "written by h5py 3.16.0, read by netCDF4 1.7.5.1.post1"
    venv/bin/python write.py | while read -r name; do venv/bin/python read.py "$name" </dev/null; done
} 2>&1 | tee seen
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
