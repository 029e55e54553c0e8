"""Where training's pictures come from: what trains and what judges, checked before any work."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.common.user_cache import default_cache_folder
from unmask.datagen.dataset.built_rows import filter_families, read_rows
from unmask.datagen.dataset.splits import choose_split, stable_order
from unmask.datagen.faces.landmark_table import LandmarkTable
from unmask.datagen.masks.draw import check_recipe
from unmask.datagen.masks.recipe_config import RecipeConfig, load_recipe_config
from unmask.datagen.masks.template import TemplateSet, load_templates
from unmask.datagen.pictures.arrays import F64
from unmask.datagen.render.triplet_config import TripletConfig
from unmask.datagen.sources.open_source import open_source
from unmask.datagen.sources.source import SourceFace

from .balance import Balance, balance_notes
from .built import BuiltTriplets
from .faces import FaceCache, open_face_cache
from .online import OnlineTriplets
from .options import SKIN, DataOptions
from .training_triplet import TrainingTriplet
from .traits import check_balance, open_built_balance, open_online_balance

VAL_SEED = 20261124  # of validation masks: the same for all trainings, so that their numbers can be compared
_SPARE_SHARE = 0.1  # more validation pictures are opened, for those that turn out to have no face


class Triplets(Protocol):
    """Triplets by index and epoch; can be sent to other processes."""

    def __len__(self) -> int: ...

    @property
    def fingerprint(self) -> str:
        """Changes with whatever decides a pixel."""

    def keys(self, index: int) -> str:
        """Return the name by which a message names this triplet."""

    @property
    def has_straps(self) -> bool:
        """Whether it is known where the straps are."""

    def get(self, index: int, epoch: int) -> TrainingTriplet:
        """Make a triplet."""


@dataclass(frozen=True)
class TripletSplits:
    """What trains and how often, what judges, what a person should know, and whether there are clean pictures."""

    train: Triplets
    val: Triplets
    notes: tuple[str, ...]
    has_clean: bool = True
    balance: Balance | None = None

    @property
    def fingerprint(self) -> str:
        """32 hex digits that change with whatever decides a pixel of either or how often a picture trains."""
        joined = f"{self.train.fingerprint} {self.val.fingerprint}"
        if self.balance is not None:
            joined += f" {self.balance.fingerprint}"
        return hashlib.blake2b(joined.encode(), digest_size=16).hexdigest()

    @property
    def weights(self) -> F64 | None:
        """How often each training picture comes in an epoch, on average, float64 (n,); None: each one once."""
        return None if self.balance is None else self.balance.weights


def open_triplets(options: DataOptions) -> TripletSplits:
    """Open a training's data; online, the faces are decoded once and kept.

    Validation pictures are the same ones, with the same masks, every time: epoch 0 of a fixed seed, without
    jitter, mirroring or occluders, of people that training never shows.

    Raises
    ------
    UserError
        With the argument or file named: data that are missing, empty or inconsistent, unknown families, nothing
        left to train or to judge on, a person on both sides.
    """
    if options.data is not None:
        return _open_built(options, options.data)
    if options.online is not None:
        return _open_online(options, options.online)
    raise UserError("give `data` DATASET or `online` SOURCE")


# ---- a dataset ---------------------------------------------------------------------------------------------


def _open_built(options: DataOptions, folder: Path) -> TripletSplits:
    rows = read_rows(folder)
    known = sorted(frozenset[str]().union(*(row.families for row in rows)))
    train_families, val_families = choose_families(options, known)
    split = choose_split(rows, f"`data` {folder}")
    train = filter_families(folder, split.train, train_families, options.holdout_families)
    val = filter_families(folder, split.val, val_families)
    train = train[: options.limit]
    balance = open_built_balance(options.balance, options.balance_strength, folder, train)
    chosen = [val[index] for index in stable_order([row.key for row in val])[: options.val_pictures]]
    flip = options.jitter is not False
    return TripletSplits(
        BuiltTriplets(folder, train, options.size_px, seed=options.seed, flip=flip),
        BuiltTriplets(folder, chosen, options.size_px),
        (*split.notes, *_family_notes(options), *balance_notes(balance)),
        has_clean=all(row.clean for row in rows),
        balance=balance,
    )


def choose_families(options: DataOptions, known: Sequence[str]) -> tuple[list[str] | None, list[str] | None]:
    """Return the mask families to train on and those to judge on; None stands for all."""
    for argument, names in (("families", options.families), ("holdout_families", options.holdout_families)):
        for name in names or ():
            if name not in known:
                raise ArgumentError(argument, f": unknown family {name!r}; known: {', '.join(known)}")
    chosen = None if options.families is None else list(options.families)
    held_out = list(options.holdout_families)
    if not held_out:
        return chosen, chosen
    train = [name for name in chosen or known if name not in held_out]
    if not train:
        raise ArgumentError("holdout_families", ": no family is left to train on")
    return train, held_out


def _family_notes(options: DataOptions) -> tuple[str, ...]:
    if not options.holdout_families:
        return ()
    return (
        f"validation masks are of families that training never draws: {', '.join(options.holdout_families)}",
    )


# ---- on the fly --------------------------------------------------------------------------------------------


def _open_online(options: DataOptions, spec: str) -> TripletSplits:
    recipe = load_recipe_config(options.recipe, options.pins)
    every = load_templates(options.templates, None, options.textures)
    train_families, val_families = choose_families(options, every.known_families)
    train_templates = _templates(options, train_families, recipe)
    val_templates = _templates(options, val_families, recipe)
    table = LandmarkTable.read(options.landmarks) if options.landmarks else None
    source = open_source(spec)
    check_balance(options.balance, (*source.attribute_names, SKIN), spec)
    split = choose_split(source.faces, f"`online` {spec}")

    def cached(faces: Sequence[SourceFace], jitter: bool) -> FaceCache:
        folder = options.cache or default_cache_folder()
        part = replace(source, faces=tuple(faces))
        return open_face_cache(part, options.size_px, jitter, folder, options.cache_workers(), table)

    jitter = bool(options.jitter)
    train = cached(split.train[: options.limit], jitter)
    balance = open_online_balance(
        options.balance, options.balance_strength, source, train, options.cache_workers()
    )
    order = stable_order([face.name for face in split.val])
    looked_at = round(options.val_pictures * (1 + _SPARE_SHARE)) + 8
    val = cached([split.val[index] for index in order[:looked_at]], False)
    size = options.size_px
    train_config = TripletConfig(
        options.seed, size, recipe, train_templates, "largest", jitter, bool(options.occluders)
    )
    val_config = TripletConfig(VAL_SEED, size, recipe, val_templates, "largest")
    return TripletSplits(
        OnlineTriplets(train, train_config),
        OnlineTriplets(val, val_config, options.val_pictures),
        (
            *source.notes,
            *split.notes,
            *train.notes,
            *val.notes,
            *_family_notes(options),
            *balance_notes(balance),
        ),
        balance=balance,
    )


def _templates(options: DataOptions, families: Sequence[str] | None, recipe: RecipeConfig) -> TemplateSet:
    templates = load_templates(options.templates, families, options.textures)
    try:
        check_recipe(recipe, templates)
    except UserError as error:
        if not options.holdout_families:
            raise
        raise ArgumentError(
            "holdout_families", f"{','.join(options.holdout_families)}: {error.marked}"
        ) from error
    return templates
