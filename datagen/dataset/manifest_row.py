"""One row of a dataset's table, and the texts that stand for it in the file."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from unmask.datagen.common.table import decimal_number, flag, whole_number

STATUSES = ("ok", "no_face", "many_faces", "too_small", "unreadable", "rejected")
ATTRIBUTE_PREFIX = "attr_"


@dataclass(frozen=True)
class ManifestRow:
    """One row of ``manifest.csv``; the fields are its columns, in order.

    Attributes
    ----------
    key : str
        ``<source stem>_<variant, 2 digits>``: the name of the row's files without extension.
    source, source_sha256 : str
        Path inside the source folder (POSIX) and hash of the file; the hash is "" where it could not be read.
    variant : int
        Which mask of this picture, from 0.
    split, identity : str
        Official split and identity, "" when unknown.
    status, reason : str
        One of `STATUSES`, and in words why it is not ``ok``.
    masked, map, clean : str
        Paths relative to the dataset (POSIX); "" unless the status is ``ok``.
    width, height : int or None
        Size of the three pictures in pixels.
    faces : int or None
        How many faces of the picture wear a mask.
    template, family, worn, colour, texture : str
        What the largest face wears, and how.
    coverage, lower_face_coverage : float or None
        Shares in [0, 1] of the picture and of the lower face that the mask covers.
    yaw, pitch, roll : float or None
        Pose of the largest face in degrees.
    landmark_source : str
        Where its 68 points come from.
    support : tuple of int or None
        Half-open box x0, y0, x1, y1 in pixels that holds every strap and shadow pixel.
    recipe : str
        Compact JSON from which `unmask.datagen.render.triplet.replay` rebuilds the picture.
    attributes : tuple of int
        0 or 1 per attribute of the source, () when unknown.
    """

    key: str
    source: str
    source_sha256: str
    variant: int
    split: str = ""
    identity: str = ""
    status: str = "ok"
    reason: str = ""
    masked: str = ""
    map: str = ""
    clean: str = ""
    width: int | None = None
    height: int | None = None
    faces: int | None = None
    template: str = ""
    family: str = ""
    worn: str = ""
    colour: str = ""
    texture: str = ""
    coverage: float | None = None
    lower_face_coverage: float | None = None
    yaw: float | None = None
    pitch: float | None = None
    roll: float | None = None
    landmark_source: str = ""
    support: tuple[int, int, int, int] | None = None
    recipe: str = ""
    attributes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"status {self.status!r} is not one of {', '.join(STATUSES)}")

    def to_cells(self) -> list[str]:
        """Return the row as the texts that stand in the file, attributes last."""
        cells = [_to_text(name, getattr(self, name)) for name in COLUMNS]
        return cells + [str(value) for value in self.attributes]

    @classmethod
    def from_cells(cls, cells: Sequence[str]) -> "ManifestRow":
        """Rebuild a row from `to_cells`; ValueError where a text does not fit its column.

        Numbers may be written as pandas writes a column that has gaps: ``178.0``.
        """
        if len(cells) < len(COLUMNS):
            raise ValueError(f"{len(cells)} cells where at least {len(COLUMNS)} are needed")
        if not all(isinstance(cell, str) for cell in cells):  # of a journal
            raise ValueError("a cell that is no text")
        values = {}
        for name, text in zip(COLUMNS, cells, strict=False):
            try:
                values[name] = FROM_TEXT.get(name, str)(text)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        return cls(**values, attributes=_attributes(cells[len(COLUMNS) :]))


COLUMNS = tuple(field.name for field in fields(ManifestRow) if field.name != "attributes")
INTEGERS = ("variant", "width", "height", "faces")
SHARES = ("coverage", "lower_face_coverage")
ANGLES = ("yaw", "pitch", "roll")


def _to_text(name: str, value: object) -> str:
    if value is None:
        return ""
    if name in SHARES:
        return f"{value:.5f}"
    if name in ANGLES:
        return f"{value:.2f}"
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return str(value)


def _integer(text: str) -> int | None:
    return whole_number(text) if text else None


def _identity(text: str) -> str:
    """A person's number, which pandas writes as 2880.0 in a column with gaps, or any other name."""
    return re.sub(r"^(\d+)[.,]0+$", r"\1", text)


def _attributes(cells: Sequence[str]) -> tuple[int, ...]:
    # A source without attributes for this picture has empty cells there.
    return tuple(map(flag, cells)) if any(cells) else ()


def _number(text: str) -> float | None:
    if not text:
        return None
    value = decimal_number(text)
    if not math.isfinite(value):  # it would be equal, or near, to nothing, and so pass every comparison
        raise ValueError(f"{text!r} is no number")
    return value


def _box(text: str) -> tuple[int, int, int, int] | None:
    if not text:
        return None
    x0, y0, x1, y1 = map(int, text.split(" "))
    return x0, y0, x1, y1


FROM_TEXT: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(INTEGERS, _integer),
    **dict.fromkeys(SHARES + ANGLES, _number),
    "variant": whole_number,
    "identity": _identity,
    "support": _box,
}
