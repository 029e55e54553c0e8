"""Triplets rendered from cached faces: new masks in every epoch, the pixels of `TripletDataset`."""

import hashlib
from collections.abc import Iterator

from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.masks.draw import check_recipe
from unmask.datagen.render.triplet import Triplet, make_triplet
from unmask.datagen.render.triplet_config import TripletConfig

from .faces import FaceCache
from .training_triplet import TrainingTriplet, seen_straps

_RETRIES = 3  # of eight masks each, before the next face takes the place
_RETRY_VARIANTS = 1_000_000  # more epochs than anybody trains: no retry repeats another epoch's masks
_FACES_TRIED = 32


class OnlineTriplets:
    """One triplet per cached face and epoch.

    Masked, map and clean are to the pixel those of `unmask.datagen.dataset.online.TripletDataset` for the same
    source, configuration and epoch, where no picture was made smaller for the cache.

    A face on which no mask of this epoch fits gets one of a far epoch; after three of these the next face takes
    its place. Small to send to other processes.

    Parameters
    ----------
    cache : FaceCache
        Made for the configuration's size and jitter.
    config : TripletConfig
        Its ``faces`` must be ``largest``, since the cache keeps no other.
    pictures : int, optional
        Only the first so many of the cache.

    Raises
    ------
    UserError
        When the recipe draws none of the templates.
    """

    def __init__(self, cache: FaceCache, config: TripletConfig, pictures: int | None = None) -> None:
        if config.faces != "largest":
            raise ValueError(f"faces {config.faces!r}: the cache keeps the largest one only")
        if [list(config.size or ()), config.jitter] != [list(cache.about["size"]), cache.about["jitter"]]:
            raise ValueError(f"{cache.folder} was made for another size or jitter")
        check_recipe(config.recipe, config.templates)
        self.cache = cache
        self.config = config
        self._length = min(len(cache), pictures or len(cache))

    def __len__(self) -> int:
        return self._length

    @property
    def fingerprint(self) -> str:
        """32 hex digits that change with whatever decides a pixel."""
        config = self.config
        recipe = config.recipe.text if config.occluders else config.recipe.text_of_masks
        words = (
            "online", self.cache.content, len(self), config.seed, config.size, config.jitter,
            recipe, config.templates.fingerprint, *(["occluders"] if config.occluders else []),
        )  # fmt: skip
        return hashlib.blake2b(repr(words).encode(), digest_size=16).hexdigest()

    def keys(self, index: int) -> str:
        """Return the picture's name."""
        return self.cache.names[index]

    @property
    def has_straps(self) -> bool:
        """The renderer knows where it drew them."""
        return True

    def get(self, index: int, epoch: int) -> TrainingTriplet:
        """Render a triplet, as `Triplets.get` says; UserError when on 32 faces in a row no mask fits."""
        trouble = ""
        for number, variant in self._choices(index, epoch):
            made = make_triplet(
                self.cache.picture(number),
                [self.cache.landmarks(number)],
                self.config,
                key=self.cache.names[number],
                variant=variant,
                jpeg_quality=self.cache.jpeg_quality(number),
            )
            if isinstance(made, Triplet):
                return TrainingTriplet(made.masked, made.map, made.clean, seen_straps(made.layers))
            trouble = made.reason
        raise ArgumentError(
            "online",
            f"{self.cache.about['source']}: no mask of recipe {self.config.recipe.name!r} fits on "
            f"{self.keys(index)!r} or on the faces after it ({trouble})",
        )

    def _choices(self, index: int, epoch: int) -> Iterator[tuple[int, int]]:
        """Faces and variants in the order in which they are tried."""
        yield index, epoch
        for step in range(min(_FACES_TRIED, len(self))):
            for retry in range(1, _RETRIES + 1):
                # a neighbour gets masks of far epochs, not its own of this one a second time
                yield (index + step) % len(self), epoch + _RETRY_VARIANTS * retry
