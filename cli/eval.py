"""``unmask-eval``: how good the modules are, for whom, and on which masks."""

import shlex
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from unmask.model.evaluation.options import EvalOptions
from unmask.model.metrics.table import score_of, score_words

from . import flags
from .flags import Flag
from .running import (
    make_app,
    print_pairs,
    print_table,
    printable,
    resumable,
    run_app,
    show_progress,
    showing_log,
)

if TYPE_CHECKING:
    from unmask.model.evaluation.run import EvalResult

NAME = "unmask-eval"
app = make_app()

_SHOWN = ("psnr", "ssim", "mask_psnr", "mask_ssim")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    return run_app(app, NAME, arguments)


_FLAGS = {
    "data": Flag("Dataset of unmask-data build, or a folder of masked pictures.", "DATA", argument=True),
    "out": Flag("Folder of the report.", "REPORT"),
    "map_module": Flag("Map Module; or: shipped", "RUN|FILE", name="--map"),
    "edit_module": Flag("Editing Module; or: perceptual, fidelity (shipped)", "RUN|FILE", name="--edit"),
    "clean": Flag("Clean pictures of the same names, for a plain folder.", "DIR"),
    "maps": Flag("True maps of the same names, for a plain folder.", "DIR"),
    "tags": Flag("More columns to break down by; the first names pictures.", "CSV"),
    "split": Flag("train, val, test or all; test where there is one."),
    "limit": flags.LIMIT,
    "size": Flag("Crop and scale to squares first; as they are by default.", "PX"),
    "by": Flag("Cross attributes or tags; repeatable.", "A,B", parse=flags.split_names, repeat=True),
    "identity": Flag("Distance of face descriptors, in a second pass."),
    "features": Flag("Perceptual distance, KID, attribute changes."),
    "compare": Flag("Another report on the same pictures.", "REPORT"),
    "train": Flag("Training faces for the mean-face baseline; DATA's own source by default.", "SOURCE"),
    "batch_size": Flag("Pictures at a time.", "N"),
    "device": flags.DEVICE,
    "precision": flags.PRECISION,
    "existing": flags.EXISTING,
}


@app.command()
@flags.takes_options(EvalOptions, _FLAGS)
def evaluate(context: typer.Context, **_: Any) -> None:
    """Judge a Map Module, an Editing Module, or both; the same command again resumes."""
    options = flags.read_options(EvalOptions, _FLAGS, context)
    options.validate()  # before torch is loaded
    from unmask.model.evaluation.run import run_evaluation

    command = shlex.join([NAME, *map(printable, sys.argv[1:])])
    with resumable(), showing_log():
        result = run_evaluation(options, command, partial(show_progress, unit="pictures"))
    _print_result(result)


def _print_result(result: "EvalResult") -> None:
    summary = result.summary
    means, data = summary["means"], summary["data"]
    _print_systems(summary)
    pairs = {
        f"map {name}": _interval(means[f"map_{name}"], name)
        for name in ("iou", "dice", "boundary_f")
        if f"map_{name}" in means
    }
    for worst in summary["worst"]:
        if worst["metric"] in ("pipe_mask_psnr", "map_iou"):
            digits = score_of(worst["metric"]).digits
            told = f"{worst['mean']:.{digits}f}, gap {worst['gap']:+.{digits}f}, n {worst['n']}"
            pairs[f"worst {worst['kind']} ({worst['metric']})"] = f"{worst['name']} {worst['group']}: {told}"
    pairs["pictures"] = str(data["pictures"])
    if data["coverage_mean"] == data["coverage_mean"]:
        pairs["mean coverage"] = f"{data['coverage_mean']:.1%} of the picture"
    pairs["report"] = str(result.page)
    print_pairs(pairs)


def _print_systems(summary: dict[str, Any]) -> None:
    means = summary["means"]
    shown = [name for name in _SHOWN if any(f"{s['id']}_{name}" in means for s in summary["systems"])]
    if not shown:
        return
    rows = [
        [system["name"], *(_interval(means.get(f"{system['id']}_{name}"), name) for name in shown)]
        for system in summary["systems"]
    ]
    columns = ["system", *map(score_words, shown)]
    print_table("composited pictures, mean and 95 % interval", columns, rows)


def _interval(mean: dict[str, float] | None, name: str) -> str:
    if mean is None:
        return ""
    digits = score_of(name).digits
    return f"{mean['mean']:.{digits}f} [{mean['low']:.{digits}f}, {mean['high']:.{digits}f}]"
