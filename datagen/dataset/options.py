"""What a build is asked to do: one frozen object, and what of it decides the result."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unmask.datagen.common.checks import check_at_least, check_choice, check_exists
from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.common.options import FolderOptions
from unmask.datagen.common.read_file import open_file
from unmask.datagen.masks.options import MaskOptions
from unmask.datagen.sources.people import IDENTITIES

FORMATS = ("png", "jpg")
FACES = ("all", "largest", "single")
SMALLEST_SIDE_PX, LARGEST_SIDE_PX = 16, 8192
MOST_VARIANTS = 10_000


@dataclass(frozen=True)
class BuildOptions(MaskOptions, FolderOptions):
    """Everything `unmask.datagen.dataset.build.build` is told; one field per flag of ``unmask-data build``.

    What decides the masks is in `MaskOptions`.

    Attributes
    ----------
    source : str
        Folder, zip or parquet file of faces, a URL, or ``demo``.
    out : Path
        Folder of the dataset; a URL is for a build in shards (`unmask.datagen.exchange.shard_options`).
    variants : int
        Masks per source picture.
    size : (width, height) or None
        Of the result in pixels, by centre crop; None keeps the source's size.
    format : str
        Of masked pictures: ``png``, or ``jpg`` which is small and no longer bit-exact.
    split : str or None
        Only one official split: ``train``, ``val`` or ``test``; ``all`` is as None.
    identities : str
        ``folder``: the folder of a picture says who is in it; ``none``: it does not; ``auto``: where the tree looks
        like one of people.
    workers : int
        Processes; 1 works in this one.
    faces : str
        ``all`` masks every face, ``largest`` the largest one, ``single`` refuses pictures with several.
    parsing : Path or None
        Folder of parsing maps, ``<key without variant>.png``: hair, glasses and hats in them stay in front.
    parsing_labels : str
        How the parsing maps are numbered: ``celebamask``, ``bisenet``, or a TOML file with ``hair = 17`` and so on.
    layers : bool
        Also write ``layers/``: mask, straps and shadow apart.
    dask : str or None
        Address of a Dask scheduler that does the work.
    """

    source: str
    out: Path
    variants: int = 1
    size: tuple[int, int] | None = None
    format: str = "png"
    split: str | None = None
    identities: str = "auto"
    workers: int = 1
    faces: str = "all"
    parsing: Path | None = None
    parsing_labels: str = "celebamask"
    layers: bool = False
    dask: str | None = None

    def check(self) -> None:
        """Raise ArgumentError naming the first one whose value makes no sense."""
        check_choice("format", self.format, FORMATS)
        check_choice("faces", self.faces, FACES)
        check_choice("identities", self.identities, IDENTITIES)
        self.check_folder()
        check_at_least("variants", self.variants, 1)
        check_at_least("workers", self.workers, 1)
        if self.variants > MOST_VARIANTS:
            raise ArgumentError("variants", f"{self.variants}: at most {MOST_VARIANTS}")
        if self.size is not None and not all(SMALLEST_SIDE_PX <= v <= LARGEST_SIDE_PX for v in self.size):
            text = f"{self.size[0]}x{self.size[1]}"
            raise ArgumentError(
                "size", f"{text}: each side needs {SMALLEST_SIDE_PX} to {LARGEST_SIDE_PX} pixels"
            )
        self.check_masks()
        check_exists("parsing", self.parsing, "folder")
        if self.parsing is None and self.parsing_labels != "celebamask":
            raise ArgumentError("parsing_labels", f"{self.parsing_labels}: goes with `parsing` DIR")

    def configuration(self) -> dict[str, Any]:
        """Return what stands in ``build.json`` and decides the result, without recipe and templates."""
        # numpy, which --help need not load
        from unmask.datagen.faces.landmark_table import points_sha256
        from unmask.datagen.faces.parsing import maps_sha256
        from unmask.datagen.faces.parsing_labels import CELEBAMASK, read_numbering

        numbering = read_numbering(self.parsing_labels)
        return {
            "seed": self.seed,
            "variants": self.variants,
            "size": list(self.size) if self.size else None,
            "format": self.format,
            "faces": self.faces,
            "layers": self.layers,
            "families": list(self.families) if self.families is not None else None,
            # Absolute, so that `verify` finds them from another working directory.
            "templates": [str(folder.absolute()) for folder in self.templates],
            "textures": str(self.textures.absolute()) if self.textures else None,
            "parsing": str(self.parsing.absolute()) if self.parsing else None,
            "parsing_sha256": maps_sha256(self.parsing) if self.parsing else None,
            # Only where it is another one: datasets that have no such line are numbered so.
            **({"parsing_labels": numbering} if numbering != CELEBAMASK else {}),
            "landmarks": str(self.landmarks.absolute()) if self.landmarks else None,
            "landmarks_sha256": points_sha256(self.landmarks) if self.landmarks else None,
        }


def parse_size(text: str) -> tuple[int, int]:
    """Return (width, height) in pixels from ``128`` or ``178x218``; ArgumentError naming ``size`` otherwise."""
    found = re.fullmatch(r"([0-9]{1,9})(?:[xX]([0-9]{1,9}))?", text.strip())
    if not found:
        words = "expected a number such as 128, or WIDTHxHEIGHT such as 178x218"
        raise ArgumentError("size", f"{text}: {words}, of {SMALLEST_SIDE_PX} to {LARGEST_SIDE_PX} pixels")
    width = int(found[1])
    return width, int(found[2]) if found[2] else width


def file_sha256(path: Path) -> str:
    """Return the hash of a file's content in hex; OSError where it is no regular file or cannot be read."""
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
