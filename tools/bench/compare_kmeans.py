#!/usr/bin/env python3
"""Compares `mpiae cluster` with sklearn.cluster.KMeans (Lloyd) from the same first centroids: labels, inertia, and the
time of both in turn, on one core and on two.

usage: tools/python tools/bench/compare_kmeans.py [--mpiae PROGRAM] [--million] [--clusters 10,100,1000] [--repeats 5]

The data are clouds about random points with noise, in float32. Both run a fixed number of iterations. scikit-learn adds
float32 rows up in float32, so its centroids, and in time its labels, drift off; labels are therefore also compared with
those that it finds for the same rows in float64 (untimed). Of those that differ, near ties are counted: rows that are as
far from both centroids as float32 can tell. Empty clusters restart at the same rows on both sides, but scikit-learn deals
these to them in no order; so clusters are matched first, each with the one that it shares most rows with.

seconds: the clustering alone, in memory (scikit-learn: fit; mpiae: start and iterations as it says), medians.
CPU: processor seconds of an iteration, of all threads or ranks: a run less one of a single iteration, over the iterations
between; the figure to go by on a machine that others use too.
"""
import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

ONE_CORE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
TWO_CORES = {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}


def require_modules():
    for name, package in (("numpy", "python3-numpy"), ("h5py", "python3-h5py"), ("sklearn", "python3-sklearn")):
        try:
            __import__(name)
        except ModuleNotFoundError:
            sys.exit(f"compare_kmeans.py: error: {sys.executable} has no {name}: install {package} (Debian), or run this "
                     "with a Python that has it")


def make_data(path, rows, columns, clusters):
    """Clouds of spread 1 about points of spread 3, of which there are as many as the middle number of clusters, and the
    first centroids: rows drawn once."""
    import h5py
    import numpy as np

    random = np.random.default_rng(1)
    groups = sorted(clusters)[len(clusters) // 2]
    centre = 3 * random.normal(size=(groups, columns))
    with h5py.File(path, "w") as file:
        x = file.create_dataset("x", (rows, columns), "f4")
        for begin in range(0, rows, 100_000):
            count = min(100_000, rows - begin)
            noise = random.normal(size=(count, columns))
            x[begin:begin + count] = centre[random.integers(0, groups, count)] + noise
        for k in clusters:
            file[f"start-{k}"] = x[:][np.sort(random.choice(rows, k, replace=False))]


def run_sklearn(path, clusters, iterations, kind, out):
    """In a process of its own, whose number of threads comes from its environment."""
    import h5py
    import numpy as np
    from sklearn.cluster import KMeans

    with h5py.File(path) as file:
        x, start = file["x"][:].astype(kind), file[f"start-{clusters}"][:].astype(kind)
    warnings.simplefilter("ignore")
    KMeans(2, init=x[:2], n_init=1, max_iter=1).fit(x[:1000])
    model = KMeans(clusters, init=start, n_init=1, max_iter=iterations, tol=0, algorithm="lloyd")
    cpu, begun = time.process_time(), time.perf_counter()
    model.fit(x)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    if out:
        np.savez(out, label=model.labels_, centroid=model.cluster_centers_)
    print(seconds, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def sklearn_process(path, clusters, iterations, threads, kind="f4", out=""):
    """Seconds, CPU seconds, peak kB."""
    command = [sys.executable, __file__, "--sklearn", str(path), str(clusters), str(iterations), kind, str(out)]
    done = subprocess.run(command, env={**os.environ, **threads}, stdout=subprocess.PIPE, check=True, text=True)
    return [float(word) for word in done.stdout.split()]


def mpiae_process(program, path, clusters, iterations, ranks, out):
    """Seconds, CPU seconds of all ranks with everything around the clustering, peak kB of the largest."""
    import h5py

    command = [program, "cluster", f"{path}:/x", "--clusters", str(clusters), "--init-from", f"{path}:/start-{clusters}",
               "--iterations", str(iterations), "--tolerance", "0", "--out", str(out)]
    if ranks > 1:
        command = ["mpirun", "-n", str(ranks), "--oversubscribe", "--bind-to", "none", *command]
    # a process of its own counts what its children used
    peak = ("import resource, subprocess, sys; status = subprocess.call(sys.argv[1:], stdout=2); "
            "used = resource.getrusage(resource.RUSAGE_CHILDREN); "
            "print(used.ru_utime + used.ru_stime, used.ru_maxrss); sys.exit(status)")
    done = subprocess.run([sys.executable, "-c", peak, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True)
    if done.returncode != 0:
        sys.exit(f"compare_kmeans.py: error: {' '.join(command)} failed:\n{done.stderr}")
    cpu, kilobytes = (float(word) for word in done.stdout.split())
    with h5py.File(out) as file:
        return file["provenance"].attrs["seconds"], cpu, kilobytes


def match_clusters(label, other, clusters):
    """The number that each of the other's clusters has on our side."""
    import numpy as np

    pair, count = np.unique(other.astype("i8") * clusters + label, return_counts=True)
    match = np.arange(clusters)
    order = np.argsort(count, kind="stable")
    match[pair[order] // clusters] = pair[order] % clusters
    return match if len(set(match)) == clusters else np.arange(clusters)


def compare_labels(path, ours, theirs):
    """Labels that differ, near ties among them, and the ratio of the inertias less 1, all in float64."""
    import h5py
    import numpy as np

    with h5py.File(path) as file, h5py.File(ours) as found:
        x, label, centroid = file["x"][:], found["label"][:], found["centroid"][:].astype("f8")
    other = np.load(theirs)
    match = match_clusters(label, other["label"], len(centroid))
    other_label, other_centroid = match[other["label"]], other["centroid"].astype("f8")[np.argsort(match)]
    rows = np.flatnonzero(label != other_label)
    own = x[rows].astype("f8")
    one = ((own - centroid[label[rows]]) ** 2).sum(1)
    two = ((own - centroid[other_label[rows]]) ** 2).sum(1)
    terms = ((own - centroid.mean(0)) ** 2).sum(1) + ((centroid[label[rows]] - centroid.mean(0)) ** 2).sum(1)
    near = int((abs(one - two) <= x.shape[1] * 2.0 ** -23 * terms).sum())

    def inertia(centre, labels):
        return sum(((x[i:i + 50_000] - centre[labels[i:i + 50_000]]) ** 2).sum() for i in range(0, len(x), 50_000))

    return len(rows), near, inertia(centroid, label) / inertia(other_centroid, other_label) - 1


def time_parties(options, path, clusters, out):
    """Runs of each party, {(name, cores): [(seconds, CPU seconds, peak kB)]} and the same with a single iteration. A
    repetition has every party in turn. Results of the first on one core go to `out`."""
    runs = {}, {}
    for repeat in range(options.repeats):
        for cores, threads in ((1, ONE_CORE), (2, TWO_CORES)):
            for count, times in ((options.iterations, runs[0]), (1, runs[1])):
                ours, theirs = out if repeat == 0 and cores == 1 and count > 1 else (out[0].with_name("again.h5"), "")
                times.setdefault(("sklearn", cores), []).append(
                    sklearn_process(path, clusters, count, threads, "f4", theirs))
                times.setdefault(("mpiae", cores), []).append(
                    mpiae_process(options.mpiae, path, clusters, count, cores, ours))
    return runs


def compare(options, path, clusters, scratch):
    """Rows of the table for one number of clusters."""
    ours, theirs, double = scratch / "ours.h5", scratch / "theirs.npz", scratch / "double.npz"
    many, single = time_parties(options, path, clusters, (ours, theirs))
    sklearn_process(path, clusters, options.iterations, TWO_CORES, "f8", double)
    differ, _, inertia = compare_labels(path, ours, theirs)
    differ_double, near, _ = compare_labels(path, ours, double)

    def median(runs, party, cores, column):
        return statistics.median(run[column] for run in runs[party, cores])

    for cores in (1, 2):
        cells = [f"{clusters:6} {cores:5}"]
        seconds = [median(many, party, cores, 0) for party in ("sklearn", "mpiae")]
        cpu = [1e3 * (median(many, party, cores, 1) - median(single, party, cores, 1)) / (options.iterations - 1)
               for party in ("sklearn", "mpiae")]
        peak = [max(run[2] for run in many[party, cores]) / 1024 for party in ("sklearn", "mpiae")]
        cells.append(f"{seconds[0]:9.3f} {seconds[1]:9.3f} {seconds[0] / seconds[1]:6.2f}")
        cells.append(f"{cpu[0]:9.1f} {cpu[1]:9.1f} {cpu[0] / cpu[1]:6.2f}")
        cells.append(f"{peak[0]:9.0f} {peak[1]:7.0f}")
        cells.append(f"{differ:7} {inertia:10.1e} {differ_double:9} {near:5}")
        print("  ".join(cells), flush=True)


HEADER = """\
                        seconds            CPU, ms an iteration       peak, MB a rank        labels that differ
     K cores    sklearn     mpiae  ratio    sklearn     mpiae  ratio    sklearn   mpiae  float32  inertia-1   float64  near"""


def main():
    if sys.argv[1:2] == ["--sklearn"]:
        run_sklearn(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5], sys.argv[6])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = Path(__file__).resolve().parents[2]
    parser.add_argument("--mpiae", default=shutil.which("mpiae") or str(root / "build/release/mpiae"))
    parser.add_argument("--clusters", default="", help="default 10,100,1000; with --million 1000")
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--million", action="store_true", help="1 000 000 x 64 in place of 60 000 x 40")
    options = parser.parse_args()
    require_modules()
    clusters = [int(k) for k in (options.clusters or ("1000" if options.million else "10,100,1000")).split(",")]
    rows, columns = (1_000_000, 64) if options.million else (60_000, 40)
    # OpenBLAS 0.3.21 does not know every newer CPU and falls back to kernels of 2004: the same good ones for both
    if "avx512f" in Path("/proc/cpuinfo").read_text():
        os.environ.setdefault("OPENBLAS_CORETYPE", "SkylakeX")
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "points.h5"
        make_data(path, rows, columns, clusters)
        print(f"{rows} x {columns}, {options.iterations} iterations, medians of {options.repeats}")
        print(HEADER, flush=True)
        for k in clusters:
            compare(options, path, k, Path(name))


if __name__ == "__main__":
    main()
