#!/usr/bin/env bash
# oneDNN 3.7.2: a matmul by a vector whose elements are not neighbours in memory reads, or writes, neighbours, and
# gives no error.
#
# Needs: Debian 12 for amd64 with its archive as apt's source, a processor with AVX-512, gcc.
# Expected: a 1 × k source with strides (1, ld), a column of a wider matrix, is read ld apart, as one of two rows is; an
# m × 1 product with strides (ld, 1), another such column, is written ld apart, as one of two columns is.
# Seen: with Debian 13's oneDNN 3.7.2 (its default build, OpenMP), float32 on AVX-512: the source is read, and the
# product written, side by side, the latter over numbers of other columns; whatever the other strides. Two rows or two
# columns are right, so is all without AVX-512 (ONEDNN_MAX_CPU_ISA=AVX2). oneDNN 2.6.3, 3.2.0 and 3.12.1 are right.
# Matters: a layer with one output, its gradient, or a vector taken from a column is wrong by as much as itself, and a
# matrix around the product is overwritten.
#
#> oneDNN 3.7.2, one row, side by side: right
#> oneDNN 3.7.2, one row, 4 apart: wrong, the source as if side by side
#> oneDNN 3.7.2, two rows, 4 apart: right
#> oneDNN 3.7.2, one row, 4 apart, up to AVX2: right
#> oneDNN 3.7.2, one column of the product, side by side: right
#> oneDNN 3.7.2, one column of the product, 4 apart: wrong, the product as if side by side
#> oneDNN 3.7.2, two columns of the product, 4 apart: right
set -euo pipefail
self=$(realpath "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >program.c <<'C'
#include <dnnl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { k = 8, most = 64 };

static float x[most], w[most], y[most];

/* The largest error of y, with rows of x taken as `apart` wide and elements of y's rows as `wide`. */
static double error(int rows, int columns, int apart, int wide) {
  double worst = 0;
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < columns; j++) {
      double sum = 0;
      for (int l = 0; l < k; l++) sum += (double)x[i + l * apart] * w[l * columns + j];
      worst = fmax(worst, fabs(sum - y[i * wide + j]));
    }
  return worst;
}

/* ROWS COLUMNS of the product, how far apart elements of a row of x and rows of y are, a name */
int main(int argc, char **argv) {
  const int rows = atoi(argv[1]), columns = atoi(argv[2]), apart = atoi(argv[3]), wide = atoi(argv[4]);
  for (int i = 0; i < most; i++) {
    x[i] = (float)((i * 7 + 3) % 11) - 5;
    w[i] = (float)((i * 5 + 1) % 13) - 6;
  }
  const dnnl_dims_t xd = {rows, k}, wd = {k, columns}, yd = {rows, columns};
  const dnnl_dims_t xs = {1, apart}, ws = {columns, 1}, ys = {wide, 1};
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  dnnl_memory_desc_t a, b, c;
  dnnl_primitive_desc_t found;
  dnnl_primitive_t product;
  dnnl_memory_t in, weights, out;
  if (dnnl_engine_create(&engine, dnnl_cpu, 0) || dnnl_stream_create(&stream, engine, dnnl_stream_default_flags) ||
      dnnl_memory_desc_create_with_strides(&a, 2, xd, dnnl_f32, xs) ||
      dnnl_memory_desc_create_with_strides(&b, 2, wd, dnnl_f32, ws) ||
      dnnl_memory_desc_create_with_strides(&c, 2, yd, dnnl_f32, ys) ||
      dnnl_matmul_primitive_desc_create(&found, engine, a, b, NULL, c, NULL) || dnnl_primitive_create(&product, found) ||
      dnnl_memory_create(&in, a, engine, x) || dnnl_memory_create(&weights, b, engine, w) ||
      dnnl_memory_create(&out, c, engine, y))
    return 1;
  const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_SRC, in}, {DNNL_ARG_WEIGHTS, weights}, {DNNL_ARG_DST, out}};
  if (dnnl_primitive_execute(product, stream, 3, arguments) || dnnl_stream_wait(stream)) return 1;
  const dnnl_version_t *v = dnnl_version();
  printf("oneDNN %d.%d.%d, %s: %s\n", v->major, v->minor, v->patch, argv[5],
         error(rows, columns, apart, wide) < 1e-4       ? "right"
         : error(rows, columns, 1, wide) < 1e-4         ? "wrong, the source as if side by side"
         : error(rows, columns, apart, columns) < 1e-4 ? "wrong, the product as if side by side"
                                                        : "wrong");
}
C
# Debian 13's packages, by an apt of its own, with the C library that they want.
grep -q avx512 /proc/cpuinfo || { echo "the processor has no AVX-512" >&2; exit 1; }
# shellcheck disable=SC2016 # for apt-get
source=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1)
mkdir -p apt/lists/partial apt/archives/partial
: >apt/status
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $source trixie main" >apt/sources.list
cat >apt/conf <<END
Dir::Etc::sourcelist "$PWD/apt/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State "$PWD/apt";
Dir::State::status "$PWD/apt/status";
Dir::Cache "$PWD/apt";
APT::Sandbox::User "root";
Debug::NoLocking "1";
END
APT_CONFIG=$PWD/apt/conf apt-get -qq update
APT_CONFIG=$PWD/apt/conf apt-get -qq download libdnnl3.6=3.7.2+ds-2 libdnnl-dev=3.7.2+ds-2 libc6 libstdc++6 libgcc-s1 libgomp1
for package in *.deb; do dpkg -x "$package" debian; done
lib=$PWD/debian/usr/lib/x86_64-linux-gnu
gcc -w -Idebian/usr/include program.c -L"$lib" -Wl,--allow-shlib-undefined -ldnnl -lm -o program
# run ROWS COLUMNS APART WIDE NAME
run() { "$lib/ld-linux-x86-64.so.2" --library-path "$lib" ./program "$@" | tee -a seen; }
export OMP_NUM_THREADS=1
unset ONEDNN_MAX_CPU_ISA
run 1 3 1 3 'one row, side by side'
run 1 3 4 3 'one row, 4 apart'
run 2 3 4 3 'two rows, 4 apart'
ONEDNN_MAX_CPU_ISA=AVX2 run 1 3 4 3 'one row, 4 apart, up to AVX2'
run 5 1 5 1 'one column of the product, side by side'
run 5 1 5 4 'one column of the product, 4 apart'
run 5 2 5 4 'two columns of the product, 4 apart'
sed -n 's/^#> //p' "$self" | diff - seen || { echo "changed: '<' was recorded, '>' is seen now" >&2; exit 1; }
