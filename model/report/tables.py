"""Tables beside the scores: attributes that a restored face gains or loses, another report, and the settings."""

from collections.abc import Mapping, Sequence
from typing import Any

from .content import EvalReport, number
from .html import Cell, Head, draw_table, section
from .names import MetricName, capital, plain, read_metric, write_number, write_p

_SHIFTED = "shifted"
_CHANGE_WORDS = (
    "A classifier looks at the clean face and at the restored one. Lost: of the faces that showed the attribute, "
    "the share that no longer do; gained: of those that did not, the share that do now.",
    "Warning: the classifier errs too, and it learned from noisy labels. Its own accuracy on clean pictures "
    "stands beside the changes: a change no larger than its error may be the classifier's, not the network's. "
    "*: larger than that error. A beard or lipstick under the mask cannot be seen: the network guesses it from "
    "the rest of the face, and what it gains or loses most is what it takes for granted.",
)
_SHIFTED_NAME = "clean, moved by 1 px"
_SHIFTED_WORDS = (
    "Clean, moved by 1 px: how often the classifier changes its mind about a picture that nobody would call "
    "another one. A restored face that changes no more often has lost and gained nothing."
)


def draw_changes(report: EvalReport) -> str:
    """Draw what restored faces lose and gain, by attribute; empty where no classifier judged them."""
    attributes = report.section("attributes")
    changes = _shown_changes(report, attributes.get("changes") or {})
    if not changes:
        return ""
    classifier = attributes.get("classifier") or {}
    accuracy = classifier.get("accuracy") or {}
    heads = [Head("Attribute", is_number=False)]
    for name in changes:
        heads += [Head("Lost, %", name), Head("Gained, %", name)]
    heads += [
        Head("Accuracy, %", "of the classifier"),
        Head("Balanced, %", "of the classifier"),
        Head("Pictures"),
    ]
    names = dict.fromkeys(name for found in changes.values() for name in found)
    first = next(iter(changes.values()))
    known = set(classifier.get("known") or names)
    order = sorted(names.keys() & known, key=lambda name: (-_moved(first.get(name)), name))
    rows = [_change_row(name, list(changes.values()), accuracy.get(name) or {}) for name in order]
    trained = [f"trained on {classifier['trained_on']}"] if classifier.get("trained_on") else []
    pictures = number(classifier.get("pictures"))
    trained += [f"{int(pictures):,} pictures"] if pictures else []
    words = [*_CHANGE_WORDS, _SHIFTED_WORDS if _SHIFTED_NAME in changes else ""]
    words.append(f"Classifier: {', '.join(trained)}." if trained else "")
    if len(order) < len(names):
        words.append(f"Left out: {len(names) - len(order)} attributes that it does not know well enough.")
    table = draw_table(heads, rows, "Attributes lost and gained", sortable=True)
    return section("changes", "Attributes that the network invents", table, *words)


def _shown_changes(report: EvalReport, changes: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Changes by system name: our modules (without them, everything), and the clean picture moved by a pixel."""
    there = [system for system in report.systems() if changes.get(system.id)]
    ours = [system for system in there if system.is_module] or there
    shown = {system.name: changes[system.id] for system in ours}
    if shown and changes.get(_SHIFTED):
        shown[_SHIFTED_NAME] = changes[_SHIFTED]
    return shown


def _moved(found: Mapping[str, Any] | None) -> float:
    return sum(number((found or {}).get(name)) or 0.0 for name in ("lost", "gained"))


def _change_row(name: str, changes: Sequence[Mapping[str, Any]], accuracy: Mapping[str, Any]) -> list[Cell]:
    right = number(accuracy.get("accuracy"))
    cells = [Cell(plain(name))]
    count = None
    for found in changes:
        change = found.get(name) or {}
        count = number(change.get("n")) if count is None else count
        for which in ("lost", "gained"):
            share = number(change.get(which))
            beyond = share is not None and right is not None and share > 1 - right
            cells.append(_percent(share, "*" if beyond else ""))
    return [
        *cells,
        _percent(right),
        _percent(number(accuracy.get("balanced"))),
        Cell("-" if count is None else write_number(count, 0), value=count),
    ]


def _percent(share: float | None, mark: str = "") -> Cell:
    if share is None:
        return Cell("-")
    return Cell(write_number(100 * share, 1), value=share, mark=mark)


def draw_comparison(report: EvalReport) -> str:
    """Draw our scores beside another report's, paired picture by picture; empty without another report."""
    comparison = report.comparison or {}
    lines = comparison.get("rows") or []
    if not lines:
        return ""
    other = str(comparison.get("other", "the other report"))
    heads = [
        Head("Score", is_number=False),
        Head("Difference", f"{report.level_percent} interval"),
        Head("This report"),
        Head("The other"),
        Head("p"),
    ]
    rows = [_comparison_row(line, read_metric(str(line.get("metric")), report.systems())) for line in lines]
    count = number(comparison.get("pictures"))
    words = (
        f"The other report: {other}. "
        + (f"Both scored the same {int(count):,} pictures, which are compared one by one. " if count else "")
        + "A difference whose interval holds zero is none."
    )
    table = draw_table(heads, rows, f"Comparison with {other}", sortable=True)
    return section("comparison", "Against another report", table, words)


def _comparison_row(line: Mapping[str, Any], metric: MetricName) -> list[Cell]:
    ours, theirs = number(line.get("ours")), number(line.get("theirs"))
    difference, low, high = (number(line.get(name)) for name in ("difference", "low", "high"))
    spread = ""
    if low is not None and high is not None:
        spread = f"{metric.write(low, sign=True)} to {metric.write(high, sign=True)}"
    chance = number(line.get("p"))
    return [
        Cell(capital(metric.words), _verdict(metric, ours, theirs, low, high)),
        Cell(metric.write(difference, sign=True), spread, difference),
        Cell(metric.write(ours), value=ours),
        Cell(metric.write(theirs), value=theirs),
        Cell(write_p(chance), value=chance),
    ]


def _verdict(
    metric: MetricName, ours: float | None, theirs: float | None, low: float | None, high: float | None
) -> str:
    if low is None or high is None or ours is None or theirs is None:
        return ""
    if low <= 0 <= high:
        return "no difference shown"
    better = {"high": low > 0, "low": high < 0, "zero": abs(ours) < abs(theirs)}.get(metric.score.better)
    return "differs" if better is None else "better" if better else "worse"


def draw_settings(report: EvalReport) -> str:
    """Draw everything needed to repeat the evaluation: command, data, networks and settings."""
    summary = report.summary
    lines = [(name, str(summary[name])) for name in ("toolkit", "command") if name in summary]
    for name in ("data", "models", "settings"):
        lines += _flatten(report.section(name), "" if name == "settings" else name)
    rows = [[Cell(plain(name)), Cell(value)] for name, value in lines]
    table = draw_table([Head("Setting", is_number=False), Head("Value", is_number=False)], rows, "Settings")
    return section("settings", "Settings", f'<div class="settings">{table}</div>' if rows else "")


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
