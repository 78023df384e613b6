#!/usr/bin/env bash
# ONNX Runtime: Unique leaves out numbers that are there once it has met a NaN.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: of NaN, 1, 2, 1: 1, 2 and NaN once or several times, as onnx's reference evaluator and numpy.unique have it.
# Seen: NaN alone, and the inverse says that all four numbers are it; of 1, NaN, 2: 1 and 2, the NaN counted as a 1. A NaN
# counts as equal to what it is compared with, since it is neither smaller nor greater. No error and no warning.
# Matters: a model that finds the labels, indices or codes of a batch loses some for one missing value.
#
#> [nan  1.  2.  1.]: onnxruntime 1.32.0: values [nan] inverse [0, 0, 0, 0] counts [4]
#> [nan  1.  2.  1.]: reference 1.23.2: values [ 1.  2. nan] inverse [2, 0, 1, 0] counts [2, 1, 1]
#> [ 1. nan  2.]: onnxruntime 1.32.0: values [1. 2.] inverse [0, 0, 1] counts [2, 1]
#> [ 1. nan  2.]: reference 1.23.2: values [ 1.  2. nan] inverse [0, 2, 1] counts [1, 1, 1]
#> [ 2.  1. nan  3.]: onnxruntime 1.32.0: values [1. 2. 3.] inverse [1, 0, 0, 2] counts [2, 1, 1]
#> [ 2.  1. nan  3.]: reference 1.23.2: values [ 1.  2.  3. nan] inverse [1, 0, 3, 2] counts [1, 1, 1, 1]
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'onnxruntime==1.32.0' 'onnx==1.23.2' 'numpy==2.4.6'
venv/bin/python - 2>&1 <<'PY' | tee seen
import numpy as np, onnx, onnxruntime
from onnx import TensorProto, ValueInfoProto, helper
from onnx.reference import ReferenceEvaluator

names = ["values", "indices", "inverse", "counts"]
graph = helper.make_graph([helper.make_node("Unique", ["x"], names)], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"])],
                          [ValueInfoProto(name=name) for name in names])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
for x in ([np.nan, 1, 2, 1], [1, np.nan, 2], [2, 1, np.nan, 3]):
    x = np.array(x, "f4")
    for name, run in ((f"onnxruntime {onnxruntime.__version__}", session.run), (f"reference {onnx.__version__}", ReferenceEvaluator(model).run)):
        values, _, inverse, counts = run(None, {"x": x})
        print(f"{x}: {name}: values {values} inverse {inverse.tolist()} counts {counts.tolist()}")
PY
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
