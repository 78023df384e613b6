#!/usr/bin/env bash
# Configuration where pkg-config knows no HDF5: CMake finds one by its compiler wrapper; and what is said where there is none, or one too old.
# usage: test_configure.sh SOURCE PKG_CONFIG CMAKE ARGUMENTS…
set -uo pipefail
source=$(realpath "$1")
real=$2
shift 2
cmake=("$@" -DBUILD_TESTING=OFF -DMPIAE_ONEDNN=OFF)
failures=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1

fail() {
  failures=$((failures + 1))
  echo "FAILED: $1"
  tail -25 log
}

# configure ARGUMENTS…: in an empty build directory, with a pkg-config that knows no HDF5 and takes down that it was asked for it
configure() {
  rm -rf build asked
  "${cmake[@]}" -S "$source" -B build -DPKG_CONFIG_EXECUTABLE="$scratch/pkg-config" "$@" >log 2>&1
}
# refuse PART ARGUMENTS…: CMake folds its messages
refuse() {
  local part=$1
  shift
  if configure "$@"; then fail "configured with $*"; fi
  tr -s ' \n' ' ' <log | grep -qF -- "$part" || fail "no '$part' with $*"
}

# Any other package is that of the system.
cat >pkg-config <<END
#!/bin/sh
case "\$*" in *hdf5*) echo >"$scratch/asked"; exit 1 ;; esac
exec "$real" "\$@"
END
chmod +x pkg-config

refuse "HDF5 was not found: install libhdf5-dev" -DCMAKE_DISABLE_FIND_PACKAGE_HDF5=ON
if [ ! -e asked ]; then fail "pkg-config was not asked for HDF5"; fi
configure || fail "no configuration without hdf5.pc"
if [ ! -e asked ]; then fail "pkg-config was not asked for HDF5"; fi
grep -q '^-- Found HDF5: .* C HL' log || fail "HDF5 was not found by CMake"
"${cmake[@]}" -S "$source" -B build >log 2>&1 || fail "no configuration over the one that is there"
refuse "The HDF5 found (/" -DMPIAE_HDF5_TELLS_PLACES=OFF
refuse "is older than 1.10.5, or needs another MPI than the one found" -DMPIAE_HDF5_TELLS_PLACES=OFF

echo "$failures failures"
[ "$failures" = 0 ]
