#!/usr/bin/env python3
"""Writes one HTML page about a run: curves, codes in the plane, samples, configuration. Pictures are inside the page.

usage: tools/python tools/report.py RUN [--out FILE]
"""
import argparse
import base64
import csv
import html
import io
import math
import sys
from pathlib import Path

import h5py
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

MOST_POINTS = 5000
MOST_SAMPLES = 100
SCORES = ["label_nmi", "label_acc", "label_ari", "previous_nmi"]
STYLE = """body{font-family:sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}
img{max-width:100%}table{border-collapse:collapse}td,th{padding:.2em .8em;text-align:right;border-bottom:1px solid #ddd}
th{text-align:left;font-weight:normal}pre{background:#f4f4f4;padding:1em;overflow:auto}"""


class ReportError(Exception):
    """What the user must mend; shown without a traceback."""


def read_metrics(path):
    """Columns of metrics.csv as arrays; an empty field is NaN."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return {name: np.array([float(row[name] or "nan") for row in rows]) for name in (rows[0] if rows else {})}
    except (ValueError, TypeError, csv.Error) as error:
        raise ReportError(f"{path}: not a table of numbers ({error})") from error


def to_html(figure, alt):
    """A figure as an image that lives in the page."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, bbox_inches="tight")
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{data}">'


def plot_curves(metrics, names, label, limits=None):
    """The columns over the epochs, or None when the run has none of them."""
    names = [name for name in names if name in metrics and np.isfinite(metrics[name]).any()]
    if not names:
        return None
    figure = Figure(figsize=(7, 3.2))
    axes = figure.subplots()
    for name in names:
        dashed = "--" if name.startswith("test_") else "-"
        axes.plot(metrics["epoch"], metrics[name], dashed, marker="o", markersize=3, label=name)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel(label)
    if limits:
        axes.set_ylim(*limits)
    axes.grid(alpha=0.3)
    axes.legend()
    return to_html(figure, f"{label} by epoch: " + ", ".join(names))


def curve_sections(metrics):
    terms = [name for name in metrics if name.startswith(("train_", "test_")) and not name.endswith("_loss")]
    return [
        ("Loss", plot_curves(metrics, ["train_loss", "test_loss"], "nats per example")),
        ("Terms of the loss", plot_curves(metrics, terms, "nats per example")),
        ("Pseudo-labels against the known classes", plot_curves(metrics, SCORES, "score", (-0.05, 1.05))),
    ]


def project(codes):
    """Codes in the plane: as they are when they have two dimensions, else their first two principal components."""
    codes = np.asarray(codes, dtype=np.float64)
    centred = codes - codes.mean(axis=0)
    if codes.shape[1] > 2:
        _, _, directions = np.linalg.svd(centred, full_matrices=False)
        return centred @ directions[:2].T
    return np.pad(codes, ((0, 0), (0, 2 - codes.shape[1])))


def scatter(axes, points, label, title):
    if label is None:
        axes.scatter(points[:, 0], points[:, 1], s=3, c="#447")
    else:
        axes.scatter(points[:, 0], points[:, 1], s=3, c=label, cmap="tab10" if label.max() < 10 else "nipy_spectral")
    axes.set_title(title)
    axes.set_xticks([])
    axes.set_yticks([])


def open_file(path):
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise ReportError(f"{path}: {error}") from error


def plot_codes(path):
    """Each kind of code, once for each kind of label the file has."""
    with open_file(path) as file:
        kinds = [name for name in ("z_mean", "c_mean") if name in file]
        if not kinds or file[kinds[0]].shape[0] == 0:
            return None
        # at random: a stride would meet a dataset whose classes alternate in step
        shown = np.sort(np.random.default_rng(0).permutation(file[kinds[0]].shape[0])[:MOST_POINTS])
        labels = {name: file[name][shown] for name in ("label", "pseudo_label") if name in file} or {"": None}
        figure = Figure(figsize=(4.5 * len(labels), 4.2 * len(kinds)))
        grid = figure.subplots(len(kinds), len(labels), squeeze=False)
        for row, kind in zip(grid, kinds):
            points = project(file[kind][shown])
            for axes, (name, label) in zip(row, labels.items()):
                scatter(axes, points, label, f"{kind}, coloured by {name.replace('_', '-')}" if name else kind)
    return to_html(figure, f"codes of {path.name} in two dimensions")


def as_image(example):
    """One example as matplotlib wants it, or None when it is no picture."""
    if example.ndim == 1:
        side = math.isqrt(example.size)
        return example.reshape(side, side) if side * side == example.size else None
    if example.ndim == 3 and example.shape[0] in (1, 3):
        return example[0] if example.shape[0] == 1 else np.moveaxis(example, 0, 2)
    return None


def plot_samples(path):
    with open_file(path) as file:
        if "x" not in file or file["x"].shape[0] == 0:
            return None
        samples = file["x"][:MOST_SAMPLES]
    top = 255 if samples.dtype == np.uint8 else max(1.0, float(np.nanmax(samples)))
    samples = np.clip(samples / top, 0, 1)
    if as_image(samples[0]) is None:
        return None
    columns = math.ceil(math.sqrt(len(samples)))
    rows = math.ceil(len(samples) / columns)
    figure = Figure(figsize=(0.6 * columns, 0.6 * rows))
    for axes in figure.subplots(rows, columns, squeeze=False).flat:
        axes.axis("off")
    for axes, sample in zip(figure.axes, samples):
        axes.imshow(as_image(sample), cmap="gray", vmin=0, vmax=1)
    return to_html(figure, f"samples of {path.name}")


def newest(run, pattern):
    """Names carry the epoch in fixed width, so the last by name is the newest."""
    files = sorted(run.glob(pattern))
    return files[-1] if files else None


def picture_sections(run):
    codes, samples = newest(run, "codes-*.h5"), newest(run, "samples*.h5")
    return [
        (f"Codes ({codes.name})" if codes else "", plot_codes(codes) if codes else None),
        (f"Samples ({samples.name})" if samples else "", plot_samples(samples) if samples else None),
    ]


def last_row(metrics):
    """(name, value) of the last epoch, those that are known."""
    return [(name, values[-1]) for name, values in metrics.items() if len(values) and np.isfinite(values[-1])]


def table(metrics):
    rows = "".join(f"<tr><th>{html.escape(name)}</th><td>{value:.6g}</td></tr>" for name, value in last_row(metrics))
    return f"<table>{rows}</table>"


def page(run):
    """The whole page and the metrics it shows."""
    metrics = read_metrics(run / "metrics.csv")
    sections = curve_sections(metrics) + picture_sections(run)
    if metrics:
        sections.append(("Last epoch", table(metrics)))
    config = run / "config.yaml"
    if config.exists():
        sections.append(("Configuration", f"<pre>{html.escape(config.read_text(encoding='utf-8'))}</pre>"))
    body = "".join(f"<h2>{html.escape(title)}</h2>\n{content}\n" for title, content in sections if content)
    name = html.escape(run.name)
    head = f'<meta charset="utf-8"><title>{name}</title><style>{STYLE}</style>'
    text = f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body><h1>{name}</h1>\n{body}</body></html>\n'
    return text, metrics


def print_summary(metrics):
    last = dict(last_row(metrics))
    for name in ("train_loss", "test_loss"):
        if name in last:
            print(f"{name:<12}{last[name]:.2f} nats per example after epoch {last['epoch']:.0f}")
    scores = [f"{name[6:].upper()} {last[name]:.2f}" for name in SCORES[:3] if name in last]
    if scores:
        print("labels      the pseudo-labels match the hidden classes with " + ", ".join(scores))


def main():
    parser = argparse.ArgumentParser(description="Writes one HTML page about a run.")
    parser.add_argument("run", type=Path, help="run directory")
    parser.add_argument("--out", type=Path, help="page to write; default RUN/report.html")
    arguments = parser.parse_args()
    try:
        text, metrics = page(arguments.run)
        out = arguments.out or arguments.run / "report.html"
        out.write_text(text, encoding="utf-8")
    except (ReportError, OSError, KeyError) as error:
        print(f"report.py: error: {error}", file=sys.stderr)
        return 3
    print_summary(metrics)
    return 0


if __name__ == "__main__":
    sys.exit(main())
