#!/usr/bin/env bash
# mpiae interpolate (an example of its use is in test_examples.sh).
# usage: test_interpolate.sh MPIAE RANKS
# shellcheck source=tests/harness/cases.sh
. "$(dirname "$0")/../harness/cases.sh"

make_configurations
prepare synth glyphs --count 40 --seed 2 --out test.h5
prepare train vae.yaml --run plane

refuse 2 "there is no example 40: test.h5 has 40" interpolate plane test.h5 --from 1 --to 40 --out not.h5
refuse 2 "mpiae interpolate needs --to J" interpolate plane test.h5 --from 1 --out not.h5
refuse 2 "--steps must be an integer from 2" interpolate plane test.h5 --from 1 --to 2 --steps 1 --out not.h5
absent not.h5

finish
