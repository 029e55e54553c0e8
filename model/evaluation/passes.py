"""What the finished passes over the pictures left: one table of all scores, and arrays beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.dataset.manifest_row import ATTRIBUTE_PREFIX
from unmask.datagen.pictures.arrays import F32
from unmask.model.inference.photo import OK

from .evaluate import IDENTITY, SCORES, Evaluation, read_parts
from .identity_scores import DESCRIPTORS
from .items import NUMBER_TAGS, TAGS

Arrays = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, eq=False)
class Passes:
    """What the finished passes left: the table of ``metrics.csv``, and arrays by name.

    Attributes
    ----------
    table : DataFrame
        A row for every picture.
    scored : DataFrame
        Those that could be judged.
    arrays : mapping of str to array
    descriptors : float32 (n, 128) or None
    described : tuple of str
        Keys of the descriptors' pictures.
    """

    table: pd.DataFrame
    scored: pd.DataFrame
    arrays: Arrays
    descriptors: F32 | None
    described: tuple[str, ...]


def tag_columns(attribute_names: Sequence[str], extra: Sequence[str] = ()) -> list[str]:
    """Columns of ``metrics.csv`` that say what a picture is, in order."""
    attributes = [ATTRIBUTE_PREFIX + name for name in attribute_names]
    return [
        "key",
        "status",
        "reason",
        *TAGS,
        *NUMBER_TAGS,
        "lightness",
        "width",
        "height",
        *extra,
        *attributes,
    ]


def collect(evaluation: Evaluation) -> Passes:
    """Join the parts of the passes."""
    rows, arrays = read_parts(evaluation, SCORES)
    table = pd.DataFrame(rows)
    descriptors: F32 | None = None
    described: tuple[str, ...] = ()
    if evaluation.options.identity and evaluation.folder.has_part(IDENTITY, 0):
        more, found = read_parts(evaluation, IDENTITY)
        if DESCRIPTORS in found:
            descriptors = np.asarray(found[DESCRIPTORS], np.float32)
            described = tuple(str(row["key"]) for row in more)
            table = table.merge(pd.DataFrame(more), on="key", how="left")
    items = evaluation.pictures.items
    known = set(tag_columns(evaluation.pictures.attribute_names))
    extra = [name for name in items[0].tags if name not in known]
    tags = tag_columns(evaluation.pictures.attribute_names, extra)
    tags = [name for name in tags if name in table.columns]
    scores = [name for name in table.columns if name not in set(tags)]
    table[tags] = table[tags].fillna("").astype(str)
    table[scores] = table[scores].astype(float)
    table = table[[*tags, *scores]]
    if "reason" not in table:
        return Passes(table, table, arrays, descriptors, described)
    scored = table["reason"] == ""
    table.loc[scored & (table["status"] == ""), "status"] = OK
    if not scored.any():
        folder, reason = evaluation.pictures.folder, table["reason"].iloc[0]
        raise ArgumentError("data", f"{folder}: no picture can be used; first: {reason}")
    good = table[scored].drop(columns="reason").reset_index(drop=True)
    return Passes(table, good, arrays, descriptors, described)


def score_columns(table: pd.DataFrame) -> list[str]:
    """Columns of a table of metrics that hold scores."""
    return [name for name in table.columns if table[name].dtype == np.float64]
