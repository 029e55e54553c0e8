"""Batches as a pure function of the step: prepared by other processes, resumed anywhere, divided among ranks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from unmask.datagen.pictures.arrays import F64

from .batch_maker import BatchArrays, BatchMaker, BatchWorkers, stack_triplets
from .order import EpochOrder
from .triplets import Triplets


@dataclass(frozen=True, eq=False)
class Batch:
    """Triplets as tensors.

    Attributes
    ----------
    masked, clean : uint8 Tensor (n, 3, h, w)
        RGB; in memory the channels are last.
    map : uint8 Tensor (n, 1, h, w)
        Coverage of the mask body, 0..255.
    straps : uint8 Tensor (n, 1, h, w)
        Coverage of what is seen of the straps beside it, 0..255; 0 where nobody knows.
    keys : tuple of str
        What a message calls each of them.
    """

    masked: Tensor
    map: Tensor
    clean: Tensor
    straps: Tensor
    keys: tuple[str, ...]

    def to(self, device: torch.device | str) -> "Batch":
        """Return the batch on a device."""
        return self._changed(lambda part: part.to(device, non_blocking=True), self.keys)

    def __getitem__(self, rows: slice) -> "Batch":
        """Return some of the triplets."""
        return self._changed(lambda part: part[rows], self.keys[rows])

    def _changed(self, change: Callable[[Tensor], Tensor], keys: tuple[str, ...]) -> "Batch":
        return Batch(change(self.masked), change(self.map), change(self.clean), change(self.straps), keys)

    def pictures(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return masked and clean in [-1, 1] and the map in [0, 1] as (masked, map, clean), float32."""
        return self.masked.float() / 127.5 - 1, self.map.float() / 255, self.clean.float() / 127.5 - 1

    def strap_maps(self) -> Tensor:
        """Return the straps in [0, 1], float32 (n, 1, h, w)."""
        return self.straps.float() / 255


def drawn_rows(share: float, pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Draw a share of pictures (n, c, h, w), each by itself: bool (n, 1, 1, 1), on their device."""
    drawn = torch.from_numpy(rng.random(len(pictures)) < share)
    return drawn.to(pictures.device)[:, None, None, None]


class BatchStream:
    """The batches of one rank, one after the other, without end.

    With B pictures per step and rank, picture j of step s on rank r stands at position p = (s W + r) B + j of
    W ranks. It is number p mod n of the order of epoch p // n, a permutation where nothing is balanced. So each
    epoch shows each picture once over all ranks, whatever B, and any step can be made by itself.

    Parameters
    ----------
    triplets : Triplets
    batch_size : int
        Of this rank.
    seed : int
        Of the orders.
    weights : float64 (n,), optional
        How often each picture comes in an epoch, on average; see `EpochOrder`.
    rank, world : int
        This process, and how many there are.
    workers : int
        Processes that prepare batches; with 0 it is done by the caller.
    first_step : int
        Where to begin.
    """

    def __init__(
        self,
        triplets: Triplets,
        batch_size: int,
        *,
        seed: int,
        weights: F64 | None = None,
        rank: int = 0,
        world: int = 1,
        workers: int = 0,
        first_step: int = 0,
    ) -> None:
        self._maker = BatchMaker(triplets, batch_size, EpochOrder(len(triplets), seed, weights), rank, world)
        self._count = workers
        self._step = first_step
        self._workers: BatchWorkers | None = None

    def __iter__(self) -> "BatchStream":
        return self

    def __next__(self) -> Batch:
        if self._count == 0:
            batch = self.make_batch(self._step)
        else:
            if self._workers is None:
                self._workers = BatchWorkers(self._maker, self._count, self._step)
            batch = _to_batch(self._workers.receive())
        self._step += 1
        return batch

    def make_batch(self, step: int) -> Batch:
        """Make the batch of one step in this process."""
        return _to_batch(self._maker.make(step))

    def close(self) -> None:
        """End the workers; the next batch would start new ones."""
        if self._workers is not None:
            self._workers.close()
            self._workers = None


def fixed_batch(triplets: Triplets, indices: Sequence[int], epoch: int = 0) -> Batch:
    """Make a batch of chosen triplets in this process."""
    return _to_batch(stack_triplets(triplets, [(int(index), epoch) for index in indices]))


def _to_batch(arrays: BatchArrays) -> Batch:
    masked, clean = (torch.from_numpy(part).permute(0, 3, 1, 2) for part in (arrays.masked, arrays.clean))
    map_, straps = (torch.from_numpy(part)[:, None] for part in (arrays.map, arrays.straps))
    return Batch(masked, map_, clean, straps, arrays.keys)
