"""Faces that are printed on masks: found like others, and no faces."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from unmask.datagen.faces.frame import frame_corners
from unmask.datagen.pictures.arrays import F64

from .face_finder import FoundFace
from .face_mask import FaceMask


def worn_masks(
    faces: Iterable[FoundFace], find_mask: Callable[[F64], FaceMask | None]
) -> Iterator[tuple[FoundFace, FaceMask | None]]:
    """Yield each face with its mask; for one that is printed on a mask, the face that wears it, once.

    A face is a print where eyes and mouth lie in the mask of a larger one: a mask covers no eyes. The larger one
    may be a doubtful one, a rival; what it wears makes it sure.

    Parameters
    ----------
    faces : iterable of FoundFace
        The largest first.
    find_mask : callable
        Finds the mask of the face that has a frame, or None.
    """
    masks: list[FaceMask] = []
    for face in faces:
        if any(on_mask(face, mask) for mask in masks):
            continue
        wearer, mask = _wearer(face, find_mask) or (face, find_mask(face.frame))
        if mask is not None:
            masks.append(mask)
        yield wearer, mask


def _wearer(
    face: FoundFace, find_mask: Callable[[F64], FaceMask | None]
) -> tuple[FoundFace, FaceMask] | None:
    for rival in face.rivals:
        mask = find_mask(rival.frame)
        if mask is not None and on_mask(face, mask):
            return rival, mask
    return None


def on_mask(face: FoundFace, mask: FaceMask) -> bool:
    """Whether eyes and mouth of a face lie in a mask."""
    points = np.rint(frame_corners(face.frame)).astype(int) - (mask.body.left, mask.body.top)
    height, width = mask.body.pixels.shape
    inside = (points >= 0).all() and (points < (width, height)).all()
    return bool(inside and mask.body.pixels[points[:, 1], points[:, 0]].all())
