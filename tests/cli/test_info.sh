#!/usr/bin/env bash
# mpiae info.
# usage: test_info.sh MPIAE RANKS
# shellcheck source=tests/harness/cases.sh
. "$(dirname "$0")/../harness/cases.sh"

prepare synth glyphs --count=300 --classes 12 --seed 5 --out a.h5
prepare synth glyphs --count 20 --out glyphs.h5
make_images
mkdir read-only
: >empty

accept "glyphs.h5: dataset" info glyphs.h5
accept "(300, 1, 28, 28)" info a.h5
head -c "$(($(stat -c %s a.h5) / 2))" a.h5 >half.h5
refuse 2 "mpiae info needs more: FILE" info
refuse 2 "mpiae info cannot use 'b.h5'" info a.h5 b.h5
refuse 3 "absent.h5" info absent.h5
refuse 3 "half.h5" info half.h5
refuse 3 "images" info images
refuse 3 "empty" info empty
refuse 3 "read-only" info read-only
example info

# a block that was never written: h5py keeps the checksum right
accept "a.h5: 6 arrays are as they were written" info --verify a.h5
"$python" -c 'import h5py; h5py.File("a.h5", "r+")["x"][-20:] = 0'
refuse 3 "of /x are not those that were written" info --verify a.h5
accept "a.h5: 1 arrays are as they were written" info --verify a.h5:/label
refuse 3 "/absent" info --verify a.h5:/absent
# scalars have none to lack
"$python" -c 'import h5py
with h5py.File("a.h5", "r+") as file:
    del file["x"].attrs["digests"]
    file["loss"] = 0.5'
accept "; 1 have no digests to tell by" info --verify a.h5

# groups among which there are more ways than can be gone, a name that would command a terminal, and an array made of one made of one …
"$python" - <<'END'
import h5py
with h5py.File("circle.h5", "w") as file:
    for i in range(9):
        file.create_group(f"g{i}")
    for i in range(81):
        file[f"g{i % 9}/h{i // 9}"] = file[f"g{i // 9}"]
    file["g0/x\x1b[2J"] = [1.0, 2.0]
with h5py.File("chain.h5", "w") as file:
    file["a0"] = [1.0, 2.0]
    for i in range(70):
        layout = h5py.VirtualLayout((2,), "f8")
        layout[:] = h5py.VirtualSource(".", f"a{i}", (2,))
        file.create_virtual_dataset(f"a{i + 1}", layout)
END
accept "/g0/x?[2J " info circle.h5
accept "circle.h5: 0 arrays are as they were written; 1 have no digests to tell by" info --verify circle.h5
accept "; 1 have no digests to tell by" info --verify chain.h5:/a64
refuse 3 "/a70 is a virtual dataset that is made of itself, or of more than 64 others" info --verify chain.h5:/a70

finish
