"""The frames of a clip without masks, one after the other: followed, segmented, restored, put back, all steady."""

import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from unmask.datagen.pictures.arrays import U8
from unmask.datagen.pictures.pyramid import PicturePyramid
from unmask.model.common.limits import LEAST_SCORE
from unmask.model.inference.face_finder import FoundFace
from unmask.model.inference.face_mask import FaceMask
from unmask.model.inference.photo import (
    NO_MASK,
    OK,
    TURNED_AWAY,
    PhotoFace,
    PhotoModules,
    draw_face,
    masked_status,
    paste_face,
)

from .flicker import FlickerMeter
from .steady import MEMORY_S, SteadyFace, share_of
from .tracks import Track, Tracker

FPS = 25.0  # where nothing is known


@dataclass(frozen=True)
class Steadiness:
    """How a clip is followed and made steady.

    Attributes
    ----------
    search_s : float
        Seconds of the clip between two searches of the whole picture for faces.
    memory_s : float
        How long frames are remembered; 0: each frame by itself.
    """

    search_s: float = 1.0
    memory_s: float = MEMORY_S


@dataclass(frozen=True, eq=False)
class TrackedFace(PhotoFace):
    """One face of a frame.

    Attributes
    ----------
    track : int
        Which face of the clip, from 1.
    """

    track: int


@dataclass(frozen=True, eq=False)
class RestoredFrame:
    """A frame without masks.

    Attributes
    ----------
    image : uint8 (h, w, 3)
        RGB; pixels beyond the grown map are those of the input, bit for bit.
    map, straps : uint8 (h, w)
        0 or 255: what was taken off, masks and the straps beside them, and those of faces that are turned away,
        which were left.
    faces : tuple of TrackedFace
        In the order in which they were found.
    """

    image: U8
    map: U8
    straps: U8
    faces: tuple[TrackedFace, ...]


class FrameRestorer:
    """Takes masks off the frames of one clip; remembers what it needs of the past, whatever the clip's length.

    Parameters
    ----------
    unmasker : Unmasker
        Or whatever has its three modules.
    fps : float
        Frames a second.
    least_score : float
        Masked faces that are found with a lower score are left.
    steadiness : Steadiness
    """

    def __init__(
        self,
        unmasker: PhotoModules,
        fps: float = FPS,
        least_score: float = LEAST_SCORE,
        steadiness: Steadiness | None = None,
    ) -> None:
        if not (math.isfinite(fps) and fps > 0):
            raise ValueError(f"fps is a positive number, not {fps}")
        chosen = steadiness or Steadiness()
        self.unmasker, self.least_score = unmasker, least_score
        self.share = share_of(fps, chosen.memory_s)
        self.tracker = Tracker(
            unmasker.finder,
            max(1, round(chosen.search_s * fps)),
            pull=1.0 if self.share == 1 else None,
        )
        self.meter = FlickerMeter()
        self._steady: dict[int, SteadyFace] = {}
        self._shape: tuple[int, ...] = ()

    def restore(self, image_rgb: U8) -> RestoredFrame:
        """Take the masks off the next frame.

        Parameters
        ----------
        image_rgb : uint8 (h, w, 3)
            RGB, of the size of the others.

        Raises
        ------
        ValueError
            When it is of another type or size.
        """
        self._check(image_rgb)
        picture = PicturePyramid(image_rgb)
        tracks = self.tracker.follow(picture)
        self._steady = {t.number: self._steady.get(t.number) or SteadyFace(self.share) for t in tracks}
        done = image_rgb.copy()
        map_, straps = (np.zeros(image_rgb.shape[:2], np.uint8) for _ in range(2))
        faces, masks = [], {}
        for track in tracks:
            mask = self._steady[track.number].mask(self.unmasker.map_module, picture, track.frame)
            face = self._judged(track, mask)
            faces.append(face)
            if mask is not None and face.status in (OK, TURNED_AWAY):
                map_[mask.body.place] |= mask.body.pixels
                straps[mask.straps.place] |= mask.straps.pixels
            if mask is not None and face.status == OK:
                self._draw(picture, track, mask, done)
                masks[track.number] = (track.frame, mask)
        self.meter.add(PicturePyramid(done), masks)
        return RestoredFrame(done, map_, straps & ~map_, tuple(faces))

    def _check(self, image_rgb: U8) -> None:
        if (
            image_rgb.dtype != np.uint8
            or image_rgb.ndim != 3
            or image_rgb.shape[2] != 3
            or not image_rgb.size
        ):
            raise ValueError(f"a frame is uint8 (h, w, 3), not {image_rgb.dtype} {image_rgb.shape}")
        if self._shape not in ((), image_rgb.shape):
            raise ValueError(f"a frame of {image_rgb.shape} in a clip of {self._shape}")
        self._shape = image_rgb.shape

    def _judged(self, track: Track, mask: FaceMask | None) -> TrackedFace:
        status = NO_MASK
        if mask is not None:
            away = self._steady[track.number].turned_away(mask, track.frame, self._shape[1::-1])
            status = masked_status(FoundFace(track.frame, track.score), self.least_score, turned_away=away)
        return TrackedFace(track.frame, track.score, status, track.number)

    def _draw(self, picture: PicturePyramid, track: Track, mask: FaceMask, done: U8) -> None:
        editor = self.unmasker.edit_module
        if editor is not None:
            raw = draw_face(editor, picture, track.frame, mask)
            paste_face(self._steady[track.number].drawn(raw, mask, track.frame), track.frame, mask, done)


def restore_frames(
    unmasker: PhotoModules, frames: Iterable[U8], fps: float = FPS, steadiness: Steadiness | None = None
) -> Iterator[RestoredFrame]:
    """Take the masks off frames as they come; parameters as for `FrameRestorer`.

    Raises
    ------
    ValueError
        When ``fps`` is not a positive number, or ``frames`` is the path of a clip; later, when a frame is not as
        `FrameRestorer.restore` takes it.
    """
    if isinstance(frames, str | os.PathLike):
        raise ValueError(
            f"frames: pictures one after the other, not a path ({frames}); unmask-run takes clips' files"
        )
    restorer = FrameRestorer(unmasker, fps, steadiness=steadiness)
    return (restorer.restore(image) for image in frames)
