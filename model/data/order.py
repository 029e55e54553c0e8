"""In which order pictures train: a function of seed and epoch alone, some more often where they weigh more."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.rng import generator
from unmask.datagen.pictures.arrays import F64

_Int64s = NDArray[np.int64]

# Between the masks of a picture that comes twice in an epoch: more than all epochs and retries of other masks.
_REPEAT_EPOCHS = 10_000_000


@dataclass(frozen=True, eq=False)
class EpochOrder:
    """Which picture stands at a position of a training, counted over all its epochs and ranks.

    An epoch has as many positions as there are pictures. Without weights it is a permutation of them. With weights
    a picture of weight w comes floor(w) or ceil(w) times in each, w times on average.

    Attributes
    ----------
    count : int
        Pictures, at least 1.
    seed : int
        Of the draws.
    weights : float64 (count,), optional
        How often each picture comes in an epoch, on average: at least 0, their mean is 1.
    """

    count: int
    seed: int
    weights: F64 | None = None

    def at(self, position: int) -> tuple[int, int]:
        """Return the picture at a position, and the epoch whose mask it gets there.

        That is the position's own epoch, or a far one where this one already has the picture: it gets another mask.
        """
        epoch, place = divmod(position, self.count)
        indices, epochs = _drawn(self, epoch)
        return int(indices[place]), int(epochs[place])


@lru_cache(maxsize=4)
def _drawn(order: EpochOrder, epoch: int) -> tuple[_Int64s, _Int64s]:
    rng = generator(order.seed, "", epoch, "order")
    indices = rng.permutation(order.count)
    if order.weights is None:
        return indices, np.full(order.count, epoch)
    indices = rng.permutation(_sampled(indices, order.weights, rng.random()))
    return indices, epoch + _REPEAT_EPOCHS * _repeats(indices)


def _sampled(shuffled: _Int64s, weights: F64, start: float) -> _Int64s:
    """Systematic sampling: marks at a distance of 1, from ``start`` on, along the weights laid end to end."""
    count = len(shuffled)
    ends = np.cumsum(weights[shuffled])
    marks = (start + np.arange(count)) * (ends[-1] / count)
    # rounding may put the last mark on the very end
    chosen: _Int64s = shuffled[np.minimum(np.searchsorted(ends, marks, side="right"), count - 1)]
    return chosen


def _repeats(indices: _Int64s) -> _Int64s:
    """How many times each picture has already come before its place."""
    by_picture = np.argsort(indices, kind="stable")
    ordered = indices[by_picture]
    places = np.arange(len(indices))
    begins = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    repeats = np.empty_like(indices)
    repeats[by_picture] = places - np.maximum.accumulate(np.where(begins, places, 0))
    return repeats
