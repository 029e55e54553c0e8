"""How every command line of the toolkit runs and ends: one-line errors, exit codes, signals."""

import errno
import gc
import io
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from multiprocessing import util
from types import FrameType
from typing import Any, TypeVar

import typer
from typer.core import TyperCommand

from unmask.datagen.common.errors import UserError
from unmask.datagen.common.light_install import naming_packages
from unmask.datagen.common.memory import check_limit, is_near_limit, is_want_of_memory

from .flag_names import in_flags, known_flags, note_flags
from .showing import printable

EXIT_USER_ERROR = 2
_SIGNALLED = 128  # plus the signal's number is what a shell says of a program that one ended
_AGAIN = "the same command begins again"
RESUMES = "the same command resumes"
_KILLED_IN_S = 10  # most of it for a process that a file system over the network holds
_received = 0  # the signal that asked us to stop, where it was not Ctrl-C
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

_least_mb = 0  # that the command needs before it has done anything


class _Command(TyperCommand):
    """Notes how it calls its arguments, for `in_flags`; says in its own words that it was stopped."""

    def invoke(self, ctx: Any) -> Any:
        note_flags(self.params)
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
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
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
        flags = known_flags("workers", "batch_size", "size", "limit")
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
    """End this process now where threads still work: they would be waited for, or end it by an abort.

    Its workers end before it: what is started right after it finds none of them at work.
    """
    children = multiprocessing.active_children()
    for child in children:
        child.kill()
    last = time.monotonic() + _KILLED_IN_S
    for child in children:
        child.join(max(0.0, last - time.monotonic()))
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


@contextmanager
def resumable(words: str = RESUMES) -> Iterator[None]:
    """Work that Ctrl-C may stop, and the same command resumes: says so, or ``words``, and exits with 130."""
    try:
        yield
    except KeyboardInterrupt:
        raise _StoppedError(words) from None
