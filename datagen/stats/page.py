"""The page ``stats.html``: one file, no script, nothing fetched; opens from disk, readable on a phone."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from unmask.datagen.common.errors import UnreadablePictureError
from unmask.datagen.common.page import draw_template

from . import plots
from .colour import Cell, fabric_colours
from .compare import summarise
from .measure import Stats
from .pictures import read_pair

_PLANE_DOTS = 600
_THUMB_PX = 160
_GROUP_FILLS = {
    "black": "#222222", "grey": "#8f9496", "white": "#d9dfe2", "beige": "#d9c3a5", "brown": "#7a5236",
    "red": "#b32a2a", "orange": "#e08335", "yellow": "#e2c33a", "green": "#4b9150", "teal": "#3c9a97",
    "blue": "#3f77b5", "purple": "#7d58a6", "pink": "#d977a0",
}  # fmt: skip


def draw_page(stats: Stats) -> str:
    """Return the page as a text that is both HTML and well-formed XML (after its first line)."""
    report = stats.report
    lab = np.array([item.cloth[:3] for item in stats.paired_features()[:_PLANE_DOTS]])
    shares = report.get("attributes", {}).get("share", {})
    opened = stats.opened
    mean_map, mean_masked = plots.picture_uri(opened.mean_map), plots.picture_uri(opened.mean_masked)
    return draw_template(
        "stats.html",
        report=report,
        lines=summarise(report),
        means=(
            ("Mean map", mean_map, "White: masked in every picture. A varied set gives a soft blur."),
            ("Mean masked picture", mean_masked, "A mask that can be told here is too often the same."),
        ),
        percents=[100 * edge for edge in report["coverage"]["edges"]],
        dots=len(lab),
        plane=plots.draw_plane(lab, "median colours in the a*b* plane"),
        fabric=plots.draw_fabric_cells(_cells(report), "fabric colours, filled or empty"),
        fabric_colours=len(fabric_colours()),
        group_fills=_GROUP_FILLS,
        histograms=_histogram_fills(report["colour"]),
        shares=sorted(shares.items(), key=lambda item: (-item[1], item[0])),
        thumbs=_thumbs(stats),
        bars=plots.draw_bars,
        grid=plots.draw_counts,
        histogram=plots.draw_histogram,
        joined=_joined,
        table_grid=_table_grid,
    )


def _cells(report: Mapping[str, Any]) -> dict[Cell, int]:
    lines = report["colour"]["fabric_cells"]["counts"]
    return {(line["cell"][0], line["cell"][1], line["cell"][2]): line["pictures"] for line in lines}


def _histogram_fills(colour: Mapping[str, Any]) -> list[tuple[str, str, list[str] | None]]:
    def middles(name: str) -> NDArray[np.float64]:
        edges = np.array(colour[name]["edges"], np.float64)
        return (edges[1:] + edges[:-1]) / 2

    angles = np.radians(middles("hue"))
    hues = [plots.lab_hex(np.array([62, 45 * np.cos(angle), 45 * np.sin(angle)])) for angle in angles]
    greys = [plots.lab_hex(np.array([0.92 * level, 0.0, 0.0])) for level in middles("lightness")]
    return [("hue", "\N{DEGREE SIGN}", hues), ("lightness", "L*", greys), ("chroma", "C*", None)]


def _table_grid(lines: Mapping[str, Mapping[str, int]], label: str) -> Markup:
    columns = list(next(iter(lines.values()), {}))
    return plots.draw_counts([list(line.values()) for line in lines.values()], columns, list(lines), label)


def _joined(cells: Sequence[str]) -> list[str]:
    """Put cells with the same first part on one line: ``Bald + kn95, cloth``."""
    lines: dict[str, list[str]] = {}
    for cell in cells:
        first, _, second = cell.partition(" + ")
        lines.setdefault(first, []).append(second)
    return [f"{first} + {', '.join(rest)}" if rest[0] else first for first, rest in lines.items()]


def _thumbs(stats: Stats) -> dict[str, str]:
    """Small pictures of the nearest pairs by name; empty where one is gone since, the numbers still stand."""
    pairs = {item.pair.name: item.pair for item in stats.paired_features()}
    thumbs = {}
    for name in (name for near in stats.report["nearest"] for name in near["pictures"]):
        try:
            thumbs[name] = plots.thumbnail_uri(read_pair(pairs[name])[0], _THUMB_PX)
        except UnreadablePictureError:
            thumbs[name] = ""
    return thumbs
