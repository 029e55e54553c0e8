"""``unmask-run photo.jpg --out result.png``: one photograph, one file."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from unmask.datagen.common.atomic import writing_to
from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.pictures.tree import PICTURE_EXTENSIONS

from .options import RunOptions
from .results import RESTORED

Report = TypeVar("Report")


def is_file_name(out: Path) -> bool:
    """Whether ``out`` names a picture, not a folder."""
    return out.suffix.lower() in PICTURE_EXTENSIONS and not out.is_dir()


def check_single(options: RunOptions) -> None:
    """Raise ArgumentError where ``out`` cannot be the file of one picture's result."""
    out = options.out
    if out.suffix.lower() != ".png":
        raise ArgumentError(
            "out", f"{out}: results are PNG, so that pixels keep their values; name a .png, or a folder"
        )
    if len(options.inputs) > 1 or options.inputs[0].is_dir():
        raise ArgumentError("out", f"{out}: is one file, and `inputs` are not one picture; name a folder")
    if options.side_by_side:
        raise ArgumentError("side_by_side", f": goes with a folder as `out`, not with {out}")
    if not out.parent.is_dir():
        raise ArgumentError("out", f"{out}: {out.parent} is no folder")
    if out.exists() and options.existing != "overwrite":
        raise ArgumentError("out", f"{out}: is there already; `existing` overwrite replaces it")
    if out.exists() and out.samefile(options.inputs[0]):
        raise ArgumentError("out", f"{out}: is `inputs` itself; name another file")


def run_single(options: RunOptions, run: Callable[[RunOptions], Report]) -> Report:
    """Let ``run`` work in a folder beside the file, keep the restored picture alone, and return what it returns."""
    with (
        writing_to(options.out.parent),
        tempfile.TemporaryDirectory(prefix=f".{options.out.stem}-", dir=options.out.parent) as place,
    ):
        folder = Path(place) / "run"
        report = run(replace(options, out=folder))
        for made in (folder / RESTORED).glob("*.png"):
            made.replace(options.out)
    return report
