"""What one ``unmask-run`` is asked for."""

import math
from dataclasses import dataclass
from pathlib import Path

from unmask.datagen.common.checks import check_at_least, check_choice, check_exists
from unmask.datagen.common.errors import ArgumentError
from unmask.model.checkpoints.shipped import PERCEPTUAL, PRESETS, SHIPPED
from unmask.model.common.limits import AUTO, BACKENDS, LEAST_SCORE
from unmask.model.common.options import ComputeOptions


@dataclass(frozen=True)
class RunOptions(ComputeOptions):
    """Options of a run.

    Attributes
    ----------
    inputs : tuple of Path
        Pictures, clips, and folders of them.
    out : Path
        Folder of the results; or, for one picture or clip, the ``.png`` or ``.mp4`` file of its result.
    aligned : bool
        The pictures are framed like aligned CelebA: no face is searched for.
    map : Path or None
        Own maps: a file for one picture, or a folder with a map for each, by name.
    preset : str
        Which shipped Editing Module: ``perceptual`` or ``fidelity``.
    map_weights, edit_weights : str or Path
        Runs, checkpoints or weights; ``edit_weights`` None takes the preset.
    backend : str
        ``torch``, ``onnx``, or ``auto``: torch where it is installed.
    least_score : float
        A masked face that is found with a lower score is left; 2 leaves what is doubtful.
    side_by_side : bool
        Also write strips: input, map on it, result.
    recursive : bool
        Folders with all that is below them.
    limit : int or None
        Only the first pictures and clips.

    Raises
    ------
    UserError
        When a value is not one that there is, or two contradict each other.
    """

    inputs: tuple[Path, ...]
    out: Path
    aligned: bool = False
    map: Path | None = None
    preset: str = PERCEPTUAL
    map_weights: str | Path = SHIPPED
    edit_weights: str | Path | None = None
    backend: str = AUTO
    least_score: float = LEAST_SCORE
    side_by_side: bool = False
    recursive: bool = True
    limit: int | None = None

    def __post_init__(self) -> None:
        if not self.inputs:
            raise ArgumentError("inputs", ": name at least one picture or folder")
        check_choice("preset", self.preset, PRESETS)
        self.check_compute()
        check_choice("backend", self.backend, BACKENDS)
        check_at_least("limit", self.limit, 1)
        if not math.isfinite(self.least_score):
            raise ArgumentError("least_score", f"{self.least_score}: expected a number")
        if self.edit_weights is not None and self.preset != PERCEPTUAL:
            raise ArgumentError("preset", "and `edit_weights`: give one of them")
        check_exists("map", self.map)

    @property
    def edit(self) -> str | Path:
        """What `Unmasker` takes as its Editing Module."""
        return self.preset if self.edit_weights is None else self.edit_weights
