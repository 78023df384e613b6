#!/usr/bin/env bash
# JAX: with bfloat16 logits jax.random.categorical leaves out some of 1024 equal classes; bernoulli(0.001) is 0.0078.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: logits and probabilities in bfloat16 are rounded, the draws are not: each of 1024 classes about as often, a
# probability of 0.001 within rounding (0.4 %), a normal with values between those of one bit less or more.
# Seen: draws are made of 7 random bits: a uniform number has 128 values, so have normal, exponential and Gumbel ones. In
# categorical (Gumbel's maximum) ties go to the class that comes first: of 1024 equal classes 64 are never drawn in
# 200 000 draws, which would give 195 of each, and the first sixteen come eight times as often. A probability below 1/128
# counts as that. The mean of a normal is -0.012, that of an exponential 0.974. No warning. float16 has 1024 values and the same
# fault, smaller; float32 is right, and PyTorch's bfloat16 draws are.
# Matters: noise of a VAE, dropout and samples of a categorical decoder in bf16 are biased by more than its rounding.
#
#> jax 0.10.2
#> bfloat16: normal: 128 values, mean 0.01; exponential: mean 0.97, zeros 0.008
#> bfloat16: bernoulli(0.001): 0.008
#> bfloat16: categorical, 1024 equal classes: never drawn 64, first / mean 8
#> float32: normal: many values, mean 0.00; exponential: mean 1.00, zeros 0.000
#> float32: bernoulli(0.001): 0.001
#> float32: categorical, 1024 equal classes: never drawn 0, first / mean 1
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'jax==0.10.2' 'jaxlib==0.10.2' 'numpy==2.4.6'
venv/bin/python - 2>&1 <<'PY' | tee seen
import jax, jax.numpy as jnp, numpy as np

print("jax", jax.__version__)
key, n = jax.random.key(0), 1_000_000
for kind in (jnp.bfloat16, jnp.float32):
    name = jnp.dtype(kind).name
    normal, exponential = (np.array(draw(key, (n,), kind)).astype(float) for draw in (jax.random.normal, jax.random.exponential))
    few = len(np.unique(normal))
    print(f"{name}: normal: {few if few < 1000 else 'many'} values, mean {abs(normal.mean()):.2f}; exponential: mean "
          f"{exponential.mean():.2f}, zeros {(exponential == 0).mean():.3f}")
    print(f"{name}: bernoulli(0.001): {jax.random.bernoulli(key, jnp.asarray(0.001, kind), (n,)).mean():.3f}")
    count = np.bincount(jax.random.categorical(key, jnp.zeros((1024,), kind), shape=(200_000,)), minlength=1024)
    print(f"{name}: categorical, 1024 equal classes: never drawn {(count == 0).sum()}, first / mean {count[:16].mean() / count.mean():.0f}")
PY
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
