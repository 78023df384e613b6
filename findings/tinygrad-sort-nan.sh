#!/usr/bin/env bash
# tinygrad: sort replaces a NaN by a copy of another number, topk too; softplus of infinity is NaN.
#
# Needs: Python 3.11 or newer with venv and pip; clang.
# Expected: sort gives the numbers it was given, NaN last as numpy and torch have it, or anywhere; topk(2) of 3, NaN, 1, 2
# two of them; softplus(inf) = inf.
# Seen: 3, NaN, 1, 2 is sorted to 1, 2, 3, 3, and the two greatest are 3, 3 while only one 3 is there: each exchange is a
# maximum and a minimum, in which a NaN loses twice. The indices name places that do not hold the values. softplus(inf) is
# NaN, and logcumsumexp of -inf, -inf, 0 begins with NaN where -inf is right. No warning.
# Matters: quantiles and nearest neighbours of data with one NaN are made of invented numbers.
#
#> tinygrad 0.14.0
#> sort of 3 nan 1 2: [1.0, 2.0, 3.0, 3.0] indices [2, 3, 0, 0]
#> topk: [3.0, 3.0]
#> softplus of inf: [nan] logcumsumexp of -inf -inf 0: [nan, nan, 0.0]
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'tinygrad==0.14.0' 'numpy==2.4.6'
venv/bin/python - 2>&1 <<'PY' | tee seen
from importlib.metadata import version
from tinygrad import Tensor

print("tinygrad", version("tinygrad"))
inf, nan = float("inf"), float("nan")
values, order = Tensor([3.0, nan, 1.0, 2.0]).sort()
print("sort of 3 nan 1 2:", values.tolist(), "indices", order.tolist())
print("topk:", Tensor([3.0, nan, 1.0, 2.0]).topk(2)[0].tolist())
print("softplus of inf:", Tensor([inf]).softplus().tolist(), "logcumsumexp of -inf -inf 0:", Tensor([-inf, -inf, 0.0]).logcumsumexp().tolist())
PY
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
