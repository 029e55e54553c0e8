"""Where a source picture's faces are: supplied, known by the source, or searched for."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.faces.detect import LandmarkFinder
from unmask.datagen.faces.landmarks import Landmarks
from unmask.datagen.sources.source import SourceFace


def known_or_found(
    face: SourceFace,
    sha256: str,
    image_rgb: NDArray[np.uint8],
    known: Sequence[tuple[str, tuple[Landmarks, ...]]] = (),
) -> Sequence[Landmarks]:
    """Return the faces' points: supplied, else known by the source, else found; largest first."""
    points = known_points(face, sha256, known)
    return find_points(face, image_rgb) if points is None else points


def known_points(
    face: SourceFace, sha256: str, known: Sequence[tuple[str, tuple[Landmarks, ...]]]
) -> Sequence[Landmarks] | None:
    """Return the points that need no search: supplied, else known by the source; None where there are none."""
    for wanted, faces in known:
        if wanted in ("", sha256):
            return sorted(faces, key=lambda found: -found.eye_dist_px)  # a person's own table is in any order
    return face.known_landmarks()


def find_points(face: SourceFace, image_rgb: NDArray[np.uint8]) -> Sequence[Landmarks]:
    """Search a picture for faces."""
    return next(find_points_of([(face, image_rgb)]))


def find_points_of(pictures: Sequence[tuple[SourceFace, NDArray[np.uint8]]]) -> Iterator[Sequence[Landmarks]]:
    """Search pictures for faces: one after the other, but what can be done for all at once comes first."""
    faces = [face for face, _ in pictures]
    return _finder().find_many(
        [image for _, image in pictures], [face.aligned for face in faces], [face.points5 for face in faces]
    )


@lru_cache(maxsize=1)
def _finder() -> LandmarkFinder:
    return LandmarkFinder()
