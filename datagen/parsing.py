"""Parsing maps of the user: which pixels are hair, glasses or hat and stay in front of a mask."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from .errors import UnreadablePictureError

_ASPECT_TOLERANCE = 0.02


def read_parsing(folder: Path, stem: str, shape: tuple[int, int]) -> NDArray[np.uint8] | None:
    """Read ``folder/<stem>.png`` as labels at the size of its picture; None where there is no such file.

    Parameters
    ----------
    stem : str
        The source picture's key without variant.
    shape : (height, width)
        Of the picture, pixels; the map may have another size but must have the same aspect.

    Returns
    -------
    uint8 (height, width)
        Labels in the numbering of CelebAMask-HQ.

    Raises
    ------
    UnreadablePictureError
        When the file is no one-channel picture, or of another aspect.
    """
    path = folder / f"{stem}.png"
    if not path.is_file():
        return None
    data = np.frombuffer(path.read_bytes(), np.uint8)
    labels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    if labels is None or labels.ndim != 2 or labels.dtype != np.uint8:
        raise UnreadablePictureError(f"the parsing map {path.name} is no one-channel 8-bit picture")
    rows, cols = labels.shape
    height, width = shape
    if abs(cols * height / (rows * width) - 1) > _ASPECT_TOLERANCE:
        raise UnreadablePictureError(
            f"the parsing map {path.name} is {cols}x{rows}, the picture {width}x{height}"
        )
    if (rows, cols) != shape:
        labels = cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.asarray(labels, np.uint8)
