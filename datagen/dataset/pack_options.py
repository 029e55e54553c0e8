"""What packing faces is asked to do: one frozen object, checked before any work."""

from dataclasses import dataclass
from pathlib import Path

from unmask.datagen.common.checks import check_at_least, check_exists
from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.common.options import FolderOptions

from .options import LARGEST_SIDE_PX

_SMALLEST_PX = 32


@dataclass(frozen=True)
class PackOptions(FolderOptions):
    """What `pack` is told; one field per flag of ``unmask-data pack``.

    Attributes
    ----------
    source : str
        Folder, zip or parquet file of faces, a URL, or ``demo``.
    out : Path
        Folder to make.
    size : int
        Shorter side in pixels; smaller pictures stay as they are.
    quality : int
        Of the JPEG files, 1 to 100.
    part_mb : float or None
        Also write all of it as tar files of at most so many megabytes (10**6 bytes).
    limit : int or None
        Only the first pictures.
    split : str or None
        Only one official split.
    landmarks : Path or None
        Known points: a table, JSON, or a folder of .pts files.
    workers : int
        Processes; 1 works in this one.
    """

    source: str
    out: Path
    size: int = 176
    quality: int = 90
    part_mb: float | None = None
    limit: int | None = None
    split: str | None = None
    landmarks: Path | None = None
    workers: int = 1

    def check(self) -> None:
        """Raise ArgumentError naming the first one whose value makes no sense."""
        self.check_folder()
        if not _SMALLEST_PX <= self.size <= LARGEST_SIDE_PX:
            raise ArgumentError("size", f"{self.size}: expected {_SMALLEST_PX} to {LARGEST_SIDE_PX} pixels")
        if not 1 <= self.quality <= 100:
            raise ArgumentError("quality", f"{self.quality}: expected 1 to 100")
        if self.part_mb is not None and not 1 <= self.part_mb <= 1e6:
            raise ArgumentError("part_mb", f"{self.part_mb}: expected 1 to 1,000,000 megabytes")
        check_at_least("workers", self.workers, 1)
        check_exists("landmarks", self.landmarks)
