#!/usr/bin/env bash
# ONNX Runtime: Sigmoid of float32 loses its left tail: it is exactly 0 below -18 and far off above.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: a relative error of some 1e-7, as in NumPy and PyTorch, down to the smallest numbers: sigmoid(-20) = 2.1e-9.
# Seen: the argument is cut at -18 and the rest is a quotient of polynomials with an absolute error of 1e-8: -17.9 gives
# 3.0e-8 instead of 1.7e-8, -18.5 and all below give 0. Columns: argument, ONNX Runtime, exact, both to two digits.
# Matters: -log(sigmoid(x)), the cross-entropy of an exported Bernoulli decoder or classifier, is infinite from x = -18
# on, where training saw 18; export logits and use a softplus outside.
#
#> onnxruntime 1.32.0, onnx 1.23.2
#> -2 1.2e-01 1.2e-01
#> -17.9 3.0e-08 1.7e-08
#> -18.5 0.0e+00 9.2e-09
#> -20 0.0e+00 2.1e-09
#> -50 0.0e+00 1.9e-22
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'onnxruntime==1.32.0' 'onnx==1.23.2' 'numpy==2.4.6'
venv/bin/python - 2>&1 <<'PY' | tee seen
import math
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
print(f"onnxruntime {onnxruntime.__version__}, onnx {onnx.__version__}")
x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None])
y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None])
graph = helper.make_graph([helper.make_node("Sigmoid", ["x"], ["y"])], "g", [x], [y])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
# Each argument fills an array of its own, long enough for the vector code.
for argument in (-2, -17.9, -18.5, -20, -50):
    (values,) = session.run(None, {"x": np.full(64, argument, "f4")})
    print(argument, f"{values[0]:.1e}", f"{1 / (1 + math.exp(-argument)):.1e}")
PY
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
