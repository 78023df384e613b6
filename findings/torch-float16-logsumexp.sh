#!/usr/bin/env bash
# PyTorch on a CPU: in float16 logsumexp and log_softmax of 70 000 zeros are infinite, and scatter_reduce's mean is NaN.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: log 70000 = 11.16, which float16 holds, as logcumsumexp gives it: inner sums are taken in float32 there, as
# mean() takes them.
# Seen: logsumexp and log_softmax sum in float16, whose greatest number is 65504: inf and -inf. scatter_reduce with "mean"
# divides an infinite sum by a count that is infinite too once it is float16: NaN; index_reduce is right. No warning.
# bfloat16 is within its rounding.
# Matters: a cross entropy over more classes or indices than 65504, log-sum-exp over importance samples, means of a class,
# in half precision.
#
#> torch 2.15.0
#> torch.float16 logsumexp inf -log_softmax inf logcumsumexp 11.2
#> torch.float16 mean 1.0 scatter_reduce nan index_reduce 1.0
#> torch.bfloat16 logsumexp 11.2 -log_softmax 11.2 logcumsumexp 11.1
#> torch.bfloat16 mean 1.0 scatter_reduce 1.0 index_reduce 1.0
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'torch==2.15.0' 'numpy==2.4.6'
venv/bin/python - 2>&1 <<'PY' | tee seen
import warnings
import torch

warnings.simplefilter("ignore")
print("torch", torch.__version__.split("+")[0])
n = 70_000
for kind in (torch.float16, torch.bfloat16):
    zeros, ones, to = torch.zeros(n, dtype=kind), torch.ones(n, dtype=kind), torch.zeros(n, dtype=torch.long)
    print(kind, "logsumexp", f"{torch.logsumexp(zeros, 0).item():.1f}", "-log_softmax", f"{-torch.log_softmax(zeros, 0)[0].item():.1f}",
          "logcumsumexp", f"{torch.logcumsumexp(zeros, 0)[-1].item():.1f}")
    print(kind, "mean", ones.mean().item(), "scatter_reduce", torch.zeros(1, dtype=kind).scatter_reduce(0, to, ones, "mean", include_self=False).item(),
          "index_reduce", torch.zeros(1, dtype=kind).index_reduce(0, to, ones, "mean", include_self=False).item())
PY
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
