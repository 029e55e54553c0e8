"""Photographs that lie on their side, and no EXIF says so: faces are looked for in them as they are first."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from unmask.datagen.pictures.arrays import F64, U8
from unmask.datagen.pictures.pyramid import PicturePyramid

from .face_finder import SURE, FoundFace

TURNS = (1, 3, 2)

Find = Callable[[PicturePyramid, int], list[FoundFace]]


@dataclass(frozen=True, eq=False)
class View:
    """A photograph in one position, and the faces that are found in it.

    Attributes
    ----------
    quarters : int
        How often it is turned anticlockwise by 90 degrees; 0 is as it was given.
    picture : PicturePyramid
    faces : list of FoundFace
        In the turned picture.
    """

    quarters: int
    picture: PicturePyramid
    faces: list[FoundFace]

    @property
    def score(self) -> float:
        """Of its surest face."""
        return max((face.score for face in self.faces), default=-np.inf)


def find_views(picture: PicturePyramid, find: Find) -> list[View]:
    """Find the faces of a photograph as it is; where none is sure, of the photograph turned by quarters, too.

    Parameters
    ----------
    picture : PicturePyramid
        RGB.
    find : callable
        Finds the faces of a picture that is turned so many quarters anticlockwise.

    Returns
    -------
    list of View
        The one with the surest face first. The photograph as it is is always among them, others where they have a
        sure face and it has none.
    """
    views = [View(0, picture, find(picture, 0))]
    if views[0].score >= SURE:
        return views
    for quarters in TURNS:
        turned = PicturePyramid(quarter_turned(picture.levels[0], quarters))
        view = View(quarters, turned, find(turned, quarters))
        if view.score >= SURE:
            views.append(view)
    return sorted(views, key=lambda view: -view.score)


def quarter_turned(image: U8, quarters: int) -> U8:
    """Turn a picture or map (h, w, ...) anticlockwise; a multiple of four leaves it as it is."""
    return np.ascontiguousarray(np.rot90(image, quarters))


def frame_turned_back(frame: F64, quarters: int, width: int, height: int) -> F64:
    """Return a face's frame in the photograph from the one in the photograph turned by `quarter_turned`.

    Parameters
    ----------
    frame : float64 (2, 3)
    quarters : int
    width, height : int
        Of the photograph as it is.
    """
    right, bottom = width - 1.0, height - 1.0
    back = {
        0: [[1, 0, 0], [0, 1, 0]],
        1: [[0, -1, right], [1, 0, 0]],
        2: [[-1, 0, right], [0, -1, bottom]],
        3: [[0, 1, 0], [-1, 0, bottom]],
    }[quarters % 4]
    return np.asarray(np.array(back, np.float64) @ np.vstack([frame, [0.0, 0.0, 1.0]]), np.float64)
