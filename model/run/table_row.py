"""What the rows of a run's tables have in common."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from unmask.datagen.faces.frame import frame_box, frame_turn_deg
from unmask.model.inference.photo import PhotoFace

PLACE = ("left", "top", "right", "bottom", "turn", "eye_dist", "score")
"""The columns of where a face is and how sure it is one."""


@dataclass(frozen=True)
class TableRow:
    """A row whose columns are its fields, each a text or a number."""

    @classmethod
    def from_cells(cls, cells: Mapping[str, Any]) -> Self:
        """Rebuild a row from text; KeyError, TypeError or ValueError where it is none."""
        kinds: dict[str, Any] = {field.name: field.type for field in fields(cls)}
        return cls(**{name: kind(cells[name]) for name, kind in kinds.items()})


def place_of(face: PhotoFace) -> tuple[float, ...]:
    """Return the numbers of the columns ``PLACE``: pixels, degrees clockwise, pixels, and the score."""
    box = frame_box(face.frame)
    left, top = box.x - box.width / 2, box.y - box.width / 2
    right, bottom = left + box.width, top + box.width
    return left, top, right, bottom, frame_turn_deg(face.frame), face.eye_dist_px, face.score
