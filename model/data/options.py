"""What decides the pictures of a training; `unmask.model.data.triplets.open_triplets` obeys it."""

from dataclasses import dataclass
from pathlib import Path

from unmask.datagen.common.cores import MOST_WORKERS, available_cores


@dataclass(frozen=True)
class DataOptions:
    """The part of `unmask.model.training.options.TrainOptions` that is about data; the same names.

    Attributes
    ----------
    data : Path or None
        Dataset made by ``unmask-data build``.
    online : str or None
        SOURCE whose faces get new masks in every epoch; either this or ``data``.
    recipe, pins, templates, textures, landmarks
        As in `unmask.datagen.dataset.options.BuildOptions`; with ``online`` only.
    families : tuple of str or None
        Only these mask families.
    holdout_families : tuple of str
        Families that training never draws and that validation draws alone.
    size : int
        Side of the square pictures, in pixels.
    jitter : bool or None
        Online: the recipe's ``[jitter]`` moves every training picture; off where None, since the masks are new
        anyway. Built: half of the training pictures are mirrored; on where None.
    seed : int
        Of training masks; validation masks have a seed of their own, the same for all trainings.
    cache : Path or None
        Folder of decoded faces; None for `unmask.model.data.faces.default_cache_folder`.
    val_pictures : int
        How many pictures are validated on, at most.
    limit : int or None
        Only the first so many pictures (or rows of a dataset) to train on.
    workers : int or None
        Processes that make the cache; None for one per core.
    """

    data: Path | None = None
    online: str | None = None
    recipe: str = "default"
    pins: tuple[str, ...] = ()
    families: tuple[str, ...] | None = None
    holdout_families: tuple[str, ...] = ()
    templates: tuple[Path, ...] = ()
    textures: Path | None = None
    landmarks: Path | None = None
    size: int = 128
    jitter: bool | None = None
    seed: int = 0
    cache: Path | None = None
    val_pictures: int = 256
    limit: int | None = None
    workers: int | None = None

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the pictures."""
        return self.size, self.size

    def cache_workers(self) -> int:
        """Return how many processes make the cache, at least one."""
        return max(1, min(MOST_WORKERS, available_cores()) if self.workers is None else self.workers)
