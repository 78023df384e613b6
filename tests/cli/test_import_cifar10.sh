#!/usr/bin/env bash
# mpiae import cifar10.
# usage: test_import_cifar10.sh MPIAE RANKS
# shellcheck source=tests/harness/cases.sh
. "$(dirname "$0")/../harness/cases.sh"

make_images
: >empty

"$python" - <<'END'
import gzip
def record(label, value, length=3072):
    return bytes([label]) + bytes((value + i) % 256 for i in range(length))
with open("batch_1.bin", "wb") as file:
    file.write(record(3, 5) + record(9, 7) + record(0, 250))
with gzip.open("batch_2.bin.gz", "wb") as file:
    file.write(record(3, 100))
open("batch-cut.bin", "wb").write(record(3, 5) + record(4, 6)[:1000])
open("batch-100.bin", "wb").write(record(1, 2, 3073))
open("batch-label.bin", "wb").write(record(3, 5) + record(10, 6))
END
head -c 30 batch_2.bin.gz >batch-truncated.bin.gz
refuse 3 "batch-cut.bin: 4073 bytes are no multiple of 3073, so record 1 is cut short" import cifar10 batch-cut.bin --out g.h5
refuse 3 "batch-100.bin: its records have 3074 bytes, as CIFAR-100's have" import cifar10 batch-100.bin --out g.h5
refuse 3 "batch-label.bin: record 1 has the label 10" import cifar10 batch_1.bin batch-label.bin --out g.h5
refuse 3 "batch-truncated.bin.gz: the gzip stream ends in its midst" import cifar10 batch-truncated.bin.gz --out g.h5
refuse 3 "batch-absent.bin" import cifar10 batch-absent.bin --out g.h5
refuse 3 "empty: it has no examples" import cifar10 empty --out g.h5
refuse 2 "--labels is not for cifar10" import cifar10 batch_1.bin --labels labels --out g.h5
refuse 2 "--classes names 5, but no example in the files has that label" import cifar10 batch_1.bin --classes 3,5 --out g.h5
absent g.h5
accept "" import cifar10 batch_1.bin batch_2.bin.gz --out g.h5
accept "" import cifar10 batch_1.bin batch_2.bin.gz --classes 3,0 --shuffle 2 --limit 2 --out h.h5
"$python" - <<'END' || fail "what was imported is not what was written"
import h5py, numpy
with h5py.File("g.h5") as file, h5py.File("h.h5") as some:
    assert file["x"].shape == (4, 3, 32, 32) and file["x"].dtype == "uint8"
    assert list(file["label"]) == [3, 9, 0, 3] and list(file["source_index"]) == [0, 1, 2, 3]
    start = numpy.array([5, 7, 250, 100])[:, None]
    assert (file["x"][:].reshape(4, -1) == (start + numpy.arange(3072)) % 256).all()
    source = some["source_index"][:]
    assert len(source) == 2 and set(source) < {0, 2, 3}
    assert (some["x"][:] == file["x"][:][source]).all() and (some["label"][:] == file["label"][:][source]).all()
END

finish
