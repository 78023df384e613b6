#!/usr/bin/env bash
# Ways to multiply: each has the same bits on any number of ranks and over a resume, is recorded, and is refused where it is not there.
# usage: test_precision.sh MPIAE
# shellcheck source=tests/harness/runs.sh
. "$(dirname "$0")/../harness/runs.sh"

on 1 synth glyphs --count 1003 --out glyphs.h5
printf 'model: vhe\ndata: {train: glyphs.h5, shards: 8}\ntrain: {batch_size: 60, epochs: 2}\nnetwork: {hidden: [48, 32], latent_size: 6}\nkmeans: {clusters: 7}\ncheckpoint: {keep: 9}\n' >vhe.yaml

# What a processor is without, as oneDNN reads it: the second is of its version 2.
without() {
  local isa=$1
  shift
  env ONEDNN_MAX_CPU_ISA="$isa" DNNL_MAX_CPU_ISA="$isa" "$@"
}

# has SETTING…: whether a run may be told so here
has() { timeout 300 "$mpiae" train vhe.yaml "$@" train.steps=1 --run has --overwrite >log 2>&1; }

# Of epoch 2, to the last figure
loss() { "$python" -c 'import csv, sys; print(list(csv.DictReader(open(sys.argv[1] + "/metrics.csv")))[1]["train_loss"])' "$1"; }

# same_bits NAME SETTING…
same_bits() {
  local name=$1
  shift
  for ranks in 1 3; do on "$ranks" train vhe.yaml "$@" --run "$name-$ranks"; done
  on 7 train vhe.yaml "$@" train.epochs=1 --run "$name-7"
  on 2 train vhe.yaml "$@" --run "$name-7" --resume
  for ranks in 3 7; do
    equal "$name-1/checkpoint-000000034.h5" "$name-$ranks/checkpoint-000000034.h5"
    equal "$name-1/codes-000002.h5" "$name-$ranks/codes-000002.h5"
  done
}

# Sets of points, whose attention multiplies too. same_sets NAME SETTING…
on 1 synth glyphs --count 41 --layout set --out sets.h5
printf 'model: set-vae\ndata: {train: sets.h5, shards: 5}\ntrain: {batch_size: 9, epochs: 1}\nset: {width: 12, heads: 3, blocks: 1, latent_size: 4}\noutput: {samples: 0}\n' >sets.yaml
same_sets() {
  for ranks in 1 3; do on "$ranks" train sets.yaml "${@:2}" --run "sets-$1-$ranks"; done
  equal "sets-$1-1/checkpoint-000000005.h5" "sets-$1-3/checkpoint-000000005.h5"
}

same_bits blas train.products=blas
same_sets emulated train.precision=bf16-emulated
same_bits emulated train.precision=bf16-emulated
same_bits shared train.precision=bf16-emulated vhe.sets=class
differ blas-1/checkpoint-000000034.h5 emulated-1/checkpoint-000000034.h5

# near NAME: its loss is that of bf16 emulated, or of float32, but for rounding: within a hundredth
near() {
  "$python" -c 'import sys; a, b = map(float, sys.argv[1:]); assert abs(a / b - 1) < 0.01, (a, b)' "$(loss "$1-1")" "$(loss "$2-1")" || fail "$1 is far from $2"
}
near emulated blas

lacking=()
if has train.products=onednn; then
  same_bits onednn train.products=onednn
  same_sets onednn train.products=onednn
  near onednn blas
else lacking+=("products by oneDNN"); fi
if has train.precision=bf16; then
  same_bits bf16 train.precision=bf16
  same_sets bf16 train.precision=bf16
  near bf16 emulated
  same_bits bf16-shared train.precision=bf16 vhe.sets=class
  near bf16-shared shared
  # The same run, on a processor without: refused, with the reason and what can be done.
  if without AVX512_CORE timeout 300 "$mpiae" train vhe.yaml train.precision=bf16 --run bf16-1 --resume >log 2>&1; then fail "bf16 without instructions for it"; fi
  if ! grep -q "train.precision=bf16 .*neither AMX nor AVX512_BF16; bf16-emulated" log; then
    fail "the reason for refusing bf16"
    cat log
  fi
else
  lacking+=("bf16")
  if ! grep -q "train.precision=bf16 with train.products=auto cannot be had here: " log; then
    fail "the reason for refusing bf16"
    cat log
  fi
fi

# What it was is kept, and may not change under a run.
told=$(h5dump -a /provenance/products blas-1/checkpoint-000000034.h5 | grep -o '"[^"]*"')
if [ -z "$told" ] || [ "$told" = '""' ]; then fail "provenance: products $told"; fi
if timeout 300 "$mpiae" train vhe.yaml train.epochs=3 train.precision=bf16-emulated --run blas-1 --resume >log 2>&1; then fail "resumed in another precision"; fi
if ! grep -q "train.precision" log; then fail "the reason for not resuming in another precision"; fi
if timeout 300 "$mpiae" train vhe.yaml train.precision=bf16-emulated train.products=onednn --run no >log 2>&1; then fail "emulated by oneDNN"; fi
if [ -e onednn-1 ]; then
  on 1 train vhe.yaml train.epochs=3 train.products=blas --run onednn-1 --resume
  if ! grep -q "written with another library of matrix products" log; then fail "another library was not told"; fi
fi

if [ "${#lacking[@]}" -gt 0 ]; then printf 'not tried here: %s\n' "${lacking[@]}"; fi
finish
