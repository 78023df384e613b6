"""Makes files as their owners have them, small, where it is called: test_foreign.sh says what must come of each."""
import re

import h5py
import numpy as np

rng = np.random.default_rng(3)
N = 40
bits = (rng.random((N, 6)) < 0.4).astype("u1")
bits[0, 0] = 1
real = rng.random((N, 6)).astype("f4")
kind = np.arange(N) % 4
words = np.array(["owl", "cat", "dog", "eel"])[kind]


def write(name, **arrays):
    with h5py.File(name + ".h5", "w") as file:
        for path, array in arrays.items():
            file[path] = array


def labelled(name, label):
    write(name, x=real, label=label)


# units
write("bits", x=bits)
write("bits-images", x=bits.reshape(N, 1, 2, 3))
write("levels", x=rng.integers(0, 17, (N, 6)).astype("u1"))
write("bytes", x=np.arange(N * 6).reshape(N, 6).astype("u1"))
write("wide-range", x=(real * 255))
write("heights", x=1000 + real * [1, 10, 100, 1000, 1, 0])
write("bool", x=bits.astype(bool))

# labels
for name, label in {
    "int": kind, "column": kind[:, None], "row": kind[None, :], "float": kind.astype("f8"), "bool": kind > 1,
    "onehot": np.eye(4)[kind], "onehot-bool": np.eye(4, dtype=bool)[kind], "onehot-int": np.eye(4, dtype="i4")[kind],
    "texts": words.astype(object), "fixed": words.astype("S5"), "short": kind[:7], "half": kind + 0.5,
    "cube": np.zeros((N, 2, 2)), "twohot": np.ones((N, 4), "i4"), "huge": kind + 2**40, "each": np.array([f"id{i}" for i in range(N)], dtype=object),
    "nan": np.where(kind == 3, np.nan, kind), "below": kind - 5,
}.items():
    labelled("label-" + name, label)
write("unlabelled", x=real)
labelled("label-others", np.array(["ant", "owl"], object)[np.arange(N) % 2])

# what cannot be read
write("newer", x=real)
with h5py.File("newer.h5", "w") as file:
    file.create_dataset("x", data=real, chunks=(10, 6))
with open("newer.h5", "rb") as file:
    content = file.read()
content, found = re.subn(rb"(\x08\x00..\x00\x00\x00\x00)\x03\x02", lambda found: found[1] + b"\x05\x02", content, flags=re.S)
assert found == 1, found
with open("newer.h5", "wb") as file:
    file.write(content)
with h5py.File("lzf.h5", "w") as file:
    file.create_dataset("x", data=np.tile(real[:1], (N, 1)), chunks=(10, 6), compression="lzf")
for name, number in ("blosc", 32001), ("zstd", 32015), ("unknown", 31999):
    with h5py.File(name + ".h5", "w") as file:
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk((10, 6))
        plan.set_filter(number, h5py.h5z.FLAG_OPTIONAL)
        space = h5py.h5s.create_simple((N, 6))
        x = h5py.h5d.create(file.id, b"x", h5py.h5t.NATIVE_FLOAT, space, plan)
        for row in range(0, N, 10):
            x.write_direct_chunk((row, 0), b"packed by a filter that is not here")
write("part1", x=real[:25])
write("part2", x=real[25:])
with h5py.File("virtual.h5", "w") as file:
    layout = h5py.VirtualLayout((N, 6), "f4")
    layout[:25] = h5py.VirtualSource("part1.h5", "x", (25, 6))
    layout[25:] = h5py.VirtualSource("part2.h5", "x", (15, 6))
    file.create_virtual_dataset("x", layout)
with h5py.File("virtual-gap.h5", "w") as file:
    layout = h5py.VirtualLayout((N, 6), "f4")
    layout[:25] = h5py.VirtualSource("part1.h5", "x", (25, 6))
    layout[25:] = h5py.VirtualSource("gone.h5", "x", (15, 6))
    file.create_virtual_dataset("x", layout)
with h5py.File("links.h5", "w") as file:
    file["external"] = h5py.ExternalLink("part1.h5", "/x")
    file["gone"] = h5py.ExternalLink("gone.h5", "/x")
    file["absent"] = h5py.ExternalLink("part1.h5", "/y")
    file["soft"] = h5py.SoftLink("/nowhere")
    file["self"] = h5py.SoftLink("/self")
    file["x"] = real
with h5py.File("cells.h5ad", "w") as file:
    dense = np.where(rng.random((N, 6)) < 0.3, 5 * real, 0).astype("f4")
    rows, columns = np.nonzero(dense)
    group = file.create_group("X")
    group.attrs["encoding-type"], group.attrs["encoding-version"], group.attrs["shape"] = "csr_matrix", "0.1.0", [N, 6]
    group["data"], group["indices"] = dense[rows, columns], columns.astype("i4")
    group["indptr"] = np.searchsorted(rows, np.arange(N + 1)).astype("i4")
    file["dense"] = dense
    damaged = file.copy("X", file, "damaged") or file["damaged"]
    damaged["indices"][0] = 6
    group = file.create_group("C")
    group.attrs["encoding-type"], group.attrs["encoding-version"], group.attrs["shape"] = "csc_matrix", "0.1.0", [N, 6]
    group["data"], group["indices"], group["indptr"] = [1.0], [0], [0, 1, 1, 1, 1, 1, 1]
write("structure", x=np.zeros(N, [("a", "f4"), ("b", "i4")]), text=words.astype(object))

# metadata of others
with h5py.File("packed.nc", "w") as file:
    packed = rng.integers(-300, 300, (N, 6)).astype("i2")
    for name, attributes in {
        "temperature": {"scale_factor": 0.01, "add_offset": 273.15},
        "holes": {"scale_factor": 0.01, "_FillValue": np.int16(-32767)},
        "unused": {"_FillValue": np.int16(-32767), "missing_value": np.int16(-32768)},
        "range": {"valid_range": np.array([-100, 100], "i2")},
        "inside": {"valid_min": np.int16(-300), "valid_max": np.int16(300)},
        "odd": {"scale_factor": "a hundredth"},
    }.items():
        values = packed.copy()
        if name == "holes":
            values[7, 3] = -32767
        file[name] = values
        for key, value in attributes.items():
            file[name].attrs[key] = value
    file["plain"] = (packed * 0.01 + 273.15).astype("f4")
    file["bytes"] = np.arange(N * 6).reshape(N, 6).astype("u1")
    file["bytes"].attrs["scale_factor"] = 0.5

# precision
seconds, share = rng.integers(0, 60, (N, 2)), np.round(60 * rng.random((N, 2)) * 2**16) / 2**16
# of both the middle is a float32: so near and far numbers are the same, less it
seconds[:2], share[:2] = [[0, 0], [60, 60]], [[0, 0], [60, 60]]
write("times", x=1_700_000_000 + seconds, plain=seconds - 30.0, real=1.7e9 + share, less=share - 30, fine=rng.random((N, 2)))

# smaller ones
write("cloud", x=rng.random((N, 5, 3)))
write("huge-number", x=np.full((N, 3), 1e300))
with h5py.File("nested.h5", "w") as file:
    file["train/data"] = real
np.savez("arrays.npz", x=bits, y=kind)
np.savez_compressed("packed.npz", images=bits.reshape(N, 2, 3))
np.savez("one.npz", real)
np.save("bits.npy", bits.reshape(N, 2, 3))
with h5py.File("ours-double.h5", "w") as file:
    file.attrs["mpiae_format"], file.attrs["mpiae_version"] = "dataset", 1.0
    file["x"] = real
with h5py.File("almost.h5", "w") as file:
    file["x"] = np.array([[0, 1.0000001]] * N, "f4")
write("zero-one", x=bits.astype("f4"))
