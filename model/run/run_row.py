"""What became of one input of a run: a line of ``run.csv``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from unmask.model.inference.photo import BAD_MAP, UNREADABLE

from .inputs import result_suffix
from .table_row import TableRow

STATUSES = ("ok", "no_face", "no_mask", "too_small", "turned_away", "unsure", UNREADABLE, BAD_MAP)
UNWRITTEN = (UNREADABLE, BAD_MAP)  # the others have results, if only a copy


@dataclass(frozen=True)
class RunRow(TableRow):
    """What became of one picture or clip.

    Attributes
    ----------
    name : str
        Of its results, without extension.
    input : str
        The file that was read.
    status : str
        One of ``STATUSES``.
    faces, restored : int
        Faces found, and masks taken off; of a clip: faces followed, and those whose masks were taken off.
    seconds : float
        Without reading and writing; of a clip: with both.
    reason : str
        In words, where the status is not ``ok``.
    sha256 : str
        Of the file; "" where it could not be read.
    map_sha256 : str
        Of its own map's file; "" without one, and where that could not be read.
    """

    name: str
    input: str
    status: str
    faces: int = 0
    restored: int = 0
    seconds: float = 0.0
    reason: str = ""
    sha256: str = ""
    map_sha256: str = ""

    @classmethod
    def from_cells(cls, cells: Mapping[str, Any]) -> Self:
        """Rebuild a row from text; KeyError, TypeError or ValueError where it is none."""
        return super().from_cells({"map_sha256": "", **cells})  # which tables of older versions lack

    @property
    def suffix(self) -> str:
        """Extension of its results."""
        return result_suffix(self.input)
