"""``unmask-run``: take the masks off photographs."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .running import make_app, print_table, printable, resumable, run_app, show_progress

if TYPE_CHECKING:
    from unmask.model.run.job import RunReport
    from unmask.model.run.options import RunOptions

NAME = "unmask-run"
app = make_app("Take the masks off photographs.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    # Threads that spin while they wait leave no core to those that decode and encode.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return run_app(app, NAME, arguments)


@app.command()
def run_command(
    inputs: Annotated[
        list[Path], typer.Argument(metavar="INPUT...", help="Photographs, or folders of them.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the results.")],
    aligned: Annotated[
        bool, typer.Option("--aligned", help="Framed like aligned CelebA: search for no face; batches.")
    ] = False,
    map_: Annotated[
        Path | None, typer.Option("--map", metavar="FILE|DIR", help="Own map, or a folder with one for each.")
    ] = None,
    preset: Annotated[
        str, typer.Option(help="perceptual (sharp) or fidelity (nearest to the truth).")
    ] = "perceptual",
    map_weights: Annotated[
        str, typer.Option(metavar="RUN|FILE", help="Map Module.", show_default="the shipped one")
    ] = "shipped",
    edit_weights: Annotated[
        Path | None, typer.Option(metavar="RUN|FILE", help="Editing Module, instead of a preset.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="Such as cpu or cuda; a GPU where there is one.")] = None,
    precision: Annotated[str, typer.Option(help="fp32, bf16, or auto: bf16 on a GPU.")] = "auto",
    side_by_side: Annotated[
        bool, typer.Option("--side-by-side", help="Also write strips: input, map, result.")
    ] = False,
    recursive: Annotated[bool, typer.Option(help="Folders with all that is below them.")] = True,
    limit: Annotated[int | None, typer.Option(help="Only the first pictures.")] = None,
    existing: Annotated[str, typer.Option(help="resume, overwrite or fail.")] = "resume",
) -> None:
    """Find masked faces, take their masks off, and leave every other pixel as it was."""
    from unmask.model.run.options import RunOptions

    options = RunOptions(
        inputs=tuple(inputs),
        out=out,
        aligned=aligned,
        map=map_,
        preset=preset,
        map_weights=map_weights,
        edit_weights=edit_weights,
        device=device,
        precision=precision,
        side_by_side=side_by_side,
        recursive=recursive,
        limit=limit,
        existing=existing,
    )
    _run(options)


def _run(options: "RunOptions") -> None:
    from unmask.model.run.job import run_job

    with resumable(), show_progress("run", "pictures") as show:
        report = run_job(options, show)
    _print_report(report)


def _print_report(report: "RunReport") -> None:
    for note in report.notes:
        print(f"note: {printable(note)}")
    rows = [[status, str(count)] for status, count in report.counts.items() if count or status == "ok"]
    print_table(_counted(sum(report.counts.values()), "picture"), ["status", "pictures"], rows)
    resumed = f", {report.resumed} done before" if report.resumed else ""
    each = f" ({report.seconds / report.done:.2f} s each)" if report.done else ""
    masks, pictures = _counted(report.restored, "mask"), _counted(report.done, "picture")
    print(f"{masks} taken off {pictures} in {report.seconds:.1f} s{each}{resumed}")
    out = shlex.quote(printable(str(report.out)))
    print(f"results: {out}/restored, {out}/map; what became of each: {out}/run.csv")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
