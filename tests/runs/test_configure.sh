#!/usr/bin/env bash
# Configuration with other BLAS libraries, and with another oneDNN than can be used, or none. Where pkg-config knows no HDF5: CMake finds one by its
# compiler wrapper; and what is said where there is none, or one too old.
# usage: test_configure.sh SOURCE PKG_CONFIG CMAKE ARGUMENTS…
set -uo pipefail
source=$(realpath "$1")
real=$2
shift 2
cmake=("$@" -DBUILD_TESTING=OFF)
failures=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1

fail() {
  failures=$((failures + 1))
  echo "FAILED: $1"
  tail -25 log
}

# configure ARGUMENTS…: in an empty build directory
configure() {
  rm -rf build
  "${cmake[@]}" -S "$source" -B build "$@" >log 2>&1
}
# configure_without_hdf5 ARGUMENTS…: with a pkg-config that knows no HDF5 and takes down that it was asked for it
configure_without_hdf5() {
  rm -f asked
  configure -DMPIAE_ONEDNN=OFF -DPKG_CONFIG_EXECUTABLE="$scratch/pkg-config" "$@"
}
# said PART: CMake folds its messages
said() { tr -s ' \n' ' ' <log | grep -qF -- "$1"; }
# refuse PART ARGUMENTS…
refuse() {
  local part=$1
  shift
  if configure_without_hdf5 "$@"; then fail "configured with $*"; fi
  said "$part" || fail "no '$part' with $*"
}
# convolve LIBRARY WARNING ARGUMENTS…: by oneDNN or im2col, after a warning with that part or, '', none
convolve() {
  local library=$1 warning=$2 found=im2col
  shift 2
  configure "$@" || fail "no configuration with $*"
  if grep -q MPIAE_HAS_ONEDNN build/compile_commands.json; then found=oneDNN; fi
  if [ "$found" != "$library" ]; then fail "convolutions by $found with $*"; fi
  if [ -z "$warning" ] && grep -q 'CMake Warning at' log; then fail "a warning with $*"; fi
  if [ -n "$warning" ]; then
    grep -q 'CMake Warning at' log || fail "no warning with $*"
    said "Image models will be slower" || fail "the warning does not say what for with $*"
    said "$warning" || fail "no '$warning' with $*"
  fi
}
# header VERSION RUNTIME: of a oneDNN of that kind
header() {
  mkdir -p include
  cat >include/dnnl.h <<END
#define DNNL_RUNTIME_SEQ 1u
#define DNNL_RUNTIME_OMP 2u
#define DNNL_RUNTIME_TBB 4u
#define DNNL_RUNTIME_THREADPOOL 8u
#define DNNL_RUNTIME_SYCL 512u
#define DNNL_VERSION_MAJOR $1
#define DNNL_CPU_RUNTIME DNNL_RUNTIME_$2
typedef struct { int major; } dnnl_version_t;
const dnnl_version_t *dnnl_version(void);
END
}

echo 'const void *dnnl_version(void); const void *dnnl_version(void) { return 0; }' | cc -shared -fPIC -x c -o libdnnl.so - || fail "no library"
theirs=(-DDNNL_INCLUDE_DIR="$scratch/include" -DDNNL_LIBRARY="$scratch/libdnnl.so")
for kind in "2 OMP" "2 SEQ" "3 OMP" "3 SEQ"; do
  header "${kind% *}" "${kind#* }"
  convolve oneDNN "" "${theirs[@]}"
done
for runtime in TBB THREADPOOL SYCL; do
  header 3 "$runtime"
  convolve im2col "since the threads of the one found ($scratch/include/dnnl.h) are not OpenMP's" "${theirs[@]}"
done
header 3 OMP
"${cmake[@]}" -S "$source" -B build >log 2>&1 || fail "no configuration over that of another oneDNN"
grep -q MPIAE_HAS_ONEDNN build/compile_commands.json || fail "a oneDNN that can be used by now is not"
for version in 1 4; do
  header "$version" OMP
  convolve im2col "since the one found ($scratch/include/dnnl.h) is neither version 2 nor 3" "${theirs[@]}"
done
header 3 OMP
rm libdnnl.so
touch libdnnl.so
convolve im2col "since a program with the one found ($scratch/include/dnnl.h, $scratch/libdnnl.so) cannot be built" "${theirs[@]}"
convolve im2col "since it was not found (libdnnl-dev" -DDNNL_INCLUDE_DIR=
convolve im2col "" -DMPIAE_ONEDNN=OFF

# multiply LIBRARIES PART ARGUMENTS…: with a BLAS in these files of the prefix; '': refused, with that part
multiply() {
  local libraries=$1 part=$2 found
  shift 2
  configure -DMPIAE_ONEDNN=OFF -DCMAKE_PREFIX_PATH="$scratch/prefix" "$@"
  found=$?
  if [ -n "$libraries" ] && [ "$found" != 0 ]; then fail "no configuration with $*"; fi
  if [ -z "$libraries" ] && [ "$found" = 0 ]; then fail "configured with $*"; fi
  said "$part" || fail "no '$part' with $*"
  for library in $libraries; do
    grep -qF "$scratch/prefix/lib/$library" build/build.ninja || fail "$library is not linked with $*"
  done
}
# blas NAME FUNCTION…: a library with these
blas() {
  local name=$1
  shift
  printf 'void %s(void);\n' "$@" >blas.c
  printf 'void %s(void) {}\n' "$@" >>blas.c
  cc -shared -fPIC -o "prefix/lib/lib$name.so" blas.c || fail "no library"
}

mkdir -p prefix/lib prefix/include
cat >prefix/include/cblas.h <<'END'
enum { CblasRowMajor = 101, CblasNoTrans = 111 };
void cblas_sgemm(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int);
END
blas blis sgemm_ cblas_sgemm
multiply libblis.so "Matrix products by FLAME: $scratch/prefix/lib/libblis.so" -DMPIAE_BLAS=FLAME
grep -q -- "$scratch/prefix/include" build/build.ninja || fail "the header is not that of the library"
blas blas sgemm_
multiply "" "has no cblas_sgemm as its cblas.h declares it" -DMPIAE_BLAS=Generic
blas cblas cblas_sgemm
multiply "libcblas.so libblas.so" "Matrix products by Generic: $scratch/prefix/lib/libcblas.so" -DMPIAE_BLAS=Generic
rm prefix/lib/lib*.so
blas blis sgemm_ cblas_sgemm
cc -c -o blas.o blas.c && ar rc prefix/lib/libblis.a blas.o && rm prefix/lib/libblis.so
multiply "" "($scratch/prefix/lib/libblis.a) is static" -DMPIAE_BLAS=FLAME -DBLA_STATIC=ON
multiply "" "The BLAS 'BLISS' was not found. MPIAE_BLAS is OpenBLAS (libopenblas-dev) or another name" -DMPIAE_BLAS=BLISS

# Any other package is that of the system.
cat >pkg-config <<END
#!/bin/sh
case "\$*" in *hdf5*) echo >"$scratch/asked"; exit 1 ;; esac
exec "$real" "\$@"
END
chmod +x pkg-config

refuse "HDF5 was not found: install libhdf5-dev" -DCMAKE_DISABLE_FIND_PACKAGE_HDF5=ON
if [ ! -e asked ]; then fail "pkg-config was not asked for HDF5"; fi
configure_without_hdf5 || fail "no configuration without hdf5.pc"
if [ ! -e asked ]; then fail "pkg-config was not asked for HDF5"; fi
grep -q '^-- Found HDF5: .* C HL' log || fail "HDF5 was not found by CMake"
"${cmake[@]}" -S "$source" -B build >log 2>&1 || fail "no configuration over the one that is there"
refuse "The HDF5 found (/" -DMPIAE_HDF5_TELLS_PLACES=OFF
refuse "is older than 1.10.5, or needs another MPI than the one found" -DMPIAE_HDF5_TELLS_PLACES=OFF

echo "$failures failures"
[ "$failures" = 0 ]
