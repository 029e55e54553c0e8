"""The files of `stats`: the numbers (`stats.json`) and one page (`stats.html`)."""

import json
from pathlib import Path
from typing import Any

from unmask.datagen.common.atomic import write_atomic, writing_to
from unmask.datagen.common.errors import UserError

from .measure import FORMAT, Stats
from .page import draw_page

STATS_NAME = "stats.json"
PAGE_NAME = "stats.html"


def write_stats(stats: Stats, out: Path) -> tuple[Path, Path]:
    """Write ``stats.json`` and ``stats.html`` into a folder, which is made; returns the two paths."""
    table, page = out / STATS_NAME, out / PAGE_NAME
    content = json.dumps(stats.report, indent=1, allow_nan=False)
    html = draw_page(stats)
    with writing_to(out):
        out.mkdir(parents=True, exist_ok=True)
        write_atomic(table, (content + "\n").encode("ascii"))
        write_atomic(page, html.encode("utf-8"))
    return table, page


def read_stats(path: Path) -> dict[str, Any]:
    """Read a ``stats.json``, or the one in a folder.

    Raises
    ------
    UserError
        When it is missing or another kind of file.
    """
    file = path / STATS_NAME if path.is_dir() else path
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{file}: not valid JSON") from error
    if not isinstance(report, dict) or report.get("format") != FORMAT or "variety" not in report:
        raise UserError(
            f"{file}: not a {STATS_NAME} of this version of the toolkit; run unmask-data stats again"
        )
    return report
