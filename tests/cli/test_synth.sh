#!/usr/bin/env bash
# mpiae synth.
# usage: test_synth.sh MPIAE RANKS
# shellcheck source=tests/harness/cases.sh
. "$(dirname "$0")/../harness/cases.sh"

make_images
make_closed

refuse 2 "mpiae synth needs --count N (usage: mpiae synth glyphs --count N" synth glyphs --out a.h5
refuse 2 "mpiae synth needs --out FILE" synth glyphs --count 3
refuse 2 "mpiae synth needs more: glyphs" synth --count 3 --out a.h5
refuse 2 "no embedded dataset is called 'shapes'" synth shapes --count 3 --out a.h5
refuse 2 "--count must be an integer from 1 to" synth glyphs --count 0 --out a.h5
refuse 2 "--first must be an integer from 0 to" synth glyphs --count 3 --first -1 --out a.h5
refuse 2 "not '3x'" synth glyphs --count 3x --out a.h5
refuse 2 "not '99999999999999999999'" synth glyphs --count 99999999999999999999 --out a.h5
refuse 2 "--out needs a value" synth glyphs --count 3 --out
refuse 2 "--count is given twice" synth glyphs --count 3 --count=4 --out a.h5
refuse 2 "unknown option '--class'; did you mean '--classes'?" synth glyphs --count 3 --class 4 --out a.h5
absent a.h5
refuse 3 "no-directory" synth glyphs --count 3 --out no-directory/a.h5
refuse 3 "$closed" synth glyphs --count 3 --out "$closed/a.h5"
accept "" synth glyphs --count 2 --out two.h5
accept "" synth glyphs --count 2 --out two.h5
refuse 2 "images: what is there is not of the kind 'dataset'" synth glyphs --count 2 --out images
accept "" synth glyphs --count=300 --classes 12 --seed 5 --out a.h5
example synth

# A file that may not grow so far is an error like any: MPI's own files are smaller.
if [ "$ranks" = 1 ]; then
  before=("${launch[@]}")
  # shellcheck disable=SC2016
  launch=(bash -c 'ulimit -f 65536; exec "$@"' bash "${launch[@]}")
  refuse 3 "File too large" synth glyphs --count 100000 --out limited.h5
  launch=("${before[@]}")
  absent limited.h5
fi

finish
