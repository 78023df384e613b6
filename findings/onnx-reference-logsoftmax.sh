#!/usr/bin/env bash
# onnx: the reference evaluator's LogSoftmax underflows to -inf where ONNX Runtime is right.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: the evaluator that the ONNX project offers to judge runtimes by is at least as exact as they: -200.
# Seen: it takes the logarithm of the softmax; from about 104 below the largest element on, float32 gives -inf.
# ReduceLogSumExp of a row of -inf, an empty mixture, is NaN there and -inf in ONNX Runtime.
# Matters: a log-likelihood or cross-entropy checked against the reference is "wrong" when it is right.
#
#> onnx 1.23.2, onnxruntime 1.32.0
#> LogSoftmax [[0.0, -200.0]] reference [[0.0, -inf]] runtime [[0.0, -200.0]]
#> ReduceLogSumExp [[-inf, -inf]] reference [[nan]] runtime [[-inf]]
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'onnxruntime==1.32.0' 'onnx==1.23.2' 'numpy==2.4.6'
venv/bin/python -W ignore - 2>&1 <<'PY' | tee seen
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}")
for name, axis, row in (("LogSoftmax", {"axis": 1}, [0, -200]), ("ReduceLogSumExp", {"axes": [1]}, [-np.inf, -np.inf])):
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([helper.make_node(name, ["x"], ["y"], **axis)], "g", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    row = {"x": np.array([row], "f4")}
    print(name, row["x"].tolist(), "reference", ReferenceEvaluator(model).run(None, row)[0].tolist(), "runtime", session.run(None, row)[0].tolist())
PY
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
