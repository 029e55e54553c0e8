"""Find the faces of a picture and their 68 points, or say that there are none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from .crop import FaceBox, cut_face, turned_copy
from .dlib_models import DlibModels
from .landmarks import (
    Landmarks,
    agrees_with_points5,
    eye_contrast,
    look_like_faces,
    looks_like_a_face,
    overlap,
    roll_deg,
)

ALIGNED_SIZE = (178, 218)  # width, height of img_align_celeba
ALIGNED_BOX = FaceBox(90.5, 131.0, 90.0)  # left, top, right, bottom = 46, 86, 135, 176
ALIGNED_ASPECT_TOLERANCE = 0.02

# One look with HOG at one place and one scale costs 0.3 ms. Its score is above the first number on 99.0 % of
# aligned CelebA and never on 450 crops of other things; on 99.8 % and 14 % it is above the second, and then
# dark eyes decide.
GLANCE_FACE_PX, GLANCE_MARGIN = 80, 1.1
GLANCE_SCORE, GLANCE_WEAK_SCORE, WEAK_EYE_CONTRAST = -0.7, -1.2, 0.75

DETECT_SIDE_PX = 1200
DETECT_SIDE_UPSAMPLED_PX = 2400
DETECT_SIDE_TURNED_PX = 800
DETECT_SIDE_CNN_PX = 480  # 150 MB of memory; 640 would take 300
SMALL_SIDE_PX = 500
SMALLEST_SEARCHED_PX = 40  # half of HOG's window: a face in less is not found, and the CNN cannot run
TURNS_DEG = (30, -30, 60, -60, 90, -90, 120, -120, 150, -150, 180)
CNN_SCORE = 0.7

# An upright detection at or above this score needs no second look.
SURE_SCORE = 1.2
# What the second look must give: less where the first one is unlikely to see what is not there.
CONFIRM_SCORES = {"hog": -0.2, "hog_upsampled": -0.2, "hog_rotated": 0.1, "cnn": -0.3}
LOOK_SCORE = -0.7
STOP_SCORE = 1.0  # the next, slower stage is for pictures whose best face is weaker than this
UPRIGHT_DEG = 15.0
CONFIRM_FACE_PX, CONFIRM_MARGIN = 88, 1.6  # HOG's smallest face is 80 px wide
CONFIRM_TURNS_DEG = (0.0, -20.0, 20.0, -40.0, 40.0)  # how far the first guess of the roll may be off
SAME_FACE_OVERLAP = 0.15
# Beside a face that leaves no doubt, a doubtful one is more often a badge or an ear than a second face.
DOUBTLESS_SCORE, DOUBTFUL_SCORE = 1.0, 0.7


@dataclass(frozen=True)
class _Candidate:
    box: FaceBox
    turn_deg: float
    score: float
    source: str


@dataclass(frozen=True, eq=False)
class _Look:
    box: FaceBox
    turn_deg: float
    score: float
    points: NDArray[np.float32]


_NOT_SEEN = -9.0


class LandmarkFinder:
    """Finds faces; opens dlib's models when they are first needed, once per object."""

    def find(
        self, image_rgb: NDArray[np.uint8], *, aligned: bool, points5: Sequence[float] | None = None
    ) -> list[Landmarks]:
        """Return every face of the picture, the largest first; empty where there is none.

        Parameters
        ----------
        image_rgb : NDArray[np.uint8]
            (h, w, 3).
        aligned : bool
            True for CelebA's aligned framing: where the picture has its shape, the place of the face is known
            and one look there replaces the search, unless that look does not see a face.
        points5 : sequence of 10 floats, optional
            CelebA's own points in pixels of the 178 x 218 picture; where they contradict the points found at
            the known place, the face is searched for.

        Raises
        ------
        UserError
            When dlib's model files are not installed.
        """
        return next(self.find_many([image_rgb], [aligned], [points5]))

    def find_many(
        self,
        images_rgb: Sequence[NDArray[np.uint8]],
        aligned: Sequence[bool],
        points5: Sequence[Sequence[float] | None],
    ) -> Iterator[list[Landmarks]]:
        """Yield what `find` returns of each picture; 64 at once take half the time of 64 calls.

        Points at known places are predicted for all pictures before the first one is yielded; what needs a look or
        a search gets it when it is asked for.
        """
        grays = [np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), dtype=np.uint8) for image in images_rgb]
        sizes = [gray.shape[::-1] for gray in grays]
        known = [
            number
            for number, (framed, size) in enumerate(zip(aligned, sizes, strict=True))
            if framed and has_aligned_shape(*size)
        ]
        boxes = [ALIGNED_BOX.scaled(sizes[number][0] / ALIGNED_SIZE[0]) for number in known]
        points = self._models.predict_many([grays[number] for number in known], boxes)
        facial = look_like_faces(np.reshape(points, (-1, 68, 2)))
        placed = dict(zip(known, zip(boxes, points, facial, strict=True), strict=True))
        for number, (gray, marked) in enumerate(zip(grays, points5, strict=True)):
            yield self._placed(gray, marked, *placed[number]) if number in placed else self._search(gray)

    @cached_property
    def _models(self) -> DlibModels:
        return DlibModels()

    def _placed(
        self,
        gray: NDArray[np.uint8],
        points5: Sequence[float] | None,
        box: FaceBox,
        points: NDArray[np.float32],
        facial: bool,
    ) -> list[Landmarks]:
        """Return the points at the known place, unless something speaks against them: then what is found there."""
        at_box = Landmarks(points, "fixed_box")
        scale = gray.shape[1] / ALIGNED_SIZE[0]
        marked = None if points5 is None else [(value + 0.5) * scale - 0.5 for value in points5]
        agrees = marked is None or agrees_with_points5(at_box, marked)
        if agrees and facial and self._shows_a_face(gray, box, points):
            return [at_box]
        # the slower detectors would take as long for one picture as everything else for a hundred
        for stage in (self._upright, self._upsampled):
            for face in self._confirmed(gray, stage(gray)):
                # people in the background are not what the picture was aligned on
                if overlap(face.points, at_box.points) > 0.5 and (
                    marked is None or agrees_with_points5(face, marked)
                ):
                    return [face]
        return []

    def _shows_a_face(self, gray: NDArray[np.uint8], box: FaceBox, points: NDArray[np.float32]) -> bool:
        crop, _ = cut_face(gray, box, 0.0, GLANCE_FACE_PX, GLANCE_MARGIN)
        score = self._models.best_hog_score(crop, enough=GLANCE_SCORE, threshold=GLANCE_WEAK_SCORE)
        if score is None or score >= GLANCE_SCORE:
            return score is not None
        return eye_contrast(gray, points) >= WEAK_EYE_CONTRAST

    def _search(self, gray: NDArray[np.uint8]) -> list[Landmarks]:
        """Go from the fast detector to the slow ones until a face is found that leaves little doubt."""
        faces: list[Landmarks] = []
        if min(gray.shape) < SMALLEST_SEARCHED_PX:
            return faces
        for stage in (self._upright, self._upsampled, self._turned, self._cnn):
            faces += self._confirmed(gray, stage(gray))
            faces = _without_duplicates(faces)
            if faces and faces[0].score >= STOP_SCORE:
                break
        return sorted(faces, key=lambda face: -face.eye_dist_px)

    def _upright(self, gray: NDArray[np.uint8]) -> list[_Candidate]:
        small, scale = _shrink(gray, DETECT_SIDE_PX)
        return [_Candidate(box.scaled(scale), 0.0, score, "hog") for box, score in self._models.hog(small)]

    def _upsampled(self, gray: NDArray[np.uint8]) -> list[_Candidate]:
        small, scale = _shrink(gray, DETECT_SIDE_UPSAMPLED_PX)
        upsample = 1 if scale == 1.0 and max(gray.shape) <= DETECT_SIDE_PX else 0
        found = self._models.hog(small, upsample=upsample)
        return [_Candidate(box.scaled(scale), 0.0, score, "hog_upsampled") for box, score in found]

    def _turned(self, gray: NDArray[np.uint8]) -> list[_Candidate]:
        small, scale = _shrink(gray, DETECT_SIDE_TURNED_PX)
        upsample = 1 if max(small.shape) <= SMALL_SIDE_PX else 0
        found = []
        for turn in TURNS_DEG:
            copy, back = turned_copy(small, turn)
            for box, score in self._models.hog(copy, upsample=upsample):
                there = box.moved(back).scaled(scale)
                found.append(_Candidate(there, float(turn), score, "hog_rotated"))
        return found

    def _cnn(self, gray: NDArray[np.uint8]) -> list[_Candidate]:
        small, scale = _shrink(gray, DETECT_SIDE_CNN_PX)
        found = [(box, score) for box, score in self._models.cnn(small) if score >= CNN_SCORE]
        return [_Candidate(box.scaled(scale), 0.0, score, "cnn") for box, score in found]

    def _confirmed(self, gray: NDArray[np.uint8], candidates: list[_Candidate]) -> list[Landmarks]:
        faces = [self._confirm(gray, candidate) for candidate in candidates]
        return _without_duplicates([face for face in faces if face is not None])

    def _confirm(self, gray: NDArray[np.uint8], candidate: _Candidate) -> Landmarks | None:
        """Return the points of a candidate, or None where no detector sees it in an upright crop.

        The predictor was trained on upright faces: on a leaning one it draws an upright face that is not
        there. So the roll that the points suggest is tried together with its neighbours, and the turn on
        which most looks agree is taken.
        """
        points = self._models.predict(gray, candidate.box, candidate.turn_deg)
        roll, score = roll_deg(points), candidate.score
        sure = candidate.source.startswith("hog") and score >= SURE_SCORE
        if not (sure and candidate.turn_deg == 0 and abs(roll) <= UPRIGHT_DEG):
            looks = [self._look(gray, candidate.box, roll + turn) for turn in CONFIRM_TURNS_DEG]
            seen = _best_supported(looks)
            # once more in the turn that the points of that look give: a face is still one there
            upright = self._look(gray, seen.box, roll_deg(seen.points)) if seen.score > _NOT_SEEN else seen
            points, score = upright.points, upright.score
            if score < CONFIRM_SCORES[candidate.source]:
                return None
            if _angle(roll_deg(points), upright.turn_deg) > UPRIGHT_DEG:
                return None
        if not looks_like_a_face(points):
            return None
        return Landmarks(points, candidate.source, round(score, 4))

    def _look(self, gray: NDArray[np.uint8], box: FaceBox, turn_deg: float) -> _Look:
        """Detect again in a crop turned upright, and predict the points in the box found there."""
        crop, matrix = cut_face(gray, box, turn_deg, CONFIRM_FACE_PX, CONFIRM_MARGIN)
        hits = self._models.hog(crop, threshold=LOOK_SCORE)
        if not hits:
            return _Look(box, turn_deg, _NOT_SEEN, np.zeros((68, 2), np.float32))
        found, score = max(hits, key=lambda hit: hit[1])
        there = found.moved(matrix)
        return _Look(there, turn_deg, score, self._models.predict(gray, there, turn_deg))


def _without_duplicates(faces: list[Landmarks]) -> list[Landmarks]:
    """Return the faces, best first, without those that share much of their area with a better one."""
    kept: list[Landmarks] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if all(overlap(face.points, other.points) < SAME_FACE_OVERLAP for other in kept):
            kept.append(face)
    doubtless = bool(kept) and kept[0].score >= DOUBTLESS_SCORE
    return [face for face in kept if not (doubtless and face.score < DOUBTFUL_SCORE)]


def _best_supported(looks: list[_Look]) -> _Look:
    """Return the best of those looks whose points agree on the roll; the agreement with most score wins."""
    rolls = [roll_deg(look.points) for look in looks]
    weights = [max(look.score - LOOK_SCORE, 0.0) for look in looks]

    def support(number: int) -> float:
        agreeing = (_angle(roll, rolls[number]) <= UPRIGHT_DEG for roll in rolls)
        return sum(weight for weight, agrees in zip(weights, agreeing, strict=True) if agrees)

    seen = [number for number, weight in enumerate(weights) if weight > 0] or [0]
    return looks[max(seen, key=lambda number: (support(number), weights[number]))]


def has_aligned_shape(width: int, height: int) -> bool:
    """Tell whether width : height is that of aligned CelebA, 178 : 218, within 2 %."""
    aspect = width * ALIGNED_SIZE[1] / (height * ALIGNED_SIZE[0])
    return abs(aspect - 1) <= ALIGNED_ASPECT_TOLERANCE


def _shrink(gray: NDArray[np.uint8], side_px: int) -> tuple[NDArray[np.uint8], float]:
    """Return the picture with its longer side at most ``side_px``, and the factor back to full size."""
    factor = max(gray.shape) / side_px
    if factor <= 1:
        return gray, 1.0
    size = (max(1, round(gray.shape[1] / factor)), max(1, round(gray.shape[0] / factor)))
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), dtype=np.uint8), factor


def _angle(first_deg: float, second_deg: float) -> float:
    return abs((first_deg - second_deg + 180) % 360 - 180)
