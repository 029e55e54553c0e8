"""Find the faces of a photograph, masked or bare, and the frame of aligned CelebA on each.

The finder sees the whole photograph at several sizes and says where faces may be. The Frame Module looks at each
of these candidates a few times, moves it onto the face, and says in the end whether there is one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from unmask.datagen.faces.frame import (
    FRAME_EYE_DIST_PX,
    frame_corners,
    frame_distance,
    frame_scale,
    frame_turn_deg,
    place_frame,
    snapped,
)
from unmask.datagen.faces.frame import frame_box as box_of
from unmask.datagen.pictures.arrays import F64
from unmask.datagen.pictures.pyramid import PicturePyramid
from unmask.model.common.limits import LEAST_SCORE
from unmask.model.networks.frame_look import FrameModule

from .face_candidates import FinderModule, face_candidates

LOOKS = 4
# Where else is begun: a mask says little about how its face leans and how large it is.
START_TURNS_DEG, START_SCALES = (0.0, -35.0, 35.0), (0.8, 1.0, 1.25)
_HOPELESS_LOGIT = -3.0
_EQUAL = 0.08  # eye distances between frames that need not both be looked at
SAME_FACE = 0.9  # eye distances between two frames of one face
_CANDIDATES = 24

# In the end each face is looked at from these places around its frame: factor, degrees, eye distances to the side
# and down. What is a face is seen from all of them, and all lead back to one frame; their mean is better than each.
AROUND = tuple(
    (scale, turn, x, y)
    for scale in (0.85, 1.18)
    for turn in (-14.0, 14.0)
    for x, y in ((0.2, 0.0), (-0.2, 0.1))
)
SPREAD_COST = 10.0  # logits for one eye distance between the frames that they lead to
SURE = 2.0
ONLY = 0.0  # for the best one of a picture that has no sure face, where nothing more is known of it
# Left, top, right, bottom in the frame of a face: what is found in there is an ear, an eye or a valve, even where
# it looks a little more like a face.
OF_THE_FACE = (25.0, 55.0, 152.0, 215.0)
PART_BONUS, WHOLE = 2.5, 1.5  # that much less will do, but not less than that
PART = 1.8  # eye distances of the whole for one of the part, at least

MOST_TURN_DEG = 80.0
# Of points on eyes, nose and mask this share must be in the picture.
INSIDE = np.array([(x, y) for x in (60.0, 79.0, 98.0, 117.0) for y in (105.0, 120.0, 140.0, 160.0)])
MOST = 0.4


@dataclass(frozen=True, eq=False)
class FoundFace:
    """A face.

    Attributes
    ----------
    frame : float64 (2, 3)
        Aligned CelebA's frame (178 x 218) to the photograph.
    score : float
        How sure it is: above 2 there is little doubt.
    rivals : tuple of FoundFace
        Larger ones, of which this is a part if they are faces: such as one whose mask has this face printed on it.
        They are doubtful, the best first, and found no other way.
    """

    frame: F64
    score: float
    rivals: tuple["FoundFace", ...] = field(default=(), kw_only=True)

    @property
    def eye_dist_px(self) -> float:
        """Pixels between the eyes of a face seen from the front."""
        return FRAME_EYE_DIST_PX * frame_scale(self.frame)


class FaceFinder:
    """Finds faces.

    Parameters
    ----------
    frames : FrameModule
    finder : FinderModule
    """

    def __init__(self, frames: FrameModule, finder: FinderModule) -> None:
        self.frames = frames
        self.finder = finder

    def find(
        self, picture: PicturePyramid, hints: Sequence[F64] = (), *, doubtful: bool = False
    ) -> list[FoundFace]:
        """Return the faces of a photograph, the largest first.

        Parameters
        ----------
        picture : PicturePyramid
            RGB.
        hints : sequence of float64 (2, 3)
            Frames near which faces may be as well, such as above masks that somebody marked.
        doubtful : bool
            Where no face is sure, return all that have `LEAST_SCORE`, parts of each other among them: who asks says
            which one is a face. Else the best one if it has `ONLY`.
        """
        starts = [frame for frame, _ in face_candidates(self.finder, picture)]
        seen = self._settled(picture, [*starts, *varied(hints)])
        faces = _with_rivals(distinct(seen), seen)
        # What may be a print says nothing of the face that wears it.
        if not any(face.score >= SURE and not face.rivals for face in faces):
            seen = [*seen, *self._settled(picture, varied(starts))]
            faces = _with_rivals(distinct(seen), seen)
        found = [face for face in faces if face.score >= SURE]
        if not found:
            asked, least = (seen, LEAST_SCORE) if doubtful else (faces[:1], ONLY)
            found = [face for face in asked if face.score >= least]
        return sorted(found, key=lambda face: -face.eye_dist_px)

    def settle(self, picture: PicturePyramid, frames: Sequence[F64]) -> list[FoundFace]:
        """Look at guesses until they stand still; each thing once, the best first, whatever its score."""
        return distinct(self._settled(picture, frames))

    def _settled(self, picture: PicturePyramid, frames: Sequence[F64]) -> list[FoundFace]:
        """Do what `settle` does, with what is part of another one and what is seen twice."""
        frames = list(frames)
        scores: list[float] = []
        for look in range(LOOKS):
            if not frames:
                return []
            better, scores = self.frames.look(picture, frames)
            hopeful = [row for row, score in enumerate(scores) if look == 0 or score > _HOPELESS_LOGIT]
            scores = [scores[row] for row in hopeful]
            frames, scores = thinned([better[row] for row in hopeful], scores, _EQUAL)
        here = [row for row, frame in enumerate(frames) if possible(picture, frame)]
        frames, _ = thinned([frames[row] for row in here], [scores[row] for row in here], SAME_FACE / 3)
        return [self.seen_around(picture, frame) for frame in frames[:_CANDIDATES]]

    def seen_around(self, picture: PicturePyramid, frame: F64) -> FoundFace:
        """Look at a face from places around its frame: the mean of where they lead to, and how sure they are."""
        better, scores = self.frames.look(picture, [moved(frame, *around) for around in AROUND])
        middle = snapped(np.asarray(np.mean(better, axis=0), np.float64))
        spread = float(np.mean([frame_distance(middle, other) for other in better]))
        return FoundFace(middle, float(np.mean(scores)) - SPREAD_COST * spread)


def varied(frames: Sequence[F64]) -> list[F64]:
    """Return frames smaller and larger, leaning to either side, and as they are."""
    return [
        moved(frame, scale, turn, 0.0, 0.0)
        for frame in frames
        for scale in START_SCALES
        for turn in START_TURNS_DEG
    ]


def moved(frame: F64, scale: float, turn_deg: float, x: float, y: float) -> F64:
    """Return a frame scaled and turned about the middle of its face box, and shifted by eye distances."""
    box, unit = box_of(frame), FRAME_EYE_DIST_PX * frame_scale(frame)
    centre = (box.x + x * unit, box.y + y * unit)
    return place_frame(centre, box.width * scale, frame_turn_deg(frame) + turn_deg)


def possible(picture: PicturePyramid, frame: F64) -> bool:
    """Whether a face leans no further than training shows, and most of it lies in the picture.

    Beyond its edges a picture is mirrored, and half a face with its mirror image looks like one.
    """
    there = INSIDE @ frame[:, :2].T + frame[:, 2]
    height, width = picture.levels[0].shape[:2]
    inside = (there > -0.5) & (there < np.array([width, height]) - 0.5)
    return bool(inside.all(1).mean() >= MOST and abs(frame_turn_deg(frame)) <= MOST_TURN_DEG)


def thinned(frames: Sequence[F64], scores: Sequence[float], distance: float) -> tuple[list[F64], list[float]]:
    """Leave out frames that are nearer than ``distance`` eye distances to one with a better score; best first."""
    order = np.argsort(np.negative(scores), kind="stable").tolist()
    corners = np.array([frame_corners(frame) for frame in frames]).reshape(-1, 6)
    reach = np.array([distance * FRAME_EYE_DIST_PX * frame_scale(frame) for frame in frames])
    kept: list[int] = []
    for row in order:
        gaps = (corners[kept] - corners[row]).reshape(-1, 3, 2)
        if (np.hypot(gaps[..., 0], gaps[..., 1]).mean(1) > reach[kept]).all():
            kept.append(row)
    return [frames[row] for row in kept], [scores[row] for row in kept]


def distinct(faces: Sequence[FoundFace]) -> list[FoundFace]:
    """Leave out faces that are another one again, or part of it; the best first."""
    kept: list[FoundFace] = []
    # A face that is part of a larger one, or has one as its part, is settled between the two by their scores.
    for face in sorted(faces, key=lambda face: -face.score):
        if any(_belongs(face, other) for other in kept):
            continue
        larger = _wholes(face, faces)
        if not any(other.score > max(face.score - PART_BONUS, WHOLE) for other in larger):
            kept.append(face)
    return kept


def _wholes(face: FoundFace, faces: Sequence[FoundFace]) -> list[FoundFace]:
    """The larger ones that a face may be part of."""
    return [other for other in faces if _belongs(face, other) and other.eye_dist_px > PART * face.eye_dist_px]


def _with_rivals(faces: Sequence[FoundFace], seen: Sequence[FoundFace]) -> list[FoundFace]:
    """Tell sure faces which doubtful ones they may be part of."""
    told = []
    for face in faces:
        rivals = [other for other in _wholes(face, seen) if LEAST_SCORE <= other.score < SURE]
        rivals = distinct(rivals) if face.score >= SURE else []
        told.append(replace(face, rivals=tuple(rivals)))
    return told


def _belongs(face: FoundFace, other: FoundFace) -> bool:
    """Whether the middle of the smaller face lies in the larger one."""
    smaller, larger = sorted((face, other), key=lambda face: face.eye_dist_px)
    box = box_of(smaller.frame)
    back = cv2.invertAffineTransform(larger.frame)
    x, y = back @ (box.x, box.y, 1.0)
    left, top, right, bottom = OF_THE_FACE
    return bool(left < x < right and top < y < bottom)
