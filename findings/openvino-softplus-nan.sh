#!/usr/bin/env bash
# OpenVINO on a CPU: softplus(-20) is negative, exp(NaN) is infinite, and a maximum over int32 can be the least of all.
#
# Needs: Python 3.11 or newer with venv and pip; a processor with AVX-512 (x86-64).
# Expected: softplus is positive, 2.1e-9 at -20 as exp says there; exp(NaN) is NaN, as sigmoid and tanh keep it; the
# greatest of 16777217, 2147483647 and -2147483648 is 2147483647; 2^33 of int64 stays 2^33.
# Seen: with INFERENCE_PRECISION_HINT f32, so nothing is said to be rounded: softplus is -1.9e-06 at -20 and -18 and 0 at
# -17; exp(NaN) is inf; the maximum is -2147483648, taken in float32 and converted back; 2^33 + 0 is 0, as the CPU plugin
# computes int64 in 32 bits. No error and no warning.
# Matters: the logarithm of a softplus scale is NaN for a confident decoder; a NaN of a broken model looks like overflow;
# keys and counts are other numbers.
#
#> openvino 2026.4.1
#> softplus of [-50. -20. -18. -17. -10.] below 0: [False  True  True False False] exp: [ True  True  True  True  True]
#> of NaN: exp inf sigmoid nan
#> greatest int32: -2147483648
#> int64 2**33 + 0: 0
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'openvino==2026.4.1' 'numpy==2.4.6'
venv/bin/python - 2>&1 <<'PY' | tee seen
import numpy as np, openvino
from openvino import opset13 as op

print("openvino", openvino.__version__.split("-")[0])
core = openvino.Core()

def run(make, x):
    parameter = op.parameter(list(x.shape), x.dtype)
    model = core.compile_model(openvino.Model([make(parameter)], [parameter]), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return model([x])[0]

low = np.array([-50, -20, -18, -17, -10], "f4")
print("softplus of", low, "below 0:", run(op.softplus, low) < 0, "exp:", run(op.exp, low) > 0)
print("of NaN: exp", *run(op.exp, np.array([np.nan], "f4")), "sigmoid", *run(op.sigmoid, np.array([np.nan], "f4")))
print("greatest int32:", run(lambda x: op.reduce_max(x, op.constant([0])), np.array([2**24 + 1, 2**31 - 1, -(2**31)], "i4")))
print("int64 2**33 + 0:", *run(lambda x: op.add(x, op.constant(np.int64(0))), np.array([2**33])))
PY
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
