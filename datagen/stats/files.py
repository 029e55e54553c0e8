"""The files of `stats`: the numbers (`stats.json`) and one page (`stats.html`)."""

import json
from pathlib import Path
from typing import Any

from unmask.datagen.common.atomic import write_atomic, writing_to
from unmask.datagen.common.errors import UserError
from unmask.datagen.common.json_text import NUMBER, Each, Needs, misfit, parse_json
from unmask.datagen.common.read_file import CARD_BYTES, read_file

from .measure import FORMAT, Stats
from .page import draw_page

STATS_NAME = "stats.json"
PAGE_NAME = "stats.html"


_VENDI = Needs({"n": int, "score": NUMBER, "by_n": Each(NUMBER)})
# What is compared; all else is for people to read.
_SHAPE = Needs(
    {
        "format": int,
        "name": str,
        "variety": Needs(dict.fromkeys(("vendi_maps", "vendi_appearance", "vendi_both"), _VENDI)),
        "empty": Each([str]),
    }
)


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
        report: dict[str, Any] = parse_json(read_file(file, CARD_BYTES))
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{file}: not valid JSON") from error
    if misfit(report, _SHAPE) or report["format"] != FORMAT:
        raise UserError(
            f"{file}: not a {STATS_NAME} of this version of the toolkit; run unmask-data stats again"
        )
    return report
