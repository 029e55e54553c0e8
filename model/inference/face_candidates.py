"""Where a photograph may show faces, as the finder sees it at several sizes; each is looked at again afterwards."""

from itertools import chain
from typing import Protocol

import cv2
import numpy as np

from unmask.datagen.faces.frame import frame_distance, snapped
from unmask.datagen.pictures.arrays import F32, F64, U8
from unmask.datagen.pictures.pyramid import PicturePyramid
from unmask.model.common.limits import MULTIPLE_PX
from unmask.model.networks.finder_answer import decode

# Longer sides at which a photograph is shown. The network knows face boxes of 13 to 140 px: each face is seen at
# two sizes or more, but for those that are smaller than a twentieth of the photograph.
SIDES_PX = (448, 224, 112)
# Around the smallest: a face that fills the photograph then has surroundings, as those that the network knows.
BORDER_PX = 32
LEAST = 0.1  # probability
MOST_EACH, MOST = 32, 48
_FINEST = 2.0  # a picture is enlarged no further
_SAME = 0.35  # eye distances between two candidates for one face


class FinderModule(Protocol):
    """A trained `unmask.model.networks.finder_net.FinderNet`."""

    def cells(self, picture: U8) -> F32:
        """What it says of one picture, uint8 (h, w, 3), sides multiples of 16: (6, h / 8, w / 8)."""


def face_candidates(finder: FinderModule, picture: PicturePyramid) -> list[tuple[F64, float]]:
    """Return frames of aligned CelebA on a photograph with their probabilities, the best first.

    Parameters
    ----------
    finder : FinderModule
    picture : PicturePyramid
        RGB.

    Returns
    -------
    list of (float64 (2, 3), float)
        At most 48; some of them are no faces.
    """
    longer = max(picture.levels[0].shape[:2])
    sides = [side for side in SIDES_PX if side <= _FINEST * longer] or [SIDES_PX[-1]]
    shown = [(*picture.shrunk(side), BORDER_PX if side == SIDES_PX[-1] else 0) for side in sides]
    found = chain.from_iterable(_at_size(finder, *one) for one in shown)
    kept: list[tuple[F64, float]] = []
    for frame, score in sorted(found, key=lambda one: -one[1]):
        if all(frame_distance(other, frame) > _SAME for other, _ in kept):
            kept.append((frame, score))
    return kept[:MOST]


def _at_size(finder: FinderModule, small_rgb: U8, factor: float, border: int) -> list[tuple[F64, float]]:
    height, width = small_rgb.shape[:2]
    below, right = border + -height % MULTIPLE_PX, border + -width % MULTIPLE_PX
    padded = cv2.copyMakeBorder(small_rgb, border, below, border, right, cv2.BORDER_REPLICATE)
    frames = []
    for frame, score in decode(finder.cells(np.asarray(padded, np.uint8)), LEAST, MOST_EACH):
        there = frame * factor
        there[:, 2] = (frame[:, 2] - border + 0.5) * factor - 0.5
        frames.append((snapped(np.asarray(there, np.float64)), score))
    return frames
