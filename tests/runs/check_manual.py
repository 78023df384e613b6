"""Whether mpiae-files.5 tells of every dataset of the files, and of none that no file has.

Usage: check_manual.py TEXT_OF_THE_PAGE FILE.h5…
"""
import re
import sys

import h5py


def read_page(path):
    """kind -> paths: "/state/epoch, step" stands for two, and LAYER, NAME and COLUMN for any name."""
    kinds, paths = {}, None
    with open(path, encoding="utf-8") as page:
        for line in page:
            if re.match(r"[A-Z]", line):
                within = line.startswith("KINDS")
            elif within and re.match(r" {3}\w", line):
                paths = kinds.setdefault(line.strip(), set())
            elif paths is not None and re.match(r" {7}/\w", line):
                names = re.split(r"  | (?=\w+ \()", line.strip())[0].split(", ")
                group = names[0].rpartition("/")[0]
                paths.update(name if name.startswith("/") else f"{group}/{name}" for name in names)
    return kinds


def is_axis(item):
    return item.attrs.get("CLASS") == b"DIMENSION_SCALE"


def read_file(path):
    """Its kind and the paths of its datasets, those of any name as in the page."""
    paths = set()

    def take(name, item):
        name = re.sub(r"^parameters/.*", "parameters/LAYER/NAME", name)
        name = re.sub(r"^history/.*", "history/COLUMN", name)
        if name.startswith("optimizer"):
            paths.add("/optimizer")
        elif isinstance(item, h5py.Dataset) and not is_axis(item):
            paths.add(f"/{name}")

    with h5py.File(path, "r") as file:
        file.visititems(take)
        return file.attrs["mpiae_format"], paths


def main(page, files):
    told, found = read_page(page), {}
    for path in files:
        kind, paths = read_file(path)
        assert paths <= told[kind], f"{path}: mpiae-files.5 does not tell of {sorted(paths - told[kind])}"
        found.setdefault(kind, set()).update(paths)
    for kind, paths in told.items():
        lacking = paths - found.get(kind, set())
        assert not lacking, f"no {kind} has {sorted(lacking)}, of which mpiae-files.5 tells"


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
