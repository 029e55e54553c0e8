"""Faces followed from frame to frame: found from time to time, moved by what is seen in between."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from unmask.datagen.faces.frame import frame_distance
from unmask.datagen.pictures.arrays import F32, F64
from unmask.datagen.pictures.pyramid import PicturePyramid
from unmask.model.inference.face_finder import ONLY, SAME_FACE, FaceFinder, FoundFace, possible

from .motion import colours, face_motion, is_cut

# The frame that the network sees trembles by some hundredths of an eye distance; motion does not, but drifts. So
# motion leads, and the network pulls: by this share of the way, more where they are further apart than it trembles.
PULL, TREMBLE, PULL_MORE, MOST_PULL = 0.1, 0.06, 2.0, 0.6
_PATIENCE = 3  # frames in which a face is not seen before it is given up
_SOON = 0.2  # of the time between two searches: a face that was lost is looked for after it


@dataclass(eq=False)
class Track:
    """One face over the frames of a clip.

    Attributes
    ----------
    number : int
        From 1, in the order of their first frames.
    frame : float64 (2, 3)
        Where it is now: aligned CelebA's frame to the picture.
    score : float
        How sure it is a face: mean over its frames.
    first, last : int
        Its frames, from 0.
    missed : int
        Frames since it was seen last.
    """

    number: int
    frame: F64
    score: float
    first: int
    last: int
    missed: int = 0

    @property
    def frames(self) -> int:
        """How many frames it has been followed over."""
        return self.last - self.first + 1

    def see(self, at: int, face: FoundFace, pull: float | None = None) -> None:
        """Take what was seen in a frame: pulled towards it, by ``pull`` of the way where it is given."""
        apart = frame_distance(self.frame, face.frame)
        # of the first frames each counts the same
        share = max(PULL, 1 / (at - self.first + 1)) + PULL_MORE * max(0.0, apart - TREMBLE)
        share = min(share, MOST_PULL) if pull is None else pull
        self.frame = self.frame + share * (face.frame - self.frame)
        self.last = at
        self.score += (face.score - self.score) / self.frames


@dataclass(eq=False)
class Tracker:
    """Follows the faces of a clip.

    Attributes
    ----------
    finder : FaceFinder
    every : int
        Frames between two searches of the whole picture.
    pull : float or None
        1.0 takes what is seen in each frame as it is; for comparing.
    tracks : list of Track
        Those of the frame that was last given.
    """

    finder: FaceFinder
    every: int
    pull: float | None = None
    tracks: list[Track] = field(default_factory=list)
    at: int = -1
    cuts: list[int] = field(default_factory=list)
    _searched: int = -1
    _lost: bool = False
    _count: int = 0
    _before: PicturePyramid | None = None
    _colours: F32 | None = None

    def follow(self, picture: PicturePyramid) -> Sequence[Track]:
        """Return the faces of the next frame, in the order in which they were found."""
        self.at += 1
        now = colours(picture.levels[0])
        if self._colours is not None and is_cut(self._colours, now):
            self.cuts.append(self.at)
            self.tracks, self._before = [], None
        self._colours = now
        self._move(picture)
        since = self.at - self._searched
        if self._before is None or since >= self.every or (self._lost and since >= self.every * _SOON):
            self._search(picture)
        self._before = picture
        return self.tracks

    def _move(self, picture: PicturePyramid) -> None:
        """Move every face, and give up those that are no longer seen."""
        kept: list[Track] = []
        for track in self.tracks:
            if self._before is not None:
                track.frame = face_motion(self._before, picture, track.frame)
            if not possible(picture, track.frame):
                self._lost = True
                continue
            seen = self.finder.seen_around(picture, track.frame)
            if seen.score >= ONLY and frame_distance(track.frame, seen.frame) < SAME_FACE:
                track.see(self.at, seen, self.pull)
                track.missed = 0
            else:
                track.missed += 1
            twice = any(frame_distance(other.frame, track.frame) < SAME_FACE / 2 for other in kept)
            if track.missed > _PATIENCE:
                self._lost = True
            elif not twice:
                kept.append(track)
        self.tracks = kept

    def _search(self, picture: PicturePyramid) -> None:
        """Look for faces in the whole picture: known ones stay what they are, others begin."""
        self._searched, self._lost = self.at, False
        for face in self.finder.find(picture):
            near = [track for track in self.tracks if frame_distance(track.frame, face.frame) < SAME_FACE]
            for track in near[:1]:
                track.missed = 0
            if not near:
                self._count += 1
                self.tracks.append(Track(self._count, np.array(face.frame), face.score, self.at, self.at))
