"""What is known of the training pictures that a balance can go by: attributes, and the lightness of skin."""

import difflib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.dataset.built_rows import BuiltRow, find_manifest
from unmask.datagen.dataset.manifest import iterate_manifest, read_attribute_names
from unmask.datagen.pictures.arrays import F32
from unmask.datagen.sources.source import Source

from .balance import UNKNOWN, Balance, Trait
from .faces import FaceCache
from .options import SKIN
from .skin import measure_lightness

_LABELS = ("without", "with")
# L*; 6 % of CelebA's faces are below the first one, 20 % above the last
_LIGHTNESS_EDGES = (50, 60, 70, 80)
_LIGHTNESS_LABELS = ("L* below 50", "50 to 60", "60 to 70", "70 to 80", "80 and above")


def check_balance(names: Sequence[str] | None, known: Sequence[str], where: str | Path) -> None:
    """See that what is to be balanced is known.

    Parameters
    ----------
    names : sequence of str, optional
        What is asked for.
    known : sequence of str
        What is possible.
    where : str or Path
        What a message calls the source.

    Raises
    ------
    UserError
        Naming the first one that is not.
    """
    attributes = [name for name in known if name != SKIN]
    for name in names or ():
        if name in known:
            continue
        if not attributes:
            only = f"; only {SKIN} is measured" if known else ""
            raise ArgumentError("balance", f"{name}: {where} has no attributes{only}")
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
        raise ArgumentError("balance", f": unknown attribute {name!r}; the nearest known one is {near[0]}")


def open_online_balance(
    names: Sequence[str] | None, strength: float | None, source: Source, train: FaceCache, workers: int
) -> Balance | None:
    """Return the balance of a source's cached faces, by names that `check_balance` let pass; None without names.

    Parameters
    ----------
    names : sequence of str, optional
    strength : float, optional
        How far, see `Balance`; all the way where None.
    source : Source
    train : FaceCache
        Of some of its faces.
    workers : int
        Processes that measure skin where it is asked for and nobody has yet.

    Raises
    ------
    UserError
        When an attribute is known of none of these faces.
    """
    if not names:
        return None
    bits = {face.name: face.attributes for face in source.faces}
    every = [bits[name] for name in train.names]
    return _balance(names, strength, source.attribute_names, every, lambda: measure_lightness(train, workers))


def open_built_balance(
    names: Sequence[str] | None, strength: float | None, folder: Path, rows: Sequence[BuiltRow]
) -> Balance | None:
    """Return the balance of the rows of a dataset that train; None without names.

    Raises
    ------
    UserError
        When a name is unknown, or known of none of these rows.
    """
    if not names:
        return None
    manifest = find_manifest(folder)
    known = read_attribute_names(manifest)
    check_balance(names, known, folder)
    wanted = {row.number for row in rows}
    bits = {
        number: row.attributes for number, row in enumerate(iterate_manifest(manifest)) if number in wanted
    }
    return _balance(names, strength, known, [bits[row.number] for row in rows])


def _balance(
    names: Sequence[str],
    strength: float | None,
    known: Sequence[str],
    bits: Sequence[tuple[int, ...]],
    measure: Callable[[], F32] | None = None,
) -> Balance:
    """Balance by attributes of which each picture has 0 or 1 in the order of ``known``, () where unknown."""
    traits = []
    for name in names:
        if name == SKIN and measure is not None:
            trait = skin_trait(measure())
        else:
            place = known.index(name)
            values = [row[place] if row else UNKNOWN for row in bits]
            trait = Trait(name, _LABELS, np.array(values, np.int8))
        if (trait.values == UNKNOWN).all():
            raise ArgumentError("balance", f"{name}: unknown of every picture to train on")
        traits.append(trait)
    return Balance(tuple(traits), 1.0 if strength is None else strength)


def skin_trait(lightness: F32) -> Trait:
    """Return the class of each face by its skin's L*, (n,), NaN where unknown.

    Classes are as wide as each other: fifths of the pictures would be even as they are.
    """
    classes = np.digitize(lightness, _LIGHTNESS_EDGES)
    values = np.where(np.isnan(lightness), UNKNOWN, classes).astype(np.int8)
    return Trait(SKIN, _LIGHTNESS_LABELS, values)
