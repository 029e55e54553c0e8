"""What a run says of itself when it is over."""

from dataclasses import dataclass, field
from pathlib import Path

from unmask.model.inference.photo import OK

from .clip_rows import ClipRow
from .face_rows import WORDS
from .run_row import UNWRITTEN


@dataclass(frozen=True)
class RunReport:
    """What a run did.

    Attributes
    ----------
    out : Path
    counts : dict
        Status to number of pictures and clips of this run's inputs, those of earlier runs included.
    done, resumed : int
        Pictures and clips done now, and those found finished.
    restored : int
        Masks taken off now.
    seconds : float
    notes : list of str
        What was left out.
    faces : dict
        Status to number of faces of this run's inputs.
    failures : list of str
        The first inputs that could not be used, and why.
    clips : list of ClipRow
        What is to be said of the clips among the inputs.
    """

    out: Path
    counts: dict[str, int]
    done: int
    resumed: int
    restored: int
    seconds: float
    notes: list[str]
    faces: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    clips: list[ClipRow] = field(default_factory=list)

    @property
    def none_used(self) -> bool:
        """Whether there was no input that could be used."""
        return not any(count for status, count in self.counts.items() if status not in UNWRITTEN)

    def faces_left(self) -> str:
        """How many faces were left as they are, and why: "2 too small, 1 without a mask"; empty where none."""
        return ", ".join(
            f"{self.faces[status]} {words}"
            for status, words in WORDS.items()
            if status != OK and self.faces.get(status)
        )
