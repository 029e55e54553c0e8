"""What a verification is asked to do: one frozen object, checked before any work. Imports no torch."""

import math
from dataclasses import dataclass
from pathlib import Path

from unmask.datagen.common.checks import (
    check_above_zero,
    check_at_least,
    check_choice,
    check_exists,
    check_outside,
)
from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.sources.splits import SPLITS
from unmask.model.common.options import ComputeOptions

SMALLEST_PX, LARGEST_PX = 32, 512  # of a face that an embedding sees


@dataclass(frozen=True)
class VerifyOptions(ComputeOptions):
    """What `unmask.model.verification.verify.verify_faces` is told; one field per flag of ``unmask-eval verify``.

    Attributes
    ----------
    data : Path
        Dataset of ``unmask-data build``.
    out : Path
        Folder of the report.
    pairs : Path or None
        Pairs of pictures, as LFW's ``pairs.txt`` or as ``path path 0/1``; None draws them from the identities.
    pairs_per_fold : int
        How many pairs of each kind are drawn, at most, in each of ten folds.
    seed : int
        Of that draw.
    split : str or None
        ``train``, ``val``, ``test``, ``all``; None takes ``test`` where the dataset has it, else ``val``, else all.
    map_module : str
        Run, checkpoint or weights of a Map Module, or ``shipped``.
    edit_modules : tuple of str
        The same of Editing Modules, or ``perceptual``, ``fidelity``: each is a row of its own.
    embedding : Path or None
        ONNX file that makes an embedding of a face; None takes dlib's network, which comes along.
    embedding_size : int or None
        Side in pixels of the face that it sees; None takes what the file says, else 112.
    embedding_mean, embedding_std : float
        Levels are brought to (level - mean) / std.
    embedding_bgr : bool
        Whether it takes blue first.
    batch_size : int
    """

    data: Path
    out: Path
    pairs: Path | None = None
    pairs_per_fold: int = 300
    seed: int = 0
    split: str | None = None
    map_module: str = "shipped"
    edit_modules: tuple[str, ...] = ("perceptual",)
    embedding: Path | None = None
    embedding_size: int | None = None
    embedding_mean: float = 127.5
    embedding_std: float = 127.5
    embedding_bgr: bool = False
    batch_size: int = 32

    def validate(self) -> None:
        """Raise UserError naming the first one whose value makes no sense."""
        check_exists("data", self.data, "folder")
        for name in ("pairs", "embedding"):
            check_exists(name, getattr(self, name), "file")
        if self.split is not None:
            check_choice("split", self.split, (*SPLITS, "all"))
        self.check_compute()
        for name in ("pairs_per_fold", "batch_size"):
            check_at_least(name, getattr(self, name), 1)
        self._check_embedding()
        twice = next((one for one in self.edit_modules if self.edit_modules.count(one) > 1), None)
        if twice is not None:
            raise ArgumentError("edit_modules", f"{twice}: given twice")
        check_outside("out", self.out, "data", self.data)

    def _check_embedding(self) -> None:
        if self.embedding_size is not None and not SMALLEST_PX <= self.embedding_size <= LARGEST_PX:
            raise ArgumentError(
                "embedding_size", f"{self.embedding_size}: expected {SMALLEST_PX} to {LARGEST_PX} pixels"
            )
        if not math.isfinite(self.embedding_mean):
            raise ArgumentError("embedding_mean", f"{self.embedding_mean}: expected a number")
        check_above_zero("embedding_std", self.embedding_std)
        if self.embedding is not None:
            return
        for name in ("embedding_size", "embedding_mean", "embedding_std", "embedding_bgr"):
            if getattr(self, name) != type(self).__dataclass_fields__[name].default:
                raise ArgumentError(name, ": goes with `embedding` FILE.onnx")
