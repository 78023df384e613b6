"""How far pictures lie from data: for every one the nearest of the data's images, mean squared difference of a number.

Usage: check_nearest.py DATA.h5 FILE.h5…    the files hold pictures in /x, as sample, decode and datasets do
"""
import sys

import h5py
import numpy as np


def read(path):
    with h5py.File(path) as file:
        x = file["x"]
        rows = x[()].reshape(len(x), -1).astype(np.float32)
        return rows / 255 if x.dtype == np.uint8 else rows


def nearest(rows, data):
    """Mean and median over rows of the smallest mean squared difference."""
    norms = (data**2).sum(1)
    found = [(norms - 2 * data @ row).min() + row @ row for row in rows]
    distance = np.maximum(np.array(found), 0) / rows.shape[1]
    return distance.mean(), np.median(distance)


def main():
    data = read(sys.argv[1])
    for path in sys.argv[2:]:
        rows = read(path)
        mean, median = nearest(rows, data)
        print(f"{path}: {len(rows)} pictures, nearest of {len(data)} images: mean {mean:.5f}, median {median:.5f}, variance of a number "
              f"{rows.var():.4f}")


if __name__ == "__main__":
    main()
