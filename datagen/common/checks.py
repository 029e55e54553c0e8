"""Checks of arguments that every stage shares; each raises `ArgumentError`."""

import math
from pathlib import Path

from .errors import ArgumentError

EXISTING = ("resume", "overwrite", "fail")


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse a value that is none of the choices."""
    if value not in choices:
        raise ArgumentError(name, f"{value}: expected one of {', '.join(choices)}")


def check_at_least(name: str, value: int | None, least: int) -> None:
    """Refuse a number below ``least``; None is not given."""
    if value is not None and value < least:
        raise ArgumentError(name, f"{value}: expected at least {least}")


def check_above_zero(name: str, value: float | None) -> None:
    """Refuse what is not a finite number above 0; None is not given."""
    if value is not None and not (math.isfinite(value) and value > 0):
        raise ArgumentError(name, f"{value}: expected a number above 0")


def check_exists(name: str, path: Path | None, what: str = "file or folder") -> None:
    """Refuse a path that is not there, or no ``folder``, or no ``file``; None is not given."""
    if path is None:
        return
    there = {"folder": path.is_dir, "file": path.is_file}.get(what, path.exists)
    if not there():
        raise ArgumentError(name, f"{path}: no such {what}")
