"""``unmask-run``: take the masks off photographs and clips."""

import math
import os
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.pictures.tree import is_clip
from unmask.model.run.options import RunOptions

from . import flags
from .flags import Flag
from .running import RESUMES, make_app, resumable, run_app
from .showing import print_statuses, printable, show_progress

if TYPE_CHECKING:
    from unmask.model.run.clip_rows import ClipRow
    from unmask.model.run.run_report import RunReport

NAME = "unmask-run"
_CLIP_TABLES = ("clips.csv", "tracks.csv")
app = make_app("Take the masks off photographs and clips.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    # Threads that spin while they wait leave no core to those that decode and encode.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return run_app(app, NAME, arguments, least_mb=800)


_FLAGS = {
    "inputs": Flag(
        "Photographs, clips (mp4, mov, webm, ...), or folders of them.", "INPUT...", argument=True
    ),
    "out": Flag("Folder of the results; of one input also its file.", "DIR|FILE.png|FILE.mp4"),
    "aligned": Flag("Framed like aligned CelebA: search for no face; batches.", name="--aligned"),
    "map": Flag("Own map, or a folder with one for each.", "FILE|DIR"),
    "preset": Flag("perceptual (sharp) or fidelity (nearest to the truth)."),
    "map_weights": Flag("Map Module.", "RUN|FILE", show_default="the shipped one"),
    "edit_weights": Flag("Editing Module, instead of a preset.", "RUN|FILE", kind=Path | None),
    "device": Flag("Such as cpu or cuda; a GPU where there is one.", show_default=False),
    "precision": flags.PRECISION,
    "backend": flags.BACKEND,
    "least_score": Flag(
        "Leave masked faces whose score is lower; 2: all that are doubtful.", "SCORE", name="--min-score"
    ),
    "side_by_side": Flag("Also write strips: input, map, result.", name="--side-by-side"),
    "recursive": Flag("Folders with all that is below them."),
    "limit": replace(flags.LIMIT, metavar=None),
    "existing": flags.EXISTING,
}


@app.command()
@flags.takes_options(RunOptions, _FLAGS)
def run_command(context: typer.Context, **_: Any) -> None:
    """Find masked faces, take their masks off, and leave every other pixel as it was."""
    options = flags.read_options(RunOptions, _FLAGS, context)
    from unmask.model.run.job import run_job

    clips = any(map(is_clip, options.inputs))
    again = f"{RESUMES}; a clip that is not finished begins again" if clips else RESUMES
    with resumable(again), show_progress("run", "frames" if clips else "pictures") as show:
        report = run_job(options, show)
    _print_report(report)
    if report.none_used:
        what = "inputs" if clips else "pictures"
        raise ArgumentError("inputs", f": none of the {what} could be used: " + "; ".join(report.failures))


def _print_report(report: "RunReport") -> None:
    from unmask.model.run.single import is_file_name

    noun = _noun(report)
    print_statuses(report, _counted(sum(report.counts.values()), noun), f"{noun}s")
    resumed = f", {report.resumed} done before" if report.resumed else ""
    each = f" ({report.seconds / report.done:.2f} s each)" if report.done else ""
    masks, pictures = _counted(report.restored, "mask"), _counted(report.done, noun)
    print(f"{masks} taken off {pictures} in {report.seconds:.1f} s{each}{resumed}")
    for clip in report.clips:
        _print_clip(clip)
    out = shlex.quote(printable(str(report.out)))
    if left := report.faces_left():
        print(f"faces left as they are: {left}")
    if not is_file_name(report.out):
        tables = ", ".join(
            f"{out}/{name}" for name in ("run.csv", "faces.csv", *_CLIP_TABLES[: 2 * bool(report.clips)])
        )
        print(f"results: {out}/restored, {out}/map, {out}/straps; what became of each: {tables}")
    elif not report.none_used:
        print(f"result: {out}")


def _noun(report: "RunReport") -> str:
    """What its inputs are called."""
    if not report.clips:
        return "picture"
    return "clip" if len(report.clips) == sum(report.counts.values()) else "input"


def _print_clip(clip: "ClipRow") -> None:
    change = (
        ""
        if math.isnan(clip.drawn_change)
        else f"; change between frames, of 255: {clip.drawn_change:.2f} where drawn, {clip.skin_change:.2f} on skin"
    )
    size = f"{clip.width}x{clip.height}, {clip.fps:g}/s"
    faces = f"{_counted(clip.tracks, 'face')} followed"
    print(
        f"{printable(clip.name)}: {_counted(clip.frames, 'frame')} of {size}, {faces}, sound {clip.sound}{change}"
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
