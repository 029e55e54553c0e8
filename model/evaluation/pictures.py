"""Decode what is evaluated: a picture with its true map and its clean picture, at the size of the evaluation."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unmask.datagen.common.errors import UserError
from unmask.datagen.faces.landmarks import Landmarks
from unmask.datagen.pictures.arrays import U8
from unmask.datagen.pictures.coverage import open_coverage
from unmask.datagen.pictures.open_picture import open_file
from unmask.datagen.pictures.pairs import check_map, check_size
from unmask.datagen.pictures.picture import fit_picture, fit_transform
from unmask.model.inference.photo import BAD_MAP, UNREADABLE
from unmask.model.metrics.similarity import WINDOW_PX

from .items import EvalItem


class BadItemError(UserError):
    """Files of an item that cannot be used: it becomes a row with this status and reason.

    Parameters
    ----------
    status : str
        ``unreadable`` or ``bad_map``.
    reason : str
    """

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, eq=False)
class EvalPicture:
    """A decoded item.

    Attributes
    ----------
    item : EvalItem
    masked : uint8 (h, w, 3)
    map : uint8 (h, w) or None
        True coverage, 0..255.
    clean : uint8 (h, w, 3) or None
    landmarks : Landmarks or None
        Of the largest face, in pixels of these pictures.
    """

    item: EvalItem
    masked: U8
    map: U8 | None
    clean: U8 | None
    landmarks: Landmarks | None


def _read_map(path: Path, *, own: bool) -> U8:
    # A dataset's map is coverage as it was drawn, of a bare face too; somebody's own may be anything.
    return open_coverage(path) if own else np.ascontiguousarray(open_file(path)[..., 0])


@contextmanager
def _failing_as(status: str) -> Iterator[None]:
    try:
        yield
    except UserError as error:
        raise BadItemError(status, error.marked) from error


def read_item(item: EvalItem, side: int | None) -> EvalPicture:
    """Decode an item; with ``side``, cropped centrally and scaled to a square of that many pixels.

    Raises
    ------
    BadItemError
        Naming the file: damaged, gone, too small, no map, or of another size than its partners.
    """
    with _failing_as(UNREADABLE):
        masked = open_file(item.masked)
        clean = None if item.clean is None else open_file(item.clean)
        if item.clean is not None and clean is not None:
            check_size(item.clean, clean, item.masked, masked)
        if min(masked.shape[:2]) < WINDOW_PX:
            raise UserError(f"{item.masked}: smaller than {WINDOW_PX} pixels")
    with _failing_as(BAD_MAP):
        map_ = None if item.map is None else _read_map(item.map, own=item.own_map)
        if item.map is not None and map_ is not None:
            check_size(item.map, map_, item.masked, masked)
            if item.own_map:
                check_map(item.map, map_, item.masked, masked)
    points = Landmarks.from_quarters(item.points, "supplied") if item.points else None
    if side is None:
        return EvalPicture(item, masked, map_, clean, points)
    size = (side, side)
    matrix = fit_transform(masked.shape[1], masked.shape[0], size)
    if points is not None and matrix is not None:
        points = points.transformed(matrix)
    map_ = None if map_ is None else fit_picture(map_, size)
    clean = None if clean is None else fit_picture(clean, size)
    return EvalPicture(item, fit_picture(masked, size), map_, clean, points)
