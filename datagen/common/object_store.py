"""A place in a bucket by its URL (``s3://``, ``gs://``, ``memory://``), or a folder: files whole or not there."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

from .atomic import PART
from .errors import ArgumentError, UserError, one_line

_URL = re.compile(r"([a-z][a-z0-9+.-]+):/{1,2}(.*)", re.DOTALL)  # ``Path`` makes one slash of two
_LOCAL = ("file", "local")


def is_url(name: str | Path) -> bool:
    """Whether a text, or a path that was made of it, is a URL: a scheme has two letters at least, a drive one."""
    return _URL.fullmatch(str(name)) is not None


def as_url(name: str | Path) -> str:
    """Return a URL with both of its slashes, whatever became of it as a ``Path``."""
    found = _URL.fullmatch(str(name))
    return f"{found[1]}://{found[2].lstrip('/')}" if found and found[1] not in _LOCAL else str(name)


@dataclass(frozen=True)
class ObjectStore:
    """Files below a URL; small, and picklable for workers.

    Every failure is an `ArgumentError` of one line that names ``argument`` and the URL.

    Attributes
    ----------
    url : str
        As fsspec takes it: credentials and endpoints come from the environment, or from fsspec's own configuration.
    argument : str
        What the command's options call it: ``out``.
    """

    url: str
    argument: str = "out"

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        try:
            fsspec: Any = import_module("fsspec")
        except ImportError as error:
            raise self._needs("cloud") from error
        try:
            system, root = fsspec.core.url_to_fs(self.url)
        except ImportError as error:  # fsspec names the package: s3fs, gcsfs
            raise self._needs("cloud", f" ({error})") from error
        except Exception as error:
            raise self._refused("cannot be opened", error) from error
        return system, str(root).rstrip("/")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.url, self.argument)  # each process opens it anew

    def _needs(self, extra: str, words: str = "") -> ArgumentError:
        line = f"{self.url}: needs the extra '{extra}'{words}: pip install 'unmask[{extra}]'"
        return ArgumentError(self.argument, line)

    def _refused(self, what: str, error: Exception) -> ArgumentError:
        words = one_line(str(error)) or type(error).__name__
        return ArgumentError(self.argument, f"{self.url}: {what}: {words}")

    @contextmanager
    def _saying(self, what: str) -> Iterator[None]:
        # Each store has exceptions of its own, of which many are no OSError; all of them are the store's refusal.
        try:
            yield
        except UserError:
            raise
        except Exception as error:
            raise self._refused(what, error) from error

    @property
    def is_local(self) -> bool:
        """Whether it is a folder of this machine."""
        return not is_url(self.url) or self.url.split(":")[0] in _LOCAL

    @property
    def folder(self) -> Path | None:
        """The folder of this machine that it is; None where it is a URL of elsewhere."""
        return Path(self._opened[1]) if self.is_local else None

    @property
    def is_of_one_process(self) -> bool:
        """Whether other processes have another one of the same name."""
        return self.url.startswith("memory:")

    def sizes(self) -> dict[str, int]:
        """Return the size in bytes of every file below the URL, by its name there; {} where there is none."""
        system, root = self._opened
        with self._saying("cannot be read"):
            system.invalidate_cache()
            try:
                found = system.find(root, detail=True)
            except FileNotFoundError:
                return {}
        start = len(root) + 1
        return {str(name)[start:]: int(info.get("size") or 0) for name, info in sorted(found.items())}

    def size(self, name: str) -> int | None:
        """Return the size of a file in bytes, None where it is not there."""
        system, root = self._opened
        with self._saying(f"{name} cannot be read"):
            system.invalidate_cache()
            try:
                return int(system.info(f"{root}/{name}")["size"])
            except FileNotFoundError:
                return None

    def read(self, name: str) -> bytes:
        """Return the bytes of a file."""
        system, root = self._opened
        with self._saying(f"{name} cannot be read"):
            return bytes(system.cat_file(f"{root}/{name}"))

    def read_if_there(self, name: str) -> bytes | None:
        """Return the bytes of a file, None where there is none."""
        system, root = self._opened
        with self._saying(f"{name} cannot be read"):
            try:
                return bytes(system.cat_file(f"{root}/{name}"))
            except FileNotFoundError:
                return None

    def fetch(self, name: str, path: Path) -> None:
        """Copy a file to this machine."""
        system, root = self._opened
        with self._saying(f"{name} cannot be read"):
            system.get_file(f"{root}/{name}", str(path))

    def write(self, name: str, data: bytes) -> None:
        """Make a small file, or replace it."""
        system, root = self._opened
        with self._saying(f"cannot write {name}"), self._whole(system, f"{root}/{name}") as target:
            system.pipe_file(target, data)

    def put(self, name: str, path: Path) -> None:
        """Make a file of one of this machine, or replace it."""
        system, root = self._opened
        with self._saying(f"cannot write {name}"), self._whole(system, f"{root}/{name}") as target:
            system.put_file(str(path), target)

    @contextmanager
    def _whole(self, system: Any, target: str) -> Iterator[str]:
        """Where to write: object stores show a file when all of it is there, folders show half of it before."""
        if not self.is_local:
            yield target
            return
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        part = Path(f"{target}{PART}")
        try:
            yield str(part)
            part.replace(target)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise

    def remove(self, names: Iterable[str]) -> None:
        """Remove files."""
        system, root = self._opened
        paths = [f"{root}/{name}" for name in names]
        with self._saying("cannot remove files"):
            if paths:
                system.rm(paths)
