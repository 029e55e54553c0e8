"""The page's own drawings as inline SVG: gaps between groups, scores over coverage, the scale of identity."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from unmask.datagen.common.svg import (
    BAR,
    FAINT,
    INK,
    QUIET,
    WIDTH,
    WORSE,
    circle,
    cut,
    element,
    line,
    svg,
    text,
    titled,
)
from unmask.model.metrics.table import Score, write_number

from .content import ScoreInterval


@dataclass(frozen=True)
class Gap:
    """How far the mean of a group is from that of all other pictures.

    Attributes
    ----------
    name : str
    gap, low, high : float
        With its interval.
    n : int
    significant, small, worse : bool
        After correction for the number of groups; fewer than 30 pictures; on the bad side of the rest.
    """

    name: str
    gap: float
    low: float
    high: float
    n: int
    significant: bool
    small: bool
    worse: bool


def draw_gaps(gaps: Sequence[Gap], label: str, score: Score) -> Markup:
    """Draw one row for each group: its gap as a dot with its interval, beside a line at zero.

    A gap that is significant has a full dot, a thick line and an asterisk, the others a hollow dot and a thin
    line; a group that is too small has a dashed line, no dot and a dagger.
    """
    row, left, right, top = 18, 124, WIDTH - 62, 20
    shown = [gap for gap in gaps if not gap.small] or list(gaps)
    least = min(0.0, *(gap.low for gap in shown))
    most = max(0.0, *(gap.high for gap in shown))
    ticks = _fitting_ticks(least, most, right - left)
    axis = _Axis(min(least, ticks[0]), max(most, ticks[-1]), left, right)
    bottom = top + row * len(gaps)
    parts = []
    for tick in ticks:
        x = axis.at(tick)
        parts.append(line(x, top - 4, x, bottom, INK if tick == 0 else FAINT))
        parts.append(text(x, 11, _tick_words(tick, ticks), "middle", 10, QUIET))
    for number, gap in enumerate(gaps):
        parts.append(_gap_row(gap, axis, top + number * row + row / 2, score))
    return svg(bottom + 4, label, parts)


def _gap_row(gap: Gap, axis: "_Axis", y: float, score: Score) -> Markup:
    colour = QUIET if gap.small or not gap.significant else WORSE if gap.worse else BAR
    dashes = {"stroke_dasharray": "2 2"} if gap.small else {}
    wide = 2.6 if gap.significant and not gap.small else 1.2
    parts = [line(axis.at(gap.low), y, axis.at(gap.high), y, colour, stroke_width=wide, **dashes)]
    if not gap.small:
        fill = colour if gap.significant else "#fff"
        parts.append(circle(axis.at(gap.gap), y, 3.4, fill=fill, stroke=colour, stroke_width=1.4))
    sign = "\N{DAGGER}" if gap.small else "*" if gap.significant else ""
    value, low, high = (score.write(number, sign=True) for number in (gap.gap, gap.low, gap.high))
    parts.append(text(118, y + 4, cut(gap.name, 20), "end", 10.5))
    parts.append(text(WIDTH - 8, y + 4, value, "end", 10.5, colour))
    if sign:
        parts.append(text(WIDTH - 7, y + 4, sign, "start", 10.5, colour))
    return element("g", *titled(f"{gap.name}: {value} ({low} to {high}), {gap.n} pictures"), *parts)


def draw_scatter(
    points: NDArray[np.float64], titles: Sequence[str], label: str, units: tuple[str, str]
) -> Markup:
    """Draw pictures as dots.

    Parameters
    ----------
    points : float64 (n, 2)
        Finite; n at least 1.
    titles : sequence of str
        What a dot says when it is pointed at.
    label : str
        What the drawing shows, for those who cannot see it.
    units : tuple of str
        Of both axes, as "% coverage".
    """
    left, right, top, bottom = 30, WIDTH - 6, 18, 190
    (x_low, y_low), (x_high, y_high) = points.min(0), points.max(0)
    x_ticks, y_ticks = _ticks(min(0.0, x_low), x_high, 6), _ticks(y_low, y_high, 6)
    across = _Axis(min(x_ticks[0], x_low), max(x_ticks[-1], x_high), left, right)
    up = _Axis(min(y_ticks[0], y_low), max(y_ticks[-1], y_high), bottom, top)
    parts = [text(0, 10, units[1], fill=QUIET)]
    for tick in y_ticks:
        parts.append(line(left, up.at(tick), right, up.at(tick), FAINT))
        parts.append(text(left - 4, up.at(tick) + 4, _tick_words(tick, y_ticks), "end", 10, QUIET))
    for tick in x_ticks:
        anchor = "end" if across.at(tick) > right - 8 else "middle"
        parts.append(text(across.at(tick), bottom + 14, _tick_words(tick, x_ticks), anchor, 10, QUIET))
    dots = [circle(across.at(x), up.at(y), 2.2, title) for (x, y), title in zip(points, titles, strict=True)]
    parts.append(element("g", *dots, fill=BAR, fill_opacity=0.5))
    parts.append(text((left + right) / 2, bottom + 29, units[0], "middle", fill=QUIET))
    return svg(bottom + 34, label, parts)


def draw_scale(rows: Mapping[str, ScoreInterval], marks: Mapping[str, float], label: str) -> Markup:
    """Draw intervals (rows) on one axis from zero, with named upright lines (marks) through them."""
    row, left, right, top = 24, 166, WIDTH - 40, 4
    highest = max([*marks.values(), *(item.high or item.mean for item in rows.values())])
    axis = _Axis(0.0, highest, left, right)
    bottom = top + row * len(rows)
    parts: list[Markup] = []
    for n, (name, item) in enumerate(rows.items()):
        parts += _scale_row(name, item, axis, top + (n + 0.5) * row)
    for number, (name, value) in enumerate(sorted(marks.items(), key=lambda item: item[1])):
        x, y = axis.at(value), bottom + 16 + 15 * number
        parts.append(line(x, top, x, y - 4, WORSE, stroke_dasharray="4 3"))
        parts.append(text(x - 4, y, f"{name} {value:.2f}", "end", 10.5, WORSE))
    return svg(bottom + 15 * len(marks) + 8, label, parts)


def _scale_row(name: str, item: ScoreInterval, axis: "_Axis", y: float) -> list[Markup]:
    low, high = item.low or item.mean, item.high or item.mean
    return [
        text(0, y + 4, cut(name, 29), size=10.5),
        line(axis.first, y, axis.last, y, FAINT),
        line(axis.at(low), y, axis.at(high), y, BAR, stroke_width=3),
        circle(axis.at(item.mean), y, 4, fill=BAR),
        text(WIDTH, y + 4, f"{item.mean:.3f}", "end", 10.5),
    ]


@dataclass(frozen=True, eq=False)
class RocLine:
    """A curve of `draw_roc`: its name, float64 (n,) shares from 0 to 1, and how it is drawn."""

    name: str
    far: NDArray[np.float64]
    tar: NDArray[np.float64]
    colour: str
    dashes: str = ""


def draw_roc(lines: Sequence[RocLine], label: str, least_far: float) -> Markup:
    """Draw ROCs over a logarithmic axis of false accepts, from ``least_far`` to 1; names stand below."""
    left, right, top, bottom = 34, WIDTH - 8, 18, 220
    first = math.floor(math.log10(least_far))
    across, up = _Axis(first, 0.0, left, right), _Axis(0.0, 1.0, bottom, top)
    parts = [text(0, 10, "true accepts", fill=QUIET)]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(line(left, up.at(tick), right, up.at(tick), FAINT))
        parts.append(text(left - 4, up.at(tick) + 4, f"{tick:g}", "end", 10, QUIET))
    for power in range(first, 1):
        x = across.at(power)
        parts.append(line(x, top, x, bottom, FAINT))
        parts.append(text(x, bottom + 14, f"{10.0**power:g}", "end" if power == 0 else "middle", 10, QUIET))
    parts.append(text((left + right) / 2, bottom + 29, "false accepts", "middle", fill=QUIET))
    for number, each in enumerate(lines):
        style: dict[str, float | str] = {"stroke": each.colour, "stroke_width": 1.6, "fill": "none"}
        if each.dashes:
            style["stroke_dasharray"] = each.dashes
        parts.append(element("path", *titled(each.name), **style, d=_roc_path(each, across, up)))
        y = bottom + 46 + 15 * number
        parts.append(element("path", **style, d=f"M{left} {y - 4} L{left + 26} {y - 4}"))
        parts.append(text(left + 32, y, cut(each.name, 50), size=10.5))
    return svg(bottom + 40 + 15 * len(lines), label, parts)


def _roc_path(each: RocLine, across: "_Axis", up: "_Axis") -> str:
    """Steps: between two thresholds the one with fewer false accepts holds."""
    powers = np.log10(np.maximum(each.far, 10.0 ** (across.low - 1)))
    places = [(round(across.at(x), 1), round(up.at(y), 1)) for x, y in zip(powers, each.tar, strict=True)]
    steps = [f"M{places[0][0]:g} {places[0][1]:g}"]
    for place, before in zip(places[1:], places, strict=False):
        if place != before:
            steps.append(f"H{place[0]:g}V{place[1]:g}")
    return "".join(steps)


@dataclass(frozen=True)
class _Axis:
    """From numbers to places; a number outside lands on the nearer end."""

    low: float
    high: float
    first: float
    last: float

    def at(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return self.first + min(max(share, 0.0), 1.0) * (self.last - self.first)


def _ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers between two, about ``most`` of them; at least one."""
    span = (high - low) or 1.0
    step = 10 ** math.floor(math.log10(span / most))
    step *= next(factor for factor in (1, 2, 2.5, 5, 10) if span / (step * factor) <= most)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [step * number for number in range(first, last + 1)] or [low]


def _fitting_ticks(low: float, high: float, room: float) -> list[float]:
    """Ticks whose words, of about 6 units a letter, stand apart in a given room."""
    for most in range(7, 1, -1):
        ticks = _ticks(low, high, most)
        widest = max(len(_tick_words(tick, ticks)) for tick in ticks)
        if len(ticks) < 2 or (ticks[1] - ticks[0]) / (high - low) * room > 6 * widest + 6:
            return ticks
    return [0.0]


def _tick_words(tick: float, ticks: Sequence[float]) -> str:
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
    digits = next((count for count in range(5) if abs(step * 10**count - round(step * 10**count)) < 1e-6), 5)
    return write_number(tick, digits)
