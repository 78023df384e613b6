"""Figures of the result files that mpiae writes: each kind by its own drawing."""
import math
import re
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
from matplotlib.figure import Figure

import mosaic
import scatters
from mosaic import Mosaic

MOST_POINTS = 5000
MOST_SAMPLES = 100
MOST_PAIRS = 96
MOST_EPOCHS = 12
PICTURES_OF_A_FRAME = ("x", "reconstruction", "sampled")
ROW = 16  # pictures beside each other at most
MOST_LETTERS = 60  # of a source in a title
IN_MEMORY = 1 << 28  # bytes of codes that are rather read whole: h5py picks single rows slowly
CODES = ("z_mean", "c_mean")
DECODED = "what the codes are decoded to"  # /x of mpiae decode says so
# what h5py and numpy raise about files whose contents are other than they should be
BROKEN = (OSError, KeyError, ValueError, TypeError, AttributeError, IndexError, RuntimeError)


class ReportError(Exception):
    """What the user must mend; shown without a traceback."""


class NoPicture(ReportError):
    """A good file that holds nothing to draw."""


@contextmanager
def opened(path):
    """The file; whatever is wrong with it is told with its name, in one line."""
    if not path.exists():
        raise ReportError(f"{path}: there is no such file")
    if not h5py.is_hdf5(path):
        raise ReportError(f"{path}: this is not an HDF5 file, as mpiae writes them")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except ReportError as error:
        raise type(error)(f"{path}: {error}") from error
    except BROKEN as error:
        # HDF5 names what is missing; what Python says of the rest is for programmers
        cause = " ".join(str(error.args[0]).split()) if isinstance(error, (OSError, KeyError)) and error.args else ""
        what = "damaged, or its datasets are not as mpiae writes them"
        raise ReportError(f"{path}: {what}" + (f" ({cause})" if cause else "")) from error


def text_of(thing, name):
    """The attribute as a text, empty when there is none."""
    text = thing.attrs.get(name, "")
    return text.decode(errors="replace") if isinstance(text, bytes) else str(text)


def kind_of(file):
    """Its format; that of a file without one is told from its datasets."""
    if "mpiae_format" in file.attrs:
        return text_of(file, "mpiae_format")
    if any(name in file for name in CODES):
        return "codes"
    if has(file, "sampled"):
        return "film"
    if has(file, "x"):
        return "reconstructions" if has(file, "reconstruction") else "samples"
    raise ReportError("no result file: it has neither mpiae_format nor /x nor codes")


def has(file, name):
    """Whether there are such pictures, or sets of points, which are drawn as such."""
    return name in file or scatters.points_name(name) in file


def images(file, name, leading=1):
    """The dataset, when it is one of pictures behind `leading` axes; or sets of points, as pictures."""
    if name not in file and has(file, name):
        try:
            return scatters.Scatters(file, name)
        except scatters.NotInThePlane as error:
            raise NoPicture(str(error)) from error
    data = file[name]
    if not isinstance(data, h5py.Dataset) or data.dtype.kind not in "biuf" or data.ndim <= leading:
        raise ReportError(f"/{name} is no array of examples")
    if mosaic.image_shape(data.shape[leading:]) is None:
        raise NoPicture(f"examples of /{name} are no pictures: their shape is {data.shape[leading:]}")
    if 0 in data.shape:
        raise NoPicture(f"/{name} is empty")
    return data


def size(data, leading=1):
    """Height and width of a picture."""
    return mosaic.image_shape(data.shape[leading:])[:2]


def spaced(count, most):
    """At most so many of the numbers below `count`, evenly spaced, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


def told(shown, count, what):
    return [f"{shown} of {count} {what}"] if shown < count else []


def counted(shown, count, what):
    return told(shown, count, what) or [f"{count} {what}"]


def source_of(file):
    """The examples the codes were made of, as `data:numbers`; empty when they were drawn."""
    text = text_of(file, "like")
    return text if len(text) <= MOST_LETTERS else text[: MOST_LETTERS - 1] + "…"


def subject(file):
    """(heading, what the pictures of /x are) of a file of single pictures."""
    if kind_of(file) == "dataset":
        return "Examples", f"examples of {Path(file.filename).name}"
    if text_of(file["x" if "x" in file else "points"], "description") == DECODED:
        return "Decoded codes", "decoded codes"
    return "Samples", f"samples like {source_of(file)}" if "like" in file.attrs else "samples"


def namer(data):
    """What a label is called: by its name, where the labels were texts, else its number."""
    names = text_of(data, "names").split("\n") if "names" in data.attrs else []
    return lambda k: "" if k < 0 else names[k] if k < len(names) else str(k)


def captions(file, names, count):
    """(words, one caption a picture) of the first of these labels that is known."""
    for name in names:
        if name in file and (file[name][:count] >= 0).any():
            return [f"the {name.replace('_', '-')} above each"], list(map(namer(file[name]), file[name][:count]))
    return [], []


def draw_samples(file):
    data = images(file, "x")
    height, width = size(data)
    count = min(len(data), MOST_SAMPLES)
    columns = min(math.ceil(math.sqrt(count)), mosaic.fit(width))
    count = min(count, columns * mosaic.fit(height))
    words, labels = captions(file, ("pseudo_label", "label"), count)
    shown = data[:count]
    cells = mosaic.in_rows(mosaic.to_cells(shown, data.shape[1:], mosaic.shades(shown)), columns)
    heading, what = subject(file)
    title = ", ".join(counted(count, len(data), what) + words)
    return heading, mosaic.draw_mosaics([Mosaic(cells, title, captions=labels)])


def draw_pairs(file):
    data, decoded = images(file, "x"), images(file, "reconstruction")
    height, width = size(data)
    columns = min(ROW, mosaic.fit(width), len(data))
    count = min(len(data), MOST_PAIRS, columns * mosaic.fit(2 * height))
    words, labels = captions(file, ("label",), count)
    shape, limits = data.shape[1:], mosaic.shades(data[:count])
    pairs = mosaic.stacked(*(mosaic.to_cells(given[:count], shape, limits) for given in (data, decoded)))
    title = ", ".join(["examples above their reconstructions"] + told(count, len(data), "examples") + words)
    drawn = Mosaic(mosaic.in_rows(pairs, columns), title, captions=labels)
    return "Reconstructions", mosaic.draw_mosaics([drawn])


def draw_strip(file):
    data = images(file, "x")
    shown = spaced(len(data), min(ROW, mosaic.fit(size(data)[1])))
    steps = data[shown]
    ends = [f"from example {file.attrs['from']} to {file.attrs['to']}"] if "to" in file.attrs else []
    title = ", ".join(ends + told(len(shown), len(data), "steps"))
    cells = mosaic.to_cells(steps, data.shape[1:], mosaic.shades(steps))[None]
    return "Interpolation", mosaic.draw_mosaics([Mosaic(cells, title)])


def cells_of_table(data, rows, columns):
    """Row by row: a table of a thousand times a thousand need not fit into memory."""
    chosen = np.stack([data[row][columns] for row in rows])
    return mosaic.to_cells(chosen, data.shape[2:], mosaic.shades(chosen))


def coordinates(places):
    """With as many digits as it takes to tell them apart."""
    places = places.astype(np.float64)
    different = len(np.unique(places))
    digits = next((digits for digits in range(2, 9) if len(np.unique(places.round(digits))) == different), 9)
    return [f"{place:.{digits}f}" for place in places.round(digits) + 0.0]  # no -0.00


def draw_plane(file):
    """The latent plane as a textbook draws it: z_0 to the right, z_1 upwards."""
    data = images(file, "x", 2)
    height, width = size(data, 2)
    right, up = np.argsort(file["z_0"][()]), np.argsort(file["z_1"][()])
    right, up = right[spaced(len(right), mosaic.fit(width))], up[spaced(len(up), mosaic.fit(height))][::-1]
    rows, columns = coordinates(file["z_1"][()][up]), coordinates(file["z_0"][()][right])
    title = ", ".join(told(len(up), data.shape[0], "rows") + told(len(right), data.shape[1], "columns"))
    drawn = Mosaic(cells_of_table(data, up, right), title, rows, columns, x_label="z_0", y_label="z_1")
    return "Latent plane", mosaic.draw_mosaics([drawn])


def codes_along(file, axis, shown):
    """Names of the codes along an axis of the table: its values, else their places."""
    return [str(int(number)) for number in (file[axis][()][shown] if axis in file else shown)]


def draw_table(file):
    data = images(file, "x", 2)
    height, width = size(data, 2)
    rows, columns = (np.arange(min(count, mosaic.fit(side))) for count, side in zip(data.shape, (height, width)))
    source = [f"codes of {source_of(file)}"] if "like" in file.attrs else []
    title = ", ".join(source + told(len(rows), data.shape[0], "rows") + told(len(columns), data.shape[1], "columns"))
    labels = codes_along(file, "c_row", rows), codes_along(file, "z_column", columns)
    what = "example" if source else "code"
    drawn = Mosaic(cells_of_table(data, rows, columns), title, *labels, f"z of {what}", f"c of {what}")
    return "Table of codes", mosaic.draw_mosaics([drawn])


def draw_samples_or_table(file):
    if "z_0" in file and "z_1" in file:
        return draw_plane(file)
    is_table = "c_row" in file or getattr(file.get("x"), "ndim", 0) == 5
    return draw_table(file) if is_table else draw_samples(file)


def shapes(frame):
    return {kind: frame[kind].shape for kind in PICTURES_OF_A_FRAME if kind in frame}


def read_frame(file, name=""):
    """An epoch of the film: its number, and the first pictures of each kind."""
    number = re.search(r"(\d+)\.h5$", name)
    epoch = file.attrs.get("epoch", int(number[1]) if number else 0)
    frame = {"epoch": int(epoch), "count": {}}
    for kind in PICTURES_OF_A_FRAME:
        if has(file, kind):
            data = images(file, kind)
            frame[kind] = data[: min(ROW, mosaic.fit(size(data)[1]))]
            frame["count"][kind] = len(data)
    if "sampled" not in frame and "reconstruction" not in frame:
        raise NoPicture("neither samples nor reconstructions in it")
    if "reconstruction" in frame and shapes(frame).get("x") != frame["reconstruction"].shape:
        raise ReportError("/x and /reconstruction are not of the same examples")
    return frame


def draw_frames(frames, count):
    """`count` is of the epochs there are; those not among the frames are told of."""
    newest = frames[-1]
    left_out = told(len(frames), count, "epochs")
    limits = mosaic.shades(newest.get("x", newest.get("sampled")))

    def cells(kind, of):
        return [mosaic.to_cells(frame[kind], frame[kind].shape[1:], limits) for frame in of]

    def title(kind, what):
        return ", ".join((told(len(newest[kind]), newest["count"][kind], what) or [what]) + left_out)

    mosaics, epochs = [], [f"epoch {frame['epoch']}" for frame in frames]
    if "sampled" in newest:
        mosaics.append(Mosaic(np.stack(cells("sampled", frames)), title("sampled", "samples"), epochs))
    if "reconstruction" in newest:
        rows = cells("x", [newest]) + cells("reconstruction", frames)
        what = title("reconstruction", "examples and their reconstructions")
        mosaics.append(Mosaic(np.stack(rows), what, ["input", *epochs]))
    return mosaic.draw_mosaics(mosaics)


def draw_one_frame(file):
    return "Film of training", draw_frames([read_frame(file)], 1)


def draw_film(paths, warn):
    """The film of a run from its files in the order of epochs; `warn` is told of those that don't belong to it."""
    frames = []
    for path in [paths[i] for i in reversed(spaced(len(paths), MOST_EPOCHS))]:
        try:
            with opened(path) as file:
                frame = read_frame(file, path.name)
                if frames and shapes(frame) != shapes(frames[-1]):
                    raise ReportError("its pictures are not those of the newest epoch")
                frames.append(frame)
        except NoPicture:
            continue
        except ReportError as error:
            warn(error)
    if not frames:
        raise NoPicture("no pictures in these films")
    return draw_frames(frames[::-1], len(paths))


def project(codes):
    """Codes in the plane: as they are when they have two dimensions, else their first two principal components."""
    codes = np.asarray(codes, dtype=np.float64)
    if codes.shape[1] > 2:
        finite = codes[np.isfinite(codes).all(axis=1)]
        if len(finite) < 2:
            raise NoPicture("fewer than two finite codes")
        _, _, directions = np.linalg.svd(finite - finite.mean(axis=0), full_matrices=False)
        return (codes - finite.mean(axis=0)) @ directions[:2].T
    return np.pad(codes, ((0, 0), (0, 2 - codes.shape[1])))


def label_axes(axes, kind, width):
    """Two dimensions are the latent plane itself; components of more have no scale worth reading."""
    if width > 2:
        axes.set(xlabel="first principal component", ylabel="second", xticks=[], yticks=[])
        return
    axes.set_xlabel(f"{kind[0]}_0")
    if width == 2:
        axes.set_ylabel(f"{kind[0]}_1")
        axes.set_aspect("equal", adjustable="datalim")
    else:
        axes.set_yticks([])


def scatter(axes, points, label, called):
    if label is None:
        axes.scatter(points[:, 0], points[:, 1], s=3, c="#447")
        return
    known, few = label >= 0, label.max() < 10
    scale = {"cmap": "tab10", "vmin": -0.5, "vmax": 9.5} if few else {"cmap": "nipy_spectral"}
    axes.scatter(points[~known, 0], points[~known, 1], s=3, c="#ccc")
    drawn = axes.scatter(points[known, 0], points[known, 1], s=3, c=label[known], **scale)
    if few and known.any():
        handles, _ = drawn.legend_elements(num=None)
        words = [called(int(k)) for k in np.unique(label[known])]
        axes.legend(handles, words, fontsize=7, markerscale=0.6, handletextpad=0, loc="best")


def rows_of(data, shown):
    return data[()][shown] if data.nbytes <= IN_MEMORY else data[shown]


def draw_codes(file):
    """Each kind of code, once for each kind of label the file has."""
    kinds = [name for name in CODES if name in file]
    if not kinds and "index" in file:
        raise NoPicture("its codes are indices of a codebook, which lie on no plane: decode them")
    if not kinds or file[kinds[0]].shape[0] == 0:
        raise NoPicture("no codes in it")
    # at random: a stride would meet a dataset whose classes alternate in step
    shown = np.sort(np.random.default_rng(0).permutation(file[kinds[0]].shape[0])[:MOST_POINTS])
    labels = {name: rows_of(file[name], shown) for name in ("label", "pseudo_label") if name in file} or {"": None}
    figure = Figure(figsize=(4.5 * len(labels), 4.4 * len(kinds)), dpi=mosaic.DPI, layout="constrained")
    grid = figure.subplots(len(kinds), len(labels), squeeze=False)
    for row, kind in zip(grid, kinds):
        codes = rows_of(file[kind], shown)
        points = project(codes)
        for axes, (name, label) in zip(row, labels.items()):
            scatter(axes, points, label, namer(file[name]) if name else str)
            label_axes(axes, kind, codes.shape[1])
            axes.set_title(f"{kind}, coloured by {name.replace('_', '-')}" if name else kind)
    return "Codes", figure


DRAWINGS = {
    "codes": draw_codes,
    "dataset": draw_samples,
    "film": draw_one_frame,
    "interpolation": draw_strip,
    "reconstructions": draw_pairs,
    "samples": draw_samples_or_table,
}


def draw_file(path):
    """(title, figure) of a result file."""
    with opened(path) as file:
        kind = kind_of(file)
        if kind not in DRAWINGS:
            known = ", ".join(sorted(DRAWINGS))
            raise NoPicture(f"there is no picture of a file of format '{kind}', only of {known}")
        return DRAWINGS[kind](file)
