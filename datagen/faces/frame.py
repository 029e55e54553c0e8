"""The frame of aligned CelebA, and the similarity that takes it onto a face of a photograph."""

import numpy as np
from numpy.typing import NDArray

from .crop import FaceBox

F64 = NDArray[np.float64]

FRAME_SIZE = (178, 218)  # width, height of img_align_celeba
FRAME_EYE_DIST_PX = 38.0  # mean distance of the eyes' centres there
FRAME_BOX = FaceBox(90.5, 131.0, 90.0)  # where dlib's detectors see the face there

# dlib's 68 points in aligned CelebA: means over 822 pictures of all splits, left and right made equal (they differ
# by 0.3 px at most). Eyes at y 112, 38 px apart.
FRAME_POINTS: F64 = np.array(
    [
        # jaw, picture left to right
        *[(44.9, 113.3), (45.2, 124.8), (46.6, 136.4), (48.9, 147.7), (53.1, 158.3), (59.9, 167.6)],
        *[(68.3, 175.4), (77.8, 181.7), (88.5, 183.6), (99.2, 181.7), (108.7, 175.4), (117.1, 167.6)],
        *[(123.9, 158.3), (128.1, 147.7), (130.4, 136.4), (131.8, 124.8), (132.1, 113.3)],
        # brows
        *[(53.3, 104.1), (58.9, 99.7), (66.3, 98.5), (73.9, 99.6), (81.1, 102.6)],
        *[(95.9, 102.6), (103.1, 99.6), (110.7, 98.5), (118.1, 99.7), (123.7, 104.1)],
        # nose
        *[(88.5, 111.4), (88.5, 118.9), (88.5, 126.4), (88.5, 134.1)],
        *[(80.2, 139.1), (84.2, 140.7), (88.5, 142.0), (92.8, 140.7), (96.8, 139.1)],
        # eyes
        *[(62.1, 112.5), (66.8, 109.7), (72.4, 109.8), (77.3, 113.5), (72.0, 114.5), (66.4, 114.4)],
        *[(99.7, 113.5), (104.6, 109.8), (110.2, 109.7), (114.9, 112.5), (110.6, 114.4), (105.0, 114.5)],
        # lips, outer then inner
        *[(71.5, 152.8), (77.7, 150.1), (84.0, 148.8), (88.5, 149.9), (93.0, 148.8), (99.3, 150.1)],
        *[(105.5, 152.8), (99.5, 159.3), (93.4, 162.1), (88.5, 162.7), (83.6, 162.1), (77.5, 159.3)],
        *[(74.2, 153.3), (84.0, 152.7), (88.5, 153.1), (93.0, 152.7), (102.8, 153.3)],
        *[(93.1, 156.2), (88.5, 156.8), (83.9, 156.2)],
    ],
    np.float64,
)
# Two points for the eyes and one for the mouth's middle: where frames are compared.
FRAME_CORNERS: F64 = np.array([[69.5, 112.4], [107.5, 112.4], [88.5, 154.7]])
MASK_SIDE, MASK_Y = 61.0, 158.0  # of 399 drawn masks there: root of the area, height of the middle
# Eyes are seen, brows move, and what a mask covers is the predictor's guess: a good one, since it follows from the
# turn of the head, and without it the frame of a face seen from the side would be too small.
_SNAP = 2.0**-10  # of the face box: of its width, and of the logarithm of that
_WEIGHTS = np.repeat([0.3, 0.3, 0.5, 1.0, 0.3], [17, 10, 9, 12, 20])


def fit_frame(points: NDArray[np.floating]) -> F64:
    """Return the similarity from the frame to the picture that takes the mean face to 68 points.

    Weighted least squares (Umeyama 1991 without reflection). On aligned CelebA itself, where the answer is the
    identity, it is off by 0.036 eye distances (median; 90 %: 0.069).

    Parameters
    ----------
    points : (68, 2)
        Pixels of the picture.

    Returns
    -------
    float64 (2, 3)
        Frame x, y, 1 to picture x, y; pixel centres are integers in both.
    """
    weight = _WEIGHTS / _WEIGHTS.sum()
    seen = np.asarray(points, np.float64)
    frame_mean, seen_mean = weight @ FRAME_POINTS, weight @ seen
    a, b = FRAME_POINTS - frame_mean, seen - seen_mean
    along = weight @ (a * b).sum(1)
    across = weight @ (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    return similarity(along, across, weight @ (a**2).sum(1), frame_mean, seen_mean)


def similarity(along: float, across: float, norm: float, source: F64, target: F64) -> F64:
    """Return the (2, 3) similarity by ((along, -across), (across, along)) / norm that takes source to target."""
    turn = np.array([[along, -across], [across, along]]) / norm
    return np.column_stack([turn, target - turn @ source])


def place_frame(centre: tuple[float, float], width_px: float, turn_deg: float = 0.0) -> F64:
    """Return the frame whose face box is ``width_px`` wide, its centre there, leaning ``turn_deg`` clockwise."""
    scale, angle = width_px / FRAME_BOX.width, np.radians(turn_deg)
    along, across = float(scale * np.cos(angle)), float(scale * np.sin(angle))
    return similarity(
        along, across, 1.0, np.array([FRAME_BOX.x, FRAME_BOX.y]), np.asarray(centre, np.float64)
    )


def snapped(frame: F64) -> F64:
    """Return the nearest of a grid of frames, which is less than a tenth of a pixel of the frame away.

    A network's answer differs in its last bits with the number of threads and with what runs it; looked at again
    and again, that would grow to pixels of another level. Of frames on a grid nearly all are the same to the bit.
    """
    box = frame_box(frame)
    octaves = float(np.round(np.log2(box.width) / _SNAP) * _SNAP)
    step = 2.0 ** np.floor(octaves) * _SNAP
    x, y = (float(np.round(value / step) * step) for value in (box.x, box.y))
    return place_frame((x, y), 2.0**octaves, float(np.round(frame_turn_deg(frame) * 16) / 16))


def frame_above_mask(x: float, y: float, side_px: float) -> F64:
    """Return the upright frame of a face whose mask has its middle at x, y and an area of ``side_px`` squared."""
    width = side_px / MASK_SIDE * FRAME_BOX.width
    return place_frame((x, y - (MASK_Y - FRAME_BOX.y) * side_px / MASK_SIDE), width)


def frame_box(frame: F64) -> FaceBox:
    """Return where the face box of a frame lies in the picture, upright."""
    return FRAME_BOX.moved(frame)


def frame_scale(frame: F64) -> float:
    """Pixels of the picture for one of the frame."""
    return float(np.hypot(frame[0, 0], frame[1, 0]))


def frame_turn_deg(frame: F64) -> float:
    """How far the face leans clockwise, degrees."""
    return float(np.degrees(np.arctan2(frame[1, 0], frame[0, 0])))


def frame_corners(frame: F64) -> F64:
    """Where eyes and mouth lie in the picture, (3, 2)."""
    there: F64 = FRAME_CORNERS @ frame[:, :2].T + frame[:, 2]
    return there


def frame_distance(frame: F64, other: F64) -> float:
    """Mean distance of eyes and mouth between two frames, in eye distances of the first."""
    gaps = frame_corners(frame) - frame_corners(other)
    return float(np.hypot(*gaps.T).mean() / (FRAME_EYE_DIST_PX * max(frame_scale(frame), 1e-9)))
