"""The page ``report.html``: one file, nothing fetched, readable on a phone, without its script, and on paper."""

from functools import partial

from unmask.datagen.common.page import draw_template
from unmask.datagen.stats.plots import thumbnail_uri
from unmask.model.metrics.table import SCORES

from .answer import answers
from .content import EvalReport, Gallery, GalleryRow, number
from .groups import WORST_SHOWN, attribute_gaps, breakdown_tables, worst_words
from .head import subject, tiles
from .names import capital
from .results import headline_table, kid_table, maps_table, raw_table
from .spread import identity_scale, nearer_shares, spread_figures
from .tables import SHIFTED_NAME, changes_table, comparison_table, settings_table, shown_changes

__all__ = ["EvalReport", "Gallery", "GalleryRow", "draw_report"]

_WIDEST_PX, _TALLEST_PX = 160, 240


def draw_report(report: EvalReport) -> str:
    """Draw the page.

    Parameters
    ----------
    report : EvalReport
        Any part of its summary may be missing; the page leaves out what it knows nothing about.

    Returns
    -------
    str
        HTML that is also well-formed XML after its first line. Its size hardly depends on the number of pictures
        scored: about 0.5 MB, and 6 kB for each picture of a gallery.
    """
    worst, comparison = report.summary.get("worst"), report.comparison or {}
    identity = report.section("identity")
    changes, changes_notes = changes_table(report) or (None, [])
    galleries = {
        f"pictures-{module}": [one for one in report.galleries if one.module == module and one.rows]
        for module in ("edit", "map")
    }
    return draw_template(
        "report.html",
        report=report,
        # What stands below an anchor, which is left out where this is empty.
        parts={
            "results": headline_table(report),
            "maps": maps_table(report),
            "comparison": comparison_table(report),
            "worst": report.broken_down() or worst,
            "attributes": attribute_gaps(report),
            "groups": breakdown_tables(report),
            **galleries,
            "spread": spread_figures(report),
            "changes": changes,
            "identity": identity_scale(report),
            "kid": kid_table(report),
            "notes": True,
            "settings": settings_table(report),
        },
        answers=answers(report),
        tiles=tiles(report),
        subject=subject(report),
        notes=[str(note) for note in report.summary.get("notes") or []],
        raw=raw_table(report),
        other=comparison.get("other", "the other report"),
        verdict=comparison.get("verdict"),
        clustered=report.is_clustered,
        shared_pictures=_count(comparison.get("pictures")),
        worst=worst_words(report),
        worst_count=len(worst or []),
        worst_shown=WORST_SHOWN,
        has_shifted=SHIFTED_NAME in shown_changes(report),
        changes_notes=changes_notes,
        genuine_pairs=_count(identity.get("genuine_pairs")),
        impostor_pairs=_count(identity.get("impostor_pairs")),
        nearer=nearer_shares(report),
        scores=SCORES.values(),
        capital=capital,
        thumbnail=partial(thumbnail_uri, tallest_px=_TALLEST_PX, widest_px=_WIDEST_PX),
    )


def _count(value: object) -> str:
    """Write a number of pictures or pairs; empty where it is unknown or none."""
    found = number(value)
    return f"{int(found):,}" if found else ""
