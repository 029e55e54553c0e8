"""Arrays that are slow to make and always the same: made once, then mapped by every process that needs them.

They lie in ``tiles-HASH`` of the user's cache folder, one file per thing. The hash is of all that decides their
bytes: the toolkit's own code that makes them (its version would let a developer's old files through), numpy,
OpenCV and the processor's instruction sets, which round differently. The store changes how long a picture takes,
never a pixel.
"""

import hashlib
import json
import math
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .errors import UserError
from .user_cache import cached_bytes, default_cache_folder

Arrays = tuple[NDArray[Any], ...]

_FORMAT = 1  # of the files
_PREFIX = "tiles-"
_CODE = (
    "common",
    "prints",
    "masks",
    "render",
)  # packages of `unmask.datagen` whose code decides what is stored
_KEPT_VERSIONS = 2  # folders of other code: a second installation, or the one before an upgrade
_ALIGNED = 64  # bytes


def stored(name: str, make: Callable[[], Sequence[NDArray[Any]]]) -> Arrays:
    """Return the arrays that ``make`` returns, from the store where they are there.

    Parameters
    ----------
    name : str
        Of a file. It stands for everything that ``make`` depends on besides the toolkit's code.
    make : callable
        Returns arrays of numbers; the same bytes whenever it is called.

    Returns
    -------
    tuple of arrays
        Read-only, C-contiguous, of one dimension or more.
    """

    def packed() -> NDArray[np.uint8]:
        with suppress(OSError):
            _remove_old(folder)
        return _pack(make())

    folder = f"{_PREFIX}{_fingerprint()}"
    return _unpack(np.asarray(cached_bytes(f"{folder}/{name}", packed)))


def _pack(arrays: Sequence[NDArray[Any]]) -> NDArray[np.uint8]:
    """One array of bytes: the length of a table of types and shapes, the table, and the arrays."""
    table = json.dumps([(array.dtype.str, array.shape or (1,)) for array in arrays]).encode()
    parts = [np.array([len(table)], "<u8"), np.frombuffer(table, np.uint8), *arrays]
    packed = np.zeros(sum(_room(part.nbytes) for part in parts), np.uint8)
    start = 0
    for part in parts:
        packed[start : start + part.nbytes] = np.ascontiguousarray(part).reshape(-1).view(np.uint8)
        start += _room(part.nbytes)
    return packed


def _unpack(packed: NDArray[np.uint8]) -> Arrays:
    # where nothing can be stored, too: a function that writes into its tile would fail on some machines only
    packed.flags.writeable = False
    length = int(packed[:8].view("<u8")[0])
    table = json.loads(packed[_ALIGNED : _ALIGNED + length].tobytes())
    arrays, start = [], _ALIGNED + _room(length)
    for kind, shape in table:
        dtype = np.dtype(kind)
        size = math.prod(shape) * dtype.itemsize
        arrays.append(packed[start : start + size].view(dtype).reshape(shape))
        start += _room(size)
    return tuple(arrays)


def _room(size: int) -> int:
    return -(-size // _ALIGNED) * _ALIGNED


@lru_cache(maxsize=1)
def _fingerprint() -> str:
    """Sixteen hex digits of all that decides the bytes of what is stored."""
    words = (_FORMAT, np.__version__, cv2.__version__, cv2.getCPUFeaturesLine())
    digest = hashlib.blake2b(repr(words).encode(), digest_size=8)
    home = Path(__file__).parent.parent
    for package in _CODE:
        for path in sorted((home / package).iterdir()):
            if path.is_file():
                digest.update(f"\0{package}/{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _remove_old(folder: str) -> None:
    """Remove the folders of other code but for the latest before there is a new one: each is up to 130 MB."""
    try:
        home = default_cache_folder()
    except UserError:  # nobody's home, hence nothing there
        return
    if (home / folder).is_dir():
        return
    others = sorted(home.glob(f"{_PREFIX}*"), key=lambda other: other.stat().st_mtime, reverse=True)
    for other in others[_KEPT_VERSIONS - 1 :]:
        shutil.rmtree(other, ignore_errors=True)
