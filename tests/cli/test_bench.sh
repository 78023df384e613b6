#!/usr/bin/env bash
# mpiae bench: what it names, prints and leaves; never how fast anything is.
# usage: test_bench.sh MPIAE RANKS
# shellcheck source=tests/harness/cases.sh
. "$(dirname "$0")/../harness/cases.sh"

mkdir room
export TMPDIR=$PWD/room

refuse 2 "nothing is measured as 'nope'; there are: products, products:vhe, products:vae, products:vhe-classes, steps, steps:vhe" bench nope
refuse 2 "nothing is measured as 'memory:1'" bench products memory:1
refuse 2 "nothing is measured as 'step'" bench step
refuse 2 "--seconds must be an integer from 0" bench memory --seconds -1
if [ "$ranks" = 1 ]; then
  refuse 2 "exchange is measured on 2 ranks or more: mpirun -n 2 mpiae bench exchange" bench memory exchange
  example bench
fi

accept "  adam " bench memory --seconds 0
if grep -qE '^(products|steps|kmeans|exchange|files|start):' out; then fail "measured what was not named"; fi
accept "  vae f32 blas: weight gradient " bench products:vae --seconds 0
if grep -q ' vhe ' out; then fail "measured another model"; fi

names=(memory products:vae steps:vae kmeans:10 files start scaling)
if [ "$ranks" -gt 1 ]; then names+=(exchange); fi
accept "" bench "${names[@]}" --seconds 0 --json --network-gbit 100 --latency-us 5 --ranks-per-node 48
"$python" - "$ranks" "${names[@]}" <<'END_OF_PYTHON' || fail "the JSON"
import json, sys
ranks, names = int(sys.argv[1]), [name.split(":")[0] for name in sys.argv[2:]]
found = json.load(open("out"))
assert found["ranks"] == ranks and found["version"] and found["commit"] and found["cpu"]
assert {figure["part"] for figure in found["figures"]} == set(names)
for figure in found["figures"]:
    assert set(figure) == {"part", "name", "unit", "value", "limit", "share"}, figure
    if figure["part"] != "kmeans":  # a difference of two times, which a busy machine may turn round
        assert figure["value"] > 0, figure
    assert (figure["limit"] is None) == (figure["share"] is None), figure
    if figure["limit"] is not None:
        times = figure["unit"] in ("s", "ms")
        ratio = figure["limit"] / figure["value"] if times else figure["value"] / figure["limit"]
        assert abs(figure["share"] / ratio - 1) < 1e-4, figure
limited = {(figure["part"], figure["name"]) for figure in found["figures"] if figure["limit"]}
assert ("steps", "vae f32: step") in limited and ("memory", "adam") in limited and ("files", "vhe checkpoint: read") in limited
scaling = {figure["name"]: figure for figure in found["figures"] if figure["part"] == "scaling"}
assert abs(scaling["network of a node"]["value"] - 100) < 1e-9 and abs(scaling["latency between nodes"]["value"] - 5) < 1e-9
assert {"weak, 48 ranks, 1 node", "strong, 3072 ranks, 64 nodes", "step here, 16 rows a rank"} <= set(scaling)
assert ("1 node of 48 ranks x 1 thread" in scaling) == (ranks == 1)
END_OF_PYTHON

if compgen -G 'room/mpiae-bench-*' >/dev/null; then fail "left files behind"; fi

finish
