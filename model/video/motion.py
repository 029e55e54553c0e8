"""How a face moves from one frame to the next, and where a clip cuts to another scene."""

import cv2
import numpy as np

from unmask.datagen.pictures.arrays import F32, F64, U8
from unmask.datagen.pictures.pyramid import Grid, PicturePyramid

from .region import face_region

_VIEW = Grid(
    96, 112, 1.6, (88.5, 130.0)
)  # of a face: what it moves by is seen on this many pixels, whatever its size
_POINTS, _LEAST_POINTS, _LEAST_SHARE = 80, 8, 0.4
_GROWN_PX = 6  # the face's outline, so that its own edge counts and the background beside it does not
_REACH_PX, _LEVELS = 15, 3
_STRAY_PX = 1.0  # a point that moves by so much more than the face does not count

_SMALL = (64, 36)
_BINS = 16
_CUT = 0.4  # share of the colours that changes at a cut; pans and zooms of photographs: below 0.1


def face_motion(before: PicturePyramid, now: PicturePyramid, frame: F64) -> F64:
    """Return where the frame of a face has moved to, by sparse optical flow (Lucas-Kanade) on the face.

    Parameters
    ----------
    before, now : PicturePyramid
        RGB, of one size.
    frame : float64 (2, 3)
        Of the face in ``before``.

    Returns
    -------
    float64 (2, 3)
        ``frame`` itself where too little is seen to tell.
    """
    matrix = _VIEW.to_picture(frame)
    first, second = (_grey(picture.cut(matrix, _VIEW.width, _VIEW.height)) for picture in (before, now))
    points = cv2.goodFeaturesToTrack(first, _POINTS, 0.01, 4, mask=_FACE)
    if points is None or len(points) < _LEAST_POINTS:
        return frame
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        first, second, points, None, winSize=(_REACH_PX, _REACH_PX), maxLevel=_LEVELS
    )
    kept = found[:, 0] == 1
    if kept.sum() < _LEAST_POINTS:
        return frame
    motion, inliers = cv2.estimateAffinePartial2D(
        points[kept], there[kept], ransacReprojThreshold=_STRAY_PX, confidence=0.99
    )
    if motion is None or inliers.sum() < max(_LEAST_POINTS, _LEAST_SHARE * kept.sum()):
        return frame
    moved: F64 = _square(matrix) @ _square(motion) @ np.linalg.inv(_square(matrix)) @ _square(frame)
    return moved[:2]


def is_cut(before: F32, now: F32) -> bool:
    """Whether two frames are of different scenes, by what `colours` says of them."""
    return bool(np.abs(before - now).sum() / 2 > _CUT)


def colours(image_rgb: U8) -> F32:
    """Shares of the colours of a frame, float32 (n,): a histogram of each channel."""
    small = cv2.resize(image_rgb, _SMALL, interpolation=cv2.INTER_AREA)
    counts = [
        np.bincount(small[..., channel].ravel() // (256 // _BINS), minlength=_BINS) for channel in range(3)
    ]
    return np.asarray(np.concatenate(counts) / (3 * small[..., 0].size), np.float32)


def _grey(image_rgb: U8) -> U8:
    return np.asarray(cv2.cvtColor(image_rgb, cv2.COLOR_RGB2GRAY), np.uint8)


def _square(matrix: F64) -> F64:
    return np.vstack([matrix, (0.0, 0.0, 1.0)])


_OUTLINE = np.ones((2 * _GROWN_PX + 1,) * 2, np.uint8)
_FACE = np.asarray(cv2.dilate(face_region(_VIEW), _OUTLINE), np.uint8)
