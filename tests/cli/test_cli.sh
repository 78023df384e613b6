#!/usr/bin/env bash
# The program as users call it: a table of command lines with the exit status and the one message each must give.
# usage: test_cli.sh MPIAE RANKS
set -uo pipefail
# shellcheck source=tests/harness/launcher.sh
. "$(dirname "$0")/../harness/launcher.sh"
mpiae=$(realpath "$1")
ranks=$2
failures=0
cases=0
limit=60 # seconds a case may take: a hang is a failure

launch=(timeout --kill-after=5 "$limit")
if [ "$ranks" -gt 1 ]; then launch+=("${mpirun[@]}" -n "$ranks"); fi

source=$(realpath "$(dirname "$0")/../..")
python=$source/tools/python
configs=$source/configs
scratch=$(mktemp -d)
chmod 755 "$scratch"
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
if [ -n "${OMPI_MCA_ess_singleton_isolated:-}" ]; then export OMPI_MCA_orte_tmpdir_base=$scratch; fi

fail() {
  failures=$((failures + 1))
  echo "FAILED: mpiae $last: $1"
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
    launch=(setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/tmp OMPI_MCA_orte_tmpdir_base="$scratch/nobody" "${launch[@]}")
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

# Two images of 2×2 and their labels, and what can be wrong with them.
printf '\0\0\010\003\0\0\0\002\0\0\0\002\0\0\0\002abcdefgh' >images
printf '\0\0\010\001\0\0\0\002\0\001' >labels
printf '\0\0\010\001\0\0\0\003\0\001\002' >labels-3
printf '\0\0\010\003\0\0\0\002\0\0\0\002\0\0\0\002abcdefg' >images-short
printf '\0\0\010\003\0\0\0\002\0\0\0\002\0\0\0\002abcdefghi' >images-long
printf '\0\0\015\003\0\0\0\002\0\0\0\002\0\0\0\002abcdefgh' >images-float
printf 'GIF89a' >images-gif
: >empty
gzip -k images labels
head -c 30 images.gz >truncated.gz
cp images.gz train-images-idx3-ubyte.gz
cp labels.gz train-labels-idx1-ubyte.gz
mkdir read-only
chmod 555 read-only
# Root may write there all the same; nobody can write below a file.
closed=read-only
if [ "$(id -u)" = 0 ]; then closed=images; fi

# The frame
refuse 2 "no command is given"
refuse 2 "unknown command 'trian'; did you mean 'train'?" trian
refuse 2 "unknown command 'frobnicate'; 'mpiae help' lists all" frobnicate
refuse 2 "unknown option '--verison'; did you mean '--version'?" --verison
refuse 2 "unknown option '-x'" -x
refuse 2 "--quiet is given twice" --quiet help --quiet
refuse 2 "--verbose takes no value" --verbose=2 help
refuse 2 "unknown command 'confg'; did you mean 'config'?" help confg
refuse 2 "mpiae help cannot use 'b'" help info b
refuse 2 "mpiae help cannot use 'c'" help info b c
refuse 2 "no key or section is called 'train.patient'" help train.patient
refuse 2 "no key or section is called 'trains'" help config trains
accept "  train.patience" help train.patience
accept "  train.patience" help config train
accept "  label_nmi" help metrics
accept "trains autoencoders over MPI" help
accept "trains autoencoders over MPI" --help
accept "(commit " --version
accept "  train.epochs" help config
accept "usage: mpiae train" help train
for command in train encode decode evaluate reconstruct sample interpolate cluster import synth info doctor help; do accept "usage: mpiae $command" "$command" --help; done

# doctor (test_doctor.sh has its findings)
refuse 2 "mpiae doctor cannot use 'b' (usage: mpiae doctor)" doctor b
refuse 2 "unknown option '--json'" doctor --json
if [ "$ranks" = 1 ]; then example doctor; fi

# synth
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
refuse 2 "images: what is there is not of the kind 'dataset'" import idx images.gz --out images
refuse 2 "--out images would replace the input images" import idx images --out images
accept "" synth glyphs --count=300 --classes 12 --seed 5 --out a.h5
example synth

# info
accept "glyphs.h5: dataset" info glyphs.h5
accept "(300, 1, 28, 28)" info a.h5
head -c "$(($(stat -c %s a.h5) / 2))" a.h5 >half.h5
refuse 2 "mpiae info needs more: FILE" info
refuse 2 "mpiae info cannot use 'b.h5'" info a.h5 b.h5
refuse 3 "absent.h5" info absent.h5
refuse 3 "half.h5" info half.h5
refuse 3 "images" info images
refuse 3 "empty" info empty
refuse 3 "read-only" info read-only
example info

# import
refuse 2 "cannot import the format 'png'; known are cifar10, idx, npy" import png images --out b.h5
for format in cifar10 idx npy; do accept "  $format  " import --help; done
refuse 2 "mpiae import needs more: cifar10|idx|npy FILES..." import idx --out b.h5
refuse 2 "mpiae import needs --out FILE" import idx images
refuse 2 "--limit must be an integer of at least 1, not '0'" import idx images --limit 0 --out b.h5
refuse 2 "--shuffle needs a value: --shuffle SEED" import idx images --shuffle --out b.h5
refuse 3 "absent" import idx absent --out b.h5
refuse 3 "images-gif" import idx images-gif --out b.h5
refuse 3 "images-float" import idx images-float --out b.h5
refuse 3 "images-short" import idx images-short --out b.h5
refuse 3 "images-long" import idx images-long --out b.h5
refuse 3 "truncated.gz" import idx truncated.gz --out b.h5
refuse 3 "empty" import idx empty --out b.h5
refuse 3 "read-only" import idx read-only --out b.h5
refuse 3 "labels-3" import idx images --labels labels-3 --out b.h5
refuse 3 "absent" import idx images --labels absent --out b.h5
refuse 3 "labels" import idx labels images --out b.h5
absent b.h5
refuse 3 "no-directory" import idx images --out no-directory/b.h5
accept "" import idx images images.gz --out b.h5
accept "(4, 1, 2, 2)" info b.h5
accept "" import idx images.gz --labels labels.gz --shuffle 3 --limit 1 --out c.h5
accept "(1, 1, 2, 2)" info c.h5
example import
refuse 2 "--classes needs --labels" import idx images --classes 1 --out d.h5
refuse 2 "--classes names 2, but no example in labels has that label" import idx images --labels labels --classes 1,2 --out d.h5
malformed=(1,)
if [ "$ranks" = 1 ]; then malformed=(, 1, ,1 1,,0 1,1 a 1a -1 1.0 99999999999 99999999999999999999); fi
for classes in "${malformed[@]}"; do
  refuse 2 "not '$classes'" import idx images --labels labels --classes "$classes" --out d.h5
done
refuse 2 "--classes needs a value" import idx images --labels labels --out d.h5 --classes
cp images images.h5
refuse 2 "--out images.h5 would replace the input images.h5" import idx images.h5 --out images.h5
refuse 2 "--out ./labels: what is there is not of the kind 'dataset'" import idx images --labels labels --out ./labels
accept "" import idx images --labels labels --classes 1 --out d.h5
accept "(1, 1, 2, 2)" info d.h5

# import cifar10
"$python" - <<'END'
import gzip
def record(label, value, length=3072):
    return bytes([label]) + bytes((value + i) % 256 for i in range(length))
with open("batch_1.bin", "wb") as file:
    file.write(record(3, 5) + record(9, 7) + record(0, 250))
with gzip.open("batch_2.bin.gz", "wb") as file:
    file.write(record(3, 100))
open("batch-cut.bin", "wb").write(record(3, 5) + record(4, 6)[:1000])
open("batch-100.bin", "wb").write(record(1, 2, 3073))
open("batch-label.bin", "wb").write(record(3, 5) + record(10, 6))
END
head -c 30 batch_2.bin.gz >batch-truncated.bin.gz
refuse 3 "batch-cut.bin: 4073 bytes are no multiple of 3073, so record 1 is cut short" import cifar10 batch-cut.bin --out g.h5
refuse 3 "batch-100.bin: its records have 3074 bytes, as CIFAR-100's have" import cifar10 batch-100.bin --out g.h5
refuse 3 "batch-label.bin: record 1 has the label 10" import cifar10 batch_1.bin batch-label.bin --out g.h5
refuse 3 "batch-truncated.bin.gz: the gzip stream ends in its midst" import cifar10 batch-truncated.bin.gz --out g.h5
refuse 3 "batch-absent.bin" import cifar10 batch-absent.bin --out g.h5
refuse 3 "empty: it has no examples" import cifar10 empty --out g.h5
refuse 2 "--labels is not for cifar10" import cifar10 batch_1.bin --labels labels --out g.h5
refuse 2 "--classes names 5, but no example in the files has that label" import cifar10 batch_1.bin --classes 3,5 --out g.h5
absent g.h5
accept "" import cifar10 batch_1.bin batch_2.bin.gz --out g.h5
accept "" import cifar10 batch_1.bin batch_2.bin.gz --classes 3,0 --shuffle 2 --limit 2 --out h.h5
"$python" - <<'END' || fail "what was imported is not what was written"
import h5py, numpy
with h5py.File("g.h5") as file, h5py.File("h.h5") as some:
    assert file["x"].shape == (4, 3, 32, 32) and file["x"].dtype == "uint8"
    assert list(file["label"]) == [3, 9, 0, 3] and list(file["source_index"]) == [0, 1, 2, 3]
    start = numpy.array([5, 7, 250, 100])[:, None]
    assert (file["x"][:].reshape(4, -1) == (start + numpy.arange(3072)) % 256).all()
    source = some["source_index"][:]
    assert len(source) == 2 and set(source) < {0, 2, 3}
    assert (some["x"][:] == file["x"][:][source]).all() and (some["label"][:] == file["label"][:][source]).all()
END

# import npy: what NumPy writes, read as NumPy would
"$python" - <<'END'
import gzip, numpy
values, file = numpy.arange(-12, 12).reshape(2, 3, 4) * 0.75, 0
for kind in "b1 u2 u4 u8 i1 i2 i4 i8 f2 f4 f8".split():
    for order in "<>":
        for layout in "CF":
            numpy.save(f"number-{file}.npy", values.astype("i8" if kind[0] == "u" else "f8").astype(order + kind).copy(order=layout))
            file += 1
numpy.save("pixels.npy", numpy.arange(120, dtype="u1").reshape(30, 2, 2))
with gzip.open("pixels.npy.gz", "wb") as stream:
    numpy.save(stream, numpy.asfortranarray(numpy.arange(120, dtype="u1").reshape(30, 2, 2)))
numpy.save("classes.npy", numpy.arange(30, dtype=">i2") % 4 - 1)
numpy.save("complex.npy", numpy.zeros(30, "c8"))
numpy.save("fields.npy", numpy.zeros(30, [("a", "f4"), ("b", "i4")]))
numpy.save("objects.npy", numpy.array([None] * 30), allow_pickle=True)
numpy.save("five.npy", numpy.zeros((30, 1, 1, 1, 1), "u1"))
numpy.save("none.npy", numpy.zeros((0, 3)))
numpy.save("nan.npy", numpy.where(numpy.arange(90) == 50, numpy.nan, 0).reshape(30, 3))
numpy.savez("many.npz", a=numpy.zeros(3))
END
head -c 200 pixels.npy >short.npy
cat pixels.npy pixels.npy >long.npy
head -c 60 pixels.npy >cut.npy
refuse 3 "images-gif: it does not begin as a file of numpy.save does" import npy images-gif --out e.h5
refuse 3 "many.npz: it does not begin" import npy many.npz --out e.h5
refuse 3 "complex.npy: its numbers are of type '<c8'" import npy complex.npy --out e.h5
refuse 3 "fields.npy: its numbers are structures" import npy fields.npy --out e.h5
refuse 3 "objects.npy: its numbers are of type '|O'" import npy objects.npy --out e.h5
refuse 3 "five.npy: it has 5 axes" import npy five.npy --out e.h5
refuse 3 "none.npy: it has no examples" import npy none.npy --out e.h5
refuse 3 "nan.npy: example 16 holds a value that is not a number" import npy nan.npy --out e.h5
refuse 3 "short.npy: it has 72 bytes of data" import npy short.npy --out e.h5
refuse 3 "long.npy: it is longer than its sizes say" import npy long.npy --out e.h5
refuse 3 "cut.npy: its header is damaged" import npy cut.npy --out e.h5
refuse 3 "absent.npy" import npy absent.npy --out e.h5
refuse 3 "nan.npy: labels have one axis" import npy pixels.npy --labels nan.npy --out e.h5
refuse 3 "objects.npy" import npy pixels.npy --labels objects.npy --out e.h5
refuse 3 "classes.npy: it has 30 labels, but there are 60 examples" import npy pixels.npy pixels.npy.gz --labels classes.npy --out e.h5
absent e.h5
accept "" import npy number-*.npy --out numbers.h5
accept "" import npy pixels.npy --labels classes.npy --out e.h5
accept "" import npy pixels.npy.gz --labels classes.npy --classes 2,0 --shuffle 3 --limit 9 --out f.h5
"$python" - <<'END' || fail "what was imported is not what NumPy reads"
import glob, h5py, numpy
with h5py.File("numbers.h5") as file:
    with numpy.errstate(all="ignore"):
        arrays = [numpy.load(name).astype("f4") for name in sorted(glob.glob("number-*.npy"))]
    assert file["x"].dtype == "f4" and numpy.array_equal(file["x"][:, 0], numpy.concatenate(arrays))
pixels, labels = numpy.load("pixels.npy"), numpy.load("classes.npy")
with h5py.File("e.h5") as file:
    assert file["x"].dtype == "u1" and numpy.array_equal(file["x"][:, 0], pixels) and numpy.array_equal(file["label"], labels)
with h5py.File("f.h5") as file:
    source = file["source_index"][:]
    assert len(source) == 9 and len(set(source)) == 9 and set(labels[source]) == {0, 2}
    assert numpy.array_equal(file["x"][:, 0], pixels[source]) and numpy.array_equal(file["label"], labels[source])
END

# FILE.h5:/path as a dataset
"$python" - <<'END'
import h5py, numpy
with h5py.File("foreign.h5", "w") as file:
    file["digits/pixels"], file["digits/label"] = numpy.linspace(-1, 1, 540).reshape(90, 6), numpy.arange(90) % 3
    file["cube"], file["names"] = numpy.zeros((2, 1, 1, 1, 1)), ["a", "b"]
END
cat >array.yaml <<END
model: vae
data: {train: "foreign.h5:/digits/pixels"}
train: {epochs: 1, batch_size: 32}
network: {hidden: [8], latent_size: 2, likelihood: gaussian}
END
refuse 3 "foreign.h5 has no dataset /digits; it has /cube, /digits/label, /digits/pixels, /names" train array.yaml data.train=foreign.h5:/digits
refuse 3 "foreign.h5:/cube has 5 axes; examples are (N), (N, F), (N, H, W) or (N, C, H, W)" train array.yaml data.train=foreign.h5:/cube
refuse 3 "/names must hold numbers" train array.yaml data.train=foreign.h5:/names
refuse 3 "absent.h5: No such file" train array.yaml data.train=absent.h5:/digits/pixels
refuse 3 "not a dataset file" train array.yaml data.train=foreign.h5
refuse 2 "foreign.h5:/digits/pixels holds -1 to 1" train array.yaml network.likelihood=bernoulli
accept "" train array.yaml --run r-array
accept "" train array.yaml --run r-array --resume train.epochs=2

# sets: of glyphs, of images, of floats, of a user's own file, and what takes none
refuse 2 "--layout must be image or set, not 'sets'" synth glyphs --count 3 --layout sets --out sets.h5
accept "" synth glyphs --count 30 --layout image --out sets.h5
accept "(30, 1, 28, 28)" info sets.h5
accept "" synth glyphs --count 30 --layout set --out sets.h5
accept "30 sets of " info sets.h5
refuse 2 "--threshold is for --as-set" import idx images --threshold 3 --out s.h5
refuse 2 "--threshold must be a number, not 'dark'" import idx images --as-set --threshold dark --out s.h5
refuse 2 "--threshold must be a number, not 'nan'" import idx images --as-set --threshold nan --out s.h5
refuse 3 "batch_1.bin: --as-set is for images of one channel; these have 3" import cifar10 batch_1.bin --as-set --out s.h5
"$python" -c 'import numpy; numpy.save("floats.npy", numpy.arange(24).reshape(2, 3, 4) / 8); numpy.save("flat.npy", numpy.zeros((3, 4)))'
refuse 2 "--as-set needs --threshold here: floats.npy holds no bytes" import npy floats.npy --as-set --out s.h5
refuse 3 "flat.npy: --as-set makes sets of the pixels of images" import npy flat.npy --as-set --threshold 0 --out s.h5
absent s.h5
accept "" import idx images --labels labels --as-set --threshold 98.5 --shuffle 2 --out letters.h5
accept "2 sets of 2 to 4 points (3.0 on average) of 2 coordinates" info letters.h5
accept "" import idx images.gz --as-set --out all.h5
accept "2 sets of 4 to 4 points (4.0 on average)" info all.h5
accept "" import npy floats.npy --as-set --threshold 1.375 --out floats.h5
"$python" - <<'END' || fail "the sets are not those of the images"
import h5py, numpy
with h5py.File("letters.h5") as file:
    assert file.attrs["source"] == "mpiae import idx images --labels labels --shuffle 2 --as-set --threshold 98.5", file.attrs["source"]
    images = numpy.frombuffer(b"abcdefgh", "u1").reshape(2, 2, 2)
    offset, points = file["offset"][()], file["points"][()]
    assert offset.dtype == "i8" and points.dtype == "f4"
    assert sorted(file["source_index"]) == [0, 1] and list(file["label"]) == list(file["source_index"])
    for i, source in enumerate(file["source_index"]):
        assert numpy.array_equal(points[offset[i]:offset[i + 1]], numpy.argwhere(images[source] > 98.5) / 2)
with h5py.File("floats.h5") as file:
    expected = [numpy.argwhere(image > 1.375) / (3, 4) for image in numpy.arange(24).reshape(2, 3, 4) / 8]
    assert list(file["offset"]) == [0, 0, 12]
    assert numpy.array_equal(file["points"], numpy.concatenate(expected).astype("f4"))
with h5py.File("sets.h5") as file:
    assert file.attrs["source"] == "mpiae synth glyphs --count 30 --classes 10 --seed 1 --layout set"
    assert file["points"].shape == (file["offset"][30], 2)
numpy.random.seed(1)
def save(name, offset, points, **more):
    with h5py.File(name, "w") as f:
        f.attrs["mpiae_format"], f.attrs["mpiae_version"] = "dataset", 1
        f["points"], f["offset"] = points, offset
        for key, value in more.items():
            f[key] = value
points = numpy.random.rand(9, 2).astype("f4")
broken = points.copy()
broken[4, 1] = numpy.nan
save("own.h5", numpy.cumsum([0, 4, 0, 5]), points)
save("falls.h5", [0, 4, 3, 9], points)
save("short.h5", [0, 4, 4, 8], points)
save("past.h5", [0, 4, 4, 10], points)
save("nan.h5", [0, 4, 4, 9], broken)
save("both.h5", [0, 4, 4, 9], points, x=points)
END
printf 'model: vae\ndata: {train: x.h5}\ntrain: {epochs: 1, batch_size: 2}\nnetwork: {hidden: [4], latent_size: 2, likelihood: gaussian}\n' >plain.yaml
accept "3 sets of 0 to 5 points (3.0 on average)" info own.h5
refuse 2 "data.train: own.h5 holds sets of points, but model 'vae' is for arrays" train plain.yaml data.train=own.h5 data.shards=8 --run r-sets
refuse 2 "own.h5:/points holds sets of points, but" train plain.yaml data.train=own.h5:/points data.shards=8 --run r-sets
refuse 3 "falls.h5:/offset decreases: set 1 is points 4 to 3" train plain.yaml data.train=falls.h5 data.shards=8 --run r-sets
refuse 3 "short.h5:/offset ends short: the last set, 2, ends at 8" train plain.yaml data.train=short.h5 data.shards=8 --run r-sets
refuse 3 "past.h5:/offset runs past the points: set 2 ends at 10" train plain.yaml data.train=past.h5 data.shards=8 --run r-sets
refuse 3 "nan.h5:/points: coordinate 1 of point 0 of set 2 is not a number" train plain.yaml data.train=nan.h5 data.shards=8 --run r-sets
refuse 3 "both.h5 holds both /x and /points" train plain.yaml data.train=both.h5 data.shards=8 --run r-sets
refuse 2 "own.h5 holds sets of points, but model 'vae' is for arrays" train plain.yaml data.train=both.h5:/x data.test=own.h5 data.shards=8 --run r-sets
accept "" train plain.yaml data.train=both.h5:/x data.shards=8 --run r-arrays
refuse 2 "own.h5 holds sets of points, but model 'vae' is for arrays" evaluate r-arrays own.h5
refuse 2 "own.h5 holds sets of points, but" interpolate r-arrays own.h5 --from 0 --to 1 --out line.h5

# train and sample
accept "" synth glyphs --count 90 --out train.h5
cat >vhe.yaml <<END
model: vhe
data: {train: train.h5}
train: {epochs: 1, batch_size: 32}
network: {hidden: [8], latent_size: 2}
kmeans: {clusters: 3}
END
sed 's/^model: vhe/model: vae/; /^kmeans/d' vhe.yaml >vae.yaml
sed 's/clusters: 3/clusters: 91/' vhe.yaml >too-many.yaml
printf 'model: vhe\ndata: {train: train.h5}\ntrain:\n  epochz: 3\n' >unknown.yaml
printf 'model: vhe\ndata: {train: train.h5}\ntrain: {epochs: three}\n' >type.yaml
printf 'model: vhe\ndata: {train: train.h5}\nmodel: vae\n' >twice.yaml
printf 'model: [vhe\n' >broken.yaml
printf 'data: {train: train.h5}\n' >no-model.yaml
printf 'model: vae\ndata: {train: train.h5}\nvhe: {exemplars: 3}\n' >foreign.yaml
head -c "$(($(stat -c %s train.h5) / 2))" train.h5 >half-train.h5
accept "" import idx images --out unlabelled.h5
refuse 2 "absent.yaml: No such file" train absent.yaml
refuse 2 "unknown.yaml" train unknown.yaml
if ! grep -q 'train.epochs' err; then fail "the nearest key is not named"; fi
refuse 2 "type.yaml" train type.yaml
refuse 2 "twice.yaml" train twice.yaml
refuse 2 "broken.yaml" train broken.yaml
refuse 2 "model has no value" train no-model.yaml
refuse 2 "key 'vhe.exemplars' is not for model 'vae' (it is for: vhe)" train foreign.yaml
refuse 2 "train.epochs" train vhe.yaml train.epochs=0
refuse 2 "train.learning_rate" train vhe.yaml train.learning_rate=-1
refuse 2 "exclude each other" train vhe.yaml --resume --overwrite
refuse 2 "kmeans.clusters" train too-many.yaml --run r-many
refuse 2 "kmeans.clusters: 1000000 classes × 1000000 shards (data.shards) would take" train vhe.yaml kmeans.clusters=1000000 data.shards=1000000 --run r-many
refuse 2 "vhe.labels" train vhe.yaml data.train=unlabelled.h5 vhe.labels=given --run r-given
refuse 3 "absent.h5" train vhe.yaml data.train=absent.h5 --run r-absent
refuse 3 "half-train.h5" train vhe.yaml data.train=half-train.h5 --run r-half
"$python" - <<'END'
import h5py, numpy
x = numpy.zeros((90, 6), "f4")
x[41, 2] = numpy.nan
with h5py.File("nan.h5", "w") as file:
    file.attrs["mpiae_format"], file.attrs["mpiae_version"], file["x"] = "dataset", 1, x
END
refuse 3 "nan.h5:/x: feature 2 of example 41" train vhe.yaml data.train=nan.h5 --run r-nan
"$python" - <<'END'
import h5py, numpy
for name, x in (("vectors", numpy.linspace(0, 1, 540)), ("signed", numpy.linspace(-1, 2, 540))):
    with h5py.File(name + ".h5", "w") as file:
        file.attrs["mpiae_format"], file.attrs["mpiae_version"], file["x"] = "dataset", 1, x.reshape(90, 6).astype("f4")
        file["label"] = numpy.full(90, -1, "i4")
END
refuse 2 "signed.h5 holds -1 to 2" train vae.yaml data.train=signed.h5 --run r-signed
accept "" train vae.yaml data.train=signed.h5 network.likelihood=gaussian --run r-signed
refuse 2 "signed.h5 has no known /label" train vhe.yaml data.train=signed.h5 network.likelihood=gaussian vhe.labels=given --run r-unknown
accept "" train vhe.yaml data.train=vectors.h5 --run r-vectors
accept "" train vhe.yaml data.train=vectors.h5 --run r-vectors --resume train.epochs=2
warn "train.momentum has no effect here: it is for train.optimizer=sgd" train vhe.yaml train.momentum=0.8 --run r-idle
accept "" train vhe.yaml train.momentum=0.9 network.channels="[32, 64, 128]" --run r-idle --overwrite
refuse 2 "command line: key 'vae.beta' is not for model 'vhe' (it is for: vae, set-vae)" train vhe.yaml vae.beta=2 --run r-beta
sed 's/^model: vae/model: ae/' vae.yaml >ae.yaml
accept "" train ae.yaml data.train=vectors.h5 data.binarize=dynamic --run run-ae
refuse 2 "model 'ae' has no distribution to draw samples from; this is for: vae, vhe" sample run-ae --count 2 --out s.h5
refuse 2 "data.binarize is for values in 0 to 1" train vae.yaml data.train=signed.h5 network.likelihood=gaussian data.binarize=static --run r-binary
refuse 2 "network.hidden is empty" train vhe.yaml network.hidden=[] --run r-hidden
mkfifo pipe
refuse 2 "pipe: this is not a file" train pipe
refuse 3 "$closed" train vhe.yaml --run "$closed/run"
refuse_read_only train vhe.yaml --run read-only
refuse_read_only train vhe.yaml --run read-only/run
if [ "$ranks" -gt 1 ]; then refuse 2 "data.shards" train vhe.yaml data.shards=2 --run r-shards; fi
accept "" train vhe.yaml --run run
refuse 3 "half-train.h5" train vhe.yaml data.train=half-train.h5 --run r-slash/
absent r-slash
refuse 2 "run already holds a run" train vhe.yaml --run run
refuse 2 "model" train vae.yaml --run run --resume
refuse 2 "network.latent_size" train vhe.yaml network.latent_size=3 --run run --resume
refuse 2 "is not the dataset this run was started on" train vhe.yaml data.train=glyphs.h5 --run run --resume
accept "" train vhe.yaml --run run --resume
accept "" train vhe.yaml train.epochs=2 --run run --resume
refuse 3 "absent.h5" train vhe.yaml data.train=absent.h5 --run run --overwrite
refuse 3 "absent.h5" train vhe.yaml data.train=absent.h5 --run run --resume
if [ ! -e run/checkpoint-000000006.h5 ]; then fail "the run to be replaced is gone before there is another"; fi
if [ "$(head -n 1 run/metrics.csv | cut -d, -f 1-6)" != epoch,step,seconds,examples_per_second,learning_rate,train_loss ]; then
  fail "columns of metrics.csv"
fi
if ! awk -F, 'NR > 1 && !($3 > 0) { exit 1 }' run/metrics.csv; then fail "the time of an epoch is gone after a resume"; fi
for flag in --overwrite --resume; do
  cp run/checkpoint-000000003.h5 run/checkpoint-000000099.h5.partial
  accept "" train vhe.yaml --run run "$flag"
  absent run/checkpoint-000000099.h5.partial
done
absent run/.lock
exec 9>run/.lock
flock 9
refuse 2 "another process trains in run" train vhe.yaml --run run --resume
flock --unlock 9
accept "run/checkpoint-000000003.h5: checkpoint" info run/checkpoint-000000003.h5
accept "run/checkpoint-000000003.h5: checkpoint" info run
refuse 3 "nothing" sample nothing --count 3 --out s.h5
mkdir -p empty-directory
refuse 3 "empty-directory has no checkpoint" sample empty-directory --count 3 --out s.h5
refuse 3 "train.h5 is not a checkpoint" sample train.h5 --count 3 --out s.h5
refuse 2 "--from posterior" sample run --count 3 --from posterior --out s.h5
refuse 3 "no-directory" sample run --count 3 --out no-directory/s.h5
absent s.h5
accept "" sample run --count 3 --out s.h5
accept "(3, 1, 28, 28)" info s.h5
accept "" sample run/checkpoint-000000003.h5 --count 600 --from prior --out s.h5
accept "" train vae.yaml --run run-vae
accept "" sample run-vae --count 2 --out s.h5
cp run/checkpoint-000000003.h5 kept.h5
head -c 5000 kept.h5 >run/checkpoint-000000003.h5
refuse 3 "checkpoint-000000003.h5" sample run --count 3 --out s.h5
refuse 3 "checkpoint-000000003.h5" train vhe.yaml --run run --resume
cp kept.h5 run/checkpoint-000000003.h5
head -c 5000 kept.h5 >run/checkpoint-000000009.h5
warn checkpoint-000000009.h5 sample run --count 3 --out s.h5
run train vhe.yaml train.epochs=2 checkpoint.keep=1 --run run --resume
if [ "$status" != 0 ] || ! grep -q 'warning: .*checkpoint-000000009.h5' err; then fail "a damaged checkpoint is not passed by"; fi
absent run/checkpoint-000000009.h5
if [ ! -e run/checkpoint-000000006.h5 ]; then fail "the new checkpoint is gone"; fi

# Cuts, the best epoch, another model's parameters
refuse 2 "train.steps" train vhe.yaml train.steps=-1 --run r-cut
refuse 2 "train.patience" train vhe.yaml train.patience=0.5 --run r-cut
refuse 2 "train.on_nonfinite" train vhe.yaml train.on_nonfinite=warn --run r-cut
refuse 2 "checkpoint.every_steps" train vhe.yaml checkpoint.every_steps=-1 --run r-cut
refuse 2 "checkpoint.best" train vhe.yaml checkpoint.best=maybe --run r-cut
absent r-cut
refuse 2 "--init-from needs a value: --init-from MODEL" train vhe.yaml --run r-init --init-from
refuse 3 "--init-from: cannot open absent" train vhe.yaml --init-from absent --run r-init
refuse 3 "--init-from: empty-directory has no checkpoint" train vhe.yaml --init-from empty-directory --run r-init
refuse 3 "--init-from: train.h5 is not a checkpoint" train vhe.yaml --init-from train.h5 --run r-init
refuse 2 "--init-from: run-vae/checkpoint-000000003.h5 has no parameter encoder_c/hidden_0/weight, which is (2, 8, 784) in this model" train vhe.yaml --init-from run-vae --run r-init
refuse 2 "--init-from: the networks of run-vae/checkpoint-000000003.h5 are others: network.hidden is '[8, 8]' here but '[8]' there" train vae.yaml network.hidden=[8,8] --init-from run-vae --run r-init
refuse 2 "--init-from: parameter encoder/hidden_0/weight of run-vae/checkpoint-000000003.h5 is (8, 784), but (8, 6) in this model" train vae.yaml data.train=vectors.h5 --init-from run-vae --run r-init
refuse 2 "run-vae already holds a run" train vae.yaml --init-from run-vae --run run-vae
absent r-init
accept "" train vae.yaml --init-from run-vae/checkpoint-000000003.h5 --run run-init
accept "" train vae.yaml --init-from run-init --run run-init --overwrite train.steps=2 checkpoint.best=true
accept "run-init/checkpoint-000000002.h5: checkpoint" info run-init
accept "" sample run-init --count 2 --out s.h5
cp run-init/checkpoint-000000002.h5 cut.h5
cp cut.h5 cut-place.h5
cp cut.h5 cut-sums.h5
"$python" - <<'END'
import h5py
with h5py.File("cut-place.h5", "r+") as file:
    file["state/epoch_step"][()] = 3
with h5py.File("cut-sums.h5", "r+") as file:
    del file["state/partial_sums"]
    file["state/partial_sums"] = [1.0, 2.0]
END
cp cut-place.h5 run-init/checkpoint-000000002.h5
refuse 3 "/state/epoch_step is 3 in an epoch of 3 steps: the file is damaged" train vae.yaml --run run-init --resume
cp cut-sums.h5 run-init/checkpoint-000000002.h5
refuse 3 "/state/partial_sums has another shape than the configuration in the same file says: the file is damaged or was changed" train vae.yaml --run run-init --resume
cp cut.h5 run-init/checkpoint-000000002.h5
accept "" train vae.yaml --run run-init --resume checkpoint.best=true checkpoint.keep=1
run train vae.yaml --run run-init --resume checkpoint.best=true
if [ "$status" != 0 ] || ! grep -q 'run-init: 1 epoch done, train.epochs is 1: nothing to do' err; then fail "nothing to do, but it is not said"; fi
accept "run-init/checkpoint-best.h5: checkpoint" info run-init/checkpoint-best.h5
accept "" sample run-init/checkpoint-best.h5 --count 2 --out s.h5
# a checkpoint from before there were cuts stands at an epoch's end
"$python" - <<'END'
import h5py
with h5py.File("run-init/checkpoint-000000003.h5", "r+") as file:
    del file["state/epoch_step"]
END
accept "" train vae.yaml train.epochs=2 --run run-init --resume

# Damage that shows only when the numbers are read, and numbers that cannot be
accept "" train vhe.yaml train.epochs=3 --run run --resume
"$python" - <<'END'
import h5py
name = "run/checkpoint-000000009.h5"
with h5py.File(name) as file:
    place = file["parameters/decoder/output/weight"].id.get_chunk_info(0).byte_offset + 5
with open(name, "r+b") as file:
    file.seek(place)
    byte = file.read(1)[0]
    file.seek(place)
    file.write(bytes([byte ^ 1]))
END
warn checkpoint-000000009.h5 sample run --count 3 --out s.h5
rm run/checkpoint-000000009.h5
"$python" - <<'END'
import h5py
with h5py.File("run/checkpoint-000000006.h5", "r+") as file:
    file["pseudo_labels/label"][7] = 700000
END
refuse 3 "/pseudo_labels holds labels or sizes that cannot be" train vhe.yaml train.epochs=3 --run run --resume

# The commands on a trained model; the examples of their help build on one another
mkdir -p runs/data
ln -s "$configs" configs
accept "" synth glyphs --count 300 --out runs/data/glyphs.h5
cp runs/data/glyphs.h5 glyphs.h5
accept "" synth glyphs --count 40 --seed 2 --out test.h5
for command in train encode decode evaluate reconstruct sample interpolate cluster info; do example "$command"; done
accept "" train vae.yaml data.test=test.h5 data.binarize=static --run plane
accept "" train ae.yaml --run plane-ae
accept '"elbo": -' evaluate plane test.h5 --samples 3 --json
accept "importance_weighted_bound" evaluate plane test.h5 --samples 3
accept "no ELBO" evaluate runs/glyphs test.h5
accept "label_price" evaluate runs/glyphs test.h5
accept "neighbours_acc" evaluate plane-ae test.h5
accept "" decode plane --grid 4 --out grid.h5
accept "(4, 4, 1, 28, 28)" info grid.h5
accept "" decode plane-ae --grid 3 --out grid.h5
warn "test.h5 is not the data" decode plane-ae --grid 3 --data test.h5 --out grid.h5
accept "" sample runs/glyphs --like test.h5:0,10,20 --count 5 --out like.h5
accept "" sample runs/glyphs --like test.h5:/x:0 --count 5 --out like.h5
accept "" sample runs/glyphs --like test.h5:0,3,5 --swap --out table.h5
accept "(3, 3, 1, 28, 28)" info table.h5
accept "" sample runs/glyphs --count 4 --swap --out table.h5
accept "" decode runs/glyphs codes.h5 --out decoded.h5
accept "(300, 1, 28, 28)" info decoded.h5
accept "" decode runs/glyphs like.h5 --out decoded.h5
accept "" decode plane plane/codes-000001.h5:/z_mean --out decoded.h5
accept "" encode plane test.h5:/x --out codes-array.h5
refuse 2 "mpiae encode needs more: MODEL DATA" encode plane --out not.h5
refuse 2 "mpiae encode needs --out FILE" encode plane test.h5
refuse 2 "(N, 6), but the model is for (N, 1, 28, 28)" encode plane vectors.h5 --out not.h5
refuse 2 "(N, 6), but the model is for (N, 1, 28, 28)" evaluate plane vectors.h5
refuse 3 "absent.h5" evaluate plane absent.h5
refuse 3 "absent" evaluate absent test.h5
refuse 2 "--samples: plane-ae has no bound" evaluate plane-ae test.h5 --samples 2
refuse 2 "--samples: runs/glyphs has no bound" evaluate runs/glyphs test.h5 --samples 2
refuse 2 "--samples must be an integer from 1" evaluate plane test.h5 --samples 0
refuse 2 "--shots is for few-shot classification: give --ways" evaluate plane test.h5 --shots 5
refuse 2 "--ways: model 'vae' has no code for classes" evaluate plane test.h5 --ways 3
refuse 2 "test.h5 has 10 classes with at least 2 examples, but --ways is 11" evaluate runs/glyphs test.h5 --ways 11
refuse 2 "has no labels, which say what the classes of episodes are" evaluate runs/glyphs like.h5:/x --ways 2
refuse 2 "--prior: model 'vae' has no codebook" evaluate plane test.h5 --prior plane-ae
refuse 2 "--prior: model 'vhe' has no codebook" sample runs/glyphs --prior plane --out a.h5
accept '"few_shot_acc": 0.' evaluate runs/glyphs test.h5 --ways 3 --episodes 4 --json
refuse 2 "either a file of codes or --grid N" decode plane --out not.h5
refuse 2 "either a file of codes or --grid N" decode plane codes.h5 --grid 3 --out not.h5
refuse 2 "--data is for --grid" decode plane codes.h5 --data test.h5 --out not.h5
refuse 2 "--grid lies on a latent plane" decode runs/glyphs --grid 3 --out not.h5
"$python" - <<'END'
import h5py, numpy
with h5py.File("nan-codes.h5", "w") as file:
    file["z"] = numpy.array([[0, 1], [numpy.nan, 0]], "f4")
with h5py.File("wide.h5", "w") as file:
    file["z_mean"] = numpy.zeros((3, 20), "f4")
END
refuse 2 "/z_mean holds 20 numbers a row, but a code of this model has 2" decode plane wide.h5:/z_mean --out not.h5
refuse 2 "/z_mean holds 20 numbers a row, but z of this model has 2" decode plane wide.h5 --out not.h5
refuse 2 "test.h5 holds neither /z nor /z_mean" decode plane test.h5 --out not.h5
refuse 3 "absent" decode plane plane/codes-000001.h5:/absent --out not.h5
accept "" train vhe.yaml network.latent_size=1 --run thin
refuse 2 "--grid lies on a latent plane" decode thin --grid 3 --out not.h5
refuse 3 "absent.h5" decode plane-ae --grid 3 --data absent.h5 --out not.h5
refuse 2 "there is no example 40: test.h5 has 40" interpolate plane test.h5 --from 1 --to 40 --out not.h5
refuse 2 "mpiae interpolate needs --to J" interpolate plane test.h5 --from 1 --out not.h5
refuse 2 "--steps must be an integer from 2" interpolate plane test.h5 --from 1 --to 2 --steps 1 --out not.h5
refuse 2 "there is no example 99" sample runs/glyphs --like test.h5:0,99 --count 2 --out not.h5
refuse 2 "are not numbers of examples" sample runs/glyphs --like test.h5:0,x --count 2 --out not.h5
refuse 2 "give data and numbers of examples" sample runs/glyphs --like 3 --count 2 --out not.h5
refuse 2 "exclude each other" sample runs/glyphs --like test.h5:0 --from prior --count 2 --out not.h5
refuse 2 "leave --count out" sample runs/glyphs --like test.h5:0,1 --swap --count 3 --out not.h5
refuse 2 "--count is at most 256" sample runs/glyphs --swap --count 300 --out not.h5
refuse 2 "draws from its prior anyway" sample plane --from prior --count 2 --out not.h5
refuse 2 "model 'vae' has no code for classes, as --like and --swap need; this is for: vhe" sample plane --like test.h5:0 --count 2 --out not.h5
refuse 2 "(N, 6), but the model is for (N, 1, 28, 28)" sample runs/glyphs --like vectors.h5:0 --count 2 --out not.h5
refuse 2 "would replace the input decoded.h5:/x" encode plane decoded.h5:/x --out decoded.h5
refuse 2 "would replace the input like.h5" decode runs/glyphs like.h5 --out like.h5
refuse 2 "would replace the input like.h5:/x" sample runs/glyphs --like like.h5:/x:0 --count 2 --out like.h5
refuse 2 "names like that are for the files that a run writes" encode plane test.h5 --out plane/codes-000001.h5
refuse 2 "holds codes of a model 'ae', but plane is a 'vae'" decode plane plane-ae/codes-000001.h5 --out not.h5
refuse 2 "is not of the kind 'codes' (kind: dataset)" encode plane test.h5 --out runs/data/glyphs.h5
refuse 2 "is not of the kind 'samples' (kind: codes)" sample runs/glyphs --count 2 --out codes.h5
cp plane/checkpoint-000000003.h5 mine.h5
refuse 2 "is not of the kind 'samples' (kind: checkpoint)" sample plane --count 2 --out mine.h5
refuse 2 "names like that are for the files that a run writes" sample plane --count 2 --out plane/checkpoint-000000003.h5
refuse 2 "is not of the kind 'reconstructions' (not written by mpiae)" reconstruct plane test.h5 --out vae.yaml
absent not.h5
refuse 3 "nan-codes.h5: code 1 is not finite" decode plane nan-codes.h5 --out not.h5
refuse 3 "data.test: cannot open absent.h5" train vae.yaml data.test=absent.h5 --run r-test
accept "" train vae.yaml data.test=none data.binarize=static --run plane --resume train.epochs=2
if ! head -n 1 plane/metrics.csv | grep -q ',test_loss,'; then fail "the losses of the test set are gone with it"; fi
refuse 2 "(N, 6), but the model is for (N, 1, 28, 28)" train vae.yaml data.test=vectors.h5 --run r-test
if ! head -n 1 plane/metrics.csv | grep -q ',test_loss,test_cross_entropy,test_kl,'; then fail "no columns of the test set"; fi

# cluster: any matrix; what it writes, and what cannot be clustered
"$python" - <<'END'
import h5py, numpy
random = numpy.random.default_rng(1)
group = numpy.arange(300) % 3
rows = (random.normal(size=(300, 2, 4)) + 50 * random.normal(size=(3, 2, 4))[group])
with h5py.File("points.h5", "w") as file:
    file["many/x"], file["many/label"] = rows, group
    file["integers"] = numpy.round(rows).astype("i8")
    file["start"], file["narrow"], file["line"] = rows[:3].reshape(3, 8).astype("f4"), rows[:3, 0], rows[:, 0, 0]
    file["words/x"], file["words/label"] = rows[:4], ["a", "b", "c", "d"]
    file["nan"] = numpy.where(numpy.arange(2400).reshape(300, 8) == 1203, numpy.nan, 1)
    file["nan-start"] = numpy.where(numpy.arange(24).reshape(3, 8) == 17, numpy.inf, 1)
    file["empty"], file["number"] = numpy.zeros((0, 8)), 5.0
    file["huge-label/x"], file["huge-label/label"] = rows, numpy.arange(300) * 1000000
END
accept "300 rows of 8 numbers in 3 clusters" cluster points.h5:/many/x --clusters 3 --out found.h5
accept "label_acc            1" cluster points.h5:/many/x --clusters 3 --init scalable --seed 5 --out found.h5
accept "" cluster points.h5:/many/x --clusters 3 --init-from points.h5:/start --tolerance 0 --iterations 7 --out found.h5
"$python" - <<'END' || fail "what cluster wrote"
import h5py, numpy
with h5py.File("found.h5") as file, h5py.File("points.h5") as points:
    rows, label = points["many/x"][:].reshape(300, 8).astype("f4"), points["many/label"][:]
    assert numpy.array_equal(file["label"], label) and file["label"].dtype == "i4"
    means = numpy.array([rows[label == k].mean(0, dtype="f8") for k in range(3)])
    assert numpy.abs(file["centroid"] - means).max() < 1e-4 and list(file["size"]) == [100, 100, 100]
    assert abs(file.attrs["inertia"] / ((rows - means[label]) ** 2).sum() - 1) < 1e-6
    assert file.attrs["source"] == "points.h5:/many/x" and file.attrs["init"] == "points.h5:/start"
    assert file.attrs["iterations"] == 1 and file.attrs["seed"] == 1 and file["provenance"].attrs["seconds"] > 0
    axes = [axis.keys()[0] for name in ("label", "centroid", "size") for axis in file[name].dims]
    assert axes == ["example", "cluster", "dimension", "cluster"], axes
END
accept "clusters, version 1" info found.h5
accept "" cluster points.h5:/integers --clusters 3 --init random --out found.h5
accept "300 rows of 1 numbers in 2 clusters" cluster points.h5:/line --clusters 2 --out found.h5
accept "4 rows of 8 numbers in 4 clusters" cluster points.h5:/words/x --clusters 4 --out found.h5
if grep -q label_ out; then fail "scored labels that are words"; fi
warn "/huge-label/label goes up to 299000000" cluster points.h5:/huge-label/x --clusters 3 --out found.h5
refuse 2 "mpiae cluster needs --clusters K" cluster points.h5:/start --out not.h5
refuse 2 "mpiae cluster needs --out FILE" cluster points.h5:/start --clusters 2
refuse 2 "--clusters must be an integer from 1" cluster points.h5:/start --clusters 0 --out not.h5
refuse 2 "--clusters 4: points.h5:/start has only 3 rows" cluster points.h5:/start --clusters 4 --out not.h5
refuse 2 "points.h5 is a file; name a matrix in it as points.h5:/path" cluster points.h5 --clusters 2 --out not.h5
refuse 2 "--init must be random, k-means++ or scalable, not 'warm'" cluster points.h5:/start --clusters 2 --init warm --out not.h5
refuse 2 "--init and --init-from exclude each other" cluster points.h5:/start --clusters 2 --init random --init-from points.h5:/start --out not.h5
refuse 2 "--tolerance must be a number from 0 to 1, not '1e-4x'" cluster points.h5:/start --clusters 2 --tolerance 1e-4x --out not.h5
refuse 2 "--tolerance must be a number from 0 to 1, not 'nan'" cluster points.h5:/start --clusters 2 --tolerance nan --out not.h5
refuse 2 "--init-from points.h5:/narrow: its rows have 4 numbers, but those of points.h5:/many/x have 8" cluster points.h5:/many/x --clusters 3 --init-from points.h5:/narrow --out not.h5
refuse 2 "--init-from points.h5:/start: it has 3 rows, but --clusters asks for 2" cluster points.h5:/many/x --clusters 2 --init-from points.h5:/start --out not.h5
refuse 3 "--init-from points.h5:/nan-start: row 2 holds inf" cluster points.h5:/many/x --clusters 3 --init-from points.h5:/nan-start --out not.h5
refuse 3 "--init-from: points.h5 has no dataset /end; it has" cluster points.h5:/many/x --clusters 3 --init-from points.h5:/end --out not.h5
refuse 3 "points.h5:/nan: k-means cannot use example 150 (counted from 0): its dimension 3 is nan" cluster points.h5:/nan --clusters 3 --out not.h5
refuse 3 "points.h5 has no dataset /end; it has" cluster points.h5:/end --clusters 3 --out not.h5
refuse 3 "points.h5:/empty is empty" cluster points.h5:/empty --clusters 3 --out not.h5
refuse 3 "points.h5:/number is a single number" cluster points.h5:/number --clusters 1 --out not.h5
refuse 3 "absent.h5" cluster absent.h5:/x --clusters 3 --out not.h5
refuse 3 "points.h5" cluster points.h5:/words/label --clusters 3 --out not.h5
absent not.h5
refuse 2 "would replace the input points.h5:/start" cluster points.h5:/start --clusters 2 --out points.h5
refuse 2 "is not of the kind 'clusters' (kind: codes)" cluster points.h5:/start --clusters 2 --out codes.h5
accept "" cluster found.h5:/centroid --clusters 2 --out found-again.h5
refuse 2 "would replace the input found.h5:/centroid" cluster points.h5:/words/x --clusters 4 --init-from found.h5:/centroid --out found.h5

# A step that is not finite ends the run before the update, and says which
refuse_divergence() {
  run train vae.yaml network.likelihood=gaussian train.learning_rate="$1" train.epochs="$2" --run run-nan --resume
  if [ "$status" != 4 ]; then fail "exit status $status, not 4"; fi
  if [ "$(grep -c '^mpiae: error: step ' err)" != 1 ]; then fail "the step is not named"; fi
  check_noise
}
accept "" train vae.yaml network.likelihood=gaussian --run run-nan
refuse_divergence 1000 9
if [ ! -e run-nan/checkpoint-000000003.h5 ]; then fail "the last good checkpoint is gone"; fi
if ! tail -n 1 run-nan/run.log | grep -q '^mpiae: error: step'; then fail "run.log does not say why the run ended"; fi

# Results that cannot be delivered
if [ "$ranks" = 1 ]; then
  "$mpiae" help >/dev/full 2>err
  status=$?
  last="help >/dev/full"
  if [ "$status" != 3 ]; then fail "exit status $status, not 3"; fi
  if ! grep -q '^mpiae: error: standard output cannot be written' err; then fail "no message"; fi
fi

# A message is one write: each write to such a socket is a packet.
if [ "$ranks" = 1 ]; then
  last="info absent.h5 --verbose"
  "$python" - "$mpiae" info absent.h5 --verbose <<'END' || fail "the message comes in pieces"
import socket, subprocess, sys
ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
with its:
    process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stderr=its)
packets = list(iter(lambda: ours.recv(65536), b""))
process.wait()
assert any(packet.startswith(b"mpiae: error: ") and packet.endswith(b"\n") for packet in packets), packets
END
fi

echo "$cases command lines on $ranks ranks, $failures failures"
[ "$failures" = 0 ]
