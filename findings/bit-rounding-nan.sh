#!/usr/bin/env bash
# numcodecs and Blosc2: rounding away mantissa bits makes missing values finite or infinite.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: a NaN stays one when trailing bits of a mantissa are rounded or cut, as netCDF's quantize modes keep it.
# Seen: numcodecs' BitRound adds half a unit to the bits as to a whole number: the NaN 7fffffff, which is what CUDA computes,
# becomes -0.0, ffffffff 0.0; R's NA (7ff00000000007a2) becomes infinite, and so does the greatest float32, without a word.
# Blosc2's TRUNC_PREC cuts the bits that make R's NA a NaN: infinite too. numpy's own NaN (7fc00000) stays with both, so
# tests with numpy.nan see nothing.
# Matters: "keep 10 bits" over an archive of model output or of R's data turns gaps into zeros and infinities.
#
#> given [          nan           nan           nan 3.4028235e+38] [nan nan]
#> numcodecs 0.16.6 BitRound [-0.  0. nan inf] [inf nan]
#> blosc2 4.14.1 TRUNC_PREC [          nan           nan           nan 3.4011621e+38] [inf nan]
#> netCDF 4.10.1 BitGroom [ True  True  True False] [ True  True]
#> netCDF 4.10.1 BitRound [ True  True  True False] [ True  True]
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'numcodecs==0.16.6' 'blosc2==4.14.1' 'netCDF4==1.7.5.1.post1' 'numpy==2.4.6'
venv/bin/python - 2>&1 <<'PY' | tee seen
import blosc2, netCDF4, numcodecs, numpy as np

single = np.array([0x7FFFFFFF, 0xFFFFFFFF, 0x7FC00000, 0x7F7FFFFF], "u4").view("f4")
double = np.array([0x7FF00000000007A2, 0x7FF8000000000000], "u8").view("f8")
print("given", single, double)
bits = numcodecs.BitRound(keepbits=10)
print("numcodecs", numcodecs.__version__, "BitRound", *(np.frombuffer(bits.encode(a.copy()), a.dtype) for a in (single, double)))
cut = blosc2.CParams(filters=[blosc2.Filter.TRUNC_PREC, blosc2.Filter.SHUFFLE], filters_meta=[10, 0])
print("blosc2", blosc2.__version__, "TRUNC_PREC", *(blosc2.asarray(np.tile(a, 99), cparams=cut)[: len(a)] for a in (single, double)))
for mode in ("BitGroom", "BitRound"):
    with netCDF4.Dataset("file.nc", "w") as file:
        file.set_auto_mask(False)
        for name, a in (("single", single), ("double", double)):
            file.createDimension(name, len(a))
            kept = file.createVariable(name, a.dtype, (name,), zlib=True, significant_digits=3, quantize_mode=mode, fill_value=None)
            kept.set_auto_mask(False)
            kept[:] = a
    with netCDF4.Dataset("file.nc") as file:
        file.set_auto_mask(False)
        print("netCDF", netCDF4.__netcdf4libversion__, mode, *(np.isnan(file[name][:]) for name in ("single", "double")))
PY
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
