"""What decides the pictures of a training; `unmask.model.data.triplets.open_triplets` obeys it."""

from dataclasses import dataclass
from pathlib import Path

from unmask.datagen.common.cores import MOST_WORKERS, available_cores
from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.masks.options import MaskOptions
from unmask.model.common.limits import MULTIPLE_PX, SMALLEST_PX

SKIN = "skin"
"""What ``balance`` calls the lightness of skin."""

# A dataset has its masks already.
_ONLINE_ONLY = ("recipe", "pins", "templates", "textures", "landmarks", "occluders")


@dataclass(frozen=True, kw_only=True)
class DataOptions(MaskOptions):
    """What a training is told about its data; what decides the masks is in `MaskOptions`.

    With ``data`` only ``seed``, ``limit`` and ``families`` of those count: a dataset has its masks already.

    Attributes
    ----------
    data : Path or None
        Dataset made by ``unmask-data build``.
    online : str or None
        SOURCE whose faces get new masks in every epoch; either this or ``data``.
    holdout_families : tuple of str
        Families that training never draws and that validation draws alone.
    balance : tuple of str or None
        Attributes whose rarer values train more often: `unmask.model.data.balance`; ``skin`` is how light skin is,
        measured on the faces of ``online``. Validation is not balanced.
    balance_strength : float or None
        From 0, shares as they are, to 1, equal ones; 1 where None.
    size : int
        Side of the square pictures, in pixels.
    jitter : bool or None
        Online: the recipe's ``[jitter]`` moves every training picture; off where None, since the masks are new
        anyway. Built: half of the training pictures are mirrored; on where None.
    occluders : bool or None
        Online: hands, cups and the like in front of some training faces, masked and bare alike, by the recipe's
        ``[occluder]``; off where None.
    cache : Path or None
        Folder of decoded faces; None for `unmask.datagen.common.user_cache.default_cache_folder`.
    val_pictures : int
        How many pictures are validated on, at most.
    workers : int or None
        Processes that decode faces and prepare pictures; None for one per core.
    """

    data: Path | None = None
    online: str | None = None
    holdout_families: tuple[str, ...] = ()
    balance: tuple[str, ...] | None = None
    balance_strength: float | None = None
    size: int = 128
    jitter: bool | None = None
    occluders: bool | None = None
    cache: Path | None = None
    val_pictures: int = 256
    workers: int | None = None

    def check_data(self) -> None:
        """Raise UserError naming the first of these whose value makes no sense."""
        if self.size < SMALLEST_PX or self.size % MULTIPLE_PX:
            raise ArgumentError(
                "size", f"{self.size}: expected a multiple of {MULTIPLE_PX} from {SMALLEST_PX} on"
            )
        if (self.data is None) == (self.online is None):
            both = "not both" if self.data is not None else "where the faces are"
            raise UserError(f"give `data` DATASET or `online` SOURCE, {both}")
        given = [
            name for name in _ONLINE_ONLY if getattr(self, name) not in (getattr(type(self), name), False)
        ]
        if self.data is not None and given:
            raise ArgumentError(given[0], ": goes with `online`; a dataset has its masks already")
        for name in ("families", "holdout_families", "balance"):
            names = getattr(self, name)
            if names is not None and not all(names):
                raise ArgumentError(name, f": there is an empty name in {','.join(names)!r}")
        balanced = self.balance or ()
        twice = next((name for name in balanced if balanced.count(name) > 1), None)
        if twice is not None:
            raise ArgumentError("balance", f": {twice} is named twice")
        if SKIN in balanced and self.data is not None:
            raise ArgumentError("balance", f"{SKIN}: goes with `online`, whose faces are measured")
        if self.balance_strength is not None:
            if not balanced:
                raise ArgumentError("balance_strength", ": goes with `balance`")
            if not 0 < self.balance_strength <= 1:
                raise ArgumentError("balance_strength", f"{self.balance_strength}: expected above 0, up to 1")
        self.check_masks()

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the pictures."""
        return self.size, self.size

    def cache_workers(self) -> int:
        """Return how many processes make the cache, at least one."""
        return max(1, min(MOST_WORKERS, available_cores()) if self.workers is None else self.workers)
