#!/usr/bin/env bash
# pyfive, kerchunk and VirtualiZarr read integers of 12 bits as if they had 16: other numbers, no error.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: the numbers that HDF5 itself reads, or an error that says the type is not known.
# Seen: all three look at a type's size alone, not at its precision and offset: -2 comes back as 4094 (the sign lies in
# bit 11), and with the 12 bits in the upper part of two bytes 1 comes back as 16.
# Matters: cameras and converters write 10, 12 and 14 bits so; what works through the C library is garbage in the cloud.
#
#> h5py 3.16.0, pyfive 1.3.0, kerchunk 0.2.10, virtualizarr 2.5.1, zarr 3.1.6
#> h5py low bits: [1, -2, 2047, -2048] high bits: [1, -2, 2047, -2048]
#> pyfive low bits: [1, 4094, 2047, 2048] high bits: [16, -32, 32752, -32768]
#> kerchunk low bits: [1, 4094, 2047, 2048] high bits: [16, -32, 32752, -32768]
#> virtualizarr low bits: [1, 4094, 2047, 2048] high bits: [16, -32, 32752, -32768]
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'h5py==3.16.0' 'pyfive==1.3.0' 'kerchunk==0.2.10' 'virtualizarr==2.5.1' 'zarr==3.1.6' \
    'obstore==0.12.1' 'obspec-utils==0.9.0' 'numcodecs==0.16.6' 'fsspec==2026.9.0' 'numpy==2.4.6' 'xarray==2026.9.0'
cat >program.py <<'PY'
import os
from importlib.metadata import version
import fsspec
import h5py
import numpy as np
import pyfive
import zarr
from kerchunk.hdf import SingleHdf5ToZarr
from obspec_utils.registry import ObjectStoreRegistry
from obstore.store import LocalStore
from virtualizarr.parsers import HDFParser
print(", ".join(f"{p} {version(p)}" for p in ("h5py", "pyfive", "kerchunk", "virtualizarr", "zarr")))
path = os.path.abspath("twelve.h5")
values = np.array([1, -2, 2047, -2048], "i2")
with h5py.File(path, "w", libver="earliest") as file:
    for name, offset in ((b"low", 0), (b"high", 4)):
        kind = h5py.h5t.STD_I16LE.copy()
        kind.set_precision(12)
        kind.set_offset(offset)
        h5py.h5d.create(file.id, name, kind, h5py.h5s.create_simple((4,))).write(h5py.h5s.ALL, h5py.h5s.ALL, values)
references = SingleHdf5ToZarr(path, inline_threshold=0).translate()
store = zarr.storage.FsspecStore(fsspec.filesystem("reference", fo=references, asynchronous=True))
manifest = HDFParser()(url="file://" + path, registry=ObjectStoreRegistry({"file://": LocalStore()}))
readers = {
    "h5py": h5py.File(path),
    "pyfive": pyfive.File(path),
    "kerchunk": zarr.open_group(store, mode="r", zarr_format=2),
    "virtualizarr": zarr.open_group(manifest, mode="r"),
}
for reader, file in readers.items():
    print(reader, *(f"{name} bits: {np.asarray(file[name][:]).tolist()}" for name in ("low", "high")))
PY
venv/bin/python -W ignore program.py 2>&1 | tee seen
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
