"""What of a request every command that runs networks shares. Imports no torch."""

from dataclasses import dataclass

from unmask.datagen.common.checks import check_choice
from unmask.datagen.common.options import FolderOptions

from .limits import PRECISIONS


@dataclass(frozen=True, kw_only=True)
class ComputeOptions(FolderOptions):
    """Where networks run, in which numbers, and into which folder.

    Attributes
    ----------
    device : str
        ``auto`` (a GPU where there is one), ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    precision : str
        ``fp32``, ``bf16``, or ``auto``: bf16 on a GPU; a training measures which one is faster.
    """

    device: str = "auto"
    precision: str = "auto"

    def check_compute(self) -> None:
        """Raise ArgumentError where there is no such precision or way with a folder."""
        self.check_folder()
        check_choice("precision", self.precision, PRECISIONS)
