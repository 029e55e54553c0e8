"""What the finder's answer says, in numbers of faces, and what it should say of them. Imports no torch."""

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.faces.frame import FRAME_BOX, frame_scale, frame_turn_deg, similarity
from unmask.datagen.pictures.arrays import F32, F64

STRIDE = 8  # pixels of a cell of the answer
CENTRE = np.array([88.5, FRAME_BOX.y])  # of a face in its frame; a mirrored face has it there, too
USUAL_PX = 32.0  # width of a face box whose size is answered as 0
OUTPUTS = 6


def decode(answer: F32, least: float, most: int) -> list[tuple[F64, float]]:
    """Return the faces that an answer of `FinderNet` to one picture tells, the best first.

    Parameters
    ----------
    answer : float32 (6, h, w)
    least : float
        Probability in [0, 1] below which there is none.
    most : int
        How many, at most.

    Returns
    -------
    list of (float64 (2, 3), float)
        Frames of aligned CelebA in pixels of the picture that the network saw, with their probabilities.
    """
    heat = 1 / (1 + np.exp(-np.clip(answer[0], -80, 80)))  # beyond that exp overflows, and no digit changes
    around = cv2.dilate(heat, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE)
    rows, columns = np.nonzero((heat == around) & (heat >= least))
    order = np.argsort(-heat[rows, columns], kind="stable")[:most]
    rows, columns = rows[order], columns[order]
    scores = heat[rows, columns].tolist()
    values = answer[1:, rows, columns].T.astype(np.float64)
    places = np.stack([columns, rows], 1)
    return [(_frame(place, value), score) for place, value, score in zip(places, values, scores, strict=True)]


def _frame(cell: NDArray[np.integer], value: F64) -> F64:
    x, y, size, cosine, sine = value
    scale = USUAL_PX * 2 ** float(np.clip(size, -3, 4)) / FRAME_BOX.width
    norm = max(float(np.hypot(cosine, sine)), 1e-6) / scale
    middle = cell_middles(cell) + STRIDE * np.array([x, y])
    return similarity(float(cosine), float(sine), norm, CENTRE, middle)


def cell_middles(cells: NDArray[np.integer]) -> F64:
    """Where the middles of cells lie, in pixels of the picture: (..., 2) -> (..., 2)."""
    return np.asarray(STRIDE * cells + (STRIDE - 1) / 2, np.float64)


def encode(frame: F64) -> tuple[F64, F64]:
    """Return what the network should say of a frame: its middle (2,) in pixels; size, cosine, sine (3,)."""
    middle = frame[:, :2] @ CENTRE + frame[:, 2]
    size = np.log2(frame_scale(frame) * FRAME_BOX.width / USUAL_PX)
    turn = np.radians(frame_turn_deg(frame))
    return middle, np.array([size, np.cos(turn), np.sin(turn)])
