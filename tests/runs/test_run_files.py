"""Trains small models on three ranks and opens what the runs wrote as users do, with h5py and xarray (both engines): names, dimensions,
shapes and values of checkpoints, codes, samples and metrics.

Usage: test_run_files.py MPIAE MPIRUN
"""
import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "h5"))
from check_h5py import check_dimensions, check_every_dataset, open_group  # noqa: E402

EXAMPLES, LATENT, HIDDEN, CLUSTERS, EPOCHS = 90, 3, 8, 4, 2
CONFIG = f"""
data: {{train: data.h5, shards: 5}}
train: {{epochs: {EPOCHS}, batch_size: 32}}
network: {{hidden: [{HIDDEN}], latent_size: {LATENT}}}
"""


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, (command, done.stderr)


def check_columns(checkpoint, directory):
    """metrics.csv and /history hold the same figures, but for the two of time."""
    with open(f"{directory}/metrics.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert all(float(row["seconds"]) > 0 and float(row["examples_per_second"]) > 0 for row in rows)
    with h5py.File(checkpoint, "r") as file:
        history = {name: data[()] for name, data in file["history"].items() if name != "history_epoch"}
    assert set(history) == set(rows[0]) - {"seconds", "examples_per_second"}
    for name, values in history.items():
        written = [float(row[name]) if row[name] else np.nan for row in rows]
        assert np.allclose(values, written, rtol=1e-9, equal_nan=True), name
    assert np.isclose(history["train_loss"][1], sum(history[name][1] for name in history if name.startswith("train_")
                                                    and name != "train_loss"))
    return history


def check_parameters(path, engine):
    for root in ("parameters", "optimizer/m", "optimizer/v"):
        output = open_group(path, f"/{root}/decoder/output", engine)
        check_dimensions(output, {"weight": ("output", "input"), "bias": ("output",)})
        assert output["weight"].shape == (784, HIDDEN) and output["weight"].dtype == np.float32
        assert np.isfinite(output["weight"]).all() and float(abs(output["weight"]).max()) > 0
    head = open_group(path, "/parameters/encoder_z/head", engine)
    check_dimensions(head, {"weight": ("statistic", "output", "input"), "bias": ("statistic", "output")})
    assert head["weight"].shape == (2, LATENT, HIDDEN)


def check_labels(path, codes, engine):
    labels = open_group(path, "/pseudo_labels", engine)
    check_dimensions(labels, {"centroid": ("cluster", "code_dimension"), "label": ("example",), "size": ("cluster",),
                              "code": ("example", "code_dimension"), "posterior": ("cluster", "statistic_dimension")})
    assert labels["code"].shape == (EXAMPLES, 2 * LATENT)
    assert np.array_equal(np.bincount(labels["label"], minlength=CLUSTERS), labels["size"])
    assert np.allclose(labels["code"], np.hstack([codes["z_mean"], codes["c_mean"]]))
    for k in range(CLUSTERS):
        members = labels["label"].values == k
        if members.any():
            # float64 means of float32 numbers, kept in float32
            assert np.allclose(labels["centroid"][k], labels["code"].values[members].mean(0), atol=2e-6)
            assert np.allclose(labels["posterior"][k][:LATENT], codes["c_mean"].values[members].mean(0), atol=2e-6)


def check_codes(path, engine, names):
    codes = open_group(path, "/", engine)
    check_dimensions(codes, {name: ("example", "latent") for name in names})
    check_dimensions(codes, {"label": ("example",)})
    assert all(codes[name].shape == (EXAMPLES, LATENT) and np.isfinite(codes[name]).all() for name in names)
    assert np.array_equal(codes["label"], np.arange(EXAMPLES) % 10)
    assert np.array_equal(codes["example"], np.arange(EXAMPLES))
    return codes


def check_vhe(engine):
    checkpoint = "vhe/checkpoint-000000006.h5"
    history = check_columns(checkpoint, "vhe")
    assert {"label_nmi", "label_acc", "label_ari", "label_entropy", "inertia", "changed", "cluster_median"} <= set(history)
    assert np.isnan(history["changed"][0]) and 0 <= history["changed"][1] <= 1
    check_parameters(checkpoint, engine)
    codes = check_codes("vhe/codes-000002.h5", engine, ["z_mean", "z_logstd", "c_mean", "c_logstd"])
    check_dimensions(codes, {"pseudo_label": ("example",)})
    check_labels(checkpoint, codes, engine)
    state = open_group(checkpoint, "/state", engine)
    assert [int(state[name]) for name in ("epoch", "step", "seed", "shards", "examples")] == [EPOCHS, 6, 0, 5, EXAMPLES]
    assert np.array_equal(state["example_shape"], [1, 28, 28])
    with h5py.File(checkpoint, "r") as file:
        assert "shards: 5" in file["config"].asstr()[()] and file.attrs["mpiae_format"] == "checkpoint"
        assert file["provenance"].attrs["ranks"] == 3 and file["provenance"].attrs["blas_core"]


def check_cut(engine):
    """A checkpoint in the middle of an epoch holds the sums of the steps done: 64 of the 90 examples."""
    path = "cut/checkpoint-000000002.h5"
    state = open_group(path, "/state", engine)
    check_dimensions(state, {"partial_sums": ("partial_sum",)})
    assert [int(state[name]) for name in ("epoch", "step", "epoch_step")] == [0, 2, 2]
    sums = state["partial_sums"].values
    # cross-entropy, divergence; that of each dimension; loss, examples, steps left out
    assert sums.shape == (2 + LATENT + 3,) and sums.dtype == np.float64
    assert np.isclose(sums[2:2 + LATENT].sum(), sums[1], rtol=1e-5) and np.isclose(sums[0] + sums[1], sums[-3])
    assert list(sums[-2:]) == [64, 0]


def check_seconds(ranks):
    """The time before a cut counts: the resumed epoch took longer than the part before."""
    with h5py.File("cut/checkpoint-000000002.h5") as file:
        before = file["provenance"].attrs["epoch_seconds"]
    run(*ranks, "train", "vae.yaml", "--run", "cut", "--resume")
    with h5py.File("cut/checkpoint-000000006.h5") as file:
        assert "epoch_seconds" not in file["provenance"].attrs and "partial_sums" not in file["state"]
        assert file["provenance/seconds"][0] > before > 0
    with h5py.File("vae/checkpoint-000000006.h5") as whole, h5py.File("cut/checkpoint-000000006.h5") as cut:
        assert all(np.array_equal(whole["history"][name], cut["history"][name]) for name in whole["history"])


def check_samples(path, engine, names):
    samples = open_group(path, "/", engine)
    check_dimensions(samples, {"x": ("sample", "channel", "row", "column"), **{name: ("sample", "latent") for name in names}})
    assert samples["x"].shape == (7, 1, 28, 28) and float(samples["x"].min()) >= 0 and float(samples["x"].max()) <= 1


IMAGE = ("channel", "row", "column")
# File, the command that writes it, its datasets and their dimensions.
RESULTS = {
    "encoded.h5": (("encode", "vhe", "data.h5"), {"z_mean": ("example", "latent"), "c_logstd": ("example", "latent"),
                                                  "pseudo_label": ("example",), "label": ("example",)}),
    "decoded.h5": (("decode", "vhe", "encoded.h5"), {"x": ("sample", *IMAGE), "z": ("sample", "latent"), "c": ("sample", "latent")}),
    "grid.h5": (("decode", "plane", "--grid", "4"), {"x": ("grid_y", "grid_x", *IMAGE), "z_0": ("grid_x",), "z_1": ("grid_y",)}),
    "pairs.h5": (("reconstruct", "ae", "data.h5", "--count", "20"), {"x": ("example", *IMAGE), "reconstruction": ("example", *IMAGE),
                                                                     "label": ("example",)}),
    "line.h5": (("interpolate", "vae", "data.h5", "--from", "3", "--to", "80"), {"x": ("step", *IMAGE), "z": ("step", "latent")}),
    "like.h5": (("sample", "vhe", "--count", "5", "--like", "data.h5:3,13"), {"x": ("sample", *IMAGE), "pseudo_label": ("sample",)}),
    "table.h5": (("sample", "vhe", "--swap", "--like", "data.h5:3,4,5"), {"x": ("c_row", "z_column", *IMAGE)}),
}


def check_results(engine):
    for path, (_, datasets) in RESULTS.items():
        check_dimensions(open_group(path, "/", engine), datasets)
        check_every_dataset(path)
    check_dimensions(open_group("plane/samples-000002.h5", "/", engine),
                     {"x": ("example", *IMAGE), "reconstruction": ("example", *IMAGE), "sampled": ("sample", *IMAGE)})


def check_values():
    """What files say of one another: an AE's reconstruction is what its code is decoded to; ends of a line are reconstructions."""
    with h5py.File("data.h5") as data, h5py.File("pairs.h5") as pairs, h5py.File("line.h5") as line:
        assert np.allclose(pairs["x"], data["x"][:20] / 255)
        assert np.array_equal(pairs["label"], data["label"][:20])
        z = line["z"][()]
        assert np.allclose(np.diff(z, axis=0), (z[-1] - z[0]) / 9, atol=1e-6)
    with h5py.File("encoded.h5") as codes, h5py.File("decoded.h5") as decoded, h5py.File("vhe/checkpoint-000000006.h5") as run:
        assert np.array_equal(decoded["z"], codes["z_mean"]) and np.array_equal(decoded["c"], codes["c_mean"])
        clusters = run["pseudo_labels/posterior"][:, :LATENT][codes["pseudo_label"][()]]
        assert np.array_equal(codes["c_mean"], clusters)
    with h5py.File("table.h5") as table:
        assert list(table["c_row"]) == list(table["z_column"]) == [3, 4, 5] and table.attrs["like"] == "data.h5:3,4,5"
    with h5py.File("grid.h5") as grid:
        # quantiles of N(0, 1) at 1/8, 3/8, 5/8, 7/8
        assert np.allclose(grid["z_0"], [-1.1503494, -0.3186394, 0.3186394, 1.1503494], atol=1e-6)
        assert np.array_equal(grid["z_0"], grid["z_1"])


def main():
    mpiae = sys.argv[1]
    ranks = (*os.environ["MPIAE_TEST_MPIRUN"].split(), "-n", "3", mpiae)
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        run(mpiae, "synth", "glyphs", "--count", str(EXAMPLES), "--out", "data.h5")
        for model, more in (("vhe", f"kmeans: {{clusters: {CLUSTERS}}}\n"), ("vae", ""), ("ae", "")):
            with open(f"{model}.yaml", "w") as file:
                file.write(f"model: {model}{CONFIG}{more}")
            run(*ranks, "train", f"{model}.yaml", "--run", model)
            if model != "ae":
                run(*ranks, "sample", model, "--count", "7", "--out", f"{model}-samples.h5")
        run(*ranks, "train", "vae.yaml", "network.latent_size=2", "output.samples=4", "--run", "plane")
        for path, (command, _) in RESULTS.items():
            run(*ranks, *command, "--out", path)
        check_values()
        run(*ranks, "train", "vae.yaml", "train.steps=2", "--run", "cut")
        for engine in ("netcdf4", "h5netcdf"):
            check_results(engine)
            check_vhe(engine)
            check_cut(engine)
            vae = check_codes("vae/codes-000002.h5", engine, ["z_mean", "z_logstd"])
            check_dimensions(vae, {"z_kl": ("latent",)})
            assert "z_logstd" not in check_codes("ae/codes-000002.h5", engine, ["z_mean"])
            check_samples("vhe-samples.h5", engine, ["c", "z"])
            check_samples("vae-samples.h5", engine, ["z"])
        check_every_dataset("cut/checkpoint-000000002.h5")
        check_seconds(ranks)
        vae, ae = check_columns("vae/checkpoint-000000006.h5", "vae"), check_columns("ae/checkpoint-000000006.h5", "ae")
        with h5py.File("vae/codes-000002.h5") as file:
            assert np.isclose(file["z_kl"][()].sum(), vae["train_kl"][1], rtol=1e-5)
            assert (file["z_kl"][()] > 0.01).sum() == vae["active_units"][1]
        assert "train_kl" not in ae and "active_units" not in ae
        for path in ("vhe/checkpoint-000000006.h5", "vhe/codes-000002.h5", "vae/checkpoint-000000006.h5", "vae-samples.h5",
                     "vhe-samples.h5"):
            check_every_dataset(path)
        os.chdir("/")


if __name__ == "__main__":
    main()
