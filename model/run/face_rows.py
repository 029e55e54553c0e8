"""``faces.csv``: a row for every face of every picture, and what became of its mask."""

from collections.abc import Sequence
from dataclasses import dataclass

from unmask.model.inference.photo import NO_MASK, OK, TOO_SMALL, TURNED_AWAY, UNSURE, PhotoFace

from .table_row import PLACE, TableRow, place_of

WORDS = {
    OK: "mask taken off",
    NO_MASK: "without a mask",
    TOO_SMALL: "too small",
    TURNED_AWAY: "turned away",
    UNSURE: "not sure to be faces",
}
"""What became of faces, in words."""


@dataclass(frozen=True)
class FaceRow(TableRow):
    """One face of a picture.

    Attributes
    ----------
    name : str
        Of the picture's results.
    face : int
        Which of its faces, from 1; the largest first.
    left, top, right, bottom : float
        Box around the face in pixels, half-open: the square that dlib's detector draws.
    turn : float
        How far it leans clockwise, degrees.
    eye_dist : float
        Pixels between the eyes of a face seen from the front.
    score : float
        How sure it is a face: above 2 there is little doubt.
    status : str
        ``ok`` where its mask was taken off; ``no_mask``; ``too_small``, ``turned_away`` and ``unsure`` where it was
        left.
    """

    name: str
    face: int
    left: float
    top: float
    right: float
    bottom: float
    turn: float
    eye_dist: float
    score: float
    status: str


def face_rows(name: str, faces: Sequence[PhotoFace]) -> tuple[FaceRow, ...]:
    """Return the rows of a picture's faces."""
    rows = []
    for number, face in enumerate(faces, 1):
        place = {column: round(value, 2) for column, value in zip(PLACE, place_of(face), strict=True)}
        rows.append(FaceRow(name=name, face=number, status=face.status, **place))
    return tuple(rows)
