"""The page ``report.html``: one file, nothing fetched, readable on a phone, without its script, and on paper."""

from collections.abc import Sequence

from unmask.datagen.common.svg import safe

from .content import EvalReport, Gallery, GalleryRow
from .gallery import draw_galleries
from .groups import draw_attribute_gaps, draw_breakdown
from .head import draw_head, draw_worst
from .results import draw_kid, draw_maps, draw_results
from .spread import draw_identity, draw_spread
from .tables import draw_changes, draw_comparison, draw_settings
from .text import MAP_TERMS, NOTES, POLICY, RESTORED_NOTES, RESTORED_TERMS, SCRIPT, STYLE

__all__ = ["EvalReport", "Gallery", "GalleryRow", "draw_report"]

_LINKS = {
    "results": "Restored pictures",
    "maps": "Found maps",
    "comparison": "Against another report",
    "worst": "Worst groups",
    "attributes": "Attributes",
    "groups": "All groups",
    "pictures-edit": "Restored, one by one",
    "pictures-map": "Maps, one by one",
    "spread": "Spread",
    "changes": "Invented attributes",
    "identity": "Identity",
    "kid": "KID",
    "notes": "What the numbers mean",
    "settings": "Settings",
}


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
    sections = [
        draw_results(report),
        draw_maps(report),
        draw_comparison(report),
        draw_worst(report),
        draw_attribute_gaps(report),
        draw_breakdown(report),
        draw_galleries(report),
        draw_spread(report),
        draw_changes(report),
        draw_identity(report),
        draw_kid(report),
        _notes(report),
        draw_settings(report),
    ]
    title = f"Evaluation on {safe(str(report.section('data').get('folder', 'pictures')))}"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"/>'
        f"<title>{title}</title><style>{STYLE}</style></head>\n"
        f"<body><h1>{title}</h1>\n{draw_head(report)}\n{_links(sections)}\n"
        + "\n".join(part for part in sections if part)
        + f"\n<script>{SCRIPT}</script></body></html>\n"
    )


def _links(sections: Sequence[str]) -> str:
    there = "".join(sections)
    links = (
        f'<a href="#{anchor}">{safe(title)}</a>'
        for anchor, title in _LINKS.items()
        if f'<section id="{anchor}"' in there
    )
    return f'<nav aria-label="Parts of this page">{" ".join(links)}</nav>'


def _notes(report: EvalReport) -> str:
    has_map, has_restored = report.mean("map_iou") is not None, report.main_system() is not None
    notes = _paragraphs((RESTORED_NOTES if has_restored else ()) + NOTES)
    terms = _paragraphs((RESTORED_TERMS if has_restored else ()) + (MAP_TERMS if has_map else ()))
    made = f"Made by unmask {report.summary.get('toolkit', '')}."
    made += " All numbers are in summary.json, metrics.csv and breakdown.csv."
    return (
        '<section id="notes"><h2>What the numbers mean, and what they do not</h2>'
        f'<div class="terms">{notes}</div><h3>Terms</h3><div class="terms">{terms}</div>'
        f'<p class="quiet">{safe(made)}</p></section>'
    )


def _paragraphs(texts: Sequence[tuple[str, str]]) -> str:
    return "".join(f"<p><b>{safe(name)}</b>: {safe(text)}</p>" for name, text in texts)
