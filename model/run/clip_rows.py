"""``clips.csv`` and ``tracks.csv``: a row for every clip, and one for every face that was followed in it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unmask.model.inference.photo import OK
from unmask.model.video.restore import TrackedFace

from .table_row import PLACE, TableRow, place_of


@dataclass(frozen=True)
class ClipRow(TableRow):
    """One clip.

    Attributes
    ----------
    name : str
        Of its results.
    width, height, frames : int
        Of what was written.
    fps : float
    cuts : int
        Changes of scene, at which faces are looked for anew.
    tracks : int
        Faces that were followed.
    drawn_change, skin_change : float
        Flicker: mean change from frame to frame in levels of 0..255, in the face's own frame, where it was drawn
        and on the visible skin of the same faces; NaN where nothing was drawn.
    sound : str
        ``kept``, ``none`` (there was none), or ``lost``.
    """

    name: str
    width: int
    height: int
    frames: int
    fps: float
    cuts: int
    tracks: int
    drawn_change: float
    skin_change: float
    sound: str


@dataclass(frozen=True)
class TrackRow(TableRow):
    """One face of a clip over all its frames.

    Attributes
    ----------
    name : str
        Of the clip's results.
    track : int
        Which of its faces, from 1, in the order of their first frames.
    first, last : int
        Its frames, from 0.
    frames, restored : int
        In how many frames it was followed, and in how many its mask was taken off.
    left, top, right, bottom, turn, eye_dist, score : float
        As in ``faces.csv``: means over its frames.
    status : str
        ``ok`` where its mask was taken off in some frame; else what it was in most.
    """

    name: str
    track: int
    first: int
    last: int
    frames: int
    restored: int
    left: float
    top: float
    right: float
    bottom: float
    turn: float
    eye_dist: float
    score: float
    status: str


@dataclass
class _Sum:
    first: int
    last: int = 0
    values: Any = field(default_factory=lambda: np.zeros(len(PLACE)))
    statuses: Counter[str] = field(default_factory=Counter)


class TrackSums:
    """Sums up the faces of a clip, frame by frame."""

    def __init__(self) -> None:
        self._sums: dict[int, _Sum] = {}

    def add(self, at: int, faces: Sequence[TrackedFace]) -> None:
        """Take the faces of frame ``at``."""
        for face in faces:
            own = self._sums.setdefault(face.track, _Sum(at))
            own.last = at
            own.statuses[face.status] += 1
            own.values += place_of(face)

    def rows(self, name: str) -> tuple[TrackRow, ...]:
        """Return a row for each face."""
        return tuple(self._row(name, number, self._sums[number]) for number in sorted(self._sums))

    def _row(self, name: str, number: int, own: _Sum) -> TrackRow:
        frames, restored = own.statuses.total(), own.statuses[OK]
        means = [round(float(value), 2) for value in own.values / frames]
        status = OK if restored else own.statuses.most_common(1)[0][0]
        places = dict(zip(PLACE, means, strict=True))
        return TrackRow(name, number, own.first, own.last, frames, restored, status=status, **places)
