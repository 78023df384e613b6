#!/usr/bin/env bash
# mpiae decode: codes of a file, and the grid of a latent plane.
# usage: test_decode.sh MPIAE RANKS
# shellcheck source=tests/harness/cases.sh
. "$(dirname "$0")/../harness/cases.sh"

make_configurations
make_models
prepare sample runs/glyphs --like test.h5:0,10,20 --count 5 --out like.h5

accept "" decode plane --grid 4 --out grid.h5
accept "(4, 4, 1, 28, 28)" info grid.h5
accept "" decode plane-ae --grid 3 --out grid.h5
warn "test.h5 is not the data" decode plane-ae --grid 3 --data test.h5 --out grid.h5
accept "" decode runs/glyphs codes.h5 --out decoded.h5
accept "(300, 1, 28, 28)" info decoded.h5
accept "" decode runs/glyphs like.h5 --out decoded.h5
accept "" decode plane plane/codes-000001.h5:/z_mean --out decoded.h5
refuse 2 "either a file of codes or --grid N" decode plane --out not.h5
refuse 2 "either a file of codes or --grid N" decode plane codes.h5 --grid 3 --out not.h5
refuse 2 "--data is for --grid" decode plane codes.h5 --data test.h5 --out not.h5
refuse 2 "--grid lies on a latent plane" decode runs/glyphs --grid 3 --out not.h5
"$python" - <<'END'
import h5py, numpy
with h5py.File("nan-codes.h5", "w") as file:
    file["z"] = numpy.array([[0, 1], [numpy.nan, 0]], "f4")
with h5py.File("wide.h5", "w") as file:
    file["z_mean"] = numpy.zeros((3, 20), "f4")
END
refuse 2 "/z_mean holds 20 numbers a row, but a code of this model has 2" decode plane wide.h5:/z_mean --out not.h5
refuse 2 "/z_mean holds 20 numbers a row, but z of this model has 2" decode plane wide.h5 --out not.h5
refuse 2 "test.h5 holds neither /z nor /z_mean" decode plane test.h5 --out not.h5
refuse 3 "absent" decode plane plane/codes-000001.h5:/absent --out not.h5
accept "" train vhe.yaml network.latent_size=1 --run thin
refuse 2 "--grid lies on a latent plane" decode thin --grid 3 --out not.h5
refuse 3 "absent.h5" decode plane-ae --grid 3 --data absent.h5 --out not.h5
refuse 2 "would replace the input like.h5" decode runs/glyphs like.h5 --out like.h5
refuse 2 "holds codes of a model 'ae', but plane is a 'vae'" decode plane plane-ae/codes-000001.h5 --out not.h5
refuse 3 "nan-codes.h5: code 1 is not finite" decode plane nan-codes.h5 --out not.h5
absent not.h5

finish
