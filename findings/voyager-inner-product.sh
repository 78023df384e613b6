#!/usr/bin/env bash
# Voyager: get_distance of an inner-product index changes with every longer vector that is added, and disagrees with query.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: 1 - a·b of the two vectors that are given, whatever the index holds: 0 for two equal unit vectors.
# Seen: 0 as long as no vector is longer than 1; -4 after one of length 3 was added, -64 after one of length 9. query gives 1 - a·b all along.
# Matters: distances that are computed for pairs (thresholds, re-ranking, evaluation) are not comparable with those of a search, nor with those of
# the same pair a moment before.
#
#> Voyager 2.2.3, length 1 added: get_distance 0, query 0
#> Voyager 2.2.3, length 3 added: get_distance -4, query -2
#> Voyager 2.2.3, length 9 added: get_distance -64, query -8
#> the vector of length 1 in the last query: 0
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'voyager==2.2.3' 'numpy==2.4.6'
cat >program.py <<'PY'
import numpy as np
import voyager

one = np.array([1, 0], "float32")
index = voyager.Index(voyager.Space.InnerProduct, num_dimensions=2)
for length in (1, 3, 9):
    index.add_item(length * one)
    print(f"Voyager 2.2.3, length {length} added: "
          f"get_distance {index.get_distance(one, one):g}, query {index.query(one, 1)[1][0]:g}")
ids, distances = index.query(one, 3)
print(f"the vector of length 1 in the last query: {distances[list(ids).index(0)]:g}")
PY
venv/bin/python program.py | tee seen
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
