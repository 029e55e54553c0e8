"""The main numbers of one ``stats.json``, and those of two side by side."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Words, path in the report, digits.
_MEASURES: tuple[tuple[str, tuple[str, ...], int], ...] = (
    ("pictures measured", ("pictures", "measured"), 0),
    ("mean pairwise map IoU", ("variety", "map_iou", "mean"), 3),
    ("  standard error", ("variety", "map_iou", "standard_error"), 3),
    ("mean pairwise map IoU, centred", ("variety", "map_iou_centred", "mean"), 3),
    ("Vendi score of maps", ("variety", "vendi_maps", "score"), 2),
    ("Vendi score of appearance", ("variety", "vendi_appearance", "score"), 2),
    ("Vendi score of both", ("variety", "vendi_both", "score"), 2),
    ("hue entropy, bits", ("colour", "hue", "entropy_bits"), 2),
    ("lightness entropy, bits", ("colour", "lightness", "entropy_bits"), 2),
    ("chroma entropy, bits", ("colour", "chroma", "entropy_bits"), 2),
    ("share of neutral colours", ("colour", "neutral_share"), 3),
    ("share of fabric colours filled", ("colour", "fabric_cells", "share_filled"), 3),
    ("coverage, mean", ("coverage", "mean"), 3),
    ("coverage, sd", ("coverage", "sd"), 3),
    ("mask centre x, sd", ("position", "centre_x", "sd"), 3),
    ("mask centre y, sd", ("position", "centre_y", "sd"), 3),
    ("distance to nearest, median", ("variety", "nearest_distance", "median"), 3),
    ("pictures with a repeated map", ("duplicates", "map", "pictures"), 0),
)
_NO_RATIO = ("pictures measured", "  standard error")
_VENDI = {name: path[1] for name, path, _ in _MEASURES if name.startswith("Vendi")}


@dataclass(frozen=True)
class Line:
    """One measure in words; ``other`` and ``ratio`` (this / other) only where two reports are compared."""

    name: str
    value: str
    other: str = ""
    ratio: str = ""


def summarise(report: Mapping[str, Any]) -> list[Line]:
    """Return the main numbers of a report, with how many empty cells of each kind there are."""
    lines = [Line(_named(report, name), _text(_at(report, path), d)) for name, path, d in _MEASURES]
    return lines + [Line(f"empty: {kind}", str(len(cells))) for kind, cells in report["empty"].items()]


def compare(report: Mapping[str, Any], other: Mapping[str, Any]) -> list[Line]:
    """Set the main numbers of two reports side by side, with the ratio this / other.

    Vendi scores grow with the number of pictures, so they are compared at the largest number that both
    reports have (25, 50, 100, 200, 500); where there is none, without a ratio.
    """
    lines = []
    for name, path, digits in _MEASURES:
        words, mine, theirs = name, _at(report, path), _at(other, path)
        rated = name not in _NO_RATIO
        if name in _VENDI:
            words, mine, theirs, rated = _at_equal_n(name, report, other)
        ratio = f"{mine / theirs:.2f}" if rated and mine is not None and theirs else ""
        lines.append(Line(words, _text(mine, digits), _text(theirs, digits), ratio))
    for kind in {**report["empty"], **other["empty"]}:
        counts = [str(len(r["empty"][kind])) if kind in r["empty"] else "-" for r in (report, other)]
        lines.append(Line(f"empty: {kind}", *counts))
    return lines


def _at_equal_n(
    name: str, report: Mapping[str, Any], other: Mapping[str, Any]
) -> tuple[str, float | None, float | None, bool]:
    mine, theirs = report["variety"][_VENDI[name]], other["variety"][_VENDI[name]]
    common = [n for n in mine["by_n"] if n in theirs["by_n"]]
    if not common:
        return f"{name}, n = {mine['n']} | {theirs['n']}", mine["score"], theirs["score"], False
    n = max(common, key=lambda digits: (len(digits), digits))
    return f"{name}, n = {n}", mine["by_n"][n], theirs["by_n"][n], True


def _named(report: Mapping[str, Any], name: str) -> str:
    return f"{name}, n = {report['variety'][_VENDI[name]]['n']}" if name in _VENDI else name


def _at(report: Mapping[str, Any], path: tuple[str, ...]) -> float | None:
    found: Any = report
    for key in path:
        if not isinstance(found, Mapping) or found.get(key) is None:
            return None
        found = found[key]
    return float(found) if isinstance(found, int | float) else None


def _text(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
