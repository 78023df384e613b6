"""Folders of src/ know none above them, and no file is needed by one that it needs itself: found in what its objects define and use.

Usage: test_floors.py BUILD_DIRECTORY
"""
import subprocess
import sys
from pathlib import Path

FLOORS = "base comm h5 config tensor graph nn data cluster models run infer train bench cli manual".split()


def symbols_of(path):
    defined, used = set(), set()
    for line in subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout.splitlines():
        *_, kind, name = line.split()
        if kind in "TDRBVC":
            defined.add(name)
        elif kind == "U":
            used.add(name)
    return defined, used


def circles(needs):
    """The strongly connected components of more than one file (Tarjan 1972)."""
    order, low, stack, found = {}, {}, [], []

    def visit(file):
        order[file] = low[file] = len(order)
        stack.append(file)
        for other in needs[file]:
            if other not in order:
                visit(other)
            if other in stack:
                low[file] = min(low[file], low[other])
        if low[file] == order[file]:
            place = stack.index(file)
            if len(stack) - place > 1:
                found.append(stack[place:])
            del stack[place:]

    for file in needs:
        if file not in order:
            visit(file)
    return found


def main(build):
    objects = {str(path).split(".dir/src/")[1][:-2]: symbols_of(path) for path in Path(build).glob("CMakeFiles/ae_*.dir/src/**/*.o")}
    home = {name: file for file, (defined, _) in objects.items() for name in defined}
    needs = {file: {home[name] for name in used if name in home} - {file} for file, (_, used) in objects.items()}
    floor = {file: FLOORS.index(file.split("/")[0]) for file in objects}
    up = [(file, other) for file in needs for other in needs[file] if floor[other] > floor[file]]
    assert len(objects) > 100 and len(home) > 500, f"{len(objects)} objects in {build}"
    assert not up, f"needs what is above: {up}"
    assert not circles(needs), f"need each other: {circles(needs)}"
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == [["b", "c"]]
    print(f"{len(objects)} files, {len(home)} names")


main(sys.argv[1])
