"""The page's parts as text: sections, figures, and tables that sort where a script may run."""

from collections.abc import Sequence
from dataclasses import dataclass

from unmask.datagen.common.svg import safe

from .content import Interval
from .names import write_number


@dataclass(frozen=True)
class Head:
    """The head of a column: its title, small print below, and whether it holds numbers."""

    title: str
    below: str = ""
    is_number: bool = True


@dataclass(frozen=True)
class Cell:
    """A cell of a table, in plain text.

    Attributes
    ----------
    text, below : str
        What it says, and small print below.
    value : float or None
        What a column of numbers sorts by.
    mark : str
        A sign behind the text, which is then bold.
    """

    text: str
    below: str = ""
    value: float | None = None
    mark: str = ""


def draw_table(
    heads: Sequence[Head], rows: Sequence[Sequence[Cell]], label: str, *, sortable: bool = False
) -> str:
    """Draw a table whose first column names the rows; the page's script makes ``sortable`` ones sort."""
    kind = ' class="sort"' if sortable else ""
    top = "".join(
        f'<th scope="col"{_class(head)}><span>{safe(head.title)}</span>{_small(head.below)}</th>'
        for head in heads
    )
    lines = "".join(_row(heads, row) for row in rows)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{safe(label)}"><table{kind}>'
        f"<thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _row(heads: Sequence[Head], cells: Sequence[Cell]) -> str:
    parts = []
    for column, (head, cell) in enumerate(zip(heads, cells, strict=True)):
        tag = 'th scope="row"' if column == 0 else "td"
        value = "" if cell.value is None else f' data-v="{cell.value:.6g}"'
        text = safe(cell.text)
        if cell.mark:
            text = f"<b>{text}\N{NO-BREAK SPACE}{safe(cell.mark)}</b>"
        parts.append(f"<{tag}{_class(head)}{value}>{text}{_small(cell.below)}</{tag.partition(' ')[0]}>")
    return f"<tr>{''.join(parts)}</tr>"


def _class(head: Head) -> str:
    return ' class="n"' if head.is_number else ""


def _small(text: str) -> str:
    return f" <small>{safe(text)}</small>" if text else ""


def interval_cell(interval: Interval | None, digits: int, mark: str = "") -> Cell:
    """Write a mean with its interval below it."""
    if interval is None:
        return Cell("-")
    return Cell(write_number(interval.mean, digits), range_words(interval, digits), interval.mean, mark)


def range_words(interval: Interval, digits: int) -> str:
    """Write an interval as "28.41 to 28.80"; empty where there is none."""
    if interval.low is None or interval.high is None:
        return ""
    return f"{write_number(interval.low, digits)} to {write_number(interval.high, digits)}"


def best_rows(values: Sequence[float | None], better: str, digits: int) -> list[bool]:
    """Tell which of a column's values are its best as they are written; none when fewer than two are known."""
    known = [round(value, digits) for value in values if value is not None]
    if len(known) < 2 or better not in ("high", "low"):
        return [False] * len(values)
    best = max(known) if better == "high" else min(known)
    return [value is not None and round(value, digits) == best for value in values]


def figure(title: str, drawing: str, caption: str = "") -> str:
    """Put a drawing (markup) below its title and above its caption (plain text)."""
    below = f"<figcaption>{safe(caption)}</figcaption>" if caption else ""
    return f"<figure><h3>{safe(title)}</h3>{drawing}{below}</figure>"


def section(anchor: str, title: str, content: str, *words: str) -> str:
    """Put content (markup) below a heading and paragraphs of plain text; empty without content."""
    if not content:
        return ""
    lead = "".join(f"<p>{safe(text)}</p>" for text in words if text)
    return f'<section id="{anchor}"><h2>{safe(title)}</h2>{lead}{content}</section>'


def grid(figures: Sequence[str]) -> str:
    """Put figures beside one another as far as the window allows."""
    return f'<div class="grid">{"".join(figures)}</div>' if figures else ""


def listed(items: Sequence[tuple[str, str]], kind: str = "ul") -> str:
    """List plain texts, the first of each pair in bold; "ol" numbers them."""
    lines = "".join(
        f"<li>{f'<b>{safe(name)}</b>: ' if name else ''}{safe(text)}</li>" for name, text in items
    )
    return f'<{kind} class="lines">{lines}</{kind}>' if items else ""
