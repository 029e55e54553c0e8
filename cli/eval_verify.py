"""``unmask-eval verify``: how well faces are told apart, masked and with the masks taken off."""

import shlex
import sys
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from unmask.model.verification.options import VerifyOptions

from . import flags
from .flags import Flag
from .running import make_app
from .showing import print_pairs, print_table, printable, show_progress, showing_log

if TYPE_CHECKING:
    from unmask.model.verification.verify import Verification

NAME = "unmask-eval verify"
app = make_app(completes=False)

_FLAGS = {
    "data": Flag("Dataset of unmask-data build.", "DATASET", argument=True),
    "out": Flag("Folder of the report.", "REPORT"),
    "pairs": Flag("LFW's pairs.txt, or lines of: PATH PATH 0/1; drawn from identities by default.", "FILE"),
    "pairs_per_fold": Flag("Drawn pairs of each kind in each of ten folds, at most.", "N"),
    "seed": Flag("Decides which pairs are drawn."),
    "split": Flag("train, val, test or all; test where there is one."),
    "map_module": Flag("Map Module; or: shipped", "RUN|FILE", name="--map"),
    "edit_modules": Flag(
        "Editing Module; or: perceptual, fidelity (shipped); repeatable.", "RUN|FILE", name="--edit"
    ),
    "embedding": Flag("Embedding of faces; dlib's by default.", "FILE.onnx"),
    "embedding_size": Flag("Side of its faces; what the file says, else 112, by default.", "PX"),
    "embedding_mean": Flag("It takes (level - mean) / std.", "M"),
    "embedding_std": Flag("See --embedding-mean.", "S"),
    "embedding_bgr": Flag("It takes blue first.", name="--embedding-bgr"),
    "batch_size": Flag("Pictures at a time.", "N"),
    "device": flags.DEVICE,
    "precision": flags.PRECISION,
    "existing": flags.EXISTING,
}
_SHOWN = ("eer", "tar_at_far_0.001", "tar_at_far_0.01", "accuracy")
_HEADS = ("pictures", "EER", "TAR at\nFAR 0.1 %", "TAR at\nFAR 1 %", "accuracy")


@app.command()
@flags.takes_options(VerifyOptions, _FLAGS)
def verify_command(context: typer.Context, **_: Any) -> None:
    """Say how well faces are told apart: bare, masked, and with the masks taken off."""
    options = flags.read_options(VerifyOptions, _FLAGS, context)
    options.validate()  # before torch is loaded
    from unmask.model.verification.verify import verify_faces

    command = shlex.join(["unmask-eval", *map(printable, sys.argv[1:])])
    with showing_log():
        result = verify_faces(options, command, partial(show_progress, unit="pictures"))
    _print(result)


def _print(result: "Verification") -> None:
    summary = result.summary
    pairs = summary["pairs"]
    for note in summary["notes"]:
        print(f"note: {printable(note)}")
    rows = [
        [name.replace(", ", ",\n"), *(_cell(row[score]) for score in _SHOWN)]
        for name, row in summary["rows"].items()
    ]
    print_table(f"{summary['embedding']['name']}; percent, 95 % interval over people", _HEADS, rows, folds=1)
    print_pairs(
        {
            **{f"{name} against {row['against']}": _change(row) for name, row in summary["changes"].items()},
            "pairs": f"{pairs['same']} of one person, {pairs['different']} of two, {pairs['folds']} folds",
            "people": pairs["people"],
            "report": str(result.page),
        }
    )


def _change(row: Mapping[str, Any]) -> str:
    """What became of the EER."""
    value, low, high = (100 * row["eer"][name] for name in ("value", "low", "high"))
    if low != low:
        return f"EER {value:+.1f} points"
    verdict = "worse" if low > 0 else "better" if high < 0 else "no difference shown"
    return f"EER {value:+.1f} points ({low:+.1f} to {high:+.1f}): {verdict}"


def _cell(cell: Mapping[str, float]) -> str:
    """Value and interval in two lines, in percent."""
    value, low, high = (100 * cell[name] for name in ("value", "low", "high"))
    if value != value:
        return "-"
    return f"{value:.1f}" if low != low else f"{value:.1f}\n{low:.1f} - {high:.1f}"
