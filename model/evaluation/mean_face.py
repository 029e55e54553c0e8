"""The mean-face baseline: an average of clean faces of the training split, never of those that are judged on."""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from unmask.datagen.common.errors import ArgumentError, UnreadablePictureError, UserError
from unmask.datagen.pictures.arrays import U8
from unmask.datagen.pictures.picture import decode_picture, fit_picture
from unmask.datagen.sources.open_source import open_source
from unmask.datagen.sources.source import Source
from unmask.model.metrics.baselines import MeanFace

from .items import DATASET, EvalSet

_LOG = logging.getLogger(__name__)
_FACES = 1000


def fit_mean_face(
    chosen: str | None, evaluated: EvalSet, size: tuple[int, int]
) -> tuple[MeanFace | None, str]:
    """Average faces of a source's training split at the evaluation's size.

    Parameters
    ----------
    chosen : str or None
        ``--train``; None takes the dataset's own source where it is there and has a training split.
    evaluated : EvalSet
    size : (width, height)

    Returns
    -------
    mean_face : MeanFace or None
    note : str
        Why there is none, or what it was made of.

    Raises
    ------
    UserError
        When a source was named and has no training split, or somebody is in it and among the evaluated ones.
    """
    if chosen is None and (evaluated.kind != DATASET or not _is_there(evaluated.source)):
        return None, "no mean face: name the source of the training faces with --train"
    spec = evaluated.source if chosen is None else chosen
    try:
        source = open_source(spec, split="train")
    except UserError as error:
        if chosen is not None:
            raise ArgumentError("train", f"{chosen}: {error.marked}") from error
        return None, f"no mean face: {error}"
    _check_people(source, evaluated, spec)
    _LOG.info("mean face: reading the training split of %s", spec)
    faces = list(_clean_faces(source, size))
    if not faces:
        return None, f"no mean face: no picture of {spec} can be read"
    return MeanFace.fit(faces), f"mean face of {len(faces)} faces of the training split"


def _is_there(source: str) -> bool:
    return source == "demo" or bool(source and Path(source).exists())


def _check_people(source: Source, evaluated: EvalSet, spec: str) -> None:
    known = {face.identity for face in source.faces if face.identity}
    judged = {item.tags.get("identity", "") for item in evaluated.items if item.tags.get("split") != "train"}
    both = sorted(known & judged)
    if both:
        raise ArgumentError(
            "train", f"{spec}: identity {both[0]} is in its training split and among the evaluated"
        )


def _clean_faces(source: Source, size: tuple[int, int]) -> Iterator[U8]:
    chosen = np.linspace(0, len(source.faces) - 1, min(_FACES, len(source.faces))).astype(int)
    for index in chosen.tolist():
        try:
            yield fit_picture(decode_picture(source.faces[index].read_bytes()).image_rgb, size)
        except UnreadablePictureError:
            continue  # one of a thousand: the mean does not miss it
