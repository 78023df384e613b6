#!/usr/bin/env python3
"""Writes one HTML page about a run: curves, the film of training, codes in the plane, pictures of every other result
file in its directory, configuration. Pictures are inside the page. Of a single result file it writes the picture.

usage: tools/python tools/report.py RUN [--out PAGE.html]
       tools/python tools/report.py FILE.h5 [--out PICTURE.png]
"""
import argparse
import base64
import csv
import html
import io
import re
import sys
from pathlib import Path

try:
    import numpy as np
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    import pictures
    from mosaic import DPI
    from pictures import ReportError
except ModuleNotFoundError as error:
    print(f"report.py: error: this Python has no {error.name}: run it as tools/python tools/report.py", file=sys.stderr)
    sys.exit(2)

NATS = "nats per example"
SCORES = ["label_nmi", "label_acc", "label_ari", "previous_nmi"]
STYLE = """body{font-family:sans-serif;max-width:64em;margin:2em auto;padding:0 1em;color:#222}
img{max-width:100%}table{border-collapse:collapse}td,th{padding:.2em .8em;text-align:right;border-bottom:1px solid #ddd}
th{text-align:left;font-weight:normal}pre{background:#f4f4f4;padding:1em;overflow:auto}"""


def warn(error):
    print(f"report.py: skipped {error}", file=sys.stderr)


def read_metrics(path):
    """Columns of metrics.csv as arrays; an empty field is NaN."""
    if not path.exists():
        raise ReportError(f"{path.parent}: no metrics.csv in it: this is no run, or its first epoch is not finished")
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        names = [*rows[0], "epoch"] if rows else []
        return {name: np.array([float(row[name] or "nan") for row in rows]) for name in names}
    except (ValueError, TypeError, KeyError, csv.Error) as error:
        raise ReportError(f"{path}: not a table of numbers by epoch, as mpiae train writes it") from error


def to_html(figure, alt):
    """A figure as an image that lives in the page."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{data}">'


def term_of(name):
    """What a curve is of, whether on the training or the test set: the two share a colour."""
    return name.removeprefix("train_").removeprefix("test_")


def draw_curves(metrics, names, label, limits=None):
    """The columns over the epochs."""
    figure = Figure(figsize=(8.6, 3.4), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    terms = list(dict.fromkeys(term_of(name) for name in names))
    for name in names:
        dashed, colour = "--" if name.startswith("test_") else "-", f"C{terms.index(term_of(name))}"
        axes.plot(metrics["epoch"], metrics[name], dashed, color=colour, marker="o", markersize=3, label=name)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel(label)
    if limits:
        axes.set_ylim(*limits)
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), fontsize=9)
    return figure


def plot_curves(metrics, names, label, limits=None):
    """None when the run has none of the columns."""
    names = [name for name in names if name in metrics and np.isfinite(metrics[name]).any()]
    if not names:
        return None
    return to_html(draw_curves(metrics, names, label, limits), f"{label} by epoch: " + ", ".join(names))


def is_small(name):
    """Whether it is a divergence or the price of labels, which would lie flat under the reconstruction term."""
    return not {"kl", "price"}.isdisjoint(name.split("_"))


def terms_of(metrics):
    """Columns of the terms; a loss of a single term shows all there is of it."""
    terms = [name for name in metrics if name.startswith(("train_", "test_")) and not name.endswith("_loss")]
    losses = {name: metrics.get(name.removesuffix(term_of(name)) + "loss") for name in terms}
    single = len(set(map(term_of, terms))) == 1 and all(
        loss is not None and np.allclose(metrics[name], loss, equal_nan=True) for name, loss in losses.items())
    return [] if single else terms


def units_of(run):
    """Of the loss and its terms."""
    try:
        config = (run / "config.yaml").read_text("utf-8", "replace")
    except OSError:
        return NATS
    if re.search(r"^model: vqvae\b", config, re.M):
        categorical = re.search(r"^ +likelihood: categorical\b", config, re.M)
        return "nats per number of an example" if categorical else "shares of the variance"
    plain = re.search(r"^model: set-ae\b", config, re.M) and not re.search(r"^ +stage: size\b", config, re.M)
    return "squared distance" if plain else NATS


def curve_sections(metrics, units):
    terms = terms_of(metrics)
    small, large = ([name for name in terms if is_small(name) == wanted] for wanted in (True, False))
    beside = " and the price of labels" if any(name.endswith("_price") for name in small) else ""
    return [
        ("Loss", plot_curves(metrics, ["train_loss", "test_loss"], units)),
        ("Reconstruction term of the loss", plot_curves(metrics, large, units)),
        (f"Divergences of the loss{beside}", plot_curves(metrics, small, units)),
        ("Pseudo-labels against the known classes", plot_curves(metrics, SCORES, "score", (-0.05, 1.05))),
    ]


def section(path):
    """Heading and picture of a result file, none when there is nothing to draw in it."""
    try:
        title, figure = pictures.draw_file(path)
    except pictures.NoPicture:
        return []
    return [(f"{title} ({path.name})", to_html(figure, f"{title.lower()} of {path.name}"))]


def numbered(run, name):
    """Files of the epochs in their order: their names carry the epoch in fixed width."""
    return sorted(path for path in run.glob(f"{name}-*.h5") if re.fullmatch(name + r"-\d+\.h5", path.name))


def is_film(path):
    with pictures.opened(path) as file:
        return pictures.kind_of(file) == "film"


def film_sections(paths):
    """The film, or the newest samples of a run that wrote no film."""
    while paths:
        try:
            if not is_film(paths[-1]):
                return section(paths[-1])
            figure = pictures.draw_film(paths, warn)
            names = " to ".join(sorted({paths[0].name, paths[-1].name}))
            return [(f"Film of training ({names})", to_html(figure, f"film of training from {names}"))]
        except pictures.NoPicture:
            return []
        except ReportError as error:
            warn(error)
            paths = paths[:-1]
    return []


def other_sections(paths):
    sections = []
    for path in paths:
        try:
            sections += section(path)
        except ReportError as error:
            warn(error)
    return sections


def picture_sections(run):
    codes, samples, checkpoints = (numbered(run, name) for name in ("codes", "samples", "checkpoint"))
    others = sorted(set(run.glob("*.h5")).difference(codes, samples, checkpoints))
    return (section(codes[-1]) if codes else []) + film_sections(samples) + other_sections(others)


def last_row(metrics):
    """(name, value) of the last epoch, those that are known."""
    return [(name, values[-1]) for name, values in metrics.items() if len(values) and np.isfinite(values[-1])]


def table(metrics):
    rows = "".join(f"<tr><th>{html.escape(name)}</th><td>{value:.6g}</td></tr>" for name, value in last_row(metrics))
    return f"<table>{rows}</table>"


def page(run):
    """The whole page and the metrics it shows."""
    metrics = read_metrics(run / "metrics.csv")
    sections = curve_sections(metrics, units_of(run)) + picture_sections(run)
    if metrics:
        sections.append(("Last epoch", table(metrics)))
    config = run / "config.yaml"
    if config.exists():
        sections.append(("Configuration", f"<pre>{html.escape(config.read_text('utf-8', 'replace'))}</pre>"))
    body = "".join(f"<h2>{html.escape(title)}</h2>\n{content}\n" for title, content in sections if content)
    name = html.escape(run.resolve().name)
    head = f'<meta charset="utf-8"><title>{name}</title><style>{STYLE}</style>'
    text = f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body><h1>{name}</h1>\n{body}</body></html>\n'
    return text, metrics


def print_summary(metrics, units):
    last = dict(last_row(metrics))
    for name in ("train_loss", "test_loss"):
        if name in last:
            print(f"{name:<12}{last[name]:{'.2f' if units == NATS else '.4g'}} {units} after epoch {last['epoch']:.0f}")
    scores = [f"{name[6:].upper()} {last[name]:.2f}" for name in SCORES[:3] if name in last]
    if scores:
        print("labels      the pseudo-labels match the known classes with " + ", ".join(scores))


def write_page(run, out):
    text, metrics = page(run)
    (out or run / "report.html").write_text(text, encoding="utf-8")
    print_summary(metrics, units_of(run))


def write_picture(path, out):
    pictures.draw_file(path)[1].savefig(out or path.with_suffix(".png"), format="png")


def refuse_other_kinds(path, out):
    """A run gives a page and a file a picture: the name of what is written must not tell otherwise."""
    if not path.exists():
        raise ReportError(f"{path}: there is no such run or file")
    what, gives, suffix = ("file", "picture", ".png") if path.is_file() else ("run", "page", ".html")
    if out is not None and out.suffix.lower() != suffix:
        raise ReportError(f"--out {out}: a {what} gives a {gives}, so give a name that ends in {suffix}")


def main(words=None):
    parser = argparse.ArgumentParser(description="Writes one HTML page about a run, or a picture of a result file.")
    parser.add_argument("path", type=Path, metavar="RUN|FILE.h5", help="run directory or result file")
    parser.add_argument("--out", type=Path, help="what to write; default RUN/report.html or FILE.png")
    arguments = parser.parse_args(words)
    write = write_picture if arguments.path.is_file() else write_page
    try:
        refuse_other_kinds(arguments.path, arguments.out)
        write(arguments.path, arguments.out)
    except (ReportError, OSError) as error:
        system = isinstance(error, OSError) and error.filename
        print(f"report.py: error: {f'{error.filename}: {error.strerror}' if system else error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
