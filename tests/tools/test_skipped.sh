#!/usr/bin/env bash
# Tests that cannot be tried are told from those that passed: by the programs of units, by CTest, and by tools/skipped, which fails where CI=true.
# usage: test_skipped.sh MPIAE DIRECTORY_OF_TESTS CTEST
tests=$(realpath "$2")
told=$(realpath "$(dirname "$0")/../../tools/skipped")
lacks=$(realpath "$(dirname "$0")/../harness/lacks.sh")
# shellcheck source=tests/harness/runs.sh
. "$(dirname "$0")/../harness/runs.sh"

# Programs without their data: 77, with the reason; the rest of their tests has run.
for name in idx cifar10; do
  for data in "" "$scratch/absent"; do
    MPIAE_TEST_DATA=$data "$tests/test_$name" >log 2>&1
    status=$?
    if [ "$status" != 77 ]; then fail "$name without data: exit status $status"; fi
    if ! grep -q '^skipped: .*MPIAE_TEST_DATA' log; then fail "$name does not say why"; fi
    if ! grep -q '       OK .*wrong_files_are_named' log; then fail "$name: the rest has not run"; fi
  done
done

# tells STATUS CI PART…
tells() {
  local status
  CI=$2 "$told" junit.xml >log 2>&1
  status=$?
  if [ "$status" != "$1" ]; then fail "CI=$2: exit status $status, not $1"; fi
  for part in "${@:3}"; do
    if ! grep -qxF -- "$part" log; then
      fail "no line '$part'"
      cat log
    fi
  done
}

mkdir made
{
  echo "add_test(passes true)"
  echo "add_test(lacks \"$lacks\" \"a thing\")"
  echo "add_test(\"lacks & says < nothing\" sh -c \"exit 77\")"
  echo "add_test(off true)"
  echo "set_tests_properties(passes lacks \"lacks & says < nothing\" PROPERTIES SKIP_RETURN_CODE 77)"
  echo "set_tests_properties(off PROPERTIES DISABLED TRUE)"
} >made/CTestTestfile.cmake
"$3" --test-dir made --output-junit "$scratch/junit.xml" >log 2>&1 || fail "ctest fails"
grep -q 'lacks .*\*\*\*Skipped' log || fail "CTest takes a skipped test for a passed one"
tells 0 "" "3 skipped:" "  lacks: a thing" "  lacks & says < nothing: it does not say why" "  off: it does not say why"
tells 1 true "3 skipped:" "  lacks: a thing"
"$3" --test-dir made --tests-regex passes --output-junit "$scratch/junit.xml" >log 2>&1 || fail "ctest fails"
tells 0 true "No test was skipped."

finish
