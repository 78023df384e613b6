#!/usr/bin/env bash
# mpiae cluster: any matrix; what it writes, and what cannot be clustered.
# usage: test_cluster.sh MPIAE RANKS
# shellcheck source=tests/harness/cases.sh
. "$(dirname "$0")/../harness/cases.sh"

make_configurations
prepare train vae.yaml --run plane
cp plane/codes-000001.h5 codes.h5

"$python" - <<'END'
import h5py, numpy
random = numpy.random.default_rng(1)
group = numpy.arange(300) % 3
rows = (random.normal(size=(300, 2, 4)) + 50 * random.normal(size=(3, 2, 4))[group])
with h5py.File("points.h5", "w") as file:
    file["many/x"], file["many/label"] = rows, group
    file["integers"] = numpy.round(rows).astype("i8")
    file["start"], file["narrow"], file["line"] = rows[:3].reshape(3, 8).astype("f4"), rows[:3, 0], rows[:, 0, 0]
    file["words/x"], file["words/label"] = rows[:4], ["a", "b", "c", "d"]
    file["nan"] = numpy.where(numpy.arange(2400).reshape(300, 8) == 1203, numpy.nan, 1)
    file["nan-start"] = numpy.where(numpy.arange(24).reshape(3, 8) == 17, numpy.inf, 1)
    file["empty"], file["number"] = numpy.zeros((0, 8)), 5.0
    file["huge-label/x"], file["huge-label/label"] = rows, numpy.arange(300) * 1000000
END
accept "300 rows of 8 numbers in 3 clusters" cluster points.h5:/many/x --clusters 3 --out found.h5
accept "label_acc            1" cluster points.h5:/many/x --clusters 3 --init scalable --seed 5 --out found.h5
accept "" cluster points.h5:/many/x --clusters 3 --init-from points.h5:/start --tolerance 0 --iterations 7 --out found.h5
"$python" - <<'END' || fail "what cluster wrote"
import h5py, numpy
with h5py.File("found.h5") as file, h5py.File("points.h5") as points:
    rows, label = points["many/x"][:].reshape(300, 8).astype("f4"), points["many/label"][:]
    assert numpy.array_equal(file["label"], label) and file["label"].dtype == "i4"
    means = numpy.array([rows[label == k].mean(0, dtype="f8") for k in range(3)])
    assert numpy.abs(file["centroid"] - means).max() < 1e-4 and list(file["size"]) == [100, 100, 100]
    assert abs(file.attrs["inertia"] / ((rows - means[label]) ** 2).sum() - 1) < 1e-6
    assert file.attrs["source"] == "points.h5:/many/x" and file.attrs["init"] == "points.h5:/start"
    assert file.attrs["iterations"] == 1 and file.attrs["seed"] == 1 and file["provenance"].attrs["seconds"] > 0
    axes = [axis.keys()[0] for name in ("label", "centroid", "size") for axis in file[name].dims]
    assert axes == ["example", "cluster", "dimension", "cluster"], axes
END
accept "clusters, version 1" info found.h5
accept "" cluster points.h5:/integers --clusters 3 --init random --out found.h5
accept "300 rows of 1 numbers in 2 clusters" cluster points.h5:/line --clusters 2 --out found.h5
warn "/words/label is not taken as labels: it holds 4 different texts" cluster points.h5:/words/x --clusters 4 --out found.h5
if grep -q label_ out; then fail "scored labels that are words"; fi
warn "/huge-label/label is not taken as labels: a label is 299000000, with 300 examples" cluster points.h5:/huge-label/x --clusters 3 --out found.h5
refuse 2 "mpiae cluster needs --clusters K" cluster points.h5:/start --out not.h5
refuse 2 "mpiae cluster needs --out FILE" cluster points.h5:/start --clusters 2
refuse 2 "--clusters must be an integer from 1" cluster points.h5:/start --clusters 0 --out not.h5
refuse 2 "--clusters 4: points.h5:/start has only 3 rows" cluster points.h5:/start --clusters 4 --out not.h5
refuse 2 "points.h5 is a file; name a matrix in it as points.h5:/path" cluster points.h5 --clusters 2 --out not.h5
refuse 2 "--init must be random, k-means++ or scalable, not 'warm'" cluster points.h5:/start --clusters 2 --init warm --out not.h5
refuse 2 "--init and --init-from exclude each other" cluster points.h5:/start --clusters 2 --init random --init-from points.h5:/start --out not.h5
refuse 2 "--tolerance must be a number from 0 to 1, not '1e-4x'" cluster points.h5:/start --clusters 2 --tolerance 1e-4x --out not.h5
refuse 2 "--tolerance must be a number from 0 to 1, not 'nan'" cluster points.h5:/start --clusters 2 --tolerance nan --out not.h5
refuse 2 "--init-from points.h5:/narrow: its rows have 4 numbers, but those of points.h5:/many/x have 8" cluster points.h5:/many/x --clusters 3 --init-from points.h5:/narrow --out not.h5
refuse 2 "--init-from points.h5:/start: it has 3 rows, but --clusters asks for 2" cluster points.h5:/many/x --clusters 2 --init-from points.h5:/start --out not.h5
refuse 3 "--init-from points.h5:/nan-start: row 2 holds inf" cluster points.h5:/many/x --clusters 3 --init-from points.h5:/nan-start --out not.h5
refuse 3 "--init-from: points.h5 has no dataset /end; it has" cluster points.h5:/many/x --clusters 3 --init-from points.h5:/end --out not.h5
refuse 3 "points.h5:/nan: k-means cannot use example 150 (counted from 0): its dimension 3 is nan" cluster points.h5:/nan --clusters 3 --out not.h5
refuse 3 "points.h5 has no dataset /end; it has" cluster points.h5:/end --clusters 3 --out not.h5
refuse 3 "points.h5:/empty is empty" cluster points.h5:/empty --clusters 3 --out not.h5
refuse 3 "points.h5:/number is a single number" cluster points.h5:/number --clusters 1 --out not.h5
refuse 3 "absent.h5" cluster absent.h5:/x --clusters 3 --out not.h5
refuse 3 "points.h5" cluster points.h5:/words/label --clusters 3 --out not.h5
absent not.h5
refuse 2 "would replace the input points.h5:/start" cluster points.h5:/start --clusters 2 --out points.h5
refuse 2 "is not of the kind 'clusters' (kind: codes)" cluster points.h5:/start --clusters 2 --out codes.h5
accept "" cluster found.h5:/centroid --clusters 2 --out found-again.h5
refuse 2 "would replace the input found.h5:/centroid" cluster points.h5:/words/x --clusters 4 --init-from found.h5:/centroid --out found.h5

finish
