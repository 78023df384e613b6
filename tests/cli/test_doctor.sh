#!/usr/bin/env bash
# mpiae doctor (runs/test_doctor.sh has its findings).
# usage: test_doctor.sh MPIAE RANKS
# shellcheck source=tests/harness/cases.sh
. "$(dirname "$0")/../harness/cases.sh"

refuse 2 "mpiae doctor cannot use 'b' (usage: mpiae doctor)" doctor b
refuse 2 "unknown option '--json'" doctor --json
if [ "$ranks" = 1 ]; then example doctor; fi

finish
