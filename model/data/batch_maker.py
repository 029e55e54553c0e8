"""The arrays of a training step, and processes that make them. No torch here: it would double their memory."""

import itertools
import multiprocessing
import traceback
from collections import deque
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing.synchronize import Event

import numpy as np

from unmask.datagen.common.errors import UserError
from unmask.datagen.common.executors import (
    begin_worker,
    end_workers,
    naming_dead_workers,
    needing_shared_memory,
    signals_blocked,
)
from unmask.datagen.pictures.arrays import U8

from .order import EpochOrder
from .triplets import Triplets

_PREFETCH = 2  # batches that each worker is ahead
_GRACE_S = 2.0


@dataclass(frozen=True, eq=False)
class BatchArrays:
    """Triplets of one step: masked and clean uint8 (n, h, w, 3), map and straps uint8 (n, h, w), their names."""

    masked: U8
    map: U8
    clean: U8
    straps: U8
    keys: tuple[str, ...]


@dataclass(frozen=True)
class BatchMaker:
    """Makes the arrays of any step of one rank; see `unmask.model.data.batches.BatchStream` for the rule."""

    triplets: Triplets
    batch_size: int
    order: EpochOrder
    rank: int
    world: int

    def make(self, step: int) -> BatchArrays:
        """Make a step's arrays."""
        first = (step * self.world + self.rank) * self.batch_size
        wanted = [self.order.at(position) for position in range(first, first + self.batch_size)]
        return stack_triplets(self.triplets, wanted)


def stack_triplets(triplets: Triplets, wanted: Sequence[tuple[int, int]]) -> BatchArrays:
    """Make the arrays of (index, epoch) pairs."""
    made = [triplets.get(index, epoch) for index, epoch in wanted]
    masked, map_, clean, straps = (
        np.stack([getattr(one, name) for one in made]) for name in ("masked", "map", "clean", "straps")
    )
    return BatchArrays(masked, map_, clean, straps, tuple(triplets.keys(index) for index, _ in wanted))


class BatchWorkers:
    """Processes that make the steps from ``first_step`` on, each one when its turn comes.

    Parameters
    ----------
    maker : BatchMaker
    workers : int
        At least 1.
    first_step : int
    """

    def __init__(self, maker: BatchMaker, workers: int, first_step: int) -> None:
        # spawn, because a forked child has threads' locks in an unknown state
        context = multiprocessing.get_context("spawn")
        self._workers = workers
        with needing_shared_memory(workers, fewest=0):
            self._closed = context.Event()
            self._pool = ProcessPoolExecutor(
                workers, mp_context=context, initializer=_begin, initargs=(maker, self._closed)
            )
        self._steps = itertools.count(first_step)
        with signals_blocked():
            self._ahead = deque(self._submit() for _ in range(workers * (1 + _PREFETCH)))

    def _submit(self) -> "Future[BatchArrays]":
        return self._pool.submit(_make, next(self._steps))

    def receive(self) -> BatchArrays:
        """Wait for the next step's arrays.

        Raises
        ------
        UserError
            What a worker says a person can mend, or that one was killed.
        RuntimeError
            A bug in a worker, with its traceback.
        """
        with naming_dead_workers(self._workers):
            arrays = self._ahead.popleft().result()
            self._ahead.append(self._submit())
        return arrays

    def close(self) -> None:
        """End the processes after the batch that they are at, or in two seconds."""
        self._closed.set()
        end_workers(self._pool, _GRACE_S)


# In a worker process: what it makes, and whether nobody wants it.
_here: tuple[BatchMaker, Event] | None = None


def _begin(maker: BatchMaker, closed: Event) -> None:
    global _here
    begin_worker()
    _here = maker, closed


def _make(step: int) -> BatchArrays:
    if _here is None or _here[1].is_set():
        raise CancelledError
    try:
        return _here[0].make(step)
    except UserError:
        raise
    except Exception as error:
        words = f"in a process that prepares step {step}:\n{traceback.format_exc()}"
        raise RuntimeError(words) from error
