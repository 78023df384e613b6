"""k-means by scikit-learn (Lloyd) or faiss, on the rows and from the centroids of a file: for tools/bench/compare.py.

usage: peer_kmeans.py make FILE ROWS COLUMNS CLUSTERS…
       peer_kmeans.py sklearn|faiss FILE CLUSTERS ITERATIONS
       peer_kmeans.py seconds

make: writes the file. seconds: for every line on standard input, the name of a file of `mpiae cluster`, says the seconds
and the number of iterations that are in it. The others say their version; then, for every line on standard input, what an iteration takes, in
milliseconds: a run of 1 + ITERATIONS less one of a single iteration, over those between. One thread.
"""
import os
import sys
import time
import warnings

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read where the libraries are loaded

import h5py
import numpy as np


def make(path, rows, columns, clusters):
    """Clouds of spread 1 about a hundred points of spread 3; the first centroids are rows drawn once."""
    random = np.random.default_rng(1)
    centre = 3 * random.normal(size=(100, columns))
    x = (centre[random.integers(0, 100, rows)] + random.normal(size=(rows, columns))).astype("f4")
    with h5py.File(path, "w") as file:
        file["x"] = x
        for k in clusters:
            file[f"start-{k}"] = x[np.sort(random.choice(rows, k, replace=False))]


def sklearn_runner(x, start):
    import sklearn
    from sklearn.cluster import KMeans

    warnings.simplefilter("ignore")

    def run(iterations):
        model = KMeans(len(start), init=start, n_init=1, max_iter=iterations, tol=0, algorithm="lloyd").fit(x)
        return model.n_iter_

    return sklearn.__version__, run


def faiss_runner(x, start):
    import faiss

    faiss.omp_set_num_threads(1)

    def run(iterations):
        model = faiss.Kmeans(x.shape[1], len(start), niter=iterations, nredo=1, max_points_per_centroid=len(x),
                             min_points_per_centroid=1)
        model.train(x, init_centroids=start)
        return iterations

    return faiss.__version__, run


def time_run(run, iterations):
    begun = time.perf_counter()
    done = run(iterations)
    return time.perf_counter() - begun, done


def serve(kind, path, clusters, iterations):
    with h5py.File(path) as file:
        x, start = file["x"][:], file[f"start-{clusters}"][:]
    version, run = {"sklearn": sklearn_runner, "faiss": faiss_runner}[kind](x, start)
    run(1)
    print(version, flush=True)
    for _ in sys.stdin:
        one, first = time_run(run, 1)
        all_of_them, done = time_run(run, 1 + iterations)
        print(1e3 * (all_of_them - one) / (done - first), flush=True)


def tell_seconds():
    print(h5py.__version__, flush=True)
    for line in sys.stdin:
        with h5py.File(line.rstrip("\n")) as file:
            print(file["provenance"].attrs["seconds"], file.attrs["iterations"], flush=True)


def main():
    if sys.argv[1] == "make":
        make(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), [int(k) for k in sys.argv[5:]])
    elif sys.argv[1] == "seconds":
        tell_seconds()
    else:
        serve(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))


main()
