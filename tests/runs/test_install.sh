#!/usr/bin/env bash
# What `cmake --install` places: the program, pages of the manual that are sound and tell all that help does, completion, the
# report tool, configurations and job scripts, all of which work from where they are, or were moved to. And the Debian package.
# usage: test_install.sh MPIAE BUILD CMAKE
tests=$(dirname "$(realpath "$0")")
build=$(realpath "$2")
cmake=$3
# shellcheck source=tests/harness/runs.sh
. "$tests/../harness/runs.sh"
built=$mpiae
tools=(man mandoc)
if command -v dpkg-query >/dev/null; then tools+=(dpkg-shlibdeps file); fi
for tool in "${tools[@]}"; do
  command -v "$tool" >/dev/null && continue
  echo "skipped: $tool is not installed"
  exit 77
done

"$cmake" --install "$build" --prefix "$scratch/prefix" >log 2>&1 || fail "cmake --install: $(tail -5 log)"

# Files that tell where they are, then a tree that is moved.
for module in "$scratch"/prefix/share/mpiae/modulefiles/mpiae/*; do
  if grep -q '@' "$module"; then fail "$module was not filled in"; fi
  while read -r path; do [ -e "$path" ] || fail "$module: there is no $path"; done < <(grep -o "$scratch/prefix[^\" ]*" "$module")
  grep -q "$scratch/prefix/bin" "$module" || fail "$module does not name the program's directory"
done
mv prefix moved
mpiae=$scratch/moved/bin/mpiae
share=$scratch/moved/share
export PATH=$scratch/moved/bin:$PATH
if ! diff <("$built" --version) <("$mpiae" --version); then fail "the installed program is another"; fi

# alone ARGUMENTS…: without a launcher, which takes longer than the work
alone() { timeout 100 "$mpiae" "$@" >log 2>&1 || fail "mpiae $*: $(tail -5 log)"; }

# page NAME SECTION: its text, in lines that are not broken
page() {
  local file=$share/man/man$2/$1.$2
  if [ ! -s "$file" ]; then
    fail "there is no page $1($2)"
    return
  fi
  mandoc -T lint "$file" >log 2>&1 || fail "$1($2): $(cat log)"
  LC_ALL=C.UTF-8 MANWIDTH=1000 man --warnings -l "$file" 2>warnings | sed 's/[[:space:]]*$//' >"$1.txt"
  if [ -s warnings ]; then fail "$1($2): $(cat warnings)"; fi
}
# tells PAGE WORD…: each stands at the start of a line of the page, as an item of a list does
tells() {
  local page=$1 word
  shift
  for word; do grep -qE -- "^ +${word}( |\$)" "$page.txt" || fail "the page $page does not tell of $word"; done
}
mapfile -t commands < <("$mpiae" help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
if [ "${#commands[@]}" -lt 13 ]; then fail "mpiae help lists ${#commands[@]} commands"; fi
page mpiae 1
for command in "${commands[@]}"; do
  page "mpiae-$command" 1
  tells mpiae "mpiae-$command\\(1\\)"
  mapfile -t options < <("$mpiae" help "$command" | sed -n 's/^  \(--[a-z-]*\) .*/\1/p')
  if [ "${#options[@]}" -lt 4 ]; then fail "mpiae help $command tells of ${#options[@]} options"; fi
  tells "mpiae-$command" "${options[@]}"
done
page mpiae-report 1
page mpiae-config 5
page mpiae-files 5
mapfile -t keys < <("$mpiae" help config | sed -n 's/^  \([^ ]*\)$/\1/p')
if [ "${#keys[@]}" -lt 60 ]; then fail "mpiae help config tells of ${#keys[@]} keys"; fi
tells mpiae-config "${keys[@]}"
mapfile -t columns < <("$mpiae" help metrics | sed -n 's/^  \([^ ]*\).*/\1/p')
tells mpiae-files "${columns[@]}"
LC_ALL=C.UTF-8 MANPATH=$share/man man mpiae-train | grep -q '^ *--init-from MODEL$' || fail "man does not find the page"

mkdir typed typed/directory
touch typed/{glyphs.h5,bytes,bytes-idx3,vhe-glyphs.yaml}
ln -s "$mpiae" typed/mpiae
(cd typed && "$python" "$tests/check_completion.py" "$share/bash-completion/completions/mpiae" "$share") ||
  fail "completion"
rm -r typed

# A job, as SLURM would start its script, with a configuration that was installed; then its report.
alone synth glyphs --count 60 --out glyphs.h5
small=(network.hidden=[8] network.latent_size=2 train.epochs=1 train.batch_size=32 output.samples=3 data.shards=2)
MPIAE_LAUNCH="${mpirun[*]} -n 2" bash "$share/mpiae/jobs/single-node.sbatch" \
  "$share/mpiae/configs/vhe-glyphs.yaml" data.train=glyphs.h5 "${small[@]}" --run vhe >log 2>&1 || fail "the job: $(tail -5 log)"
mkdir elsewhere
(cd elsewhere && mpiae-report ../vhe --out page.html >../log 2>&1) || fail "mpiae-report: $(cat log)"
grep -q 'data:image/png' elsewhere/page.html || fail "mpiae-report made no pictures"
ln -s "$scratch/moved/bin/mpiae-report" elsewhere/linked
elsewhere/linked vhe/codes-000001.h5 --out codes.png 2>log || fail "mpiae-report by a link: $(cat log)"

# Files of every kind.
for model in ae vae acn; do
  printf 'model: %s\ndata: {train: glyphs.h5}\n' "$model" >"$model.yaml"
  if [ "$model" = acn ]; then printf 'acn: {neighbours: 2}\n' >>acn.yaml; fi
  alone train "$model.yaml" "${small[@]}" --run "$model"
done
alone train vae.yaml "${small[@]}" train.steps=1 --run cut
"$python" -c 'import h5py
with h5py.File("glyphs.h5") as glyphs, h5py.File("named.hdf5", "w") as named:
    named["x"] = glyphs["x"][()]
    named["label"] = [f"class {k}" for k in glyphs["label"][()]]' || fail "labels that are texts"
alone train vae.yaml "${small[@]}" data.train=named.hdf5:/x data.scale=0-1 --run named
alone synth glyphs --count 60 --layout set --out sets.h5
printf 'model: vqvae\ndata: {train: glyphs.h5}\nvqvae: {codebook: ema, channels: 4}\n' >vqvae.yaml
printf 'model: pixelcnn\ndata: {train: index.h5:/index}\npixelcnn: {labels: auto, channels: 4, layers: 2}\n' >pixelcnn.yaml
printf 'model: set-vae\ndata: {train: sets.h5}\nset: {width: 8, latent_size: 2}\n' >set-vae.yaml
alone train vqvae.yaml train.epochs=1 data.shards=2 output.samples=2 --run vqvae
alone encode vqvae glyphs.h5 --out index.h5
alone train pixelcnn.yaml train.epochs=1 data.shards=2 --run pixelcnn
alone train set-vae.yaml train.epochs=1 data.shards=2 output.samples=2 --run sets
alone import npy "$("$python" -c 'import numpy; numpy.save("a.npy", numpy.zeros((9, 4))); print("a.npy")')" --shuffle 3 --out imported.h5
alone encode vhe glyphs.h5 --out codes.h5
alone decode vhe codes.h5 --out decoded.h5
alone decode vae --grid 2 --out grid.h5
alone reconstruct ae glyphs.h5 --count 4 --out pairs.h5
alone interpolate vhe glyphs.h5 --from 0 --to 2 --out line.h5
alone sample vhe --count 4 --out samples.h5
alone sample vqvae --prior pixelcnn --count 2 --out indices.h5
alone sample sets --size 5 --count 2 --out set-samples.h5
alone reconstruct sets sets.h5 --count 3 --out set-pairs.h5
alone interpolate sets sets.h5 --from 0 --to 2 --size 5 --out set-line.h5
alone cluster codes.h5:/z_mean --clusters 3 --out clusters.h5
"$python" "$tests/check_manual.py" mpiae-files.txt ./*.h5 ./*/*.h5 || fail "mpiae-files.5 and the files"

# What the package depends on is told by what the program links, and by hand: its launcher.
if command -v dpkg-query >/dev/null; then
  "$(dirname "$cmake")/cpack" --config "$build/CPackConfig.cmake" -G DEB -B package >log 2>&1 || fail "cpack: $(tail -5 log)"
  depends=", $(dpkg-deb -f package/*.deb Depends), "
  launcher=(openmpi-bin libopenmpi)
  if [ "$mpi" = mpich ]; then launcher=(mpich libmpich); fi
  for package in "${launcher[@]}" libc6 libhdf5 libopenblas libyaml libjansson; do
    [[ $depends == *", $package"* ]] || fail "the package does not depend on $package but$depends"
  done
  dpkg-deb -x package/*.deb unpacked
  for file in bin/mpiae bin/mpiae-report share/man/man1/mpiae-train.1 share/bash-completion/completions/mpirun; do
    [ -s "unpacked/usr/$file" ] || fail "the package has no $file"
  done
  grep -q '"/usr/bin"' unpacked/usr/share/mpiae/modulefiles/mpiae/*.lua || fail "the package does not know that it is in /usr"
fi

finish
