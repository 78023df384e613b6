"""Many pictures as one image, each of their pixels drawn as a whole number of pixels of the screen."""
import math
from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure

DPI = 110
WIDTH, HEIGHT = 960, 800  # of the screen, in pixels
LARGEST = 6  # pixels of the screen along a pixel of a picture
GAP = 1  # around every picture, in pixels of the pictures
SHADE = 225
NOT_A_NUMBER = (200, 0, 0)
CAPTION, MARGIN, LABELS, TITLE = 12, 6, 80, 24  # room for text, in pixels of the screen


@dataclass
class Mosaic:
    """cells (rows, columns, height, width, 3), uint8. Text: `rows` from the top, `captions` in reading order."""

    cells: np.ndarray
    title: str = ""
    rows: list = field(default_factory=list)
    columns: list = field(default_factory=list)
    x_label: str = ""
    y_label: str = ""
    captions: list = field(default_factory=list)


def fit(side, room=WIDTH):
    """How many pictures of this side there is room for."""
    return max(1, room // (side + GAP))


def image_shape(shape):
    """Height, width and colours of an example as a picture, or None when it is none."""
    if len(shape) == 1:
        side = math.isqrt(shape[0])
        shape = (side, side, 1) if side * side == shape[0] else (0,)
    elif len(shape) == 2:
        shape = (*shape, 1)
    elif len(shape) == 3:
        shape = (shape[1], shape[2], shape[0])
    return tuple(shape) if len(shape) == 3 and shape[2] in (1, 3) and min(shape) > 0 else None


def shades(values):
    """What black and white stand for: the range of the values, and 0 to 1 at least."""
    if values.dtype == np.uint8:
        return 0.0, 255.0
    values = values[np.isfinite(values)].astype(np.float64)
    return min(0.0, values.min(initial=0)), max(1.0, values.max(initial=1))


def to_cells(examples, shape, limits):
    """Examples (..., shape) as pictures (..., height, width, 3), uint8."""
    leading = examples.shape[: examples.ndim - len(shape)]
    height, width, colours = image_shape(shape)
    low, high = limits
    values = examples.astype(np.float64).reshape(-1, colours, height, width)
    known = np.isfinite(values).all(axis=1)
    values = np.where(known[:, None], (values - low) / (high - low), 0)
    pictures = np.repeat(np.moveaxis(np.clip(values, 0, 1), 1, 3), 3 // colours, axis=3)
    pictures = np.rint(255 * pictures).astype(np.uint8)
    pictures[~known] = NOT_A_NUMBER
    return pictures.reshape(*leading, height, width, 3)


def in_rows(pictures, columns):
    """A list of pictures in reading order; what is left of the last row is empty."""
    rows = math.ceil(len(pictures) / columns)
    empty = np.full((rows * columns - len(pictures), *pictures.shape[1:]), SHADE, np.uint8)
    return np.concatenate([pictures, empty]).reshape(rows, columns, *pictures.shape[1:])


def stacked(above, below):
    """Pairs of pictures, one above the other, nearer to each other than to the next pair."""
    gap = np.full((*above.shape[:-3], GAP, *above.shape[-2:]), SHADE, np.uint8)
    return np.concatenate([gap, gap, above, gap, below], axis=-3)


def zoom_of(mosaic):
    rows, columns, height, width, _ = mosaic.cells.shape
    return max(1, min(LARGEST, WIDTH // (columns * (width + GAP)), HEIGHT // (rows * (height + GAP))))


def to_image(mosaic, band):
    """The cells with the gaps, and a band above each row for captions."""
    rows, columns, height, width, _ = mosaic.cells.shape
    canvas = np.full((rows, band + GAP + height, columns, GAP + width, 3), SHADE, np.uint8)
    canvas[:, band + GAP :, :, GAP:] = mosaic.cells.swapaxes(1, 2)
    canvas = canvas.reshape(rows * canvas.shape[1], columns * canvas.shape[3], 3)
    return np.pad(canvas, ((0, GAP), (0, GAP), (0, 0)), constant_values=SHADE)


def write_captions(axes, mosaic, band):
    _, columns, height, width, _ = mosaic.cells.shape
    for place, caption in enumerate(mosaic.captions):
        row, column = divmod(place, columns)
        x, y = column * (width + GAP) + GAP + width / 2, row * (band + GAP + height) + band / 2
        axes.text(x - 0.5, y - 0.5, caption, fontsize=6, ha="center", va="center")


def some(labels, room, needed):
    """(place, label) of as many labels as there is room for, evenly spaced from the first."""
    step = max(1, math.ceil(needed / room))
    return [(place, label) for place, label in enumerate(labels) if place % step == 0]


def write_labels(axes, mosaic, band, zoom):
    _, _, height, width, _ = mosaic.cells.shape
    down, right = band + GAP + height, GAP + width
    rows = some(mosaic.rows, zoom * down, 14)
    columns = some(mosaic.columns, zoom * right, 9 + 7 * max(map(len, mosaic.columns), default=0))
    axes.set_yticks([place * down + band + GAP + height / 2 - 0.5 for place, _ in rows], [text for _, text in rows])
    axes.set_xticks([place * right + GAP + width / 2 - 0.5 for place, _ in columns], [text for _, text in columns])
    axes.tick_params(length=2 if mosaic.columns else 0, labelsize=8)
    axes.set_xlabel(mosaic.x_label, fontsize=9)
    axes.set_ylabel(mosaic.y_label, fontsize=9)
    axes.set_title(mosaic.title, fontsize=9, loc="left", pad=4)
    axes.spines[:].set_visible(False)


def draw_mosaics(mosaics):
    """A figure of mosaics below each other, of one scale."""
    zoom = min(zoom_of(mosaic) for mosaic in mosaics)
    bands = [math.ceil(CAPTION / zoom) if any(mosaic.captions) else 0 for mosaic in mosaics]
    images = [to_image(mosaic, band) for mosaic, band in zip(mosaics, bands)]
    left = LABELS if any(mosaic.rows or mosaic.y_label for mosaic in mosaics) else MARGIN
    above = [TITLE if mosaic.title else MARGIN for mosaic in mosaics]
    below = [2 * TITLE if mosaic.columns or mosaic.x_label else MARGIN for mosaic in mosaics]
    text = max(len(mosaic.title) for mosaic in mosaics) * 8
    width = left + max(text, *(zoom * image.shape[1] for image in images)) + MARGIN
    height = sum(above) + sum(below) + sum(zoom * image.shape[0] for image in images)
    # the canvas has the integer part of its size: a hundredth of a pixel keeps it from losing one to rounding
    figure = Figure(figsize=((width + 0.01) / DPI, (height + 0.01) / DPI), dpi=DPI)
    place = height
    for mosaic, band, image, over, under in zip(mosaics, bands, images, above, below):
        tall, wide = zoom * image.shape[0], zoom * image.shape[1]
        place -= over + tall
        # not resampled: imshow would make some pixels larger than others; below the axes, which bear the text
        figure.figimage(image.repeat(zoom, axis=0).repeat(zoom, axis=1), left, place, zorder=-1)
        axes = figure.add_axes((left / width, place / height, wide / width, tall / height), facecolor="none")
        axes.set(xlim=(-0.5, image.shape[1] - 0.5), ylim=(image.shape[0] - 0.5, -0.5))
        write_captions(axes, mosaic, band)
        write_labels(axes, mosaic, band, zoom)
        place -= under
    return figure
