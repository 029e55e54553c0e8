"""What is seen and drawn of one face, made steady over time, in the face's own frame."""

import math
from dataclasses import dataclass, field

import cv2
import numpy as np

from unmask.datagen.pictures.arrays import F32, F64, U8
from unmask.datagen.pictures.pyramid import PicturePyramid
from unmask.model.inference.aligned import FaceModule, Seen
from unmask.model.inference.face_looks import see_face
from unmask.model.inference.face_mask import FaceMask, beside_face, mask_of
from unmask.model.inference.photo_patch import work_grid

from .region import face_region
from .turning import Turning

MEMORY_S = 0.16  # a frame counts by 1/e after that time, where nothing changes
# Change of a pixel of the face from frame to frame, levels: what noise and resampling do, and what makes the past
# worthless. Over a few pixels of the face.
NOISE, ALL_NEW, AROUND_PX = 5.0, 40.0, 9
SLACK = 0.12  # of the mean probability of a mask, on a face that wore one a moment ago
CHANGES_MIND = 3  # frames in a row that say otherwise


@dataclass(eq=False)
class SteadyFace:
    """The memory of one face.

    Attributes
    ----------
    share : float
        How much of the next frame is taken where nothing changes, as `share_of` has it; 1 remembers nothing.
    """

    share: float
    _crop: F32 | None = None
    _seen: Seen | None = None
    _good: Seen | None = None
    _raw: F32 | None = None
    _fresh: F32 | None = None
    _masked: bool | None = None
    _otherwise: int = 0
    _turning: Turning = field(init=False)

    def __post_init__(self) -> None:
        self._turning = Turning(self.share)

    def mask(self, module: FaceModule, picture: PicturePyramid, frame: F64) -> FaceMask | None:
        """Find the mask in the next frame: as `unmask.model.inference.face_mask.segment_face`, and steady."""
        seen = see_face(module, picture, frame)
        self._look(picture, frame, seen.body.shape[1])
        if self._seen is not None and self._fresh is not None:
            seen = Seen(
                _blend(self._seen.body, seen.body, self._fresh),
                None
                if seen.straps is None or self._seen.straps is None
                else _blend(self._seen.straps, seen.straps, self._fresh),
            )
        self._seen = seen
        slack = SLACK if self._masked and self.share < 1 else 0.0
        return self._decide(seen, mask_of(seen, frame, picture, slack), frame, picture)

    def _decide(
        self, seen: Seen, mask: FaceMask | None, frame: F64, picture: PicturePyramid
    ) -> FaceMask | None:
        """Keep to what was decided, mask or none, until several frames in a row say otherwise."""
        masked = mask is not None
        self._otherwise = 0 if masked == self._masked else self._otherwise + 1
        if self._masked is None or self.share >= 1 or self._otherwise >= CHANGES_MIND:
            self._masked, self._otherwise = masked, 0
        if masked:
            self._good = seen
        if not self._masked:
            return None
        return mask if mask is not None or self._good is None else mask_of(self._good, frame, picture, 1.0)

    def turned_away(self, mask: FaceMask, frame: F64, size: tuple[int, ...]) -> bool:
        """Whether the face is left in this frame, of ``size`` (width, height); then what was drawn is forgotten."""
        away = self._turning.sees(beside_face(mask, frame, size))
        if away:
            self._raw = None
        return away

    def _look(self, picture: PicturePyramid, frame: F64, side: int) -> None:
        """See which pixels of the face are new: float32 (h, w), share of the next frame that is taken."""
        grid = work_grid(side)
        crop = picture.cut(grid.to_picture(frame), grid.width, grid.height).astype(np.float32)
        before, self._crop = self._crop, crop
        if before is None:
            self._fresh = None
            return
        change = cv2.blur(np.abs(crop - before).mean(2), (AROUND_PX, AROUND_PX))
        new = np.clip((change - NOISE) / (ALL_NEW - NOISE), 0, 1)
        self._fresh = np.asarray(self.share + (1 - self.share) * new, np.float32)

    def drawn(self, raw: U8, mask: FaceMask, frame: F64) -> U8:
        """Make what was drawn for the next frame steady; the less of the past, the more the visible face changed.

        Parameters
        ----------
        raw : uint8 (h, w, 3)
            On `unmask.model.inference.photo_patch.work_grid` of its width.
        mask : FaceMask
            What is not visible.
        frame : float64 (2, 3)
            Of the face.
        """
        now = raw.astype(np.float32)
        if self._raw is not None and self._fresh is not None:
            share = np.float32(self._fresh_around(mask, frame))
            now = self._raw + share * (now - self._raw)
        self._raw = now
        return np.rint(now).astype(np.uint8)

    def _fresh_around(self, mask: FaceMask, frame: F64) -> float:
        assert self._fresh is not None
        grid = work_grid(self._fresh.shape[1])
        covered = mask.cut(grid.to_picture(frame), grid.width, grid.height) > 0
        visible = ~covered & (face_region(grid) > 0)
        return float(self._fresh[visible].mean()) if visible.any() else self.share


def share_of(fps: float, memory_s: float = MEMORY_S) -> float:
    """Share of the next frame in an exponential mean that forgets in ``memory_s`` seconds; 1 where that is 0."""
    return 1.0 if memory_s <= 0 else 1 - math.exp(-1 / (memory_s * fps))


def _blend(before: F32, now: F32, share: F32) -> F32:
    if now.shape != share.shape:  # straps are seen on a finer grid
        share = np.asarray(cv2.resize(share, now.shape[::-1]), np.float32)
    return np.asarray(before + share * (now - before), np.float32)
