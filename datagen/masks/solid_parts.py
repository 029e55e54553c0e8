"""Parts of a mask that stand off its fabric: valves and filters, as short cylinders on a template's drawing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Limits = tuple[float, float]

# Smallest and largest value of each number of a part, and what it is where the template does not say.
_NUMBERS: dict[str, tuple[Limits, float | None]] = {
    "height": ((0.0, 1.0), None),
    "corners": ((2.0, 12.0), 2.0),
    "taper": ((0.5, 1.2), 1.0),
    "lean": ((-1.0, 1.0), 0.0),
}
_AT: tuple[Limits, Limits] = ((-1.0, 1.0), (0.0, 1.0))  # u, v
_HALF: tuple[Limits, Limits] = ((0.02, 1.0), (0.02, 1.0))
_MOST_PARTS = 8


@dataclass(frozen=True)
class SolidPart:
    """One part that stands off the fabric where a template's layers show it from the front.

    Attributes
    ----------
    at : (u, v)
        Its middle on the fabric.
    half : (across, down)
        Half of its width and of its height on the fabric, IOD.
    height : float
        How far its front stands off the fabric, IOD.
    corners : float
        Exponent of its outline, a superellipse: 2 an ellipse, more a box with round corners.
    taper : float
        Size of its front against that of its foot.
    lean : float
        How far its outline is sheared: across for each step down.
    """

    at: tuple[float, float]
    half: tuple[float, float]
    height: float
    corners: float
    taper: float
    lean: float


def parse_solid_parts(value: Any, complain: Callable[[str], None]) -> tuple[SolidPart, ...]:
    """Read a template's ``solids``; what is wrong with them goes to ``complain`` in one line each."""
    if not isinstance(value, list) or len(value) > _MOST_PARTS:
        complain(f"solids: expected a list of at most {_MOST_PARTS} parts")
        return ()
    return tuple(_parse_part(part, f"solids[{index}]", complain) for index, part in enumerate(value))


def _parse_part(part: Any, where: str, complain: Callable[[str], None]) -> SolidPart:
    given = part if isinstance(part, dict) else {}
    for key in sorted(set(given) - {"at", "half", *_NUMBERS}):
        complain(f"{where}: unknown key {key!r}")
    numbers = {
        key: _number(given.get(key, usual), f"{where}.{key}", limits, complain)
        for key, (limits, usual) in _NUMBERS.items()
    }
    at = _pair(given.get("at"), f"{where}.at", _AT, complain)
    return SolidPart(at, _pair(given.get("half"), f"{where}.half", _HALF, complain), **numbers)


def _pair(
    value: Any, where: str, limits: tuple[Limits, Limits], complain: Callable[[str], None]
) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        complain(f"{where}: expected two numbers, got {value!r}")
        return limits[0][0], limits[1][0]
    return _number(value[0], where, limits[0], complain), _number(value[1], where, limits[1], complain)


def _number(value: Any, where: str, limits: Limits, complain: Callable[[str], None]) -> float:
    low, high = limits
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        complain(f"{where}: expected a number from {low:g} to {high:g}, got {value!r}")
        return low
    return float(value)
