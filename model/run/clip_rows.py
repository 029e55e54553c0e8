"""``clips.csv`` and ``tracks.csv``: a row for every clip, and one for every face that was followed in it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self

import numpy as np

from unmask.datagen.faces.frame import frame_box, frame_turn_deg
from unmask.model.inference.photo import NO_MASK, OK, TOO_SMALL, UNSURE
from unmask.model.video.restore import TrackedFace

_TEXTS = ("name", "sound", "status")
_NUMBERS = (
    "fps",
    "drawn_change",
    "skin_change",
    "left",
    "top",
    "right",
    "bottom",
    "turn",
    "eye_dist",
    "score",
)


def _cells_of(cls: Any, cells: Mapping[str, Any]) -> dict[str, Any]:
    kinds: dict[str, type] = dict.fromkeys(_TEXTS, str) | dict.fromkeys(_NUMBERS, float)
    return {each.name: kinds.get(each.name, int)(cells[each.name]) for each in fields(cls)}


@dataclass(frozen=True)
class ClipRow:
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

    @classmethod
    def from_cells(cls, cells: Mapping[str, Any]) -> Self:
        """Rebuild a row from text; KeyError, TypeError or ValueError where it is none."""
        return cls(**_cells_of(cls, cells))


@dataclass(frozen=True)
class TrackRow:
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

    @classmethod
    def from_cells(cls, cells: Mapping[str, Any]) -> Self:
        """Rebuild a row from text; KeyError, TypeError or ValueError where it is none."""
        return cls(**_cells_of(cls, cells))


_MEANS = ("left", "top", "right", "bottom", "turn", "eye_dist", "score")


@dataclass
class _Sum:
    first: int
    last: int = 0
    values: Any = field(default_factory=lambda: np.zeros(len(_MEANS)))
    statuses: Counter[str] = field(default_factory=Counter)


class TrackSums:
    """Sums up the faces of a clip, frame by frame."""

    def __init__(self) -> None:
        self._sums: dict[int, _Sum] = {}

    def add(self, at: int, faces: Sequence[TrackedFace]) -> None:
        """Take the faces of frame ``at``."""
        for face in faces:
            box, own = frame_box(face.frame), self._sums.setdefault(face.track, _Sum(at))
            half = box.width / 2
            own.last = at
            own.statuses[face.status] += 1
            own.values += (
                box.x - half, box.y - half, box.x + half, box.y + half,
                frame_turn_deg(face.frame), face.eye_dist_px, face.score,
            )  # fmt: skip

    def rows(self, name: str) -> tuple[TrackRow, ...]:
        """Return a row for each face."""
        return tuple(self._row(name, number, self._sums[number]) for number in sorted(self._sums))

    def _row(self, name: str, number: int, own: _Sum) -> TrackRow:
        frames, restored = own.statuses.total(), own.statuses[OK]
        means = [round(float(value), 2) for value in own.values / frames]
        status = OK if restored else own.statuses.most_common(1)[0][0]
        places = dict(zip(_MEANS, means, strict=True))
        return TrackRow(name, number, own.first, own.last, frames, restored, status=status, **places)


def clip_status(rows: Sequence[TrackRow]) -> str:
    """Status of a clip, as a photograph's: ``ok`` where a mask was taken off, else the first that some face has."""
    seen = {row.status for row in rows}
    return next((status for status in (OK, TOO_SMALL, UNSURE, NO_MASK) if status in seen), "no_face")
