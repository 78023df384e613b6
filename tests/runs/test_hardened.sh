#!/usr/bin/env bash
# The program is built so that an overwritten buffer does not lead further.
# usage: test_hardened.sh MPIAE
mpiae=$1
failures=0

# has WHAT COMMAND…: the command's output holds it
has() {
  if ! "${@:2}" "$mpiae" 2>&1 | grep -qE -- "$1"; then
    echo "FAILED: ${*:2} does not tell of $1"
    failures=$((failures + 1))
  fi
}

for tool in readelf nm objdump; do
  if ! command -v "$tool" >/dev/null; then
    echo "skipped: there is no $tool"
    exit 77
  fi
done
has 'DYN .*(Position-Independent|Pie)|Type: +DYN' readelf -h    # anywhere in memory
has 'GNU_RELRO' readelf -lW                                     # tables that are read-only once filled,
has 'BIND_NOW' readelf -dW                                      # which they are at once
has 'GNU_STACK .* RW ' readelf -lW                              # no code on the stack
has '__stack_chk_fail' nm -D                                    # guards on it
has '__(snprintf|memcpy|pread|vsnprintf)_chk' nm -D             # calls that know how long a buffer is
if [ "$(uname -m)" = x86_64 ]; then has 'endbr64' objdump -d; fi # jumps lead where functions begin (whether the system looks is its choice)
echo "$failures failures"
[ "$failures" = 0 ]
