#!/usr/bin/env bash
# PyTorch: the variance of a ContinuousBernoulli in float32 is negative just beside the probability 0.5.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: variances between 0 and 1/12 = 0.0833 that change smoothly with the probability; near 0.5 the class takes a
# Taylor series, since the formula cancels there.
# Seen: the series serves only within lims = (0.499, 0.501); just outside the formula is used and cancels: 0.499 gives
# -1.6 in float32 (right: 0.0833), 0.4989 gives 0.25, 0.498 gives 0.018; stddev is NaN. The mean of 0.499 is off by 0.003.
# float64 is right to 1e-8. Loaiza-Ganem and Cunningham (2019) take limits to choose by the precision at hand.
# Matters: grey images have many values whose decoder says about 0.5; log_prob is within 2e-5, but what uses variance or
# stddev (standardised residuals, moment matching) gets garbage or NaN.
#
#> torch 2.15.0
#> 0.4: variance 0.08, in float64 0.0827; stddev 0.29; mean - mean in float64 +0.000
#> 0.498: variance 0.02, in float64 0.0833; stddev 0.13; mean - mean in float64 -0.000
#> 0.4989: variance 0.25, in float64 0.0833; stddev 0.50; mean - mean in float64 +0.000
#> 0.499: variance -1.61, in float64 0.0833; stddev nan; mean - mean in float64 -0.003
#> 0.4995: variance 0.08, in float64 0.0833; stddev 0.29; mean - mean in float64 +0.000
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'torch==2.15.0' 'numpy==2.4.6'
venv/bin/python - 2>&1 <<'PY' | tee seen
import torch
from torch.distributions import ContinuousBernoulli

print("torch", torch.__version__.split("+")[0])
for p in (0.4, 0.498, 0.4989, 0.499, 0.4995):
    single, double = (ContinuousBernoulli(torch.tensor(p, dtype=d)) for d in (torch.float32, torch.float64))
    print(f"{p}: variance {single.variance.item():.2f}, in float64 {double.variance.item():.4f}; stddev {single.stddev.item():.2f}; "
          f"mean - mean in float64 {single.mean.item() - double.mean.item():+.3f}")
PY
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
