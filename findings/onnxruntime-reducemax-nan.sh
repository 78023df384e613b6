#!/usr/bin/env bash
# ONNX Runtime: ReduceMax and ReduceMin see a NaN only in the first place; ArgMax skips it unless it is first.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: NaN wherever it stands, as in NumPy, in the ONNX project's own reference evaluator, and as ONNX Runtime's
# own Max and ReduceMean do. Columns: where the NaN is, ONNX Runtime, reference evaluator.
# Seen: [NaN, 1, 3] gives NaN; [1, NaN, 3] and [1, 3, NaN] give 3, and ArgMax says where the 3 is.
# Matters: a check "is the largest activation finite" in an exported graph passes with NaNs in the array, or not, by
# their place.
#
#> onnxruntime 1.32.0, onnx 1.23.2
#> ReduceMax 0 nan nan
#> ReduceMax 1 3.0 nan
#> ReduceMax 2 3.0 nan
#> ReduceMin 0 nan nan
#> ReduceMin 1 1.0 nan
#> ReduceMin 2 1.0 nan
#> ArgMax 0 0 0
#> ArgMax 1 2 1
#> ArgMax 2 1 2
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'onnxruntime==1.32.0' 'onnx==1.23.2' 'numpy==2.4.6'
venv/bin/python - 2>&1 <<'PY' | tee seen
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
print(f"onnxruntime {onnxruntime.__version__}, onnx {onnx.__version__}")
for name, axis, result in (("ReduceMax", {"axes": [1]}, TensorProto.FLOAT), ("ReduceMin", {"axes": [1]}, TensorProto.FLOAT),
                           ("ArgMax", {"axis": 1}, TensorProto.INT64)):
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3])
    y = helper.make_tensor_value_info("y", result, [1, 1])
    graph = helper.make_graph([helper.make_node(name, ["x"], ["y"], **axis)], "g", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for place in range(3):
        row = np.insert(np.array([1, 3], "f4"), place, np.nan).reshape(1, 3)
        print(name, place, session.run(None, {"x": row})[0].item(), ReferenceEvaluator(model).run(None, {"x": row})[0].item())
PY
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
