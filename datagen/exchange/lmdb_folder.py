"""LMDB as BasicSR has it: ``SPLIT/lq.lmdb`` (masked), ``gt.lmdb`` (clean), ``map.lmdb``, ``meta_info.txt``."""

from importlib import import_module
from typing import Any, BinaryIO, Self

from unmask.datagen.common.errors import UserError

from .rows import ExportRow
from .writer import Writer, parts_of, portable_key, suffix_of

_NAMES = {"masked": "lq", "clean": "gt", "map": "map", "layers": "layers"}
_MOST_BYTES = 1 << 40  # address space, not disk: what BasicSR itself asks for
_COMMIT_ROWS = 200
_COMPRESSION = 1  # the column of meta_info.txt; nobody reads it


class LmdbWriter(Writer):
    """Writes a database for each kind of picture, with the bytes of the files as values; see `Writer`."""

    def __enter__(self) -> Self:
        self._lmdb: Any = import_module("lmdb")
        self._open: dict[str, tuple[Any, BinaryIO]] = {}
        self._writing: dict[str, Any] = {}
        self._added = 0
        return self

    def names(self, one: ExportRow) -> list[str]:
        """Return nothing: no file is of one triplet alone."""
        del one
        return []

    def add(self, one: ExportRow) -> None:
        """Put the pictures where an earlier run did not, and write their lines."""
        key = portable_key(one.key)
        for what, source in parts_of(one.row, layers=self.options.layers).items():
            name = f"{one.split}/{_NAMES[what]}.lmdb"
            _, lines = self._opened(name)
            self._put(name, key, source)
            shape = f"({one.row.height},{one.row.width},{self.channels(source)})"
            lines.write(f"{key}{suffix_of(source)} {shape} {_COMPRESSION}\n".encode("ascii"))
        self._added += 1
        if self._added % _COMMIT_ROWS == 0:
            self._commit(again=True)

    def _put(self, name: str, key: str, source: str) -> None:
        writing, coded = self._writing[name], key.encode("ascii")
        try:
            if writing.get(coded) is None:  # else an earlier run put it there
                writing.put(coded, self.place.read(source))
        except self._lmdb.BadValsizeError as error:
            raise UserError(f"`data` {self.place.data}: the key {key} is too long for LMDB") from error
        except self._lmdb.Error as error:
            raise _as_os_error(error) from error

    def _opened(self, name: str) -> tuple[Any, BinaryIO]:
        if name not in self._open:
            self.place.begin([f"{name}/data.mdb", f"{name}/meta_info.txt"])
            path = self.place.path(f"{name}/data.mdb")
            # Nobody else writes here (the export's folder is locked), so that no lock.mdb is needed.
            environment = self._lmdb.open(str(path.parent), map_size=_MOST_BYTES, lock=False)
            self.open_files.callback(environment.close)
            self._writing[name] = environment.begin(write=True)
            lines = self.open_files.enter_context(self.place.writing(f"{name}/meta_info.txt"))
            self._open[name] = (environment, lines)
        return self._open[name]

    def _commit(self, *, again: bool) -> None:
        for name, (environment, _) in self._open.items():
            try:
                self._writing.pop(name).commit()
            except self._lmdb.Error as error:
                raise _as_os_error(error) from error
            if again:
                self._writing[name] = environment.begin(write=True)

    def finish(self) -> None:
        """Put what is not on disk yet there."""
        self._commit(again=False)


def _as_os_error(error: Exception) -> OSError:
    """Return what the system refused in LMDB's words, for the line that names the folder."""
    return OSError(None, str(error))
