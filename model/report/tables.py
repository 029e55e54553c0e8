"""Tables beside the scores: attributes that a restored face gains or loses, another report, and the settings."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from unmask.model.metrics.table import write_number

from .attribute_words import NEGATED, attribute_title
from .content import SMALL, EvalReport, number
from .names import MetricName, capital, plain, read_metric, write_p
from .table import Cell, Head, Table, count_cell

_SHIFTED, SHIFTED_NAME = "shifted", "clean, moved by 1 px"
_FEW = "too small"  # as in the groups' table


def changes_table(report: EvalReport) -> tuple[Table, list[str]] | None:
    """What restored faces lose and gain, by attribute, and notes on it; None where no classifier judged them."""
    attributes = report.section("attributes")
    changes = shown_changes(report)
    if not changes:
        return None
    classifier = attributes.get("classifier") or {}
    accuracy = classifier.get("accuracy") or {}
    heads = [Head("Attribute", is_number=False), Head("Faces with it"), Head("Faces without")]
    heads += [Head(f"{which}, %", name) for name in changes for which in ("Lost", "Gained")]
    heads += [Head(f"{which}, %", "of the classifier") for which in ("Accuracy", "Balanced")]
    names = dict.fromkeys(name for found in changes.values() for name in found)
    first = next(iter(changes.values()))
    known = set(classifier.get("known") or names)
    order = sorted(names.keys() & known, key=lambda name: (-_moved(first.get(name)), name))
    rows = [_change_row(name, list(changes.values()), accuracy.get(name) or {}) for name in order]
    pictures = number(classifier.get("pictures"))
    trained = [f"trained on {classifier['trained_on']}"] if classifier.get("trained_on") else []
    trained += [f"{int(pictures):,} pictures"] if pictures else []
    notes = [f"Classifier: {', '.join(trained)}."] if trained else []
    if len(order) < len(names):
        notes.append(f"Left out: {len(names) - len(order)} attributes that it does not know well enough.")
    return Table("Attributes lost and gained", heads, rows, sortable=True), notes


def shown_changes(report: EvalReport) -> dict[str, Mapping[str, Any]]:
    """Changes by system name: our modules (without them, everything), and the clean picture moved by a pixel."""
    changes = report.section("attributes").get("changes") or {}
    there = [system for system in report.systems() if changes.get(system.id)]
    shown = {s.name: changes[s.id] for s in [s for s in there if s.is_module] or there}
    if shown and changes.get(_SHIFTED):
        shown[SHIFTED_NAME] = changes[_SHIFTED]
    return shown


def _moved(found: Mapping[str, Any] | None) -> float:
    return sum(number((found or {}).get(name)) or 0.0 for name in ("lost", "gained"))


def _change_row(name: str, changes: Sequence[Mapping[str, Any]], accuracy: Mapping[str, Any]) -> list[Cell]:
    """One attribute's row; of one that says what is not there, what is there is gained and lost."""
    right, negated = number(accuracy.get("accuracy")), name in NEGATED
    first: Mapping[str, Any] = next((found[name] for found in changes if found.get(name)), {})
    n, yes = number(first.get("n")), number(first.get("yes"))
    counts = [yes, None if n is None or yes is None else n - yes]
    # of people, where they are known: several pictures of one say little more than one
    people = [number(first.get(f"{which}_clusters")) for which in ("yes", "no")]
    few = [least is not None and least < SMALL for least in map(_known_least, people, counts)]
    order = (1, 0) if negated else (0, 1)
    cells = [
        Cell(capital(attribute_title(name))),
        *(_faces_cell(counts[index], few[index]) for index in order),
    ]
    for found in changes:
        change = found.get(name) or {}
        for index in order:
            which = ("lost", "gained")[index]
            share, low, high = (number(change.get(which + end)) for end in ("", "_low", "_high"))
            least = share if low is None else low
            beyond = not few[index] and least is not None and right is not None and least > 1 - right
            spread = "" if low is None or high is None else f"{_hundredths(low)} to {_hundredths(high)}"
            below = _FEW if few[index] and share is not None else spread
            cells.append(_percent(share, "*" if beyond else "", below))
    return [*cells, _percent(right), _percent(number(accuracy.get("balanced")))]


def _known_least(*counts: float | None) -> float | None:
    return min((count for count in counts if count is not None), default=None)


def _hundredths(share: float) -> str:
    return write_number(100 * share, 1)


def _faces_cell(count: float | None, few: bool) -> Cell:
    return replace(count_cell(count), below=_FEW if few else "")


def _percent(share: float | None, mark: str = "", below: str = "") -> Cell:
    if share is None:
        return Cell("-")
    return Cell(_hundredths(share), below, share, mark)


def comparison_table(report: EvalReport) -> Table | None:
    """Our scores beside another report's, paired picture by picture; None without another report."""
    comparison = report.comparison or {}
    lines = comparison.get("rows") or []
    heads = [Head("Score", is_number=False), Head("Difference", f"{report.level_percent} interval")]
    heads += [Head(title) for title in ("This report", "The other", "p")]
    rows = [_comparison_row(line, read_metric(str(line.get("metric")), report.systems())) for line in lines]
    return Table(f"Comparison with {comparison.get('other')}", heads, rows, sortable=True) if rows else None


def _comparison_row(line: Mapping[str, Any], metric: MetricName) -> list[Cell]:
    ours, theirs, difference, low, high, chance = (
        number(line.get(name)) for name in ("ours", "theirs", "difference", "low", "high", "p")
    )
    write, verdict, spread = metric.score.write, str(line.get("verdict") or ""), ""
    if low is not None and high is not None:
        spread = f"{write(low, sign=True)} to {write(high, sign=True)}"
    return [
        Cell(capital(metric.words), verdict),
        Cell(write(difference, sign=True), spread, difference),
        Cell(write(ours), value=ours),
        Cell(write(theirs), value=theirs),
        Cell(write_p(chance), value=chance),
    ]


def settings_table(report: EvalReport) -> Table | None:
    """Everything needed to repeat the evaluation: command, data, networks and settings."""
    summary = report.summary
    lines = [(name, str(summary[name])) for name in ("toolkit", "command") if name in summary]
    for name in ("data", "models", "settings"):
        lines += _flatten(report.section(name), "" if name == "settings" else name)
    rows = [[Cell(plain(name)), Cell(value)] for name, value in lines]
    heads = [Head("Setting", is_number=False), Head("Value", is_number=False)]
    return Table("Settings", heads, rows) if rows else None


def _plain_value(value: Any) -> str:
    return "none" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _flatten(values: Mapping[str, Any], prefix: str) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for key, value in values.items():
        name = f"{prefix}: {key}" if prefix else str(key)
        if isinstance(value, Mapping):
            lines += _flatten(value, name)
        else:
            lines.append((name, _plain_value(value)))
    return lines
