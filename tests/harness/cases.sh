# shellcheck shell=bash
# Sourced by tests/cli: command lines as users type them, with the exit status and the one message each must give. The test is called with
# MPIAE RANKS; every case starts so many ranks (1: without a launcher), which must refuse together. A case that fails is named by its line.
set -uo pipefail
# shellcheck source=tests/harness/launcher.sh
. "$(dirname "${BASH_SOURCE[0]}")/launcher.sh"
mpiae=$(realpath "$1")
ranks=$2
failures=0
cases=0
limit=120 # seconds a case may take, on a busy machine too: a hang is a failure

launch=(timeout --kill-after=5 "$limit")
if [ "$ranks" -gt 1 ]; then launch+=("${mpirun[@]}" -n "$ranks"); fi

source=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
python=$source/tools/python
# shellcheck disable=SC2034 # for those who source this
configs=$source/configs
scratch=$(mktemp -d)
chmod 755 "$scratch"
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1

fail() {
  failures=$((failures + 1))
  echo "FAILED: $(basename "$0"):${BASH_LINENO[-2]}: mpiae $last: $1"
  sed 's/^/    stdout: /' out | head -5
  sed 's/^/    stderr: /' err | head -20
}

run() {
  last="$*"
  cases=$((cases + 1))
  "${launch[@]}" "$mpiae" "$@" >out 2>err </dev/null
  status=$?
}

# What no user should see: stacks of HDF5 and MPI, traces, sanitizers.
check_noise() {
  if grep -qE 'HDF5-DIAG|MPI_ABORT|MPI_ERR|Signal:|runtime error|Sanitizer' err; then fail "noise"; fi
}

# refuse STATUS PART ARGUMENTS…: exactly one message, which holds PART; no results.
refuse() {
  local expected=$1 part=$2
  shift 2
  run "$@"
  if [ "$status" != "$expected" ]; then fail "exit status $status, not $expected"; fi
  if [ "$(grep -c '^mpiae: error: ' err)" != 1 ]; then fail "not one message"; fi
  if ! grep '^mpiae: error: ' err | grep -qF -- "$part"; then fail "the message does not hold '$part'"; fi
  if [ -s out ]; then fail "printed results"; fi
  if [ "$ranks" = 1 ] && [ "$(wc -l <err)" != 1 ]; then fail "more than one line of messages"; fi
  check_noise
}

# accept PART ARGUMENTS…: succeeds without an error or warning; the results hold PART once, for any number of ranks.
accept() {
  local part=$1
  shift
  run "$@"
  if [ "$status" != 0 ]; then fail "exit status $status"; fi
  if [ -n "$part" ] && [ "$(grep -cF -- "$part" out)" != 1 ]; then fail "the results do not hold '$part' once"; fi
  if grep -q '^mpiae: ' err; then fail "an error or a warning"; fi
  check_noise
}

# warn PART ARGUMENTS…: succeeds with one warning, which holds PART.
warn() {
  local part=$1
  shift
  run "$@"
  if [ "$status" != 0 ]; then fail "exit status $status"; fi
  if [ "$(grep -c '^mpiae: ' err)" != 1 ]; then fail "not one message"; fi
  if ! grep '^mpiae: warning: ' err | grep -qF -- "$part"; then fail "no warning holds '$part'"; fi
  check_noise
}

# A directory that may not be written. Root may write everywhere, so it becomes nobody for this.
refuse_read_only() {
  local before=("${launch[@]}") mpiae=$mpiae
  if [ "$(id -u)" = 0 ]; then
    install -d -o 65534 -g 65534 nobody
    # the build may stand where no other user may go
    install -m 755 "$mpiae" nobody/mpiae
    mpiae=$PWD/nobody/mpiae
    # nor write where gcov counts (tools/coverage)
    launch=(setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/tmp GCOV_PREFIX="$PWD/nobody" OMPI_MCA_orte_tmpdir_base="$scratch/nobody" "${launch[@]}")
  fi
  refuse 3 "Permission denied" "$@"
  launch=("${before[@]}")
}

absent() { if [ -e "$1" ]; then fail "$1 was left behind"; fi; }

# The example at the end of a command's help works as it stands.
example() {
  local words
  read -ra words < <("$mpiae" help "$1" | tail -n 1)
  while [ "${words[0]}" != mpiae ]; do words=("${words[@]:1}"); done
  accept "" "${words[@]:1}"
}

# Two images of 2×2 and their labels
make_images() {
  printf '\0\0\010\003\0\0\0\002\0\0\0\002\0\0\0\002abcdefgh' >images
  printf '\0\0\010\001\0\0\0\002\0\001' >labels
  gzip -k images labels
}

# A directory that may not be written, and its name. Root may write there all the same; nobody can write below a file.
make_closed() {
  mkdir read-only
  chmod 555 read-only
  # shellcheck disable=SC2034
  closed=read-only
  if [ "$(id -u)" = 0 ]; then
    : >closed-file
    # shellcheck disable=SC2034
    closed='closed-file'
  fi
}

# Small models on train.h5: configurations, and data of other shapes
make_configurations() {
  prepare synth glyphs --count 90 --out train.h5
  cat >vhe.yaml <<END
model: vhe
data: {train: train.h5}
train: {epochs: 1, batch_size: 32}
network: {hidden: [8], latent_size: 2}
kmeans: {clusters: 3}
END
  sed 's/^model: vhe/model: vae/; /^kmeans/d' vhe.yaml >vae.yaml
  sed 's/^model: vae/model: ae/' vae.yaml >ae.yaml
  "$python" - <<'END'
import h5py, numpy
for name, x in (("vectors", numpy.linspace(0, 1, 540)), ("signed", numpy.linspace(-1, 2, 540))):
    with h5py.File(name + ".h5", "w") as file:
        file.attrs["mpiae_format"], file.attrs["mpiae_version"], file["x"] = "dataset", 1, x.reshape(90, 6).astype("f4")
        file["label"] = numpy.full(90, -1, "i4")
END
}

# Trained models: plane (vae), plane-ae (ae), runs/glyphs (vhe, with the codes of its data in codes.h5), and data to use them on
make_models() {
  prepare synth glyphs --count 40 --seed 2 --out test.h5
  prepare train vae.yaml data.test=test.h5 data.binarize=static --run plane
  prepare train ae.yaml --run plane-ae
  mkdir -p runs/data
  prepare synth glyphs --count 300 --out runs/data/glyphs.h5
  prepare train vhe.yaml data.train=runs/data/glyphs.h5 network.latent_size=3 --run runs/glyphs
  prepare encode runs/glyphs runs/data/glyphs.h5 --out codes.h5
}

# prepare ARGUMENTS…: what a test stands on, by one rank: results do not depend on how many there are
prepare() {
  local launch=(timeout --kill-after=5 "$limit")
  accept "" "$@"
}

finish() {
  echo "$cases command lines on $ranks ranks, $failures failures"
  [ "$failures" = 0 ]
  exit
}
