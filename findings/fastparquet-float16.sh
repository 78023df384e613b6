#!/usr/bin/env bash
# fastparquet reads Parquet's float16 as bytes, and cuts zero bytes off their ends.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: float16, as written by pyarrow with the logical type that Parquet has for it, or an error.
# Seen: a column of bytes objects; a number whose upper byte is 0 (0 and numbers below 1.5e-5) is shorter than two bytes,
# so that reinterpreting the column fails or shifts it. pyarrow itself reads the numbers.
# Matters: embeddings are stored in float16 to halve them; two common readers disagree on what they are.
#
#> fastparquet 2026.9.0, pyarrow 26.0.1
#> pyarrow [1.5, 0.0, 5.960464477539063e-08, -2.0]
#> fastparquet object [b'\x00>', b'', b'\x01', b'\x00\xc0']
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'fastparquet==2026.9.0' 'pyarrow==26.0.1' 'pandas==2.3.3' 'numpy==2.4.6'
venv/bin/python - 2>&1 <<'PY' | tee seen
from importlib.metadata import version
import fastparquet
import numpy as np
import pyarrow
import pyarrow.parquet
print(", ".join(f"{p} {version(p)}" for p in ("fastparquet", "pyarrow")))
pyarrow.parquet.write_table(pyarrow.table({"h": pyarrow.array(np.array([1.5, 0, 6e-8, -2], "f2"))}), "h.parquet")
print("pyarrow", [float(v) for v in pyarrow.parquet.read_table("h.parquet")["h"].to_pylist()])
column = fastparquet.ParquetFile("h.parquet").to_pandas()["h"]
print("fastparquet", column.dtype, column.tolist())
PY
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
