"""The page's own drawings as inline SVG: gaps between groups, scores over coverage, the scale of identity."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.svg import BAR, FAINT, INK, WIDTH, cut, safe, svg, text

from .content import Interval
from .names import write_number

QUIET = "#5a6870"
WORSE = "#b0301c"


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


def draw_gaps(gaps: Sequence[Gap], label: str, digits: int) -> str:
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
        parts.append(_line(x, top - 4, x, bottom, INK if tick == 0 else FAINT))
        parts.append(text(x, 11, _tick_words(tick, ticks), "middle", 10, QUIET))
    for number, gap in enumerate(gaps):
        parts.append(_gap_row(gap, axis, top + number * row + row / 2, digits))
    return svg(bottom + 4, label, parts)


def _gap_row(gap: Gap, axis: "_Axis", y: float, digits: int) -> str:
    colour = QUIET if gap.small or not gap.significant else WORSE if gap.worse else BAR
    low, high, x = axis.at(gap.low), axis.at(gap.high), axis.at(gap.gap)
    dashes = ' stroke-dasharray="2 2"' if gap.small else ""
    wide = 2.6 if gap.significant and not gap.small else 1.2
    parts = [_line(low, y, high, y, colour, f' stroke-width="{wide}"{dashes}')]
    if not gap.small:
        fill = colour if gap.significant else "#fff"
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:g}" r="3.4" fill="{fill}" stroke="{colour}" stroke-width="1.4"/>'
        )
    sign = "\N{DAGGER}" if gap.small else "*" if gap.significant else ""
    value = write_number(gap.gap, digits, sign=True)
    words = f"{gap.name}: {value} ({write_number(gap.low, digits, sign=True)} to "
    words += f"{write_number(gap.high, digits, sign=True)}), {gap.n} pictures"
    parts.append(text(118, y + 4, f"{cut(gap.name, 20)}", "end", 10.5))
    parts.append(text(WIDTH - 8, y + 4, value, "end", 10.5, colour))
    parts.append(text(WIDTH - 7, y + 4, sign, "start", 10.5, colour) if sign else "")
    return f"<g><title>{safe(words)}</title>{''.join(parts)}</g>"


def draw_scatter(
    points: NDArray[np.float64], titles: Sequence[str], label: str, units: tuple[str, str]
) -> str:
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
        parts.append(_line(left, up.at(tick), right, up.at(tick), FAINT))
        parts.append(text(left - 4, up.at(tick) + 4, _tick_words(tick, y_ticks), "end", 10, QUIET))
    for tick in x_ticks:
        anchor = "end" if across.at(tick) > right - 8 else "middle"
        parts.append(text(across.at(tick), bottom + 14, _tick_words(tick, x_ticks), anchor, 10, QUIET))
    dots = [
        f'<circle cx="{across.at(x):.1f}" cy="{up.at(y):.1f}" r="2.2"><title>{safe(title)}</title></circle>'
        for (x, y), title in zip(points, titles, strict=True)
    ]
    parts.append(f'<g fill="{BAR}" fill-opacity="0.5">{"".join(dots)}</g>')
    parts.append(text((left + right) / 2, bottom + 29, units[0], "middle", fill=QUIET))
    return svg(bottom + 34, label, parts)


def draw_scale(rows: Mapping[str, Interval], marks: Mapping[str, float], label: str) -> str:
    """Draw intervals (rows) on one axis from zero, with named upright lines (marks) through them."""
    row, left, right, top = 24, 166, WIDTH - 40, 4
    highest = max([*marks.values(), *(item.high or item.mean for item in rows.values())])
    axis = _Axis(0.0, highest, left, right)
    bottom = top + row * len(rows)
    parts = [
        _scale_row(name, item, axis, top + (n + 0.5) * row) for n, (name, item) in enumerate(rows.items())
    ]
    for number, (name, value) in enumerate(sorted(marks.items(), key=lambda item: item[1])):
        x, y = axis.at(value), bottom + 16 + 15 * number
        parts.append(_line(x, top, x, y - 4, WORSE, ' stroke-dasharray="4 3"'))
        parts.append(text(x - 4, y, f"{name} {value:.2f}", "end", 10.5, WORSE))
    return svg(bottom + 15 * len(marks) + 8, label, parts)


def _scale_row(name: str, item: Interval, axis: "_Axis", y: float) -> str:
    low, high = item.low or item.mean, item.high or item.mean
    return (
        text(0, y + 4, cut(name, 29), size=10.5)
        + _line(axis.first, y, axis.last, y, FAINT)
        + _line(axis.at(low), y, axis.at(high), y, BAR, ' stroke-width="3"')
        + f'<circle cx="{axis.at(item.mean):.1f}" cy="{y:g}" r="4" fill="{BAR}"/>'
        + text(WIDTH, y + 4, f"{item.mean:.3f}", "end", 10.5)
    )


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


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, more: str = "") -> str:
    return f'<path d="M{x1:.1f} {y1:.1f} L{x2:.1f} {y2:.1f}" stroke="{colour}"{more}/>'
