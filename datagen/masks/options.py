"""What of a request decides the masks that are drawn: the same for files and for a training."""

from dataclasses import dataclass
from pathlib import Path

from unmask.datagen.common.checks import check_at_least, check_exists
from unmask.datagen.common.errors import ArgumentError


@dataclass(frozen=True, kw_only=True)
class MaskOptions:
    """Which faces get which masks.

    Attributes
    ----------
    seed : int
        Decides everything that is random: with a picture's name and variant, or epoch, its mask.
    limit : int or None
        Only the first pictures of the source; of a training: the first to train on.
    families : tuple of str or None
        Only these mask families.
    templates : tuple of Path
        Folders with the user's own templates.
    textures : Path or None
        Folder of the user's pictures of cloth.
    recipe : str
        Name of a packaged recipe, or a TOML file.
    pins : tuple of str
        ``KEY=VALUE``: parts of the recipe that are not left to chance.
    landmarks : Path or None
        Known points: a table, JSON, or a folder of .pts files.
    """

    seed: int = 0
    limit: int | None = None
    families: tuple[str, ...] | None = None
    templates: tuple[Path, ...] = ()
    textures: Path | None = None
    recipe: str = "default"
    pins: tuple[str, ...] = ()
    landmarks: Path | None = None

    def check_masks(self) -> None:
        """Raise ArgumentError naming the first of these whose value makes no sense."""
        check_at_least("seed", self.seed, 0)
        check_at_least("limit", self.limit, 1)
        if self.families is not None and not self.families:
            raise ArgumentError("families", ": names no family")
        for folder in self.templates:
            check_exists("templates", folder, "folder")
        check_exists("textures", self.textures, "folder")
        check_exists("landmarks", self.landmarks)
