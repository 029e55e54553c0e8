"""The folder of a report while it is made: whose it is, and which pictures are done.

REPORT/.eval.json         what is evaluated: a resume must find the same
REPORT/.parts/*.npz       rows and features of finished batches; what the same command with another --by starts from
"""

import io
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.atomic import write_atomic
from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.model.training.lock import RunLock

Arrays = dict[str, NDArray[np.generic]]
SUMMARY, METRICS, BREAKDOWN, PAGE = "summary.json", "metrics.csv", "breakdown.csv", "report.html"
_IDENTITY, _PARTS = ".eval.json", ".parts"
_ROWS = "rows"


class EvalFolder:
    """One report's folder, locked from here to `release`.

    Parameters
    ----------
    path : Path
        REPORT; made where it is not there.
    identity : mapping
        JSON-able: what decides the rows.
    existing : str
        ``resume``, ``overwrite`` or ``fail``.

    Raises
    ------
    UserError
        When the folder holds something else, or another evaluation is at work there.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any], existing: str) -> None:
        self.path = path
        if path.exists() and not path.is_dir():
            raise ArgumentError("out", f"{path}: not a folder")
        earlier = self._read_identity()
        entries = {entry.name for entry in path.iterdir()} if path.exists() else set()
        if entries and earlier is None:
            raise ArgumentError("out", f"{path}: holds something else than a report; give another folder")
        if earlier is not None and existing == "fail":
            raise ArgumentError("out", f"{path}: holds a report, and `existing` fail was given")
        now = json.loads(json.dumps(identity))
        if earlier is not None and existing == "resume" and earlier != now:
            differing = ", ".join(
                sorted(name for name in now | earlier if now.get(name) != earlier.get(name))
            )
            raise ArgumentError(
                "out",
                f"{path}: holds a report of another evaluation ({differing} differ); "
                "give another folder or `existing` overwrite",
            )
        path.mkdir(parents=True, exist_ok=True)
        self._lock = RunLock(path, "`out` {}: another evaluation")
        if earlier is not None and existing == "overwrite":
            self._remove()
        write_atomic(path / _IDENTITY, (json.dumps(now, indent=2) + "\n").encode())
        (path / _PARTS).mkdir(exist_ok=True)

    def release(self) -> None:
        """Let others work in the folder."""
        self._lock.release()

    def _read_identity(self) -> dict[str, Any] | None:
        path = self.path / _IDENTITY
        if not path.is_file():
            return None
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise UserError(f"{path}: damaged; give another folder") from error
        return content if isinstance(content, dict) else {}

    def _remove(self) -> None:
        shutil.rmtree(self.path / _PARTS, ignore_errors=True)
        for name in (SUMMARY, METRICS, BREAKDOWN, PAGE):
            (self.path / name).unlink(missing_ok=True)

    def has_part(self, name: str) -> bool:
        """Whether a batch is finished."""
        return self._part(name).is_file()

    def write_part(self, name: str, rows: Sequence[Mapping[str, Any]], arrays: Arrays) -> None:
        """Keep a finished batch; it is there as a whole or not at all."""
        data = io.BytesIO()
        np.savez(data, **{_ROWS: np.array(json.dumps(list(rows)))}, **arrays)  # type: ignore[arg-type]
        write_atomic(self._part(name), data.getvalue())

    def read_part(self, name: str) -> tuple[list[dict[str, Any]], Arrays]:
        """Return the rows and arrays of a finished batch."""
        with np.load(self._part(name), allow_pickle=False) as content:
            arrays = {key: content[key] for key in content.files}
        rows: list[dict[str, Any]] = json.loads(str(arrays.pop(_ROWS)))
        return rows, arrays

    def _part(self, name: str) -> Path:
        return self.path / _PARTS / f"{name}.npz"

    def write(self, name: str, text: str) -> None:
        """Write one of the report's files."""
        write_atomic(self.path / name, text.encode("utf-8", "surrogateescape"))
