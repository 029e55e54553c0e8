"""Files in the user's cache folder that can be made again at any time: checked when opened, remade when damaged."""

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from io import FileIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import ArgumentError, UserError

_WORD = np.dtype("<u8")
_CHUNK_WORDS = 1 << 15
_SEED = 0x756E6D61736B  # so that a file of zeros, which a crash may leave, does not check


def default_cache_folder() -> Path:
    """Return where caches are kept when nobody says.

    ``$UNMASK_CACHE``, else ``$XDG_CACHE_HOME/unmask``, else ``~/.cache/unmask``.

    Raises
    ------
    UserError
        When none of them is set and the user has no home folder.
    """
    own = os.environ.get("UNMASK_CACHE")
    if own:
        return Path(own)
    chosen = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(chosen) if chosen else Path.home() / ".cache") / "unmask"
    except RuntimeError as error:
        raise ArgumentError("cache", ": there is no home directory for it; name a folder") from error


def cached_bytes(name: str, make: Callable[[], NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return the content of a cached file, mapped into memory; make it where there is no whole one.

    Several processes may ask at once: each that finds no file makes it, and the last one's stays. Where the folder
    cannot be written to, the content is made in memory.

    Parameters
    ----------
    name : str
        The file, or one in a folder of the cache's; it must change with whatever decides the content.
    make : callable
        Returns the content, uint8 (n,).

    Returns
    -------
    NDArray[np.uint8]
        (n,), read-only where it is mapped.
    """
    try:
        path = default_cache_folder() / name
    except UserError:  # nobody's home
        return make()
    found = _opened(path)
    if found is not None:
        return found
    made = make()
    with suppress(OSError):
        _write(path, made)
        found = _opened(path)
    return made if found is None else found


def _opened(path: Path) -> NDArray[np.uint8] | None:
    """The content of a file: padded to whole words, then its length, then a sum over all words."""
    try:
        with path.open("rb", buffering=0) as file:
            words = np.memmap(file, _WORD, "r")
            if words.size < 2 or _read_checksum(file, words.size - 1) != words[-1]:
                return None
    except (OSError, ValueError):
        return None
    if words[-2] > (words.size - 2) * 8:
        return None
    return words.view(np.uint8)[: int(words[-2])]


def _write(path: Path, content: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(
        f".{path.name}.*"
    ):  # of a process that was killed, or that is about to rename it
        left.unlink(missing_ok=True)
    padded = np.zeros(-(-content.size // 8) + 2, _WORD)
    padded.view(np.uint8)[: content.size] = content
    padded[-2] = content.size
    padded[-1] = _checksum(padded[:-1])
    # a name of its own: two processes that write to one would mix their parts
    handle, part = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(padded.data)
        Path(part).replace(path)
    finally:
        Path(part).unlink(missing_ok=True)


def _checksum(words: NDArray[np.uint64]) -> np.uint64:
    # ten gigabytes a second: a hash would take as long as making the content again
    return np.uint64(words.sum(dtype=np.uint64) ^ np.uint64(_SEED))


def _read_checksum(file: FileIO, count: int) -> int:
    """The sum over a file's first words, which are read, not mapped: pages looked at once would count as memory."""
    total, buffer = 0, np.empty(_CHUNK_WORDS, _WORD)
    file.seek(0)
    for start in range(0, count, _CHUNK_WORDS):
        words = buffer[: count - start]
        if file.readinto(words.data) != words.nbytes:
            raise OSError("the file got shorter")
        total += int(words.sum(dtype=np.uint64))
    return total % 2**64 ^ _SEED
