"""The 68 points of upright faces in crops, from dlib's model file but for many faces at once.

The model is an ensemble of regression trees (Kazemi and Sullivan, *One millisecond face alignment with an
ensemble of regression trees*, CVPR 2014). dlib goes through it once per face and waits for its 65 MB of leaves
each time; `_trees.c` takes every tree past all faces. The numbers are kept unpacked in the user's cache folder,
where all processes map the same pages.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.errors import UserError
from unmask.datagen.common.memory import is_want_of_memory
from unmask.datagen.common.user_cache import cached_bytes

from ._trees import MODEL_BYTES, predict, unpack

_LAYOUT = 1  # of the unpacked model
_SAMPLES, _SAMPLE_BYTES = 16, 4096


class PointPredictor:
    """Finds the points of faces in crops.

    Parameters
    ----------
    path : str
        dlib's ``shape_predictor_68_face_landmarks.dat``.

    Raises
    ------
    UserError
        When the file cannot be read or holds another model.
    """

    def __init__(self, path: str) -> None:
        try:
            file = np.memmap(path, np.uint8, "r")
            self._model = cached_bytes(
                f"points68-{_LAYOUT}-{_fingerprint(file)}.trees", lambda: _unpacked(file)
            )
        except (OSError, ValueError) as error:
            if is_want_of_memory(error):  # a file that cannot be mapped is not for that another one
                raise
            raise UserError(f"{path}: not the model of 68 points: {error}") from error

    def predict(
        self, crops: Sequence[NDArray[np.uint8]], boxes: Sequence[tuple[int, int]]
    ) -> NDArray[np.float64]:
        """Return the points of one face per crop.

        Parameters
        ----------
        crops : sequence of NDArray[np.uint8]
            Grey, (h, w) each.
        boxes : sequence of (int, int)
            First and last row, which are also first and last column, of the square around the face in each crop.

        Returns
        -------
        NDArray[np.float64]
            (n, 68, 2) x, y: whole pixels of the crop, those that dlib gives.
        """
        points = np.empty((len(crops), 68, 2))
        sides = np.array([(low, high - low) for low, high in boxes], np.float64)
        predict(self._model, [np.ascontiguousarray(crop) for crop in crops], sides, points)
        return np.floor(points + 0.5)


def _unpacked(file: NDArray[np.uint8]) -> NDArray[np.uint8]:
    model = np.empty(MODEL_BYTES, np.uint8)
    unpack(file, model)
    return model


def _fingerprint(file: NDArray[np.uint8]) -> str:
    """Sixteen hex digits of a file's size and some of its parts; a hash of all would take as long as unpacking."""
    digest = hashlib.blake2b(str(file.size).encode(), digest_size=8)
    for start in np.linspace(0, max(0, file.size - _SAMPLE_BYTES), _SAMPLES, dtype=np.int64):
        digest.update(file[start : start + _SAMPLE_BYTES].tobytes())
    return digest.hexdigest()
