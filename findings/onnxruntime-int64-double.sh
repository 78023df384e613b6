#!/usr/bin/env bash
# ONNX Runtime: sums, means and powers of int64 are taken in float64 and come back rounded.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: whole numbers that int64 holds, added and multiplied exactly, as Add and Mul do.
# Seen: ReduceSum of 2^53 + 1 and 1 is 2^53, two less than the sum; Pow gives 3^35 less 3 and (2^31 - 1)^2 less 1. No
# error and no warning.
# Matters: sums of identifiers, hashes, counts or time stamps in nanoseconds differ from what the same model gave when it
# was made, in numpy or PyTorch.
#
#> onnxruntime 1.32.0
#> ReduceSum - sum: -2 Add: 0
#> ReduceMean - mean: -1
#> Pow - power: -3 -1 Mul: 0
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'onnxruntime==1.32.0' 'onnx==1.23.2' 'numpy==2.4.6'
venv/bin/python - 2>&1 <<'PY' | tee seen
import numpy as np, onnxruntime
from onnx import TensorProto, ValueInfoProto, helper

def run(operation, *inputs):
    names = [f"x{i}" for i in range(len(inputs))]
    graph = helper.make_graph([helper.make_node(operation, names, ["y"])], "g",
                              [helper.make_tensor_value_info(n, TensorProto.INT64, i.shape) for n, i in zip(names, inputs)], [ValueInfoProto(name="y")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, dict(zip(names, inputs)))[0].item()

def whole(*numbers):
    return np.array(numbers, np.int64)

print("onnxruntime", onnxruntime.__version__)
print("ReduceSum - sum:", run("ReduceSum", whole(2**53 + 1, 1), whole(0)) - (2**53 + 2), "Add:", run("Add", whole(2**53 + 1), whole(1)) - (2**53 + 2))
print("ReduceMean - mean:", run("ReduceMean", whole(2**53 + 1, 2**53 + 1), whole(0)) - (2**53 + 1))
print("Pow - power:", run("Pow", whole(3), whole(35)) - 3**35, run("Pow", whole(2**31 - 1), whole(2)) - (2**31 - 1)**2,
      "Mul:", run("Mul", whole(2**31 - 1), whole(2**31 - 1)) - (2**31 - 1)**2)
PY
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
