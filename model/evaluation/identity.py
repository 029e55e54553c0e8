"""Is it still the same person? Distances of face descriptors, and the scale to read them by."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from unmask.datagen.faces.descriptor import CHIP_PX, face_chip, read_descriptor_weights
from unmask.datagen.pictures.arrays import F32, F64, U8
from unmask.model.networks.face_network import DESCRIPTOR, FaceNetwork

IMPOSTOR_PAIRS = 20_000


@dataclass(frozen=True)
class IdentityScale:
    """Distances between clean pictures of one person and of different people.

    Attributes
    ----------
    genuine_median : float or None
        None where no two pictures show the same person.
    impostor_median, impostor_p1 : float
        Median, and the distance below which one of a hundred pairs of different people is.
    genuine_pairs, impostor_pairs : int
        How many were measured.
    """

    genuine_median: float | None
    impostor_median: float
    impostor_p1: float
    genuine_pairs: int
    impostor_pairs: int


class IdentityMeter:
    """Descriptors of faces whose points are known: there is no detection, so that a covered face gets one, too.

    Raises
    ------
    UserError
        When the package of the weights is not installed or damaged.
    """

    def __init__(self, device: str | torch.device = "cpu") -> None:
        self._network = FaceNetwork(read_descriptor_weights()).to(device)

    def describe(self, pictures: Sequence[U8], points: Sequence[F32 | None]) -> F32:
        """Return the descriptors of one face per picture.

        Parameters
        ----------
        pictures : sequence of uint8 (h, w, 3)
            Of any sizes.
        points : sequence of float32 (68, 2) or None
            In pixels of the picture. A restored face lies where the clean one does: give both that one's points.

        Returns
        -------
        float32 (n, 128)
            Rows of NaN where there are no points.
        """
        known = [index for index, where in enumerate(points) if where is not None]
        chips = np.empty((len(known), CHIP_PX, CHIP_PX, 3), np.uint8)
        for chip, index in zip(chips, known, strict=True):
            chip[:] = face_chip(pictures[index], np.asarray(points[index], np.float32))
        found = np.full((len(pictures), DESCRIPTOR), np.nan, np.float32)
        found[known] = self._network.describe(chips)
        return found


def identity_distances(a: F32, b: F32) -> F64:
    """Euclidean distances (n,) between descriptors (n, 128), row by row; NaN where one of both is."""
    return np.asarray(np.linalg.norm(a.astype(np.float64) - b, axis=1), np.float64)


def identity_scale(descriptors: F32, identities: Sequence[str], seed: int) -> IdentityScale | None:
    """Measure how far apart pictures of one person and of different people are.

    Parameters
    ----------
    descriptors : float32 (n, 128)
        Of clean pictures. Rows of NaN are left out; equal rows count as one picture that was given twice.
    identities : sequence of str
        Who it is, "" where unknown: such a picture is left out.
    seed : int
        Of the draw of `IMPOSTOR_PAIRS` pairs, where there are more; pairs of one person are all measured.

    Returns
    -------
    IdentityScale or None
        None where there are no two people.
    """
    known = [row for row, name in enumerate(identities) if name and np.isfinite(descriptors[row]).all()]
    found, first = np.unique(descriptors[known], axis=0, return_index=True)
    who = np.unique([identities[known[index]] for index in first], return_inverse=True)[1]
    genuine = _distances(found, *_genuine_pairs(who))
    impostor = _distances(found, *_impostor_pairs(who, np.random.default_rng(seed)))
    if not len(impostor):
        return None
    return IdentityScale(
        genuine_median=float(np.median(genuine)) if len(genuine) else None,
        impostor_median=float(np.median(impostor)),
        impostor_p1=float(np.percentile(impostor, 1)),
        genuine_pairs=len(genuine),
        impostor_pairs=len(impostor),
    )


Pairs = tuple[NDArray[np.intp], NDArray[np.intp]]


def _genuine_pairs(who: NDArray[np.intp]) -> Pairs:
    left: list[int] = []
    right: list[int] = []
    for person in range(int(who.max(initial=-1)) + 1):
        theirs = np.flatnonzero(who == person)
        one, other = np.triu_indices(len(theirs), 1)
        left.extend(theirs[one])
        right.extend(theirs[other])
    return np.array(left, np.intp), np.array(right, np.intp)


def _impostor_pairs(who: NDArray[np.intp], rng: np.random.Generator) -> Pairs:
    count = len(who)
    if count * (count - 1) // 2 <= IMPOSTOR_PAIRS:
        left, right = np.triu_indices(count, 1)
    else:
        # a pair may come twice: one in a hundred does
        left, right = rng.integers(0, count, (2, IMPOSTOR_PAIRS))
    different = who[left] != who[right]
    return left[different], right[different]


def _distances(found: F32, left: NDArray[np.intp], right: NDArray[np.intp]) -> F64:
    return identity_distances(found[left], found[right])
