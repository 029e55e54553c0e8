"""What a command line calls its arguments: the core's texts have them in backticks, by the names of Python."""

import re
from collections.abc import Iterable
from typing import Any

# Arguments that errors name and a command does not take by that name.
_ELSEWHERE = {"source": "SOURCE", "out": "OUT", "pins": "--set", "tuning": "--set"}
_flags: dict[str, str] = {}  # of the command that runs, by the names that Python knows its arguments by


def note_flags(parameters: Iterable[Any]) -> None:
    """Take over the names of the command that runs from now on: its parameters, as click has them."""
    _flags.clear()
    for parameter in parameters:
        argument = str(parameter.metavar).strip("[].")
        is_option = parameter.param_type_name == "option"
        _flags[str(parameter.name)] = parameter.opts[0] if is_option else argument


def known_flags(*names: str) -> list[str]:
    """Return what the command calls those of the arguments that it takes."""
    return [_flags[name] for name in names if name in _flags]


def in_flags(text: str) -> str:
    """Return a text of the core with arguments, which it has in backticks, as this command line calls them."""

    def flag(found: re.Match[str]) -> str:
        name = found[1]
        if "." in name:  # a key of a table
            return f"--set {name}"
        return _flags.get(name) or _ELSEWHERE.get(name) or f"--{name.replace('_', '-')}"

    return re.sub(r"`([\w.-]+)`", flag, text)
