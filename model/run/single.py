"""``unmask-run photo.jpg --out result.png``, ``unmask-run clip.mp4 --out result.mp4``: one input, one file."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from unmask.datagen.common.atomic import writing_to
from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.pictures.tree import CLIP_EXTENSIONS, PICTURE_EXTENSIONS, is_clip

from .inputs import MP4, PNG
from .options import RunOptions
from .results import RESTORED

Report = TypeVar("Report")


def is_file_name(out: Path) -> bool:
    """Whether ``out`` names a picture or a clip, not a folder."""
    return out.suffix.lower() in PICTURE_EXTENSIONS | CLIP_EXTENSIONS and not out.is_dir()


def check_single(options: RunOptions) -> None:
    """Raise ArgumentError where ``out`` cannot be the file of one picture's or clip's result."""
    out = options.out
    one = len(options.inputs) == 1 and not options.inputs[0].is_dir()
    if one and is_clip(options.inputs[0]):
        if out.suffix.lower() != MP4:
            raise ArgumentError("out", f"{out}: results of clips are MP4; name a .mp4, or a folder")
    elif out.suffix.lower() != PNG:
        raise ArgumentError(
            "out", f"{out}: results are PNG, so that pixels keep their values; name a .png, or a folder"
        )
    if not one:
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
    """Let ``run`` work in a folder beside the file, keep what it restored alone, and return what it returns."""
    with (
        writing_to(options.out.parent),
        tempfile.TemporaryDirectory(prefix=f".{options.out.stem}-", dir=options.out.parent) as place,
    ):
        folder = Path(place) / "run"
        report = run(replace(options, out=folder))
        for made in (folder / RESTORED).glob(f"*{options.out.suffix.lower()}"):
            made.replace(options.out)
    return report
