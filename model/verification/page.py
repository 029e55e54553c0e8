"""The page ``verification.html``: one file, no script, nothing fetched."""

from collections.abc import Mapping
from typing import Any

from unmask.datagen.common.page import draw_template
from unmask.datagen.common.svg import BAR, INK, WORSE
from unmask.model.report.plots import RocLine, draw_roc

from .curve import FARS, Curve

_COLOURS = (INK, WORSE, BAR, "#4b9150", "#7d58a6", "#e08335")
_SCORES = {
    "auc": "AUC",
    "eer": "EER",
    **{f"tar_at_far_{limit:g}": f"TAR at FAR {limit:g}" for limit in FARS},
    "accuracy": "Accuracy",
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
    kinds = list(dict.fromkeys(name.split(", ")[0] for name in curves))
    lines = [
        RocLine(
            name,
            curve.far,
            curve.tar,
            _COLOURS[kinds.index(name.split(", ")[0]) % len(_COLOURS)],
            "" if name.endswith(", bare") else "5 3",
        )
        for name, curve in curves.items()
    ]
    rows = [
        (name, [_words(row[score]) for score in _SCORES], _spread(row["accuracy_se_of_folds"]))
        for name, row in summary["rows"].items()
    ]
    best = summary["rows"]
    return draw_template(
        "verification.html",
        summary=summary,
        heads=list(_SCORES.values()),
        rows=rows,
        tiles=[(f"{100 * row['eer']['value']:.1f} %", f"EER: {name}") for name, row in best.items()],
        roc=draw_roc(lines, "true accepts over false accepts", min(0.1, 1 / strangers)),
    )


def _words(cell: Mapping[str, float | None]) -> tuple[str, str]:
    """A value and its interval, in percent but for their sign."""
    if cell["value"] is None:
        return "-", ""
    low, high = cell["low"], cell["high"]
    interval = "" if low is None or high is None else f"{100 * low:.1f} to {100 * high:.1f}"
    return f"{100 * cell['value']:.1f}", interval


def _spread(value: float | None) -> str:
    return "" if value is None else f"± {100 * value:.1f} over folds"
