#!/usr/bin/env bash
# mpiae encode.
# usage: test_encode.sh MPIAE RANKS
# shellcheck source=tests/harness/cases.sh
. "$(dirname "$0")/../harness/cases.sh"

make_configurations
make_models
prepare decode plane plane/codes-000001.h5 --out decoded.h5

accept "" encode plane test.h5:/x --out codes-array.h5
refuse 2 "mpiae encode needs more: MODEL DATA" encode plane --out not.h5
refuse 2 "mpiae encode needs --out FILE" encode plane test.h5
refuse 2 "(N, 6), but the model is for (N, 1, 28, 28)" encode plane vectors.h5 --out not.h5
refuse 2 "would replace the input decoded.h5:/x" encode plane decoded.h5:/x --out decoded.h5
refuse 2 "names like that are for the files that a run writes" encode plane test.h5 --out plane/codes-000001.h5
refuse 2 "is not of the kind 'codes' (kind: dataset)" encode plane test.h5 --out runs/data/glyphs.h5
absent not.h5

finish
