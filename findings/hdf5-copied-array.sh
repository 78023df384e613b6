#!/usr/bin/env bash
# HDF5 and netCDF: one array copied out of a netCDF-4 file by HDF5's own copy makes a file that xarray cannot open.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: the copy is an array whose axes have no names.
# Seen: the copy keeps the attribute DIMENSION_LIST, whose references now point nowhere: netCDF4 and h5netcdf, and so
# xarray, refuse the whole new file with errors that name neither. h5py reads it. copy(..., without_attrs=True) helps.
# Matters: cutting one result out of a file to send it makes a file that the tools for such files refuse.
#
#> h5py 3.16.0, h5netcdf 1.8.2, netCDF4 1.7.5.1.post1, xarray 2026.9.0
#> netcdf4 whole {'t': 3}
#> netcdf4 copy does not open
#> netcdf4 bare {'phony_dim_0': 3}
#> h5netcdf whole {'t': 3}
#> h5netcdf copy does not open
#> h5netcdf bare {'phony_dim_0': 3}
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'h5py==3.16.0' 'h5netcdf==1.8.2' 'netCDF4==1.7.5.1.post1' 'xarray==2026.9.0' 'numpy==2.4.6'
cat >write.py <<'PY'
from importlib.metadata import version
import h5py
import numpy as np
print(", ".join(f"{p} {version(p)}" for p in ("h5py", "h5netcdf", "netCDF4", "xarray")))
with h5py.File("whole.h5", "w") as file:
    file["t"] = np.arange(3.0)
    file["t"].make_scale("t")
    file["y"] = np.zeros(3)
    file["y"].dims[0].attach_scale(file["t"])
for name, options in (("copy", {}), ("bare", {"without_attrs": True})):
    with h5py.File("whole.h5") as file, h5py.File(name + ".h5", "w") as new:
        file.copy("y", new, **options)
PY
cat >read.py <<'PY'
import sys
import xarray
engine, name = sys.argv[1:]
try:
    options = {"phony_dims": "sort"} if engine == "h5netcdf" else {}
    print(engine, name, dict(xarray.open_dataset(name + ".h5", engine=engine, **options)["y"].sizes))
except Exception:
    print(engine, name, "does not open")
PY
{
    venv/bin/python write.py
    for engine in netcdf4 h5netcdf; do
        for name in whole copy bare; do venv/bin/python read.py "$engine" "$name"; done
    done
} 2>&1 | tee seen
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
