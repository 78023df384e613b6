#!/usr/bin/env bash
# Sets of points: of glyphs, of images (--as-set), of a user's own file, and what takes none.
# usage: test_sets.sh MPIAE RANKS
# shellcheck source=tests/harness/cases.sh
. "$(dirname "$0")/../harness/cases.sh"

make_images
"$python" -c 'open("batch_1.bin", "wb").write(bytes([3]) + bytes(3072))'

refuse 2 "--layout must be image or set, not 'sets'" synth glyphs --count 3 --layout sets --out sets.h5
accept "" synth glyphs --count 30 --layout image --out sets.h5
accept "(30, 1, 28, 28)" info sets.h5
accept "" synth glyphs --count 30 --layout set --out sets.h5
accept "30 sets of " info sets.h5
refuse 2 "--threshold is for --as-set" import idx images --threshold 3 --out s.h5
refuse 2 "--threshold must be a number, not 'dark'" import idx images --as-set --threshold dark --out s.h5
refuse 2 "--threshold must be a number, not 'nan'" import idx images --as-set --threshold nan --out s.h5
refuse 3 "batch_1.bin: --as-set is for images of one channel; these have 3" import cifar10 batch_1.bin --as-set --out s.h5
"$python" -c 'import numpy; numpy.save("floats.npy", numpy.arange(24).reshape(2, 3, 4) / 8); numpy.save("flat.npy", numpy.zeros((3, 4)))'
refuse 2 "--as-set needs --threshold here: floats.npy holds no bytes" import npy floats.npy --as-set --out s.h5
refuse 3 "flat.npy: --as-set makes sets of the pixels of images" import npy flat.npy --as-set --threshold 0 --out s.h5
absent s.h5
accept "" import idx images --labels labels --as-set --threshold 98.5 --shuffle 2 --out letters.h5
accept "2 sets of 2 to 4 points (3.0 on average) of 2 coordinates" info letters.h5
accept "" import idx images.gz --as-set --out all.h5
accept "2 sets of 4 to 4 points (4.0 on average)" info all.h5
accept "" import npy floats.npy --as-set --threshold 1.375 --out floats.h5
"$python" - <<'END' || fail "the sets are not those of the images"
import h5py, numpy
with h5py.File("letters.h5") as file:
    assert file.attrs["source"] == "mpiae import idx images --labels labels --shuffle 2 --as-set --threshold 98.5", file.attrs["source"]
    images = numpy.frombuffer(b"abcdefgh", "u1").reshape(2, 2, 2)
    offset, points = file["offset"][()], file["points"][()]
    assert offset.dtype == "i8" and points.dtype == "f4"
    assert sorted(file["source_index"]) == [0, 1] and list(file["label"]) == list(file["source_index"])
    for i, source in enumerate(file["source_index"]):
        assert numpy.array_equal(points[offset[i]:offset[i + 1]], numpy.argwhere(images[source] > 98.5) / 2)
with h5py.File("floats.h5") as file:
    expected = [numpy.argwhere(image > 1.375) / (3, 4) for image in numpy.arange(24).reshape(2, 3, 4) / 8]
    assert list(file["offset"]) == [0, 0, 12]
    assert numpy.array_equal(file["points"], numpy.concatenate(expected).astype("f4"))
with h5py.File("sets.h5") as file:
    assert file.attrs["source"] == "mpiae synth glyphs --count 30 --classes 10 --seed 1 --layout set"
    assert file["points"].shape == (file["offset"][30], 2)
numpy.random.seed(1)
def save(name, offset, points, **more):
    with h5py.File(name, "w") as f:
        f.attrs["mpiae_format"], f.attrs["mpiae_version"] = "dataset", 1
        f["points"], f["offset"] = points, offset
        for key, value in more.items():
            f[key] = value
points = numpy.random.rand(9, 2).astype("f4")
broken = points.copy()
broken[4, 1] = numpy.nan
save("own.h5", numpy.cumsum([0, 4, 0, 5]), points)
save("falls.h5", [0, 4, 3, 9], points)
save("short.h5", [0, 4, 4, 8], points)
save("past.h5", [0, 4, 4, 10], points)
save("nan.h5", [0, 4, 4, 9], broken)
save("both.h5", [0, 4, 4, 9], points, x=points)
END
printf 'model: vae\ndata: {train: x.h5}\ntrain: {epochs: 1, batch_size: 2}\nnetwork: {hidden: [4], latent_size: 2, likelihood: gaussian}\n' >plain.yaml
accept "3 sets of 0 to 5 points (3.0 on average)" info own.h5
refuse 2 "data.train: own.h5 holds sets of points, but model 'vae' is for arrays" train plain.yaml data.train=own.h5 data.shards=8 --run r-sets
refuse 2 "own.h5:/points holds sets of points, but" train plain.yaml data.train=own.h5:/points data.shards=8 --run r-sets
refuse 3 "falls.h5:/offset decreases: set 1 is points 4 to 3" train plain.yaml data.train=falls.h5 data.shards=8 --run r-sets
refuse 3 "short.h5:/offset ends short: the last set, 2, ends at 8" train plain.yaml data.train=short.h5 data.shards=8 --run r-sets
refuse 3 "past.h5:/offset runs past the points: set 2 ends at 10" train plain.yaml data.train=past.h5 data.shards=8 --run r-sets
refuse 3 "nan.h5:/points: coordinate 1 of point 0 of set 2 is not a number" train plain.yaml data.train=nan.h5 data.shards=8 --run r-sets
refuse 3 "both.h5 holds both /x and /points" train plain.yaml data.train=both.h5 data.shards=8 --run r-sets
refuse 2 "own.h5 holds sets of points, but model 'vae' is for arrays" train plain.yaml data.train=both.h5:/x data.test=own.h5 data.shards=8 --run r-sets
accept "" train plain.yaml data.train=both.h5:/x data.shards=8 --run r-arrays
refuse 2 "own.h5 holds sets of points, but model 'vae' is for arrays" evaluate r-arrays own.h5
refuse 2 "own.h5 holds sets of points, but" interpolate r-arrays own.h5 --from 0 --to 1 --out line.h5

finish
