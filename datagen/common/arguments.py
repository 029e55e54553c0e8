"""Options from what people write in Python: texts for paths, lists for tuples, one number for a size."""

import numbers
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")


def make_options(kind: type[T], **given: Any) -> T:
    """Make an options object from keyword arguments.

    Parameters
    ----------
    kind : type
        A dataclass.
    given
        By the names of its fields. A text stands for a path, a list or one value for a tuple.

    Raises
    ------
    TypeError
        Naming an argument that there is not, or whose value is of another kind.
    """
    hints = get_type_hints(kind)
    unknown = [name for name in given if name not in hints]
    if unknown:
        known = ", ".join(name for name in hints if name not in given)
        raise TypeError(f"unexpected keyword argument {unknown[0]!r}; there are also {known}")
    fitted = {name: _fitted(value, hints[name]) for name, value in given.items()}
    for name, value in fitted.items():
        if not _is_number(value, hints[name]):
            raise TypeError(f"{name} is {value!r}: expected {_NUMBERS[_kinds(hints[name])[0]]}")
    return kind(**fitted)


_NUMBERS = {int: "a whole number", float: "a number"}


def _kinds(hint: Any) -> tuple[Any, ...]:
    """What a value may be besides None."""
    return (
        tuple(kind for kind in get_args(hint) if kind is not type(None))
        if type(None) in get_args(hint)
        else (hint,)
    )


def _is_number(value: Any, hint: Any) -> bool:
    """Whether a value is one where a number is asked for; numpy's are."""
    kinds = _kinds(hint)
    if kinds not in ((int,), (float,)) or (value is None and len(kinds) < len(get_args(hint))):
        return True
    wanted = numbers.Integral if kinds == (int,) else numbers.Real
    return isinstance(value, wanted) and not isinstance(value, bool)


def _fitted(value: Any, hint: Any) -> Any:
    for kind in _kinds(hint) if value is not None else ():
        if isinstance(value, str | os.PathLike) and kind in (str, Path):
            return kind(value)
        if get_origin(kind) is tuple:
            each = value if isinstance(value, Iterable) and not isinstance(value, str) else [value]
            return tuple(_fitted(part, get_args(kind)[0]) for part in each)
    return value


def square_or_size(size: int | tuple[int, int] | None) -> tuple[int, int] | None:
    """Return (width, height) of a size that may be the side of a square."""
    return (size, size) if isinstance(size, int) else size
