"""Runs what the documents say, in order and as printed, in a directory that looks like a clone, and checks what they name: links, paths, keys of
configurations, options.

Blocks of ```sh and ```python are run. Those of ```sh long take hours: they are run in a directory of their own, on small data of the same names,
and each training for one step. A block of ```text output is what the block before printed, but for its numbers. Lines that install and build
(tools/quickstart, tools/check, cmake) have tests of their own or are the build this runs in; here they must name what exists.

Usage: test_readme.py MPIAE SOURCE DATA    DATA has mnist/*.gz; without it what needs them is run on small data alone, and the exit status is 77.
"""
import csv
import gzip
import json
import os
import re
import shlex
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

SKIPPED = 77  # to CTest
BUILDS = ("tools/quickstart", "tools/check", "cmake ")
# Those whose blocks are run; one may use what those before it have made.
RUN = ["README.md", "src/cli/README.md", "configs/README.md", "src/h5/README.md", "jobs/README.md", "tools/README.md", "tools/study/README.md"]
# The README's commands start as users do; the others without Open MPI's search for networks.
QUICK = {"OMPI_MCA_pml": "ob1"}
# What makes a line of a long block short: one step of training, few examples and draws.
SHORT = [
    (r"^((mpirun .*)?mpiae train .*?)( train\.steps=\d+)?((?(3) .*)?)$", r"\1\4 train.steps=1"),
    (r"(mpiae synth .*--count) \d+", r"\1 300"),
    (r"(mpiae sample .*--count) \d+", r"\1 4"),
    (r"--samples \d+", "--samples 2"),
    (r"(--ways .*)", r"\1 --episodes 2"),
    (r"^(tools/study/.*)", r"\1 --list"),
]
NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"


# --- what a document names

def documents_of(source):
    found = []
    for directory, folders, files in os.walk(source):
        folders[:] = [name for name in folders if name not in ("build", "runs", ".git")]
        found += [Path(directory) / name for name in files if name.endswith(".md")]
    return found


def without_blocks(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def anchors(text):
    """Of its headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", without_blocks(text), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def check_links(document):
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", without_blocks(text)):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = target.partition("#")
        place = (document.parent / path).resolve() if path else document
        assert place.exists(), f"{document}: its link {target} leads nowhere"
        if anchor:
            assert anchor in anchors(place.read_text(encoding="utf-8")), f"{document}: its link {target} leads to no heading"


def check_size(document):
    lines = document.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 150, f"{document} has {len(lines)} lines; at most 150 are read"
    wide = [i for i, line in enumerate(lines, 1) if len(line) > 120]
    assert not wide, f"{document}: lines {wide} have more than 120 columns"


def code_of(text):
    """What stands in blocks and between backticks."""
    return re.findall(r"^```.*?\n(.*?)^```", text, re.M | re.S) + re.findall(r"`([^`\n]+)`", without_blocks(text))


def ask(mpiae, *words):
    return subprocess.run([mpiae, "help", *words], env=os.environ | QUICK, capture_output=True, text=True, check=True).stdout


def check_names(documents, source, mpiae):
    """Paths in the tree, keys, and options of mpiae's commands and of tools, whether or not a block runs them."""
    keys = set(re.findall(r"^  (\w+\.\w+)$", ask(mpiae, "config"), re.M))
    sections = "|".join(sorted({key.split(".")[0] for key in keys}))
    commands = re.findall(r"^  ([a-z]+) {2,}", ask(mpiae).split("Options")[0], re.M)
    options = set(re.findall(r"--[a-z][a-z-]*", "".join(ask(mpiae, command) for command in commands)))
    for document in documents:
        for code in code_of(document.read_text(encoding="utf-8")):
            for path in re.findall(r"(?<![\w./-])(?:configs|jobs|tools|tests|include|findings)/[\w/-]+(?:\.\w+)*", code):
                assert (source / path).exists(), f"{document}: {code}: there is no {path}"
            for key in re.findall(rf"(?<![\w./-])(?:{sections})\.\w+(?![\w<.]|\()", code):
                assert key in keys, f"{document}: {code}: there is no key {key}"
            for line in re.findall(r"\bmpiae [a-z]+ .*", code):
                command = line.split()[1]
                if command in commands:
                    for option in re.findall(r"(?<=\s)--[a-z-]+", line.split("'")[0]):
                        assert option in options, f"{document}: {code}: mpiae has no option {option}"
            for tool, rest in re.findall(r"\b(tools/(?!python)[\w/.-]+)( .*)", code):
                words = "".join(path.read_text() for path in (source / tool, source / f"{tool}.py") if path.is_file())
                for option in re.findall(r"(?<=\s)--[a-z-]+", rest.split('"')[0]):
                    assert option in words, f"{document}: {code}: {tool} has no option {option}"


def check_configurations(documents, source):
    """Each has its command."""
    code = "".join(block for path in documents for block in re.findall(r"^```sh.*?\n(.*?)^```", path.read_text(encoding="utf-8"), re.M | re.S))
    for path in source.glob("configs/*.yaml"):
        assert f"train configs/{path.name}" in code, f"no document has a command for {path}"


# --- running it

def check_build_line(line, source):
    for part in line.split("&&"):
        words = shlex.split(part)
        if words[0] != "cmake":
            assert os.access(source / words[0], os.X_OK), line
        elif "--preset" in words:
            presets = json.loads((source / "CMakePresets.json").read_text())
            assert words[words.index("--preset") + 1] in [p["name"] for p in presets["configurePresets"]], line


def run(command, environment, directory, accepted=(0,)):
    done = subprocess.run(command, env=environment, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900,
                          stdin=subprocess.DEVNULL)
    assert done.returncode in accepted, f"{command}: exit status {done.returncode}\n{done.stdout}"
    return done.stdout


def shortened(line):
    for pattern, replacement in SHORT:
        line = re.sub(pattern, replacement, line)
    return line


class Clone:
    """A directory in which lines are run."""

    def __init__(self, path, source, environment):
        self.path, self.source, self.environment = path, source, environment
        path.mkdir()
        for name in ("configs", "tools", "jobs"):
            (path / name).symlink_to(source / name)

    def run(self, kind, text, short=False):
        if kind == "python":
            return run([sys.executable, "-c", text], self.environment, self.path)
        printed = ""
        for line in text.replace("\\\n", "").strip().splitlines():
            if short:
                line = shortened(line)
            print(">", line, flush=True)
            if line.startswith(BUILDS):
                check_build_line(line, self.source)
            else:
                # What the doctor finds here is no fault of the document's.
                printed += run(["bash", "-c", line], self.environment, self.path, (0, 2) if line.endswith(" doctor") else (0,))
        return printed


def write_idx(path, array, shape):
    header = struct.pack(f">I{len(shape)}I", 0x800 + len(shape), *shape)
    with gzip.open(path, "wb", 1) as file:
        file.write(header + bytes(array))


def write_small_data(path):
    """Under the names that the real data have: digits of a few bright pixels, and noisy colours."""
    for prefix, count in (("train", 300), ("t10k", 60)):
        images = bytearray(count * 784)
        for i in range(count):
            for place in range(40):
                images[i * 784 + (100 + 13 * place + i % 10 * 3) % 784] = 100 + place
        write_idx(path / f"{prefix}-images-idx3-ubyte.gz", images, (count, 28, 28))
        write_idx(path / f"{prefix}-labels-idx1-ubyte.gz", [i % 10 for i in range(count)], (count,))
    for name, count in (("data_batch_1", 160), ("test_batch", 20)):
        rows = bytearray()
        for i in range(count):
            rows.append(i % 10)
            rows += bytes((i * 37 + place * place * 11) % 256 for place in range(3072))
        (path / f"{name}.bin").write_bytes(rows)


def check_output(expected, printed, document):
    """Line by line, but for numbers; losses are nearly the same anywhere."""
    rest = printed.replace("\r", "\n")
    for line in expected.strip().splitlines():
        if line == "…":
            continue
        pattern = re.sub(NUMBER, "\0", line)
        pattern = re.escape(pattern).replace(re.escape("\0"), f"({NUMBER})").replace(r"\ ", " +")
        found = re.search(rf"^ *{pattern} *$", rest, re.M)
        assert found, f"{document}: the output has no line as\n{line}\nbut is\n{printed}"
        rest = rest[found.end():]
        for old, new in zip(re.findall(rf"loss ({NUMBER})", line), re.findall(rf"loss ({NUMBER})", found[0])):
            assert abs(float(old) - float(new)) <= 0.02 * float(old), f"{document}: not {old} but {new}:\n{line}"


def check_mnist(path):
    """What configs/README.md's table says of its own command: 108.1 nats, 105.1 of the test set, NMI 0.46."""
    with open(path / "runs/vhe-mnist/metrics.csv") as file:
        last = list(csv.DictReader(file))[-1]
    assert last["epoch"] == "3" and abs(float(last["train_loss"]) - 108.1) <= 0.6, last
    assert abs(float(last["test_loss"]) - 105.1) <= 0.6 and float(last["label_nmi"]) >= 0.43, last


def run_document(name, whole, small, has_mnist):
    """Whether something was left out."""
    blocks = re.findall(r"^```(sh|python|text)(?: (\w+))?\n(.*?)^```$", (whole.source / name).read_text(encoding="utf-8"), re.M | re.S)
    left_out, printed = False, ""
    for kind, how, text in blocks:
        if kind == "text":
            if how == "output":
                check_output(text, printed, name)
            continue
        if how == "long":
            listed = small.run(kind, text, short=True)
            if "tools/study/" in text:
                assert listed.splitlines()[-1].startswith("71 "), f"{name}: the study has other runs: {listed}"
            continue
        of_mnist = re.search(r"train-images|mnist-train|vhe-mnist(?!\.yaml data\.train=)", text)
        if of_mnist:
            small.run(kind, text, short=True)
        if of_mnist and not has_mnist:
            left_out = True
        else:
            printed = whole.run(kind, text)
    return left_out


def main():
    mpiae, source, data = (Path(argument).resolve() for argument in sys.argv[1:])
    mnist = sorted(data.glob("mnist/*.gz"))
    documents = documents_of(source)
    assert {source / name for name in RUN} <= set(documents)
    for document in documents:
        check_links(document)
    check_size(source / "README.md")
    check_names([source / name for name in RUN], source, mpiae)
    check_configurations([source / name for name in RUN], source)
    left_out = False
    with tempfile.TemporaryDirectory() as scratch:
        environment = dict(os.environ, PATH=f"{mpiae.parent}:{os.environ['PATH']}")
        whole, small = (Clone(Path(scratch) / name, source, environment) for name in ("whole", "small"))
        (whole.path / "runs/data").mkdir(parents=True)
        for path in mnist:
            (whole.path / path.name).symlink_to(path)
        write_small_data(small.path)
        for name in RUN:
            print(name, flush=True)
            left_out = run_document(name, whole, small, mnist) or left_out
            environment.update(QUICK)
        if mnist:
            check_mnist(whole.path)
    if left_out:
        print(f"skipped: there is no MNIST in {data} (MPIAE_TEST_DATA names the directory of the data): its lines were run on small data alone")
    return SKIPPED if left_out else 0


if __name__ == "__main__":
    sys.exit(main())
