"""Files of a run: written so that they survive a power cut, read so that damage is said in one line."""

import hashlib
import os
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from unmask.datagen.common.errors import UserError
from unmask.datagen.common.json_text import parse_json
from unmask.datagen.common.read_file import open_file

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


def read_tensors(path: Path, sha256: str) -> dict[str, Tensor]:
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
    data = _read(path)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise UserError(f"{path}: damaged (its sha256 is not the one that was noted); {ADVICE}")
    try:
        return safetensors.torch.load(data)
    except SafetensorError as error:  # somebody else's file with a card of its own
        raise UserError(f"{path}: no safetensors file ({error})") from error


def _read(path: Path) -> bytes:
    try:
        with open_file(path) as file:
            return file.read()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
