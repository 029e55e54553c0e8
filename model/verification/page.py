"""The page ``verification.html``: one file, no script, nothing fetched."""

from collections.abc import Mapping
from typing import Any

from unmask.datagen.common.page import draw_template
from unmask.datagen.common.svg import BAR, INK, WORSE
from unmask.model.metrics.table import write_number
from unmask.model.report.plots import RocLine, draw_roc

from .curve import FARS, Curve

_COLOURS = (INK, WORSE, BAR, "#4b9150", "#7d58a6", "#e08335")
_SCORES = {
    "auc": "AUC",
    "eer": "EER",
    "accuracy": "Accuracy",
    **{f"tar_at_far_{limit:g}": f"TAR at FAR {limit:g}" for limit in FARS},
}


def draw_page(summary: Mapping[str, Any], curves: Mapping[str, Curve]) -> str:
    """Return the page as a text that is both HTML and well-formed XML after its first line.

    Parameters
    ----------
    summary : mapping
        The content of ``summary.json``.
    curves : mapping of str to Curve
        By the names of the rows.
    """
    strangers = max(1, summary["pairs"]["different"])
    # rows of one kind of picture have one colour; those with a bare one on the other side are drawn through
    kinds = list(dict.fromkeys(map(_first, curves)))
    lines = [
        RocLine(
            name,
            curve.far,
            curve.tar,
            _COLOURS[kinds.index(_first(name)) % len(_COLOURS)],
            "" if name.endswith(", bare") else "5 3",
        )
        for name, curve in curves.items()
    ]
    changes = [
        (name, row["against"], [_words(row[score], sign=True) for score in _SCORES])
        for name, row in summary["changes"].items()
    ]
    best = summary["rows"]
    return draw_template(
        "verification.html",
        summary=summary,
        heads=list(_SCORES.values()),
        rows=[(name, [_words(row[score]) for score in _SCORES]) for name, row in best.items()],
        changes=changes,
        tiles=[(f"{100 * row['eer']['value']:.1f} %", f"EER: {name}") for name, row in best.items()],
        roc=draw_roc(lines, "true accepts over false accepts", min(0.1, 1 / strangers)),
    )


def _first(row: str) -> str:
    """What the first picture of a row shows: the second one shows the same, or is bare; names may have commas."""
    return row.removesuffix(", bare") if row.endswith(", bare") else row[: len(row) // 2 - 1]


def _words(cell: Mapping[str, float | None], *, sign: bool = False) -> tuple[str, str]:
    """A value and its interval, in percent but for their sign."""
    if cell["value"] is None:
        return "-", ""
    value, low, high = (
        "" if cell[name] is None else write_number(100 * float(cell[name] or 0), 1, sign=sign)
        for name in ("value", "low", "high")
    )
    return value, f"{low} to {high}" if low and high else ""
