"""``faces.csv``: a row for every face of every picture, and what became of its mask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

from unmask.datagen.faces.frame import frame_box, frame_turn_deg
from unmask.model.inference.photo import NO_MASK, OK, TOO_SMALL, UNSURE, PhotoFace

WORDS = {
    OK: "mask taken off",
    NO_MASK: "without a mask",
    TOO_SMALL: "too small",
    UNSURE: "not sure to be faces",
}
"""What became of faces, in words."""


@dataclass(frozen=True)
class FaceRow:
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
        ``ok`` where its mask was taken off; ``no_mask``; ``too_small`` and ``unsure`` where it was left.
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

    @classmethod
    def from_cells(cls, cells: Mapping[str, Any]) -> Self:
        """Rebuild a row from text; KeyError, TypeError or ValueError where it is none."""
        kinds = {"name": str, "face": int, "status": str}
        return cls(**{field.name: kinds.get(field.name, float)(cells[field.name]) for field in fields(cls)})


def face_rows(name: str, faces: Sequence[PhotoFace]) -> tuple[FaceRow, ...]:
    """Return the rows of a picture's faces."""
    rows = []
    for number, face in enumerate(faces, 1):
        box = frame_box(face.frame)
        left, top = box.x - box.width / 2, box.y - box.width / 2
        row = FaceRow(
            name=name,
            face=number,
            left=round(left, 2),
            top=round(top, 2),
            right=round(left + box.width, 2),
            bottom=round(top + box.width, 2),
            turn=round(frame_turn_deg(face.frame), 2),
            eye_dist=round(face.eye_dist_px, 2),
            score=round(face.score, 2),
            status=face.status,
        )
        rows.append(row)
    return tuple(rows)
