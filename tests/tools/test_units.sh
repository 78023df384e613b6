#!/usr/bin/env bash
# Every .c of src has a unit test of its name in tests/<the same folder>, or tests/units.txt says which tests have it; and it says nothing else.
# usage: test_units.sh SOURCE
set -uo pipefail
cd "$1" || exit 1
failures=0
fail() {
  failures=$((failures + 1))
  echo "FAILED: $1"
}

declare -A told
while read -r file tests; do
  if [[ -z $file || $file == \#* ]]; then continue; fi
  if [ -n "${told[$file]:-}" ]; then fail "units.txt: $file stands there twice"; fi
  if [ -z "$tests" ]; then fail "units.txt: $file without a test"; fi
  told[$file]=${tests:-none}
  for test in $tests; do
    if ! compgen -G "tests/${test%/*}/test_${test##*/}.*" >/dev/null; then fail "units.txt: $file: there is no test $test"; fi
  done
done <tests/units.txt

count=0
while read -r path; do
  count=$((count + 1))
  file=${path#src/} file=${file%.c}
  folder=${file%%/*} name=${file##*/}
  # Of a name that two rooms of a folder have, the test may be either's.
  known=$(find "src/$folder" -name "$name.c" | wc -l)
  if [ "$known" = 1 ] && compgen -G "tests/$folder/test_$name.*" >/dev/null; then
    if [ -n "${told[$file]:-}" ]; then fail "units.txt: $file has a test of its name"; fi
  elif [ -z "${told[$file]:-}" ]; then
    fail "$path has no test: add tests/$folder/test_$name.c, or say in tests/units.txt which test has it"
  fi
  unset "told[$file]"
done < <(find src -name '*.c' | sort)

for file in "${!told[@]}"; do fail "units.txt: there is no src/$file.c"; done
echo "$count files of src, $failures failures"
[ "$count" -gt 0 ] && [ "$failures" = 0 ]
