"""For whom and on which masks: the gaps between attributes as a drawing, and every group's scores as tables."""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from unmask.datagen.common.svg import safe

from .content import EvalReport, Interval, is_true, number
from .html import Cell, Head, draw_table, figure, listed, range_words, section
from .names import (
    MetricName,
    capital,
    group_label,
    is_attribute_yes,
    kind_heading,
    plain,
    read_metric,
    write_number,
    write_p,
)
from .plots import Gap, draw_gaps

SMALL = 30  # a group of fewer pictures, or one whose rest is fewer, says nothing
Row = Mapping[Hashable, Any]

_GAP_LEGEND = (
    ("Rows", "faces that have the attribute against all that do not, the worst first."),
    (
        "Full dot, thick line, *",
        "significant after Benjamini-Hochberg; red: worse than the rest, blue: better.",
    ),
    ("Hollow dot, thin line", "no difference shown."),
    ("Dashed line, \N{DAGGER}", "fewer than 30 pictures on one side: too small to say."),
    (
        "Lines",
        "{level} intervals of the gap, from the group's own, widened for the error of the rest's mean.",
    ),
)
_LABEL_WORDS = (
    "The attributes are CelebA's labels, which are noisy: only 12 of the 40 are at least 95 % consistent, and "
    "No_Beard = no is wrong for up to 40 % of its faces."
)


def draw_attribute_gaps(report: EvalReport) -> str:
    """Draw the gap of every attribute in the headline metric; empty where no attribute was broken down."""
    column = report.headline_metric()
    if column is None:
        return ""
    metric = read_metric(column, report.systems())
    gaps = [gap for row in _rows_of(report, column) if (gap := _read_gap(row, metric)) is not None]
    if not gaps:
        return ""
    # Too small groups last: what they seem to say must not head the list.
    sign = -1 if metric.score.better == "low" else 1
    gaps.sort(key=lambda gap: (gap.small, sign * gap.gap, gap.name))
    unit = f", {metric.score.unit}" if metric.score.unit else ""
    title = f"Gap in {metric.words}{unit}"
    drawing = draw_gaps(gaps, f"{title}, one row for each attribute", metric.score.digits)
    legend = listed([(name, text.format(level=report.level_percent)) for name, text in _GAP_LEGEND])
    content = f'<div class="beside">{figure(title, drawing)}<div>{legend}</div></div>'
    return section("attributes", "Attributes of the face", content, _LABEL_WORDS)


def _rows_of(report: EvalReport, column: str, kind: str | None = None) -> Sequence[Row]:
    table = report.breakdown
    chosen = table[table["metric"] == column]
    if kind is not None:
        chosen = chosen[chosen["kind"] == kind]
    return chosen.to_dict("records")


def _read_gap(row: Row, metric: MetricName) -> Gap | None:
    mean, gap = number(row.get("mean")), number(row.get("gap"))
    if mean is None or gap is None or not is_attribute_yes(_name(row, "kind"), _name(row, "group")):
        return None
    n, rest = number(row.get("n")) or 1, number(row.get("rest_n")) or math.inf
    # The rest's mean is uncertain too: with like spreads its variance is n / rest_n of the group's.
    wider = math.sqrt(1 + n / max(rest, 1))
    low, high = number(row.get("low")), number(row.get("high"))
    return Gap(
        name=plain(_name(row, "name")),
        gap=gap,
        low=gap - wider * (mean - (mean if low is None else low)),
        high=gap + wider * ((mean if high is None else high) - mean),
        n=int(n),
        significant=is_true(row.get("significant")),
        small=is_true(row.get("small")) or _rest_is_small(row),
        worse=gap > 0 if metric.score.better == "low" else gap < 0,
    )


def _rest_is_small(row: Row) -> bool:
    rest = number(row.get("rest_n"))
    return rest is not None and rest < SMALL


def _name(row: Row, column: str) -> str:
    value = row.get(column)
    return "" if value is None or value is pd.NA or value != value else str(value)


def draw_breakdown(report: EvalReport) -> str:
    """Draw every kind's table for every metric; the page's script shows one metric at a time."""
    first, columns = report.headline_metric(), report.broken_down()
    if first is None:
        return ""
    columns = [first, *(column for column in columns if column != first)]
    metrics = [read_metric(column, report.systems()) for column in columns]
    choices = "".join(f'<option value="{n}">{safe(capital(m.words))}</option>' for n, m in enumerate(metrics))
    choice = (
        '<p class="choice" hidden="hidden"><label for="metric">Score</label> '
        f'<select id="metric" autocomplete="off">{choices}</select></p>'
    )
    parts = [_metric_part(report, metric, number) for number, metric in enumerate(metrics)]
    words = (
        "n: pictures. Gap: the group's mean minus that of all other pictures. p: adjusted for the number of groups "
        "(Benjamini-Hochberg). Too small: fewer than 30 pictures. "
        f"Intervals: {report.level_percent}, of the mean."
    )
    return section("groups", "All groups", choice + "".join(parts), words)


def _metric_part(report: EvalReport, metric: MetricName, position: int) -> str:
    kinds = list(dict.fromkeys(_name(row, "kind") for row in _rows_of(report, metric.column)))
    tables = "".join(_kind_table(report, metric, kind) for kind in kinds)
    is_open = ' open="open"' if position == 0 else ""
    title = safe(capital(metric.words))
    content = f'<summary>{title}</summary><div class="kinds">{tables}</div>'
    return f'<details class="metric" data-metric="{position}"{is_open}>{content}</details>'


def _kind_table(report: EvalReport, metric: MetricName, kind: str) -> str:
    unit = f", {metric.score.unit}" if metric.score.unit else ""
    heads = [
        Head("Group", is_number=False),
        Head("n"),
        Head(f"Mean{unit}"),
        Head(f"Gap{unit}"),
        Head("p"),
        Head("Interval"),
    ]
    rows = [_group_row(row, metric) for row in _rows_of(report, metric.column, kind)]
    heading = kind_heading(kind)
    table = draw_table(heads, rows, f"{heading}, {metric.words}", sortable=True)
    return f'<div class="kind"><h3>{safe(heading)}</h3>{table}</div>'


def _group_row(row: Row, metric: MetricName) -> Sequence[Cell]:
    label = group_label(_name(row, "kind"), _name(row, "name"), _name(row, "group"))
    n, mean, gap = number(row.get("n")), number(row.get("mean")), number(row.get("gap"))
    chance = number(row.get("p_adjusted"))
    low, high = number(row.get("low")), number(row.get("high"))
    spread = "" if mean is None else range_words(Interval(mean, low, high, None), metric.score.digits)
    return (
        Cell(label, _remark(row, metric, gap)),
        Cell("-" if n is None else write_number(n, 0), value=n),
        Cell(metric.write(mean), value=mean),
        Cell(metric.write(gap, sign=True), value=gap, mark="*" if is_true(row.get("significant")) else ""),
        Cell(write_p(chance), value=chance),
        Cell(spread or "-", value=low),
    )


def _remark(row: Row, metric: MetricName, gap: float | None) -> str:
    if is_true(row.get("small")):
        return "too small"
    if _rest_is_small(row):
        return "rest too small"
    if is_true(row.get("worst")):
        return "worst"
    if gap is None or not is_true(row.get("significant")):
        return ""
    better = {"high": gap > 0, "low": gap < 0}.get(metric.score.better)
    return "differs" if better is None else "better" if better else "worse"
