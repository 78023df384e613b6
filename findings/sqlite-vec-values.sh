#!/usr/bin/env bash
# sqlite-vec: vectors whose squares leave float32 are normalised to zeros or infinities, and text and int8 forms change values without a word.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: a unit vector of any finite vector; the cosine distance of a vector to itself 0; [-1, 1] quantised alike on both sides; an int8 sum that
# saturates or is an error; a text that gives the float32 values back.
# Seen: [1e20, 1e20] becomes zeros and [1e-25, 1e-25] infinities; their cosine distances are NULL, so an ORDER BY puts such rows first; 1 becomes 126
# and -1 becomes -128; 100 + 100 is -56; vec_to_json has six decimals, so 1e-7 comes back as 0.
# Matters: codes and embeddings that were not scaled, or that went through JSON or int8, are searched by other values than they had.
#
#> normalised [1e20, 1e20]: [0.000000,0.000000]
#> normalised [1e-25, 1e-25]: [Inf,Inf]
#> cosine distance of [1e20, 0] to itself: None
#> cosine distance of [1e-25, 0] to itself: None
#> unit int8 of [-1, -0.5, 0, 0.5, 1]: [-128,-64,0,63,126]
#> int8 [100, -100] added to itself: [-56,56]
#> float32 [1e-7, 0.1234567] as text: [0.000000,0.123457]
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'sqlite-vec==0.1.9' 'apsw==3.54.1.0'
cat >program.py <<'PY'
import apsw
import sqlite_vec

database = apsw.Connection(":memory:")
database.enable_load_extension(True)
database.load_extension(sqlite_vec.loadable_path())


def show(what, expression):
    print(f"{what}: {database.execute(f'SELECT {expression}').fetchone()[0]}")


for text in ("[1e20, 1e20]", "[1e-25, 1e-25]"):
    show(f"normalised {text}", f"vec_to_json(vec_normalize(vec_f32('{text}')))")
for text in ("[1e20, 0]", "[1e-25, 0]"):
    show(f"cosine distance of {text} to itself", f"vec_distance_cosine(vec_f32('{text}'), vec_f32('{text}'))")
show("unit int8 of [-1, -0.5, 0, 0.5, 1]", "vec_to_json(vec_quantize_int8(vec_f32('[-1, -0.5, 0, 0.5, 1]'), 'unit'))")
show("int8 [100, -100] added to itself", "vec_to_json(vec_add(vec_int8('[100, -100]'), vec_int8('[100, -100]')))")
show("float32 [1e-7, 0.1234567] as text", "vec_to_json(vec_f32('[1e-7, 0.1234567]'))")
PY
venv/bin/python program.py | tee seen
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
