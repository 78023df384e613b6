#!/usr/bin/env bash
# mpiae reconstruct (an example of its use is in test_examples.sh).
# usage: test_reconstruct.sh MPIAE RANKS
# shellcheck source=tests/harness/cases.sh
. "$(dirname "$0")/../harness/cases.sh"

make_configurations
prepare synth glyphs --count 40 --seed 2 --out test.h5
prepare train vae.yaml --run plane

refuse 2 "is not of the kind 'reconstructions' (not written by mpiae)" reconstruct plane test.h5 --out vae.yaml

finish
