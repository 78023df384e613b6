#!/usr/bin/env bash
# usearch: an int8 index scales every float vector to one length, also for Euclidean distances.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: with metric l2sq, that the small whole numbers given are kept, or scaled alike; distances 9604, 9216, 0.
# Seen: 1 1 1 1, 2 2 2 2 and 50 50 50 50 are all stored as 63 63 63 63, so the distance from one to each is 0 and which
# comes first is chance. No error and no warning. (dtype="i8" with float32 input.)
# Matters: quantizing an index of unnormalized codes makes it one of angles while it says Euclidean.
#
#> usearch 2.26.6
#> f32 stored [[1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 2.0, 2.0], [50.0, 50.0, 50.0, 50.0]] distances [9604.0, 9216.0, 0.0]
#> i8 stored [[63, 63, 63, 63], [63, 63, 63, 63], [63, 63, 63, 63]] distances [0.0, 0.0, 0.0]
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'usearch==2.26.6' 'numpy==2.4.6'
venv/bin/python - 2>&1 <<'PY' | tee seen
from importlib.metadata import version
import numpy as np
from usearch.index import Index
print("usearch", version("usearch"))
vectors = np.array([[1] * 4, [2] * 4, [50] * 4], "f4")
for kind in ("f32", "i8"):
    index = Index(ndim=4, metric="l2sq", dtype=kind)
    index.add(np.arange(3), vectors)
    distance = dict(zip(*(a.tolist() for a in (lambda m: (m.keys, m.distances))(index.search(vectors[2], 3)))))
    print(kind, "stored", [index.get(k).tolist() for k in range(3)], "distances", [distance[k] for k in range(3)])
PY
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
