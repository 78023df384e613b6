"""Opens what tests/h5/make_h5.c wrote as users do, with h5py and xarray, and checks names, dimensions and values.

Usage: check_h5py.py DIRECTORY
"""
import ctypes
import ctypes.util
import re
import sys
import types
from pathlib import Path

import h5py
import numpy as np
import xarray


def load_intact():
    """The function of src/h5/README.md, by a stand-in for the package xxhash."""
    text = (Path(__file__).resolve().parents[2] / "src/h5/README.md").read_text(encoding="utf-8")
    hash_bytes = ctypes.CDLL(ctypes.util.find_library("xxhash") or "libxxhash.so.0").XXH3_64bits_withSeed
    hash_bytes.restype, hash_bytes.argtypes = ctypes.c_uint64, [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64]

    def xxh(text, seed=0):
        text = text.encode() if isinstance(text, str) else text
        return hash_bytes(text, len(text), seed)

    sys.modules["xxhash"] = types.SimpleNamespace(xxh3_64_intdigest=xxh)
    names = {}
    exec(re.search(r"^```text\n(import h5py\n.*?)^```$", text, re.M | re.S)[1], names)  # pylint: disable=exec-used
    return names["intact"]


intact = load_intact()


def open_group(path, group, engine):
    opened = xarray.open_dataset(path, group=group, engine=engine)
    for name, variable in opened.variables.items():
        assert not any("phony_dim" in dim for dim in variable.dims), (path, group, name, variable.dims)
    return opened


def check_dimensions(opened, expected):
    for name, dims in expected.items():
        assert opened[name].dims == dims, (name, opened[name].dims)
        assert opened[name].attrs["description"], name


def check_every_dataset(path):
    """Whatever is in a file is described, scaled and checksummed."""

    def visit(name, item):
        if not isinstance(item, h5py.Dataset):
            return
        assert isinstance(item.attrs["description"], str), name
        assert item.fletcher32 or item.shape == () or 0 in item.shape, name
        assert ("digests" in item.attrs) == item.fletcher32 and not (item.fletcher32 and not intact(item)), name
        if not h5py.h5ds.is_scale(item.id):
            for axis, dimension in enumerate(item.dims):
                assert len(dimension) == 1, (name, axis)
                assert dimension[0].shape == (item.shape[axis],), (name, axis)
        item[()]

    with h5py.File(path, "r") as file:
        file.visititems(visit)


def check_dataset(path, engine):
    opened = open_group(path, "/", engine)
    check_dimensions(opened, {"x": ("example", "channel", "row", "column"), "label": ("example",)})
    assert opened["x"].shape == (23, 1, 28, 28) and opened["x"].dtype == np.uint8
    assert opened["label"].dtype == np.int32
    assert np.array_equal(opened["label"], np.arange(23) % 7)
    for axis in opened["x"].dims:
        assert np.array_equal(opened[axis], np.arange(opened.sizes[axis])), axis
    with h5py.File(path, "r") as file:
        assert file.attrs["mpiae_format"] == "dataset"
        assert file.attrs["mpiae_version"] == 1
        assert file.attrs["source"] == "mpiae synth glyphs --count 23 --classes 7 --seed 5"
        assert sorted(file) == ["channel", "column", "example", "label", "row", "x"]
        assert np.array_equal(file["x"], opened["x"])
        assert all(image.max() > 200 for image in file["x"])


def check_vectors(path, engine):
    opened = open_group(path, "/", engine)
    check_dimensions(opened, {"x": ("example", "feature"), "source_index": ("example",)})
    assert opened["x"].dtype == np.float32 and opened["source_index"].dtype == np.int64
    assert np.array_equal(opened["x"], np.arange(33).reshape(11, 3) * 0.5)
    assert np.array_equal(opened["source_index"], 2 * np.arange(11))


def check_sets(path, engine):
    opened = open_group(path, "/", engine)
    check_dimensions(opened, {"points": ("point", "coordinate"), "offset": ("border",), "label": ("example",), "source_index": ("example",)})
    assert opened["points"].dtype == np.float32 and opened["offset"].dtype == np.int64
    assert np.array_equal(opened["points"], np.arange(6).reshape(3, 2))
    assert np.array_equal(opened["offset"], [0, 0, 1, 3])
    assert np.array_equal(opened["label"], [-1, 0, 1])
    with h5py.File(path, "r") as file:
        assert file.attrs["mpiae_format"] == "dataset" and file.attrs["mpiae_version"] == 1
        sizes = [len(file["points"][begin:end]) for begin, end in zip(file["offset"][:-1], file["offset"][1:])]
        assert sizes == [0, 1, 2]


def check_layers(path, engine):
    layer = open_group(path, "/layer", engine)
    check_dimensions(layer, {"weight": ("output", "input")})
    assert np.array_equal(layer["weight"], [[1, 2], [3, 4]])
    history = open_group(path, "/history", engine)
    check_dimensions(history, {"loss": ("epoch",)})
    assert history["loss"].attrs["units"] == "nat"
    assert np.array_equal(history["epoch"], [1, 2, 5])
    assert np.array_equal(history["loss"].sel(epoch=5), 0.5)
    assert open_group(path, "/state", engine)["step"].item() == 77
    nothing = open_group(path, "/none", engine)
    check_dimensions(nothing, {"nothing": ("item",)})
    assert nothing["nothing"].shape == (0,)
    root = open_group(path, "/", engine)
    assert root.attrs["mpiae_format"] == "größer"
    with h5py.File(path, "r") as file:
        assert file["config"][()] == b"model: vae\n"
        assert file["config"].asstr()[()] == "model: vae\n"
        assert file["state"].attrs["shards"] == 8 and file["state"].attrs["beta"] == 0.5


def main():
    directory = sys.argv[1]
    for engine in ("netcdf4", "h5netcdf"):
        check_dataset(directory + "/dataset.h5", engine)
        check_vectors(directory + "/vectors.h5", engine)
        check_sets(directory + "/sets.h5", engine)
        check_layers(directory + "/layers.h5", engine)
    for name in ("dataset", "vectors", "sets", "layers"):
        check_every_dataset(f"{directory}/{name}.h5")
    print("4 files opened with h5py and, by both engines, with xarray")


if __name__ == "__main__":
    main()
