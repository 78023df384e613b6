#!/usr/bin/env bash
# YAML: what ruamel.yaml writes, PyYAML reads as another type, and the other way round; neither warns.
#
# Needs: Python 3.11 or newer with venv and pip.
# Expected: each library quotes its texts and writes its numbers so that the other reads the same.
# Seen: ruamel.yaml (YAML 1.2) writes the float 1e-05 without a point: PyYAML (YAML 1.1) reads a text. It leaves the
# texts 12:30 and on bare: PyYAML reads 750 and True. PyYAML leaves the texts 1e-3, 08 and 0o17 bare: ruamel.yaml reads
# numbers. 0120 typed by hand is 80 to one and 120 to the other. Columns: value, written, read.
# Matters: a learning rate that a tuner saved arrives as text, or a version tag as a number, in the next program.
#
#> ruamel.yaml 0.19.1, PyYAML 6.0.4
#> ruamel.yaml to PyYAML: 1e-05 | a: 1e-05 | '1e-05'
#> ruamel.yaml to PyYAML: 1e+16 | a: 1e+16 | '1e+16'
#> ruamel.yaml to PyYAML: '12:30' | a: 12:30 | 750
#> ruamel.yaml to PyYAML: 'on' | a: on | True
#> PyYAML to ruamel.yaml: '1e-3' | a: 1e-3 | 0.001
#> PyYAML to ruamel.yaml: '08' | a: 08 | 8
#> PyYAML to ruamel.yaml: '0o17' | a: 0o17 | 15
#> by hand: a: 0120 | 120 in ruamel.yaml | 80 in PyYAML
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv venv
venv/bin/pip install --quiet 'ruamel.yaml==0.19.1' 'PyYAML==6.0.4'
venv/bin/python - 2>&1 <<'PY' | tee seen
import io
from importlib.metadata import version
import yaml
from ruamel.yaml import YAML
print(", ".join(f"{p} {version(p)}" for p in ("ruamel.yaml", "PyYAML")))
newer = YAML(typ="safe", pure=True)
newer.default_flow_style = False
for value in (1e-05, 1e16, "12:30", "on"):
    stream = io.StringIO()
    newer.dump({"a": value}, stream)
    print(f"ruamel.yaml to PyYAML: {value!r} | {stream.getvalue().strip()} | {yaml.safe_load(stream.getvalue())['a']!r}")
for value in ("1e-3", "08", "0o17"):
    text = yaml.safe_dump({"a": value})
    print(f"PyYAML to ruamel.yaml: {value!r} | {text.strip()} | {newer.load(text)['a']!r}")
print("by hand: a: 0120 |", newer.load("a: 0120")["a"], "in ruamel.yaml |", yaml.safe_load("a: 0120")["a"], "in PyYAML")
PY
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
