"""Runs every command of the README, in order, as printed: blocks of sh and python, in a directory that looks like a clone. Lines that install and
build (tools/quickstart, tools/check, cmake) have tests of their own or are the build this runs in; here they must name what exists.

Usage: test_readme.py MPIAE SOURCE DATA    DATA has mnist/*.gz; without it the block that needs them is passed by, and the exit status is 77.
"""
import csv
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

SKIPPED = 77  # to CTest
BUILDS = ("tools/quickstart", "tools/check", "cmake ")


def check_build_line(line, source):
    for part in line.split("&&"):
        words = shlex.split(part)
        if words[0] != "cmake":
            assert os.access(source / words[0], os.X_OK), line
        elif "--preset" in words:
            presets = json.loads((source / "CMakePresets.json").read_text())
            assert words[words.index("--preset") + 1] in [p["name"] for p in presets["configurePresets"]], line


def run(command, environment):
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{command}: exit status {done.returncode}\n{done.stdout}\n{done.stderr}"


def run_block(kind, text, source, environment):
    if kind == "python":
        run([sys.executable, "-c", text], environment)
        return
    for line in text.strip().splitlines():
        print(">", line, flush=True)
        if line.startswith(BUILDS):
            check_build_line(line, source)
        else:
            run(["bash", "-c", line], environment)


def check_mnist():
    """What the README's table promises of its own command."""
    with open("runs/vhe-mnist/metrics.csv") as file:
        last = list(csv.DictReader(file))[-1]
    assert last["epoch"] == "6" and float(last["train_loss"]) <= 104.1 and float(last["label_nmi"]) >= 0.40, last


def main():
    mpiae, source, data = (Path(argument).resolve() for argument in sys.argv[1:])
    mnist = sorted(data.glob("mnist/*.gz"))
    blocks = re.findall(r"^```(sh|python)\n(.*?)^```", (source / "README.md").read_text(), re.M | re.S)
    assert len(blocks) > 6
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        for name in ("configs", "tools"):
            os.symlink(source / name, name)
        for path in mnist:
            os.symlink(path, path.name)
        os.makedirs("runs/data")
        environment = dict(os.environ, PATH=f"{mpiae.parent}:{os.environ['PATH']}")
        skipped = 0
        for kind, text in blocks:
            if "train-images" in text and not mnist:
                skipped = SKIPPED
                print(f"skipped: there is no MNIST in {data} (MPIAE_TEST_DATA names the directory of the data) for:\n" + text)
                continue
            run_block(kind, text, source, environment)
        if mnist:
            check_mnist()
        os.chdir("/")
    return skipped


if __name__ == "__main__":
    sys.exit(main())
