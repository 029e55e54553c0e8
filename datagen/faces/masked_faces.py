"""Where a photograph may show a face, masked or bare: guesses that are looked at again, so better too many.

dlib's HOG detector wants a whole face and finds less than half of the masked ones at its own threshold. Eyes and
forehead still answer, only more weakly: it is asked for everything above a lower one, on a picture with a border,
so that a face that fills the picture has the surroundings that the detector knows.
"""

from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.pictures.pyramid import PicturePyramid

from .dlib_models import DlibModels
from .frame import FRAME_BOX, place_frame

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

SEARCHED_SIDES_PX = (320, 1000)  # longer sides at which HOG's smallest face, 80 px, is a quarter or a twelfth
BORDER = 0.25  # of the longer side
LOWEST_SCORE = -0.4
MOST_GUESSES = 12
_FINEST = 2.0  # a picture is enlarged no further


class FaceGuesser:
    """Asks dlib's detector for everything that may be a face; loads its model when first asked."""

    @cached_property
    def _models(self) -> DlibModels:
        return DlibModels()

    def guess(self, picture: PicturePyramid) -> list[tuple[F64, float]]:
        """Return frames of aligned CelebA on the picture with the detector's scores, the best first.

        Parameters
        ----------
        picture : PicturePyramid
            RGB.

        Returns
        -------
        list of (float64 (2, 3), float)
            Upright frames, at most 12; many of them are no faces.
        """
        height, width = picture.levels[0].shape[:2]
        found = []
        for side in SEARCHED_SIDES_PX:
            if side <= _FINEST * max(height, width):
                found += self._at_size(*picture.shrunk(side))
        return sorted(found, key=lambda guess: -guess[1])[:MOST_GUESSES]

    def _at_size(self, small_rgb: U8, factor: float) -> list[tuple[F64, float]]:
        gray = np.asarray(cv2.cvtColor(small_rgb, cv2.COLOR_RGB2GRAY), np.uint8)
        border = round(BORDER * max(gray.shape))
        framed = np.asarray(
            cv2.copyMakeBorder(gray, border, border, border, border, cv2.BORDER_REPLICATE), np.uint8
        )
        guesses = []
        for box, score in self._models.hog(framed, threshold=LOWEST_SCORE):
            centre = ((box.x - border + 0.5) * factor - 0.5, (box.y - border + 0.5) * factor - 0.5)
            guesses.append((place_frame(centre, box.width * factor), score))
        return guesses


def frame_above_mask(x: float, y: float, side_px: float) -> F64:
    """Return the upright frame of a face whose mask has its middle at x, y and an area of ``side_px`` squared.

    From 399 drawn masks on aligned CelebA: middle at (88.5, 158), side 61 of the frame's 178 pixels.
    """
    width = side_px / MASK_SIDE * FRAME_BOX.width
    return place_frame((x, y - (MASK_Y - FRAME_BOX.y) * side_px / MASK_SIDE), width)


MASK_SIDE, MASK_Y = 61.0, 158.0  # the frame's pixels: root of the area of a mask, its middle
