"""What an adoption is asked to do."""

from dataclasses import dataclass
from pathlib import Path

from unmask.datagen.common.checks import check_at_least, check_choice, check_exists
from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.common.options import FolderOptions
from unmask.datagen.sources.splits import SPLITS


@dataclass(frozen=True)
class AdoptOptions(FolderOptions):
    """Everything `unmask.datagen.exchange.adopt.adopt` is told; one field per flag of ``unmask-data adopt``.

    Attributes
    ----------
    source : Path
        Folder of masked pictures, or with subfolders ``masked``, ``clean`` and ``map``; or with folders ``train``,
        ``val`` and ``test`` that have these.
    out : Path
        Folder of the dataset.
    clean, maps : Path or None
        Folders of the clean pictures and of the maps, where they are elsewhere.
    split : str or None
        What all pictures are for: ``train``, ``val`` or ``test``; None leaves that open.
    family : str
        What the manifest says of every mask; "" where unknown.
    limit : int or None
        Only the first so many source pictures.
    copy : bool
        Copy pictures instead of linking to the source's own.
    """

    source: Path
    out: Path
    clean: Path | None = None
    maps: Path | None = None
    split: str | None = None
    family: str = ""
    limit: int | None = None
    copy: bool = False

    def check(self) -> None:
        """Raise ArgumentError naming the first one whose value makes no sense."""
        self.check_folder()
        for name in ("source", "clean", "maps"):
            check_exists(name, getattr(self, name), "folder")
        if self.split is not None:
            check_choice("split", self.split, SPLITS)
        check_at_least("limit", self.limit, 1)
        if any(letter in self.family for letter in ",\n\r\0"):
            raise ArgumentError("family", f"{self.family!r}: expected one name")
