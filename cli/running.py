"""What every command line of the toolkit shares: one-line errors, exit codes, progress, tables."""

import errno
import gc
import io
import logging
import multiprocessing
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from multiprocessing import util
from types import FrameType
from typing import Any, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.progress import TimeRemainingColumn as EtaColumn
from rich.table import Table
from rich.text import Text
from typer.core import TyperCommand

from unmask.datagen.common.errors import UserError
from unmask.datagen.common.light_install import naming_packages
from unmask.datagen.common.memory import check_limit, is_near_limit, is_want_of_memory

EXIT_USER_ERROR = 2
_SIGNALLED = 128  # plus the signal's number is what a shell says of a program that one ended
_AGAIN = "the same command begins again"
RESUMES = "the same command resumes"
_received = 0  # the signal that asked us to stop, where it was not Ctrl-C
_PLAIN_EVERY_S = 5.0
# What the system refuses whatever the program does: rights, names, links, space, limits, broken disks.
_MENDABLE = tuple(
    getattr(errno, name)
    for name in (
        *("EACCES", "EPERM", "EROFS", "ENAMETOOLONG", "ELOOP", "ENOTDIR", "EISDIR", "ENOENT"),
        *("ENOSPC", "EDQUOT", "EFBIG", "EMFILE", "ENFILE", "ENOLCK", "EIO", "ESTALE", "ETXTBSY"),
    )
    if hasattr(errno, name)
)

# Typer keeps a copy of click or uses the installed one, depending on its version; its own error knows which.
_UsageError: type[Exception] = next(
    cls for cls in typer.BadParameter.__mro__ if cls.__name__ == "ClickException"
)

Function = TypeVar("Function", bound=Callable[..., Any])

# Arguments that errors name and a command does not take by that name.
_ELSEWHERE = {"source": "SOURCE", "out": "OUT", "pins": "--set", "tuning": "--set"}
_least_mb = 0  # that the command needs before it has done anything
_flags: dict[str, str] = {}  # of the command that runs, by the names that Python knows its arguments by


class _Command(TyperCommand):
    """Notes how it calls its arguments, for `in_flags`."""

    def invoke(self, ctx: Any) -> Any:
        _flags.clear()
        for parameter in self.params:
            argument = str(parameter.metavar).strip("[].")
            is_option = parameter.param_type_name == "option"
            _flags[str(parameter.name)] = parameter.opts[0] if is_option else argument
        check_limit(_least_mb)
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:  # here, since what Typer makes of it depends on its version
            raise _StoppedError(_AGAIN) from None


class _StoppedError(Exception):
    """Ctrl-C or SIGTERM ended the command; says what to do next."""


class App(typer.Typer):
    """A Typer app whose errors name flags."""

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Function], Function]:
        """Register a command, as Typer does."""
        register: Callable[[Function], Function] = super().command(name, cls=_Command, **settings)
        return register


def in_flags(text: str) -> str:
    """Return a text of the core with arguments, which it has in backticks, as this command line calls them."""

    def flag(found: re.Match[str]) -> str:
        name = found[1]
        if "." in name:  # a key of a table
            return f"--set {name}"
        return _flags.get(name) or _ELSEWHERE.get(name) or f"--{name.replace('_', '-')}"

    return re.sub(r"`([\w.-]+)`", flag, text)


def make_app(summary: str | None = None, *, completes: bool = True) -> App:
    """Make a Typer app as all of the toolkit's are; ``summary`` heads the help of one with several commands.

    One that another command line calls does not offer to complete its flags in a shell.
    """
    return App(
        help=summary,
        no_args_is_help=True,
        add_completion=completes,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


def run_app(
    app: typer.Typer,
    name: str,
    arguments: Sequence[str] | None = None,
    skip: int = 0,
    least_mb: int = 0,
) -> int:
    """Run a Typer app and return its exit code.

    What a person can mend is one line ``error: ...`` on stderr and exit code 2; Ctrl-C is 130; a bug is a
    traceback. ``--version`` alone, of any command line, prints the toolkit's.

    Parameters
    ----------
    app : typer.Typer
        From `make_app`.
    name : str
        Of the command, for its help.
    arguments : sequence of str, optional
        ``sys.argv[1:]`` by default.
    skip : int
        How many of them chose the app.
    least_mb : int
        Memory that its commands need at least, for the limit of a shell (``ulimit -v``).
    """
    global _least_mb
    _least_mb = least_mb
    # What a start makes, modules and lists of 200,000 pictures, lives to the end: by default the collector looks
    # through all of it dozens of times, a tenth of the time that the build of one picture takes.
    gc.set_threshold(20_000, 20, 20)
    _take_any_letter()
    given = list(sys.argv[1:] if arguments is None else arguments)[skip:]
    if given == ["--version"]:
        print(f"{name} {version('unmask')}")
        return 0
    if arguments is None:
        signal.signal(signal.SIGTERM, _stop)
    try:
        with naming_packages():
            result = app(args=given, prog_name=name, standalone_mode=False)
    except UserError as error:
        return _fail(in_flags(error.marked))
    except _UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # newer than the oldest click that we take
            print(error)
            return EXIT_USER_ERROR
        return _fail(error.format_message())  # type: ignore[attr-defined]  # ClickException, from either place
    except typer.Exit as stop:
        return int(stop.exit_code)
    except (typer.Abort, KeyboardInterrupt, _StoppedError) as stop:
        code = _SIGNALLED + (_received or signal.SIGINT)
        if arguments is None:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        print(f"stopped; {stop if isinstance(stop, _StoppedError) else _AGAIN}", file=sys.stderr, flush=True)
        if arguments is None:
            _leave(code)
        return code
    except Exception as error:  # what the system refuses; everything else is a bug
        words = _refusal(error)
        if words is None:
            raise
        return _fail(words)
    return result if isinstance(result, int) else 0


def _take_any_letter() -> None:
    """Let terminals that do not know a letter (ASCII, cp1252) get its escape: done work is no traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a caller's own stream need not be one
            stream.reconfigure(errors="backslashreplace")


def _refusal(error: Exception) -> str | None:
    """Say in words what the system refused a command, None where the error is another one."""
    if is_want_of_memory(error) or (is_near_limit() and not isinstance(error, OSError)):
        flags = [_flags[name] for name in ("workers", "batch_size", "size", "limit") if name in _flags]
        return f"out of memory; lower {' or '.join(flags)}" if flags else "out of memory"
    if not isinstance(error, OSError) or error.errno not in _MENDABLE:
        return None
    place = f"{os.fsdecode(error.filename)}: " if error.filename else ""
    return f"{place}{error.strerror}"


def _stop(number: int, frame: FrameType | None) -> None:
    """End as Ctrl-C does: what is open is closed, and a line says what to do."""
    global _received
    del frame
    _received = number
    raise KeyboardInterrupt


def _leave(code: int) -> None:
    """End this process now where threads still work: they would be waited for, or end it by an abort."""
    for child in multiprocessing.active_children():
        child.kill()
    others = [thread for thread in threading.enumerate() if not thread.daemon]
    if len(others) > 1:
        # Semaphores of queues are given back first: else their tracker complains after our last line.
        freeing = threading.Thread(target=vars(util)["_run_finalizers"], args=(0,), daemon=True)
        freeing.start()
        freeing.join(1)
        sys.stdout.flush()
        os._exit(code)


def _fail(message: str) -> int:
    print(f"error: {printable(' '.join(message.split()))}", file=sys.stderr)
    return EXIT_USER_ERROR


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
def resumable(words: str = RESUMES) -> Iterator[None]:
    """Work that Ctrl-C may stop, and the same command resumes: says so, or ``words``, and exits with 130."""
    try:
        yield
    except KeyboardInterrupt:
        raise _StoppedError(words) from None


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


def print_pairs(pairs: Mapping[str, object]) -> None:
    """Print ``name  value`` lines on stdout."""
    width = max(len(name) for name in pairs)
    for name, value in pairs.items():
        print(f"{name:<{width}}  {printable(str(value))}")
