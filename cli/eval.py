"""``unmask-eval``: how good the modules are, for whom, and on which masks."""

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .running import make_app, print_pairs, print_table, printable, run_app, show_progress

if TYPE_CHECKING:
    from unmask.model.evaluation.evaluate import Progress
    from unmask.model.evaluation.run import EvalResult

NAME = "unmask-eval"
app = make_app()

_SHOWN = (
    ("psnr", "PSNR", 2),
    ("ssim", "SSIM", 4),
    ("mask_psnr", "PSNR in mask", 2),
    ("mask_ssim", "SSIM in mask", 3),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return run_app(app, NAME, arguments)


@app.command()
def evaluate(
    data: Annotated[
        Path,
        typer.Argument(metavar="DATA", help="Dataset of unmask-data build, or a folder of masked pictures."),
    ],
    out: Annotated[Path, typer.Option(metavar="REPORT", help="Folder of the report.")],
    map_module: Annotated[
        str | None, typer.Option("--map", metavar="RUN|FILE", help="Map Module; or: shipped")
    ] = None,
    edit_module: Annotated[
        str | None,
        typer.Option("--edit", metavar="RUN|FILE", help="Editing Module; or: perceptual, fidelity (shipped)"),
    ] = None,
    clean: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Clean pictures of the same names, for a plain folder.")
    ] = None,
    maps: Annotated[
        Path | None, typer.Option(metavar="DIR", help="True maps of the same names, for a plain folder.")
    ] = None,
    tags: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="More columns to break down by; the first names pictures."),
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="train, val, test or all; test where there is one.")
    ] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", help="Only the first pictures.")] = None,
    size: Annotated[
        int | None,
        typer.Option(metavar="PX", help="Crop and scale to squares first; as they are by default."),
    ] = None,
    by: Annotated[
        list[str] | None, typer.Option(metavar="A,B", help="Cross attributes or tags; repeatable.")
    ] = None,
    identity: Annotated[bool, typer.Option(help="Distance of face descriptors, in a second pass.")] = True,
    features: Annotated[bool, typer.Option(help="Perceptual distance, KID, attribute changes.")] = True,
    compare: Annotated[
        Path | None, typer.Option(metavar="REPORT", help="Another report on the same pictures.")
    ] = None,
    train: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE", help="Training faces for the mean-face floor; DATA's own source by default."
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(metavar="N", help="Pictures at a time.")] = 32,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    precision: Annotated[str, typer.Option(help="fp32, bf16, or auto: bf16 on a GPU.")] = "auto",
    existing: Annotated[str, typer.Option(help="resume, overwrite or fail.")] = "resume",
) -> None:
    """Judge a Map Module, an Editing Module, or both; the same command again resumes."""
    from unmask.model.evaluation.options import EvalOptions

    options = EvalOptions(
        data=data,
        out=out,
        map_module=map_module,
        edit_module=edit_module,
        clean=clean,
        maps=maps,
        tags=tags,
        split=split,
        limit=limit,
        size=size,
        batch_size=batch_size,
        device=device,
        precision=precision,
        train=train,
        identity=identity,
        features=features,
        by=tuple(tuple(name.strip() for name in names.split(",") if name.strip()) for names in by or ()),
        compare=compare,
        existing=existing,
    )
    options.validate()  # before torch is loaded
    from unmask.model.evaluation.run import run_evaluation

    command = shlex.join([NAME, *map(printable, sys.argv[1:])])
    _print_result(run_evaluation(options, command, _say, _bar))


def _say(line: str) -> None:
    print(printable(line), file=sys.stderr, flush=True)


@contextmanager
def _bar(title: str) -> "Iterator[Progress]":
    with show_progress(title, "pictures") as update:
        yield update


def _print_result(result: "EvalResult") -> None:
    summary = result.summary
    means, data = summary["means"], summary["data"]
    _print_systems(summary)
    pairs = {
        f"map {name}": _interval(means[f"map_{name}"], 4)
        for name in ("iou", "dice", "boundary_f")
        if f"map_{name}" in means
    }
    for worst in summary["worst"]:
        if worst["metric"] in ("pipe_mask_psnr", "map_iou"):
            pairs[f"worst {worst['kind']} ({worst['metric']})"] = (
                f"{worst['name']} {worst['group']}: {worst['mean']:.3f}, gap {worst['gap']:+.3f}, n {worst['n']}"
            )
    pairs["pictures"] = str(data["pictures"])
    if data["coverage_mean"] == data["coverage_mean"]:
        pairs["mean coverage"] = f"{data['coverage_mean']:.1%} of the picture"
    pairs["report"] = str(result.page)
    print_pairs(pairs)


def _print_systems(summary: dict[str, Any]) -> None:
    means = summary["means"]
    shown = [
        column for column in _SHOWN if any(f"{s['id']}_{column[0]}" in means for s in summary["systems"])
    ]
    if not shown:
        return
    rows = []
    for system in summary["systems"]:
        cells = [system["name"]]
        for name, _, digits in shown:
            mean = means.get(f"{system['id']}_{name}")
            cells.append("" if mean is None else _interval(mean, digits))
        rows.append(cells)
    print_table(
        "composited pictures, mean and 95 % interval", ["system", *(words for _, words, _ in shown)], rows
    )


def _interval(mean: dict[str, float], digits: int) -> str:
    return f"{mean['mean']:.{digits}f} [{mean['low']:.{digits}f}, {mean['high']:.{digits}f}]"
