"""Several looks of the Map Module at one face, closer and from further away, as one."""

from collections.abc import Sequence

import cv2
import numpy as np

from unmask.datagen.pictures.arrays import F32, F64, U8
from unmask.datagen.pictures.pyramid import Grid, PicturePyramid

from .aligned import STRAP_ZOOM, FaceModule, Seen, look_at, see_closer
from .photo_patch import MIDDLE, work_grid
from .strap_mask import joined_straps

# The Map Module looks at the crop, closer, and from further away: scale, and row of the frame in the middle. The
# closer look was worth 0.005 to 0.01 of IoU on 40 real photographs with drawn maps (docs/results.md).
LOOKS = ((1.0, MIDDLE[1]), (0.87, MIDDLE[1]), (1.18, 130.0))
SEEN = 0.5  # nothing is mask where no pixel has as much: its straps need no closer look
LEAST_VIEW_PX = 32  # what is left of a crop inside the photograph is shown alone where it is larger


def see_face(module: FaceModule, picture: PicturePyramid, frame: F64) -> Seen:
    """Return what the Map Module sees of a face.

    The body is the mean of several looks, on `work_grid` of the module's width; so are straps, joined with a closer
    look on `strap_grid`. Crops end where the photograph does: a close-up that is mirrored beyond its edges has eyes
    below its mask, and one whose edges are repeated has something like a scarf there.
    """
    grid, fine = work_grid(module.side), strap_grid(module.side)
    size = picture.levels[0].shape[1::-1]
    views = [Grid(grid.width, grid.height, scale * grid.step, (MIDDLE[0], row)) for scale, row in LOOKS]
    *views, closer = [_inside(view, frame, size) for view in (*views, fine)]
    seen = look_at(module, [_cut(picture, frame, view) for view in views])
    body = _mean([_laid(one.body, view, grid) for one, view in zip(seen, views, strict=True)])
    usual = [
        _laid(one.straps, view, fine) for one, view in zip(seen, views, strict=True) if one.straps is not None
    ]
    if not usual or body.max() < SEEN:
        return Seen(body, _mean(usual) if usual else None)
    (thin,) = see_closer(module, [_cut(picture, frame, closer)])
    return Seen(body, joined_straps(_mean(usual), _laid(thin, closer, fine)))


def _mean(parts: Sequence[F32]) -> F32:
    return np.asarray(np.mean(parts, axis=0), np.float32)


def strap_grid(side: int) -> Grid:
    """Return where straps are looked for by a network that works ``side`` pixels wide: half as far apart."""
    return work_grid(STRAP_ZOOM * side)


def _cut(picture: PicturePyramid, frame: F64, view: Grid) -> U8:
    return picture.cut(view.to_picture(frame), view.width, view.height, border=cv2.BORDER_REPLICATE)


def _inside(view: Grid, frame: F64, size: tuple[int, ...]) -> Grid:
    """The part of a view that a photograph of ``size`` (width, height) fills, its corners where the face leans."""
    right, bottom = size[0] - 1, size[1] - 1
    corners = np.array([(0, 0, 1), (right, 0, 1), (right, bottom, 1), (0, bottom, 1)], np.float64)
    there = corners @ cv2.invertAffineTransform(view.to_picture(frame)).T
    last = np.array([view.width - 1, view.height - 1])
    low = np.clip(np.ceil(there.min(0)), 0, last).astype(int)
    high = np.clip(np.floor(there.max(0)), 0, last).astype(int)
    if (high - low < LEAST_VIEW_PX).any():
        return view
    centre = np.array(view.centre) + view.step * ((low + high) - last) / 2
    width, height = (high - low + 1).tolist()
    return Grid(width, height, view.step, (float(centre[0]), float(centre[1])))


def _laid(probabilities: F32, view: Grid, grid: Grid) -> F32:
    """Carry what was seen on one grid of a face to another."""
    first, there = (each.to_picture(np.eye(2, 3)) for each in (view, grid))
    matrix = np.column_stack([np.eye(2) * (grid.step / view.step), (there[:, 2] - first[:, 2]) / view.step])
    flags, size = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, (grid.width, grid.height)
    laid = cv2.warpAffine(probabilities, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(laid, np.float32)
