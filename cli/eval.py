"""``unmask-eval``: how good the modules are, for whom, and on which masks."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from unmask.model.evaluation.options import EvalOptions
from unmask.model.metrics.table import MINUS, score_of, score_words

from . import eval_verify, flags
from .flags import Flag
from .running import make_app, resumable, run_app
from .showing import print_pairs, print_table, printable, show_progress, showing_log

if TYPE_CHECKING:
    from unmask.model.evaluation.run import EvalResult

NAME = "unmask-eval"
app = make_app()

_SHOWN = ("psnr", "ssim", "mask_psnr", "mask_ssim")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; its first word may be ``verify``, a folder is ./verify."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["verify"]:
        return run_app(eval_verify.app, eval_verify.NAME, arguments, skip=1)
    return run_app(app, NAME, arguments, least_mb=1050)


_FLAGS = {
    "data": Flag("Dataset of unmask-data build, or a folder of masked pictures.", "DATA", argument=True),
    "out": Flag("Folder of the report.", "REPORT"),
    "map_module": Flag("Map Module; or: shipped", "RUN|FILE", name="--map"),
    "edit_module": Flag("Editing Module; or: perceptual, fidelity (shipped)", "RUN|FILE", name="--edit"),
    "clean": Flag("Clean pictures of the same names, for a plain folder.", "DIR"),
    "maps": Flag("True maps of the same names, for a plain folder.", "DIR"),
    "tags": Flag("More columns to break down by; the first names pictures.", "CSV"),
    "frame": Flag("Look for faces and frame them, as unmask-run does.", name="--frame"),
    "bare": Flag("DATA shows bare faces: count masks taken off.", name="--bare"),
    "split": Flag("train, val, test or all; test where there is one."),
    "limit": flags.LIMIT,
    "size": Flag("Crop and scale to squares first; as they are by default.", "PX"),
    "by": Flag("Cross attributes or tags; repeatable.", "A,B", parse=flags.split_names, repeat=True),
    "identity": Flag("Distance of face descriptors, in a second pass."),
    "features": Flag("Perceptual distance, KID, attribute changes."),
    "lpips": Flag("Weights of LPIPS: its state dict, or its learned part.", "FILE"),
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
    """Judge a Map Module, an Editing Module, or both; the same command again resumes.

    unmask-eval verify DATASET says how well masked and unmasked faces are recognised: unmask-eval verify --help.
    """
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
    pairs = _pipeline_pairs(summary["pipeline"])
    pairs |= {
        score_words(name) + " of the maps" * (name != "pipeline_iou"): _interval(means[f"map_{name}"], name)
        for name in ("pipeline_iou", "iou", "dice", "boundary_f")
        if f"map_{name}" in means
    }
    many = f"{data['pictures']}"
    if data["clusters"] != data["pictures"]:
        many += f" of {data['clusters']} {data['clustered_by']}"
    pairs["pictures"] = many
    if data["failed"]:
        pairs["not scored"] = ", ".join(f"{status} {count}" for status, count in data["failed"].items())
        pairs["not scored"] += "; reasons in metrics.csv"
    if data["coverage_mean"] == data["coverage_mean"]:
        pairs["mean coverage"] = f"{data['coverage_mean']:.1%} of the picture"
    if summary["comparison"] is not None:
        _print_comparison(summary)
        pairs[f"against {summary['comparison']['other']}"] = summary["comparison"]["verdict"]
    pairs["report"] = str(result.page)
    _print_worst(summary)
    print_pairs(pairs)


def _pipeline_pairs(pipeline: Mapping[str, Any] | None) -> dict[str, str]:
    """What became of photographs whose faces were looked for."""
    if pipeline is None:
        return {}
    share = pipeline["taken_off"]
    words = "false alarms" if pipeline["bare"] else "masks taken off"
    counts = ", ".join(f"{name} {count}" for name, count in pipeline["statuses"].items() if count)
    spread = f"[{share['low']:.1%}, {share['high']:.1%}]"
    return {words: f"{share['mean']:.1%} {spread} of the pictures", "statuses": counts}


def _print_worst(summary: Mapping[str, Any]) -> None:
    """The worst groups of faces and masks, by the scores that come first on the page."""
    from unmask.model.report.names import group_words

    found: dict[str, object] = {}
    for worst in summary["worst"]:
        if worst["metric"] in ("pipe_mask_psnr", "map_iou", "map_pipeline_iou", "map_false_alarm"):
            score, what = score_of(worst["metric"]), score_words(worst["metric"].partition("_")[2])
            mean, gap = (
                score.write(worst["mean"], brief=True),
                score.write(worst["gap"], sign=True, brief=True),
            )
            told = f"{what} {mean} ({gap}), {worst['n']} pictures".replace(MINUS, "-")
            group = group_words(worst["kind"], worst["name"], worst["group"])
            found[f"  {group}"] = f"{found[f'  {group}']}; {told}" if f"  {group}" in found else told
    if found:
        print("worst groups, and how far from the others")
        print_pairs(found)


def _print_systems(summary: Mapping[str, Any]) -> None:
    means = summary["means"]
    shown = [name for name in _SHOWN if any(f"{s['id']}_{name}" in means for s in summary["systems"])]
    if not shown:
        return
    rows = [
        [system["name"], *(_narrow(means.get(f"{system['id']}_{name}"), name) for name in shown)]
        for system in summary["systems"]
    ]
    columns = ["system", *(_in_lines(score_words(name)) for name in shown)]
    data = summary["data"]
    over = f" over {data['clustered_by']}" if data["clusters"] != data["pictures"] else ""
    print_table(f"composited pictures, mean and 95 % interval{over}", columns, rows, folds=1)


def _print_comparison(summary: Mapping[str, Any]) -> None:
    """Every score that both reports have, with its verdict."""
    from unmask.model.report.content import System
    from unmask.model.report.names import read_metric

    comparison, rows = summary["comparison"], []
    systems = [System(str(system["id"]), str(system["name"])) for system in summary["systems"]]
    for row in comparison["rows"]:
        metric = read_metric(row["metric"], systems)
        write = metric.score.write
        texts = [write(row["ours"]), write(row["theirs"]), write(row["difference"], sign=True)]
        if row["low"] == row["low"]:
            texts[2] += f"\n{write(row['low'], sign=True)} to {write(row['high'], sign=True)}"
        cells = [text.replace(MINUS, "-") for text in texts]
        rows.append([metric.words, *cells, row["verdict"]])
    columns = ["score", "this", "other", "difference", "verdict"]
    print_table(f"against {comparison['other']}", columns, rows, folds=1)


def _in_lines(words: str) -> str:
    """Break a score's name before its region, where there is one."""
    return words.replace(" in the ", "\nin the ").replace(" of the ", "\n")


def _interval(mean: Mapping[str, float] | None, name: str) -> str:
    if mean is None:
        return ""
    digits = score_of(name).digits
    if not _has_limits(mean):
        return f"{mean['mean']:.{digits}f}"
    return f"{mean['mean']:.{digits}f} [{mean['low']:.{digits}f}, {mean['high']:.{digits}f}]"


def _narrow(mean: Mapping[str, float] | None, name: str) -> str:
    """Mean and interval in two lines: four of them fit into 80 columns."""
    if mean is None or not _has_limits(mean):
        return _interval(mean, name)
    digits = score_of(name).digits
    brief = score_of(name).brief
    return f"{mean['mean']:.{digits}f}\n{mean['low']:.{brief}f} - {mean['high']:.{brief}f}"


def _has_limits(mean: Mapping[str, float]) -> bool:
    return mean["low"] is not None and mean["low"] == mean["low"]
