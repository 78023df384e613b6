#!/usr/bin/env bash
# skl2onnx: the distances of an exported KMeans are NaN near a centre when data lie away from 0.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: the distance of a point to a centre that equals it is 0 or a little more, as scikit-learn's transform says.
# Seen: the graph takes the root of |x|^2 - 2xc + |c|^2 in float32 and does not cut it at 0: for points around 100 in 5
# dimensions dozens of 200 such distances are NaN and others off by a tenth. Labels are right.
# Matters: codes of autoencoders are seldom centred; scores and "distance to the nearest cluster" fail on the best points.
#
#> skl2onnx 1.20.0, scikit-learn 1.9.1, onnx 1.23.2, onnxruntime 1.32.0
#> distance to the own centre: scikit-learn's largest 0, exported: some NaN, some above 0.01
#> labels agree: True
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'skl2onnx==1.20.0' 'scikit-learn==1.9.1' 'onnxruntime==1.32.0' 'onnx==1.23.2' 'numpy==2.4.6'
venv/bin/python -W ignore - 2>&1 <<'PY' | tee seen
from importlib.metadata import version
import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from sklearn.cluster import KMeans
print(", ".join(f"{p} {version(p)}" for p in ("skl2onnx", "scikit-learn", "onnx", "onnxruntime")))
points = (np.random.default_rng(0).standard_normal((200, 5)) + 100).astype("f4")
model = KMeans(200, n_init=1, init=points, max_iter=1).fit(points)
session = onnxruntime.InferenceSession(to_onnx(model, points[:1]).SerializeToString(), providers=["CPUExecutionProvider"])
label, distance = session.run(None, {session.get_inputs()[0].name: points})
own = np.diag(distance)
print(f"distance to the own centre: scikit-learn's largest {np.diag(model.transform(points)).max():g},",
      f"exported: {'some NaN' if np.isnan(own).sum() > 10 else 'few NaN'}, {'some' if (own > 0.01).any() else 'none'} above 0.01")
print("labels agree:", bool((label == model.predict(points)).all()))
PY
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
