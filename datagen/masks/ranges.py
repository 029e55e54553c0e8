"""The range grammar of recipe files: ``0.3`` fixed, ``[0.1, 0.4]`` uniform, ``{choice = [...]}``."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from unmask.datagen.common.errors import UserError

Scalar = float | str
_HUGE = 1e300  # also keeps out infinities, what is not a number, and integers that no float can hold


@dataclass(frozen=True)
class Uniform:
    """A number drawn uniformly from [low, high]; ``low == high`` is a fixed value."""

    low: float
    high: float

    def at(self, share: float) -> float:
        """Return the number at a share 0..1 of the range, rounded to four decimals: short text, exact again."""
        low, high = self.low, self.high
        if low == high:
            return low
        number = round(low + (high - low) * share, 4)
        return low if number < low else min(number, high)

    def span(self) -> tuple[float, float]:
        """Return the smallest and the largest value that can be drawn."""
        return self.low, self.high


@dataclass(frozen=True)
class Choice:
    """One of several values, with weights that sum to 1."""

    values: tuple[Scalar, ...]
    weights: tuple[float, ...]

    def at(self, share: float) -> Scalar:
        """Return the value into whose part of 0..1 the share falls."""
        return self.values[pick(share, self.weights)]

    def span(self) -> tuple[float, float]:
        """Return the smallest and the largest number among the values."""
        numbers = [value for value in self.values if not isinstance(value, str)]
        if len(numbers) < len(self.values):
            raise ValueError("not every choice is a number")
        return min(numbers), max(numbers)


Range = Uniform | Choice


def pick(share: float, weights: Sequence[float]) -> int:
    """Index of the weight into whose part of the total a share 0..1 falls."""
    left = share * sum(weights)
    for index, weight in enumerate(weights):
        left -= weight
        if left < 0:
            return index
    return max(index for index, weight in enumerate(weights) if weight > 0)


def parse_range(value: Any, where: str) -> Range:
    """Read one value of the grammar.

    Parameters
    ----------
    value
        A number, a pair of numbers, or a table ``{choice = [...], weights = [...]}``.
    where : str
        File and key, for the message.

    Raises
    ------
    UserError
        When the value fits none of the three forms.
    """
    if _is_number(value):
        return Uniform(float(value), float(value))
    if isinstance(value, list) and len(value) == 2 and all(map(_is_number, value)):
        if value[0] > value[1]:
            raise UserError(
                f"{where}: [{value[0]}, {value[1]}] runs backwards; write the smaller number first"
            )
        return Uniform(float(value[0]), float(value[1]))
    if isinstance(value, dict) and isinstance(value.get("choice"), list) and value["choice"]:
        return _parse_choice(value, where)
    raise UserError(f"{where}: expected a number, [low, high] or {{choice = [...]}}, got {value!r}")


def parse_weights(table: Any, where: str) -> dict[str, float]:
    """Read a table of names with weights >= 0, at least one of them positive."""
    if not isinstance(table, dict) or not table:
        raise UserError(f"{where}: expected a table of names with weights")
    for name, weight in table.items():
        if not _is_number(weight) or weight < 0:
            raise UserError(f"{where}.{name}: a weight must be a number >= 0, got {weight!r}")
    if not sum(table.values()) > 0:
        raise UserError(f"{where}: all weights are 0")
    return {str(name): float(weight) for name, weight in table.items()}


def _parse_choice(table: dict[str, Any], where: str) -> Choice:
    unknown = set(table) - {"choice", "weights"}
    if unknown:
        raise UserError(f"{where}: unknown key {sorted(unknown)[0]!r} beside 'choice'")
    values = table["choice"]
    if not all(_is_number(value) or isinstance(value, str) for value in values):
        raise UserError(f"{where}: a choice holds numbers or strings")
    weights = table.get("weights", [1.0] * len(values))
    valid = isinstance(weights, list) and all(_is_number(weight) and weight >= 0 for weight in weights)
    if not valid or len(weights) != len(values) or not sum(weights) > 0:
        raise UserError(f"{where}: 'weights' needs one number >= 0 for each of the {len(values)} choices")
    total = float(sum(weights))
    kept = tuple(float(value) if _is_number(value) else value for value in values)
    return Choice(kept, tuple(weight / total for weight in weights))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _HUGE
