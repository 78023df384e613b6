#!/usr/bin/env python3
"""Draws how many times as long other programs take, commit by commit, of what tools/bench/compare.py has kept.

usage: tools/python tools/bench/figure.py [RESULTS] [--out ratios.svg]

A plot for each WHAT, a line for each peer: medians, and the smallest and largest ratio of a round. Commits stand in the
order in which they came into the file (tools/bench/results.csv); above 1 mpiae is faster. The ending of FILE says of
which kind it is: .svg, .png, .pdf.
"""
import argparse
import csv
from collections import defaultdict
from pathlib import Path

from matplotlib.figure import Figure

COLUMNS = 3  # of plots


def read(path):
    """The commits in order; {what: {peer: {commit: (smallest, median, largest)}}}, the last of several counts."""
    ratios = defaultdict(lambda: defaultdict(dict))
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        ratios[row["what"]][row["peer"]][row["commit"]] = [float(row[f"ratio_{which}"]) for which in ("min", "median", "max")]
    return list(dict.fromkeys(row["commit"] for row in rows)), ratios


def draw(axes, what, commits, peers):
    for peer, of_commit in peers.items():
        places = [place for place, commit in enumerate(commits) if commit in of_commit]
        low, middle, high = zip(*(of_commit[commits[place]] for place in places))
        spread = [[m - l for m, l in zip(middle, low)], [h - m for m, h in zip(middle, high)]]
        axes.errorbar(places, middle, spread, marker="o", capsize=3, label=peer)
    axes.axhline(1, color="grey", linewidth=0.8)
    axes.set(title=what, xlim=(-0.5, len(commits) - 0.5), ylim=(0, None))
    axes.set_xticks(range(len(commits)), [commit[:7] for commit in commits], rotation=90, fontsize=7)
    axes.legend(fontsize=7)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="?", type=Path, default=Path(__file__).with_name("results.csv"))
    parser.add_argument("--out", metavar="FILE", default="ratios.svg")
    options = parser.parse_args()
    commits, ratios = read(options.results)
    rows = -(-len(ratios) // COLUMNS)
    figure = Figure(figsize=(4 * COLUMNS, 3 * rows), layout="constrained")
    for place, (what, peers) in enumerate(ratios.items()):
        draw(figure.add_subplot(rows, COLUMNS, place + 1), what, commits, peers)
    figure.supylabel("times as long as mpiae")
    figure.savefig(options.out)


if __name__ == "__main__":
    main()
