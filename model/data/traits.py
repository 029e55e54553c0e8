"""What is known of the training pictures that a balance can go by: the attributes of a source or of a dataset."""

import difflib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.dataset.built import BuiltRow, find_manifest
from unmask.datagen.dataset.manifest import iterate_manifest, read_attribute_names
from unmask.datagen.sources.source import Source

from .balance import UNKNOWN, Balance, Trait
from .faces import FaceCache

_LABELS = ("without", "with")


def check_balance(names: Sequence[str] | None, known: Sequence[str], where: str | Path) -> None:
    """See that what is to be balanced is known.

    Parameters
    ----------
    names : sequence of str, optional
        What is asked for.
    known : sequence of str
        Attributes of the source.
    where : str or Path
        What a message calls the source.

    Raises
    ------
    UserError
        Naming the first one that is not.
    """
    for name in names or ():
        if not known:
            raise ArgumentError("balance", f"{name}: {where} has no attributes")
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
            raise ArgumentError(
                "balance", f": unknown attribute {name!r}; the nearest known one is {near[0]}"
            )


def open_online_balance(names: Sequence[str] | None, source: Source, train: FaceCache) -> Balance | None:
    """Return the balance of a source's cached faces, by names that `check_balance` let pass; None without names.

    Raises
    ------
    UserError
        When nothing is known of any of these faces.
    """
    if not names:
        return None
    bits = {face.name: face.attributes for face in source.faces}
    return _balance(names, source.attribute_names, [bits[name] for name in train.names])


def open_built_balance(names: Sequence[str] | None, folder: Path, rows: Sequence[BuiltRow]) -> Balance | None:
    """Return the balance of the rows of a dataset that train; None without names.

    Raises
    ------
    UserError
        When a name is unknown, or nothing is known of any of these rows.
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
    return _balance(names, known, [bits[row.number] for row in rows])


def _balance(names: Sequence[str], known: Sequence[str], bits: Sequence[tuple[int, ...]]) -> Balance:
    """Balance by attributes of which each picture has 0 or 1 in the order of ``known``, () where unknown."""
    if not any(bits):
        raise ArgumentError("balance", f"{','.join(names)}: unknown of every picture to train on")
    places = [known.index(name) for name in names]
    columns = np.array([[row[place] if row else UNKNOWN for place in places] for row in bits], np.int8).T
    return Balance(tuple(Trait(name, _LABELS, column) for name, column in zip(names, columns, strict=True)))
