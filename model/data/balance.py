"""Rare faces more often: how much each training picture weighs so that the values of a trait come equally often."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.pictures.arrays import F64

LEAST, MOST = 0.5, 4.0
"""How often a picture comes in an epoch, on average. Common faces keep half of their places: nothing is forgotten.
More of a rare one would teach this picture instead of what it has."""

UNKNOWN = -1

_ROUNDS = 300  # six rare attributes of CelebA: shares within 1e-5 of those after 5,000
_HALVINGS = 60


@dataclass(frozen=True, eq=False)
class Trait:
    """What the training pictures have of one attribute.

    Attributes
    ----------
    name : str
    labels : tuple of str
        Of its values.
    values : int8 (n,)
        A label's number for each picture, `UNKNOWN` where nobody knows.
    """

    name: str
    labels: tuple[str, ...]
    values: NDArray[np.int8]

    def note(self, weights: F64) -> str:
        """Say for people how often each value is there, and how often it comes with these weights."""
        before, after = self._sums(np.ones(len(weights))), self._sums(weights)
        parts = [
            f"{label} {100 * was / before.sum():.1f} % -> {100 * now / after.sum():.1f} %"
            for label, was, now in zip(self.labels, before, after, strict=True)
            if was
        ]
        unknown = int(np.count_nonzero(self.values == UNKNOWN))
        return f"balanced {self.name}: {', '.join(parts)}" + (f"; unknown: {unknown}" if unknown else "")

    def _sums(self, weights: F64) -> F64:
        known = self.values != UNKNOWN
        return np.bincount(self.values[known], weights[known], len(self.labels)).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Balance:
    """The traits that a training balances, and how far: 1 for equal shares, 0 for those that there are."""

    traits: tuple[Trait, ...]
    strength: float = 1.0

    @cached_property
    def weights(self) -> F64:
        """How often each picture comes in an epoch, on average, float64 (n,): mean 1, from `LEAST` to `MOST`.

        Raking (Deming and Stephan 1940), within bounds and for all traits at once: their order has no say. The
        values of each trait come in proportion to (their share) ^ (1 - strength), equally often at 1, or as nearly
        as the bounds allow: a beard cannot come as often as none where women come as often as men, but for men
        without a beard, who keep their half.
        """
        every = np.stack([trait.values for trait in self.traits], axis=1)
        kinds, kind_of, counts = np.unique(every, axis=0, return_inverse=True, return_counts=True)
        weights = np.ones(len(kinds))
        for _ in range(_ROUNDS):
            factors = [_evening(values, counts, weights, self.strength) for values in kinds.T]
            weights = bounded(weights * np.prod(factors, axis=0) ** (1 / len(factors)), counts)
        return weights[kind_of.ravel()]

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know: shares before and after, one line for each trait."""
        weights = self.weights
        return tuple(trait.note(weights) for trait in self.traits)

    @property
    def fingerprint(self) -> str:
        """32 hex digits that change with whatever decides a weight."""
        digest = hashlib.blake2b(digest_size=16)
        for trait in self.traits:
            facts = (trait.name, trait.labels, LEAST, MOST, self.strength)
            digest.update(repr(facts).encode() + trait.values.tobytes())
        return digest.hexdigest()


def _evening(values: NDArray[np.int8], counts: NDArray[np.int64], weights: F64, strength: float) -> F64:
    """By how much each kind of pictures, (k,), must weigh more for one trait's values to come as they should."""
    found, value_of = np.unique(values, return_inverse=True)
    pictures = np.bincount(value_of, counts)
    known = found != UNKNOWN
    wanted = pictures.copy()  # of which nothing is known: as many as there are
    even = pictures[known] ** (1 - strength)
    wanted[known] = even * pictures[known].sum() / even.sum()
    factors: F64 = (wanted / np.bincount(value_of, counts * weights))[value_of]
    return factors


def bounded(weights: F64, counts: NDArray[np.int64]) -> F64:
    """Scale the weights above 0 of kinds of pictures to a mean of 1, and cut them to `LEAST` and `MOST`.

    Parameters
    ----------
    weights : float64 (k,)
    counts : int64 (k,)
        How many pictures of each kind there are.
    """
    low, high = LEAST / weights.max(), MOST / weights.min()
    for _ in range(_HALVINGS):
        middle = np.sqrt(low * high)
        if (np.clip(middle * weights, LEAST, MOST) * counts).sum() < counts.sum():
            low = middle
        else:
            high = middle
    scaled: F64 = np.clip(high * weights, LEAST, MOST)
    return scaled


def balance_notes(balance: Balance | None) -> tuple[str, ...]:
    """Return the notes of a balance, none where nothing is balanced."""
    return () if balance is None else balance.notes
