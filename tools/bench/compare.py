#!/usr/bin/env python3
"""Runs the same work in mpiae and in other programs, in turn, and says how many times as long each of those takes.

usage: tools/bench/compare.py WHAT… [--mpiae PROGRAM] [--torch PYTHON] [--sklearn PYTHON] [--rounds 5] [--results FILE]

WHAT   vhe, vae, vqvae: a training step, in float32 and in bf16 where the processor has it, beside PyTorch, eager and compiled
       classsets: the same of vhe with vhe.sets=class and ten classes
       setvae: a training step of set-vae in bf16, beside float32
       kmeans: an iteration on 60 000 x 40 with 10, 100 and 1000 clusters, beside scikit-learn (Lloyd) and faiss

Everything has one thread. A round has each party once, and a ratio is of one round: its median, smallest and largest are
printed, since times of a machine that others use too say little. They are also added to FILE, a line each, with date,
commit and processor; without --results they are only printed.

Interpreters are those that have the packages: torch; h5py and scikit-learn, faiss (faiss-cpu) too where it is to be
compared. What is lacking is said, and the rest compared.
"""
import argparse
import csv
import datetime
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
COLUMNS = "date commit cpu what peer version rounds unit ours theirs ratio_min ratio_median ratio_max".split()
STEPS, SECONDS, ITERATIONS = 40, 2, 20
PRESETS = {"classsets": "vhe-classes", "setvae": "set-vae"}  # what mpiae bench calls them
ROWS, NUMBERS, CLUSTERS = 60_000, 40, (10, 100, 1000)


class Lacks(Exception):
    """Something that a comparison needs is not there."""


class Itself(NamedTuple):
    """mpiae, as a peer."""
    name: str
    version: str


class Peer:
    """A process that measures once for each line that it is sent; its first line is its version."""

    def __init__(self, name, python, *arguments):
        self.name = name
        # stderr into a file: a pipe nobody reads would fill up
        self.errors = tempfile.TemporaryFile("w+", encoding="utf-8")
        self.process = subprocess.Popen([python, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors, text=True)
        self.version = self.process.stdout.readline().strip()
        if not self.version:
            self.close()
            raise Lacks(f"{name}: {self.last_error()}")

    def last_error(self):
        self.errors.seek(0)
        lines = self.errors.read().strip().splitlines()
        return lines[-1] if lines else f"exit status {self.process.returncode}"

    def ask(self, line=""):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if not answer:
            self.close()
            raise Lacks(f"{self.name}: {self.last_error()}")
        return [float(word) for word in answer]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def run_mpiae(options, *arguments):
    command = [options.mpiae, *map(str, arguments)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"compare.py: error: {' '.join(command)} failed:\n{done.stderr}")
    return done.stdout


def start_peers(candidates):
    """Those that there are; of the others is said what is lacking. candidates: (name, python, arguments…)."""
    peers = []
    for name, python, *arguments in candidates:
        try:
            peers.append(Peer(name, python, *arguments))
        except (Lacks, OSError) as lack:
            text = str(lack) if isinstance(lack, Lacks) else f"{name}: {lack}"
            print(f"compare.py: not compared: {text} (interpreter: {python})", file=sys.stderr)
    return peers


def report(options, what, peers, ours, theirs):
    """Prints and keeps the ratios: ours of each round, theirs {peer: of each round}, in milliseconds."""
    print(f"{what}: mpiae {statistics.median(ours):.3g} ms", flush=True)
    for peer in peers:
        ratios = sorted(their / our for their, our in zip(theirs[peer], ours))
        middle = statistics.median(ratios)
        print(f"  {peer.name + ' ' + peer.version:<36} {statistics.median(theirs[peer]):10.3g} ms"
              f"   {middle:6.2f} times as long ({ratios[0]:.2f} to {ratios[-1]:.2f})", flush=True)
        row = [options.date, options.commit, options.cpu, what, peer.name, peer.version, len(ours), "ms",
               f"{statistics.median(ours):.5g}", f"{statistics.median(theirs[peer]):.5g}",
               f"{ratios[0]:.4g}", f"{middle:.4g}", f"{ratios[-1]:.4g}"]
        options.rows.append(dict(zip(COLUMNS, row)))


def measure_steps(options, what):
    """Milliseconds of a step by precision."""
    preset = PRESETS.get(what, what)
    found = json.loads(run_mpiae(options, "bench", f"steps:{preset}", "--seconds", SECONDS, "--json"))
    options.commit, options.cpu, options.version = found["commit"], found["cpu"], found["version"]
    title = {f"{preset} {precision}: step": precision for precision in ("f32", "bf16")}
    return {title[row["name"]]: row["value"] for row in found["figures"] if row["name"] in title}


def compare_steps(options, what):
    ours = {precision: [] for precision in measure_steps(options, what)}
    peers = {precision: start_peers((f"PyTorch {mode}", options.torch, HERE / "peer_torch.py", what, precision, mode, STEPS)
                                    for mode in ("eager", "compile")) for precision in ours}
    theirs = {peer: [] for some in peers.values() for peer in some}
    for _ in range(options.rounds if theirs else 0):
        for precision, milliseconds in measure_steps(options, what).items():
            ours[precision].append(milliseconds)
        for peer, times in theirs.items():
            times += peer.ask()
    for precision, some in peers.items():
        if some:
            report(options, f"{what} {precision}", some, ours[precision], theirs)
    for peer in theirs:
        peer.close()


def compare_precisions(options, what):
    found = [measure_steps(options, what) for _ in range(options.rounds)]
    if not all("bf16" in times for times in found):
        print(f"compare.py: not compared: {what}: the processor has no bf16", file=sys.stderr)
        return
    peer = Itself("mpiae f32", options.version)
    report(options, f"{what} bf16", [peer], [times["bf16"] for times in found], {peer: [times["f32"] for times in found]})


def time_clustering(options, clock, path, clusters, iterations):
    """Seconds and the number of iterations that there were."""
    out = path.with_name("clusters.h5")
    run_mpiae(options, "cluster", f"{path}:/x", "--clusters", clusters, "--init-from", f"{path}:/start-{clusters}",
              "--iterations", iterations, "--tolerance", 0, "--out", out, "--quiet")
    return clock.ask(str(out))


def compare_clusterings(options, clock, path, clusters):
    peers = start_peers((name, options.sklearn, HERE / "peer_kmeans.py", kind, path, clusters, ITERATIONS)
                        for name, kind in (("scikit-learn", "sklearn"), ("faiss", "faiss")))
    ours, theirs = [], {peer: [] for peer in peers}
    for _ in range(options.rounds if peers else 0):
        one, first = time_clustering(options, clock, path, clusters, 1)
        all_of_them, done = time_clustering(options, clock, path, clusters, 1 + ITERATIONS)
        ours.append(1e3 * (all_of_them - one) / (done - first))
        for peer, times in theirs.items():
            times += peer.ask()
    if peers:
        report(options, f"kmeans {clusters}", peers, ours, theirs)
    for peer in peers:
        peer.close()


def compare_kmeans(options, _):
    found = json.loads(run_mpiae(options, "bench", "memory", "--seconds", 0, "--json"))
    options.commit, options.cpu = found["commit"], found["cpu"]
    clocks = start_peers([("h5py", options.sklearn, HERE / "peer_kmeans.py", "seconds")])
    if not clocks:
        return
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "points.h5"
        subprocess.run([options.sklearn, HERE / "peer_kmeans.py", "make", path, str(ROWS), str(NUMBERS),
                        *map(str, CLUSTERS)], check=True)
        for clusters in CLUSTERS:
            compare_clusterings(options, clocks[0], path, clusters)
    clocks[0].close()


WORK = {**dict.fromkeys(("vhe", "vae", "classsets", "vqvae"), compare_steps), "setvae": compare_precisions, "kmeans": compare_kmeans}


def keep(options):
    new = not options.results.exists()
    with open(options.results, "a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerows(options.rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="+", choices=WORK, metavar="WHAT")
    parser.add_argument("--mpiae", default=shutil.which("mpiae") or str(HERE.parents[1] / "build/release/mpiae"))
    parser.add_argument("--torch", metavar="PYTHON", default="python3", help="has torch; default python3")
    parser.add_argument("--sklearn", metavar="PYTHON", default="python3", help="has h5py, sklearn, faiss; default python3")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--results", type=Path, metavar="FILE", help="add the ratios to it: tools/bench/results.csv")
    options = parser.parse_args()
    if shutil.which(options.mpiae) is None:
        sys.exit(f"compare.py: error: there is no {options.mpiae}: build it, or name it with --mpiae")
    options.date, options.rows = datetime.date.today().isoformat(), []
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    try:
        for what in options.what:
            WORK[what](options, what)
    except Lacks as lack:
        sys.exit(f"compare.py: error: {lack}")
    if not options.rows:
        sys.exit("compare.py: error: nothing could be compared")
    if options.results:
        keep(options)


if __name__ == "__main__":
    main()
