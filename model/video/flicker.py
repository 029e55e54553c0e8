"""How much a restored clip flickers: change between frames where it was drawn, against that of visible skin."""

from dataclasses import dataclass

import cv2
import numpy as np

from unmask.datagen.pictures.arrays import F32, F64, Bools
from unmask.datagen.pictures.pyramid import Grid, PicturePyramid
from unmask.model.inference.face_mask import FaceMask

from .region import face_region

_VIEW = Grid(128, 144, 1.25, (88.5, 130.0))
_SEAM_PX = 5  # beside the map: partly drawn, neither skin nor drawn


@dataclass
class Flicker:
    """Mean absolute change from frame to frame, levels of 0..255, in the face's own frame.

    Attributes
    ----------
    drawn, skin : float
        Where the picture was drawn, and on the visible part of the same faces; NaN where there is none.
    """

    drawn: float
    skin: float


class FlickerMeter:
    """Sums up changes of faces over a clip."""

    def __init__(self) -> None:
        self._sums = np.zeros(2)
        self._counts = np.zeros(2)
        self._before: dict[int, tuple[F32, Bools, Bools]] = {}

    def add(self, done: PicturePyramid, faces: dict[int, tuple[F64, FaceMask]]) -> None:
        """Take a restored frame: of each restored face, by its track's number, frame and mask."""
        now = {number: _parts(done, *face) for number, face in faces.items()}
        for number, (crop, drawn, skin) in now.items():
            if number in self._before:
                crop_before, drawn_before, skin_before = self._before[number]
                change = np.abs(crop - crop_before).mean(2)
                for row, both in enumerate((drawn & drawn_before, skin & skin_before)):
                    self._sums[row] += change[both].sum()
                    self._counts[row] += both.sum()
        self._before = now

    @property
    def flicker(self) -> Flicker:
        """What was measured so far."""
        drawn, skin = (
            float(s / n) if n else float("nan") for s, n in zip(self._sums, self._counts, strict=True)
        )
        return Flicker(drawn, skin)


def _parts(done: PicturePyramid, frame: F64, mask: FaceMask) -> tuple[F32, Bools, Bools]:
    """The face in its own frame, where it was drawn, and where its own skin is seen."""
    matrix = _VIEW.to_picture(frame)
    crop = done.cut(matrix, _VIEW.width, _VIEW.height).astype(np.float32)
    map_ = mask.cut(matrix, _VIEW.width, _VIEW.height)
    near = cv2.dilate(map_, np.ones((2 * _SEAM_PX + 1,) * 2, np.uint8)) > 0
    return crop, map_ == 255, _FACE & ~near


_FACE = face_region(_VIEW) > 0
