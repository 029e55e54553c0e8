"""Files of a run: written so that they survive a power cut, read so that damage is said in one line."""

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from unmask.datagen.common.errors import UserError
from unmask.datagen.common.json_text import parse_json
from unmask.datagen.common.read_file import open_file

if TYPE_CHECKING:
    from torch import Tensor

ADVICE = "restore the file, or train again"


def write_synced(path: Path, data: bytes) -> None:
    """Write a file and wait until it is on the disk: a rename must not outlive the content after a power cut."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until a folder's entries are on the disk; Windows cannot open folders and does not need it."""
    if os.name != "nt":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file.

    Raises
    ------
    UserError
        When the file cannot be read, is not JSON, or holds no object.
    """
    data = _read(path)
    try:
        content = parse_json(data)
    except ValueError as error:
        raise UserError(f"{path}: damaged (not valid JSON); {ADVICE}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: not written by this toolkit")
    return content


def read_tensors(path: Path, sha256: str) -> dict[str, "Tensor"]:
    """Return the tensors of a safetensors file, on the CPU.

    Parameters
    ----------
    path : Path
        The file.
    sha256 : str
        In hex, of the whole file as it was written.

    Raises
    ------
    UserError
        When the file cannot be read or is another one than was written.
    """
    import safetensors.torch

    data = _read_noted(path, sha256)
    try:
        return safetensors.torch.load(data)
    except SafetensorError as error:  # somebody else's file with a card of its own
        raise UserError(f"{path}: no safetensors file ({error})") from error


def read_arrays(path: Path, sha256: str) -> dict[str, NDArray[Any]]:
    """Return what `read_tensors` does as arrays, without torch."""
    data = _read_noted(path, sha256)
    try:
        return safetensors.numpy.load(data)
    except (SafetensorError, KeyError, TypeError) as error:  # the latter: numbers that numpy does not have
        raise UserError(f"{path}: no safetensors file that numpy can read ({error})") from error


def _read_noted(path: Path, sha256: str) -> bytes:
    data = _read(path)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise UserError(f"{path}: damaged (its sha256 is not the one that was noted); {ADVICE}")
    return data


def checked_sha256(path: Path, shown: str) -> str:
    """Return a file's hash; by PyTorch's custom, what follows the last hyphen of its name is how that begins."""
    try:
        with open_file(path) as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{shown}: cannot be read ({error.strerror})") from error
    promised = re.fullmatch(r".*-([0-9a-f]{8,64})\.pth", path.name)
    if promised and not sha256.startswith(promised[1]):
        raise UserError(
            f"{shown}: damaged (its sha256 begins with {sha256[:8]}, its name says {promised[1]})"
        )
    return sha256


def _read(path: Path) -> bytes:
    try:
        with open_file(path) as file:
            return file.read()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
