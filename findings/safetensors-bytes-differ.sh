#!/usr/bin/env bash
# safetensors: two processes that save the same tensors with the same metadata write different bytes.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: one file, byte for byte; there is no time stamp in the format, and tensors are written in a fixed order.
# Seen: the metadata's keys stand in the header in an order drawn anew by each process: of twelve runs with eight keys
# at least two differ. With one key, or none, all agree.
# Matters: checksums, content-addressed stores and "did the model change" tests of exported models fail by chance; load
# and compare tensors, or keep at most one key (JSON text in it, if need be).
#
#> safetensors 0.8.0, numpy 2.4.6
#> 1 keys: one file
#> 8 keys: files differ
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'safetensors==0.8.0' 'numpy==2.4.6'
cat >program.py <<'PY'
import sys
import numpy as np
from safetensors.numpy import save_file
metadata = {f"key{i}": str(i) for i in range(int(sys.argv[1]))}
save_file({"w": np.zeros(3, "f4"), "b": np.ones(2, "f4")}, sys.argv[2], metadata)
PY
{
    echo "safetensors 0.8.0, numpy 2.4.6"
    for keys in 1 8; do
        for run in 1 2 3 4 5 6 7 8 9 10 11 12; do
            venv/bin/python program.py "$keys" "$keys-$run.safetensors"
        done
        files=$(sha256sum "$keys"-*.safetensors | cut -d ' ' -f 1 | sort -u | wc -l)
        if ((files > 1)); then echo "$keys keys: files differ"; else echo "$keys keys: one file"; fi
    done
} 2>&1 | tee seen
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
