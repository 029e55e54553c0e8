"""Checks of arguments that every stage shares; each raises `ArgumentError`."""

import errno
import math
import os
import stat
from pathlib import Path

from .errors import ArgumentError
from .inside import real_path

EXISTING = ("resume", "overwrite", "fail")


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse a value that is none of the choices."""
    if value not in choices:
        raise ArgumentError(name, f"{value}: expected one of {', '.join(choices)}")


def check_free(name: str, path: Path, existing: str) -> None:
    """Refuse to write over a file, unless ``existing`` says ``overwrite`` and not ``fail``."""
    check_choice("existing", existing, ("fail", "overwrite"))
    if existing == "fail" and path.is_file():
        raise ArgumentError(name, f"{path}: is there already; `existing` overwrite replaces it")


def check_outside(name: str, path: Path, other: str, folder: Path) -> None:
    """Refuse to write to a path that is, or lies inside, a folder which another argument names."""
    inner, outer = real_path(path), real_path(folder)
    if inner == outer or outer in inner.parents:
        raise ArgumentError(name, f"{path}: lies inside `{other}` {folder}; name a folder elsewhere")


def check_at_least(name: str, value: int | None, least: int) -> None:
    """Refuse a number below ``least``; None is not given."""
    if value is not None and value < least:
        raise ArgumentError(name, f"{value}: expected at least {least}")


def check_above_zero(name: str, value: float | None) -> None:
    """Refuse what is not a finite number above 0; None is not given."""
    if value is not None and not (math.isfinite(value) and value > 0):
        raise ArgumentError(name, f"{value}: expected a number above 0")


def check_exists(name: str, path: Path | None, what: str = "file or folder") -> None:
    """Refuse a path that is not there, or no ``folder`` or ``file`` that can be read; None is not given."""
    if path is None:
        return
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
        raise ArgumentError(name, f"{path}: {_why(error, what)}") from error
    wrong = {"folder": not stat.S_ISDIR(mode), "file": not stat.S_ISREG(mode)}.get(what, False)
    if wrong:
        raise ArgumentError(name, f"{path}: no such {what}")
    if what != "file or folder" and not os.access(path, os.R_OK | (os.X_OK if what == "folder" else 0)):
        raise ArgumentError(name, f"{path}: cannot be read: {os.strerror(errno.EACCES)}")


def _why(error: OSError | ValueError, what: str) -> str:
    if isinstance(error, ValueError) or error.errno in (errno.ENOENT, errno.ENOTDIR):
        return f"no such {what}"
    return f"cannot be read: {error.strerror}"


def list_folder(name: str, path: Path) -> list[Path]:
    """Return what a folder holds, sorted; ArgumentError where it cannot be read, as a glob would not say."""
    try:
        return sorted(path.iterdir())
    except OSError as error:
        raise ArgumentError(name, f"{path}: cannot be read: {error.strerror or error}") from error
