"""A build that grows by more variants: every picture of the dataset must get them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from unmask.datagen.common.errors import ArgumentError

from .folder import MANIFEST_NAME
from .journal import read_variants
from .manifest import iterate_manifest


def check_growth(out: Path, before: Mapping[str, Any], variants: int, sources: Iterable[str]) -> None:
    """Refuse a resume that would leave pictures of earlier runs with fewer variants than ``build.json`` says.

    Parameters
    ----------
    out : Path
        The dataset's folder; it is only read.
    before : mapping
        What its ``build.json`` says.
    variants : int
        Of the present run.
    sources : iterable of str
        Names of the present run's source pictures.

    Raises
    ------
    ArgumentError
        When earlier pictures are not among them and lack variants.
    UserError
        When a table of the dataset is damaged.
    """
    same = before["config"].get("variants", 1) == variants
    # A picture gets its variants in one piece: only a growth leaves some short, and what is complete was checked.
    if variants == 1 or (same and before.get("status") == "complete"):
        return
    manifest = out / MANIFEST_NAME
    rows = iterate_manifest(manifest) if manifest.exists() else ()
    counts = dict(Counter(row.source for row in rows)) | read_variants(out)
    present = set(sources)
    short = sorted(name for name, count in counts.items() if count < variants and name not in present)
    if short:
        many = f"{len(short)} pictures" if len(short) > 1 else "a picture"
        left = f"{many} of earlier runs (first {short[0]}) would keep fewer masks, being not in this run"
        raise ArgumentError(
            "variants", f"{variants}: {left}; take all in (`limit`, `split`), or give another folder"
        )
