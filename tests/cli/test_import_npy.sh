#!/usr/bin/env bash
# mpiae import npy: what NumPy writes, read as NumPy would.
# usage: test_import_npy.sh MPIAE RANKS
# shellcheck source=tests/harness/cases.sh
. "$(dirname "$0")/../harness/cases.sh"

printf 'GIF89a' >images-gif

"$python" - <<'END'
import gzip, numpy
values, file = numpy.arange(-12, 12).reshape(2, 3, 4) * 0.75, 0
for kind in "b1 u2 u4 u8 i1 i2 i4 i8 f2 f4 f8".split():
    for order in "<>":
        for layout in "CF":
            numpy.save(f"number-{file}.npy", values.astype("i8" if kind[0] == "u" else "f8").astype(order + kind).copy(order=layout))
            file += 1
numpy.save("pixels.npy", numpy.arange(120, dtype="u1").reshape(30, 2, 2))
with gzip.open("pixels.npy.gz", "wb") as stream:
    numpy.save(stream, numpy.asfortranarray(numpy.arange(120, dtype="u1").reshape(30, 2, 2)))
numpy.save("classes.npy", numpy.arange(30, dtype=">i2") % 4 - 1)
numpy.save("complex.npy", numpy.zeros(30, "c8"))
numpy.save("fields.npy", numpy.zeros(30, [("a", "f4"), ("b", "i4")]))
numpy.save("objects.npy", numpy.array([None] * 30), allow_pickle=True)
numpy.save("five.npy", numpy.zeros((30, 1, 1, 1, 1), "u1"))
numpy.save("none.npy", numpy.zeros((0, 3)))
numpy.save("nan.npy", numpy.where(numpy.arange(90) == 50, numpy.nan, 0).reshape(30, 3))
numpy.savez("many.npz", a=numpy.zeros(3))
END
head -c 200 pixels.npy >short.npy
cat pixels.npy pixels.npy >long.npy
head -c 60 pixels.npy >cut.npy
refuse 3 "images-gif: it does not begin as a file of numpy.save does" import npy images-gif --out e.h5
refuse 3 "many.npz: it is an archive of arrays, as numpy.savez makes: unpack it" import npy many.npz --out e.h5
refuse 3 "complex.npy: its numbers are of type '<c8'" import npy complex.npy --out e.h5
refuse 3 "fields.npy: its numbers are structures" import npy fields.npy --out e.h5
refuse 3 "objects.npy: its numbers are of type '|O'" import npy objects.npy --out e.h5
refuse 3 "five.npy: it has 5 axes" import npy five.npy --out e.h5
refuse 3 "none.npy: it has no examples" import npy none.npy --out e.h5
refuse 3 "nan.npy: example 16 holds a value that is not a number" import npy nan.npy --out e.h5
refuse 3 "short.npy: it has 72 bytes of data" import npy short.npy --out e.h5
refuse 3 "long.npy: it is longer than its sizes say" import npy long.npy --out e.h5
refuse 3 "cut.npy: its header is damaged" import npy cut.npy --out e.h5
refuse 3 "absent.npy" import npy absent.npy --out e.h5
refuse 3 "nan.npy: labels have one axis" import npy pixels.npy --labels nan.npy --out e.h5
refuse 3 "objects.npy" import npy pixels.npy --labels objects.npy --out e.h5
refuse 3 "classes.npy: it has 30 labels, but there are 60 examples" import npy pixels.npy pixels.npy.gz --labels classes.npy --out e.h5
absent e.h5
accept "" import npy number-*.npy --out numbers.h5
accept "" import npy pixels.npy --labels classes.npy --out e.h5
accept "" import npy pixels.npy.gz --labels classes.npy --classes 2,0 --shuffle 3 --limit 9 --out f.h5
"$python" - <<'END' || fail "what was imported is not what NumPy reads"
import glob, h5py, numpy
with h5py.File("numbers.h5") as file:
    with numpy.errstate(all="ignore"):
        arrays = [numpy.load(name).astype("f4") for name in sorted(glob.glob("number-*.npy"))]
    assert file["x"].dtype == "f4" and numpy.array_equal(file["x"][:, 0], numpy.concatenate(arrays))
pixels, labels = numpy.load("pixels.npy"), numpy.load("classes.npy")
with h5py.File("e.h5") as file:
    assert file["x"].dtype == "u1" and numpy.array_equal(file["x"][:, 0], pixels) and numpy.array_equal(file["label"], labels)
with h5py.File("f.h5") as file:
    source = file["source_index"][:]
    assert len(source) == 9 and len(set(source)) == 9 and set(labels[source]) == {0, 2}
    assert numpy.array_equal(file["x"][:, 0], pixels[source]) and numpy.array_equal(file["label"], labels[source])
END

finish
