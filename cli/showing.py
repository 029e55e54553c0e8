"""What command lines show of their work: progress, what the core logs, tables, texts that any terminal takes."""

import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.progress import TimeRemainingColumn as EtaColumn
from rich.table import Table
from rich.text import Text

from unmask.datagen.common.errors import ArgumentError

from .flag_names import in_flags

_PLAIN_EVERY_S = 5.0


def printable(text: str) -> str:
    """Return a text that every terminal takes: file names may hold bytes that are no UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


class _RateColumn(ProgressColumn):
    """Items per second since the start of this run."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        """Return the column's text."""
        made = task.completed - task.fields["first"]
        rate = made / task.elapsed if task.elapsed else 0.0
        return Text(f"{rate:.1f} {self.unit}/s")


class _Terminal(logging.Handler):
    """Prints what the core logs, line by line, on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        print(printable(in_flags(record.getMessage())), file=sys.stderr, flush=True)


@contextmanager
def showing_log() -> Iterator[None]:
    """Print what the toolkit logs inside the block."""
    logger, handler = logging.getLogger("unmask"), _Terminal()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


@contextmanager
def show_progress(title: str, unit: str) -> Iterator[Callable[[int, int, int], None]]:
    """Show a bar on a terminal, and a plain line every few seconds elsewhere; both on stderr.

    Yields
    ------
    callable
        Takes how many are done, how many there are, and how many were done before this run.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _plain_lines(title, unit)
        return
    words = TextColumn("{task.description}")
    columns = (words, BarColumn(), MofNCompleteColumn(), _RateColumn(unit), EtaColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(title, total=None, first=0)
        yield lambda done, total, first: bar.update(task, completed=done, total=total, first=first)


def _plain_lines(title: str, unit: str) -> Callable[[int, int, int], None]:
    start = last = time.monotonic()

    def update(done: int, total: int, first: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done < total and now - last < _PLAIN_EVERY_S:
            return
        last = now
        rate = (done - first) / max(now - start, 1e-9)
        eta = f", {(total - done) / rate:.0f} s left" if rate and done < total else ""
        print(f"{title}: {done}/{total} {unit}, {rate:.1f}/s{eta}", file=sys.stderr, flush=True)

    return update


def print_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], folds: int | None = None
) -> None:
    """Print a title and a small table on stdout; columns that hold numbers are right-aligned.

    Only the first ``folds`` columns are folded where it is wide; None: all are.
    """
    print(title)
    table = Table()
    for number, column in enumerate(columns):
        numeric = all(row[number].replace(".", "").replace(",", "").isdigit() for row in rows)
        keeps = folds is not None and number >= folds
        table.add_column(column, justify="right" if numeric else "left", overflow="fold", no_wrap=keeps)
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    Console().print(table)


def print_statuses(report: Any, title: str, counted: str) -> None:
    """Print the notes of a report, and its counts by status as a table."""
    for note in report.notes:
        print(f"note: {printable(note)}")
    rows = [[status, str(count)] for status, count in report.counts.items() if count or status == "ok"]
    print_table(title, ["status", counted], rows)


def check_triplets(report: Any, source: object) -> None:
    """Raise ArgumentError where the report of a dataset has no triplet: what would come next has nothing to do."""
    if report.no_triplet:
        raise ArgumentError(
            "source", f"{source}: none of its pictures became a triplet; first {report.no_triplet}"
        )


def print_pairs(pairs: Mapping[str, object]) -> None:
    """Print ``name  value`` lines on stdout."""
    width = max(len(name) for name in pairs)
    for name, value in pairs.items():
        print(f"{name:<{width}}  {printable(str(value))}")
