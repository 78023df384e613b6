#!/usr/bin/env python3
"""Tells how many cells of a decoded grid look like each class of a dataset, by its 5 nearest examples in pixels.

usage: tools/python tests/tools/check_grid.py GRID.h5 DATA.h5 [--cells 5] [--classes 8]
Exit status 0 when at least so many classes have at least so many cells each, else 1.
"""
import argparse
import sys

import h5py
import numpy as np

NEIGHBOURS = 5
EXAMPLES = 20000
BLOCK = 2000


def scaled(values):
    """Pixels, 0 to 1."""
    return values.astype(np.float32) / (255 if values.dtype == np.uint8 else max(1.0, float(values.max(initial=0))))


def in_rows(values):
    return values.reshape(len(values), -1)


def read_data(path):
    with h5py.File(path, "r") as file:
        if "label" not in file:
            raise ValueError(f"{path} has no labels")
        label = file["label"][:EXAMPLES]
        pixels = scaled(file["x"][:EXAMPLES])
    known = label >= 0
    if known.sum() < NEIGHBOURS:
        raise ValueError(f"{path} has fewer than {NEIGHBOURS} labelled examples")
    return pixels[known], label[known]


def read_grid(path):
    with h5py.File(path, "r") as file:
        cells = file["x"][()]
    if cells.ndim < 3:
        raise ValueError(f"{path} is no grid: the shape of /x is {cells.shape}")
    if not np.isfinite(cells).all():
        raise ValueError(f"{path} has cells that are not finite")
    return scaled(cells).reshape(-1, *cells.shape[2:])


def nearest(cells, pixels):
    """Numbers of the nearest examples of each cell, nearest first: (cells, NEIGHBOURS)."""
    best = np.full((len(cells), NEIGHBOURS), np.inf)
    found = np.zeros((len(cells), NEIGHBOURS), dtype=np.int64)
    for begin in range(0, len(pixels), BLOCK):
        block = pixels[begin : begin + BLOCK]
        # squared distances but for the cell's own norm, which does not change their order
        distance = np.square(block).sum(axis=1) - 2 * cells @ block.T
        distance = np.concatenate([best, distance], axis=1)
        number = np.concatenate([found, np.tile(np.arange(begin, begin + len(block)), (len(cells), 1))], axis=1)
        order = np.argsort(distance, axis=1, kind="stable")[:, :NEIGHBOURS]
        best, found = np.take_along_axis(distance, order, axis=1), np.take_along_axis(number, order, axis=1)
    return found


def vote(labels):
    """The class most neighbours have; of equals the one with the nearer neighbours."""
    weight = 1 + 0.01 * np.arange(NEIGHBOURS, 0, -1)
    votes = [np.bincount(row, weight) for row in labels]
    return np.array([vote.argmax() for vote in votes])


def main(words=None):
    parser = argparse.ArgumentParser(description="Tells how many cells of a grid look like each class of a dataset.")
    parser.add_argument("grid", metavar="GRID.h5", help="written by mpiae decode --grid")
    parser.add_argument("data", metavar="DATA.h5", help="dataset with labels")
    parser.add_argument("--cells", type=int, default=5, help="cells that a class must have; default 5")
    parser.add_argument("--classes", type=int, default=8, help="classes that must have them; default 8")
    arguments = parser.parse_args(words)
    try:
        cells, (pixels, label) = read_grid(arguments.grid), read_data(arguments.data)
        if cells.shape[1:] != pixels.shape[1:]:
            raise ValueError(f"cells are {cells.shape[1:]}, examples of {arguments.data} {pixels.shape[1:]}")
    except (OSError, KeyError, ValueError) as error:
        print(f"check_grid.py: error: {error}", file=sys.stderr)
        return 1
    count = np.bincount(vote(label[nearest(in_rows(cells), in_rows(pixels))]), minlength=label.max() + 1)
    for number, found in enumerate(count):
        print(f"class {number}: {found} cells")
    enough = int((count >= arguments.cells).sum())
    print(f"{enough} classes have {arguments.cells} cells or more; {arguments.classes} are wanted")
    return 0 if enough >= arguments.classes else 1


if __name__ == "__main__":
    sys.exit(main())
