"""Options from what people write in Python: texts for paths, lists for tuples, one number for a size."""

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
        Naming an argument that there is not.
    """
    hints = get_type_hints(kind)
    unknown = [name for name in given if name not in hints]
    if unknown:
        known = ", ".join(name for name in hints if name not in given)
        raise TypeError(f"unexpected keyword argument {unknown[0]!r}; there are also {known}")
    return kind(**{name: _fitted(value, hints[name]) for name, value in given.items()})


def _fitted(value: Any, hint: Any) -> Any:
    kinds = get_args(hint) if type(None) in get_args(hint) else (hint,)
    for kind in kinds if value is not None else ():
        if isinstance(value, str | os.PathLike) and kind in (str, Path):
            return kind(value)
        if get_origin(kind) is tuple:
            each = value if isinstance(value, Iterable) and not isinstance(value, str) else [value]
            return tuple(_fitted(part, get_args(kind)[0]) for part in each)
    return value


def square_or_size(size: int | tuple[int, int] | None) -> tuple[int, int] | None:
    """Return (width, height) of a size that may be the side of a square."""
    return (size, size) if isinstance(size, int) else size
