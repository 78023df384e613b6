"""Sets of points in the plane as pictures, so that all drawings of pictures draw them too."""
import numpy as np

SIDE = 56  # of a picture: twice that of the images which points are mostly made of
MOST = 1000000  # points looked at for the frame


class NotInThePlane(Exception):
    """Points of other than two coordinates have no picture."""


def points_name(name):
    """Where the points of these pictures are: "x" -> "points", "reconstruction" -> "reconstruction_points"."""
    return "points" if name == "x" else f"{name}_points"


class Scatters:
    """Looks like an array (N, 1, SIDE, SIDE): a dot for each point, the first coordinate downwards, the second to the right."""

    def __init__(self, file, name):
        self.points = file[points_name(name)]
        if self.points.ndim != 2 or self.points.shape[1] != 2:
            raise NotInThePlane(f"/{points_name(name)} has no points of two coordinates, in the plane")
        self.offset = file[points_name(name).replace("points", "offset")][()]
        self.shape = (len(self.offset) - 1, 1, SIDE, SIDE)
        self.ndim = len(self.shape)
        # the same frame for sets that belong together: that of the examples where there are such
        known = file["points"] if "points" in file else self.points
        self.low, self.high = self.frame(known[:MOST])

    @staticmethod
    def frame(points):
        """0 to 1, or a square about what lies beyond."""
        finite = points[np.isfinite(points).all(axis=1)].astype(np.float64)
        if len(finite) == 0 or (finite.min() >= 0 and finite.max() <= 1):
            return np.zeros(2), np.ones(2)
        middle = (finite.min(axis=0) + finite.max(axis=0)) / 2
        half = max((finite.max(axis=0) - finite.min(axis=0)).max() / 2, 1e-6)
        return middle - half, middle + half

    def __len__(self):
        return self.shape[0]

    def draw(self, i):
        picture = np.zeros((1, SIDE, SIDE), np.float32)
        points = self.points[self.offset[i] : self.offset[i + 1]].astype(np.float64)
        places = (points[np.isfinite(points).all(axis=1)] - self.low) / (self.high - self.low)
        places = np.clip(places[((places >= 0) & (places <= 1)).all(axis=1)] * SIDE, 0, SIDE - 1).astype(np.int64)
        picture[0, places[:, 0], places[:, 1]] = 1
        return picture

    def __getitem__(self, which):
        numbers = np.arange(len(self))[which]
        return np.stack([self.draw(i) for i in numbers]) if len(numbers) > 0 else np.zeros((0, 1, SIDE, SIDE), np.float32)
