"""For whom and on which masks: the gaps between attributes as a drawing, and every group's scores as tables."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
from markupsafe import Markup

from . import names
from .attribute_words import NEGATED, attribute_title
from .content import SMALL, EvalReport, ScoreInterval, is_true, number
from .plots import Gap, draw_gaps
from .table import Cell, Head, Table, count_cell

WORST_SHOWN = 12
Row = Mapping[Hashable, Any]


def attribute_gaps(report: EvalReport) -> tuple[str, Markup] | None:
    """Draw the gap of every attribute in the headline metric, with a title; None where none was broken down."""
    column = report.headline_metric()
    if column is None:
        return None
    metric = names.read_metric(column, report.systems())
    gaps = [gap for row in _rows_of(report, column) if (gap := _read_gap(row, metric)) is not None]
    if not gaps:
        return None
    # Too small groups last: what they seem to say must not head the list.
    gaps.sort(key=lambda gap: (gap.small, (metric.score.sign or 1) * gap.gap, gap.name))
    title = f"Gap in {metric.words}{metric.score.comma_unit}"
    return title, draw_gaps(gaps, f"{title}, one row for each attribute", metric.score)


def _rows_of(report: EvalReport, column: str) -> Sequence[Row]:
    table = report.breakdown
    return table[table["metric"] == column].to_dict("records")


def _read_gap(row: Row, metric: names.MetricName) -> Gap | None:
    mean, gap = number(row.get("mean")), number(row.get("gap"))
    if mean is None or gap is None or not names.is_attribute_yes(_name(row, "kind"), _name(row, "group")):
        return None
    n, rest = number(row.get("n")) or 1, number(row.get("rest_n")) or math.inf
    low, high = number(row.get("low")), number(row.get("high"))
    # The rest's mean is uncertain too: with like spreads its variance is n / rest_n of the group's.
    wider = math.sqrt(1 + n / max(rest, 1))
    return Gap(
        name=_drawn_name(_name(row, "name")),
        gap=gap,
        low=gap - wider * (mean - (mean if low is None else low)),
        high=gap + wider * ((mean if high is None else high) - mean),
        n=int(n),
        significant=is_true(row.get("significant")),
        small=is_true(row.get("small")) or _rest_is_small(row),
        worse=metric.score.verdict(mean, mean - gap) == "worse",
    )


def _drawn_name(name: str) -> str:
    """An attribute beside its line: the group that is drawn has it."""
    return names.group_label("attribute", name, "yes") if name in NEGATED else attribute_title(name)


def _rest_is_small(row: Row) -> bool:
    rest = number(row.get("rest_clusters")) or number(row.get("rest_n"))
    return rest is not None and rest < SMALL


def _name(row: Row, column: str) -> str:
    value = row.get(column)
    return "" if value is None or value is pd.NA or value != value else str(value)


def breakdown_tables(report: EvalReport) -> list[tuple[str, list[tuple[str, Table]]]]:
    """Every metric with a table for every kind of group, the headline metric first."""
    first = report.headline_metric()
    metrics = [names.read_metric(column, report.systems()) for column in report.broken_down()]
    metrics.sort(key=lambda metric: metric.column != first)
    return [(names.capital(metric.words), _kind_tables(report, metric)) for metric in metrics]


def _kind_tables(report: EvalReport, metric: names.MetricName) -> list[tuple[str, Table]]:
    kinds: dict[str, list[Row]] = {}
    for row in _rows_of(report, metric.column):
        kinds.setdefault(_name(row, "kind"), []).append(row)
    unit = metric.score.comma_unit
    heads = [Head("Group", is_number=False)]
    heads += [Head(title) for title in ("n", f"Mean{unit}", f"Gap{unit}", "p", "Interval")]
    tables = []
    for kind, rows in kinds.items():
        label = f"{names.kind_heading(kind)}, {metric.words}"
        table = Table(
            label, heads, [_group_row(row, metric, report.clustered_by) for row in rows], sortable=True
        )
        tables.append((names.kind_heading(kind), table))
    return tables


def _count_cell(row: Row, clustered_by: str) -> Cell:
    n, clusters = number(row.get("n")), number(row.get("clusters"))
    apart = clusters is None or clusters == n
    return replace(count_cell(n), below="" if apart else f"{int(clusters or 0):,} {clustered_by}")


def _group_row(row: Row, metric: names.MetricName, clustered_by: str) -> Sequence[Cell]:
    label = names.group_label(_name(row, "kind"), _name(row, "name"), _name(row, "group"))
    mean, gap, chance, low, high = (
        number(row.get(name)) for name in ("mean", "gap", "p_adjusted", "low", "high")
    )
    spread = "" if mean is None else ScoreInterval(mean, low, high).range(metric.score.digits)
    return (
        Cell(label, _remark(row, metric, mean, gap)),
        _count_cell(row, clustered_by),
        Cell(metric.score.write(mean), value=mean),
        Cell(
            metric.score.write(gap, sign=True), value=gap, mark="*" if is_true(row.get("significant")) else ""
        ),
        Cell(names.write_p(chance), value=chance),
        Cell(spread or "-", value=low),
    )


def _remark(row: Row, metric: names.MetricName, mean: float | None, gap: float | None) -> str:
    if is_true(row.get("small")):
        return "too small"
    if _rest_is_small(row):
        return "rest too small"
    if is_true(row.get("worst")):
        return "worst"
    if mean is None or gap is None or not is_true(row.get("significant")):
        return ""
    return metric.score.verdict(mean, mean - gap)


def worst_words(report: EvalReport) -> dict[str, list[tuple[str, str]]]:
    """Name the worst groups by metric, the headline metric's first, else in the summary's order."""
    headline = report.headline_metric()
    worst = sorted(report.summary.get("worst") or [], key=lambda item: item.get("metric") != headline)
    by_metric: dict[str, list[tuple[str, str]]] = {}
    for item in worst[:WORST_SHOWN]:
        metric = names.read_metric(str(item.get("metric")), report.systems())
        group = names.group_words(str(item.get("kind")), str(item.get("name")), str(item.get("group")))
        mean, gap, count = (number(item.get(name)) for name in ("mean", "gap", "n"))
        far = f", {metric.worse_words(gap)}" if gap is not None else ""
        chance = f"adjusted p {names.write_p(number(item.get('p_adjusted')))}"
        clusters = number(item.get("clusters"))
        of = "" if clusters in (None, count) else f" of {int(clusters or 0):,} {report.clustered_by}"
        words = f"{metric.score.write(mean, unit=True)}{far} ({int(count or 0):,} pictures{of}, {chance})"
        by_metric.setdefault(names.capital(metric.words), []).append((names.capital(group), words))
    return by_metric
