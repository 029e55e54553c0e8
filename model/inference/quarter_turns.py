"""Photographs that lie on their side, and no EXIF says so: faces are looked for in them as they are first."""

from collections.abc import Callable, Sequence

import numpy as np

from unmask.datagen.pictures.arrays import F64, U8
from unmask.datagen.pictures.pyramid import PicturePyramid

from .face_finder import SURE, FoundFace

TURNS = (1, 3, 2)

Find = Callable[[PicturePyramid, int], list[FoundFace]]


def find_upright(picture: PicturePyramid, find: Find) -> tuple[int, PicturePyramid, list[FoundFace]]:
    """Find the faces of a photograph as it is; where none is sure, of the photograph turned by quarters, too.

    Parameters
    ----------
    picture : PicturePyramid
        RGB.
    find : callable
        Finds the faces of a picture that is turned so many quarters anticlockwise.

    Returns
    -------
    quarters : int
        How often it was turned: 0 unless a turned one, and none as it is, has a sure face.
    turned : PicturePyramid
    faces : list of FoundFace
        In the turned picture.
    """
    upright = (0, picture, find(picture, 0))
    if _best(upright[2]) >= SURE:
        return upright
    tries = [upright]
    for quarters in TURNS:
        turned = PicturePyramid(quarter_turned(picture.levels[0], quarters))
        faces = find(turned, quarters)
        if _best(faces) >= SURE:
            tries.append((quarters, turned, faces))
    return max(tries, key=lambda one: _best(one[2]))


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


def _best(faces: Sequence[FoundFace]) -> float:
    return max((face.score for face in faces), default=-np.inf)
