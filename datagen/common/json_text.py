"""JSON that anybody may have written: parsed without end of depth, and compared with the shape that is expected."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

DEEPEST = 100  # what the toolkit writes is thirty deep at most; code that walks a document may call itself
_LONGEST_NUMBER = 300  # digits: what has more is no double


@dataclass(frozen=True)
class Whole:
    """Shape of a whole number from ``low`` to ``high``."""

    low: int = 0
    high: int = 1 << 53


@dataclass(frozen=True)
class Needs:
    """Shape of an object that must have the keys of ``must`` and may have those of ``may``; others are free."""

    must: Mapping[str, Any]
    may: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Maybe:
    """Shape of what may also be null."""

    shape: Any


@dataclass(frozen=True)
class Each:
    """Shape of an object all of whose values have one shape."""

    shape: Any


NUMBER = (int, float)


def parse_json(data: bytes | str) -> Any:
    """Return what a JSON text holds.

    Raises
    ------
    ValueError
        When it is no JSON, or nested deeper than the toolkit nests.
    """
    try:
        content = json.loads(data, parse_int=_whole)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    check_depth(content)
    return content


def check_depth(content: Any) -> None:
    """Raise ValueError where lists and objects are nested deeper than the toolkit nests."""
    level = [content]
    for _ in range(DEEPEST):
        level = [part for one in level for part in _parts(one)]
        if not level:
            return
    raise ValueError("nested too deeply")


def _whole(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _parts(value: Any) -> Iterable[Any]:
    """What of the parts of a list or an object may have parts itself."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [part for part in inside if isinstance(part, dict | list)]


def misfit(value: Any, shape: Any, where: str = "it") -> str:
    """Return the place in a document that has not the shape that it should have, "" where all has.

    Parameters
    ----------
    value : object
        Of `parse_json`.
    shape : type, tuple of types, Whole, Maybe, Each, list, dict or Needs
        ``[shape]`` is a list whose members all have one shape; ``{key: shape}`` an object whose keys need not be
        there, and which may have others. A truth value is no number.
    where : str
        What the document is called; not empty.
    """
    if isinstance(shape, Whole):
        good = isinstance(value, int) and not isinstance(value, bool) and shape.low <= value <= shape.high
        return "" if good else where
    if isinstance(shape, list):
        if not isinstance(value, list):
            return where
        return _first(misfit(part, shape[0], f"{where}[{number}]") for number, part in enumerate(value))
    if isinstance(shape, Maybe):
        return "" if value is None else misfit(value, shape.shape, where)
    if isinstance(shape, Each):
        return misfit(value, dict.fromkeys(value, shape.shape) if isinstance(value, dict) else {}, where)
    if isinstance(shape, dict | Needs):
        return _misfit_object(value, shape if isinstance(shape, Needs) else Needs({}, shape), where)
    kinds = shape if isinstance(shape, tuple) else (shape,)
    return "" if isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool)) else where


def _misfit_object(value: Any, shape: Needs, where: str) -> str:
    if not isinstance(value, dict):
        return where
    absent = next((key for key in shape.must if key not in value), None)
    if absent is not None:
        return f"{where}.{absent}"
    keys = {**shape.must, **shape.may}
    return _first(misfit(value[key], one, f"{where}.{key}") for key, one in keys.items() if key in value)


def _first(found: Iterable[str]) -> str:
    return next(filter(None, found), "")
