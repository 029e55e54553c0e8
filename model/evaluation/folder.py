"""The folder of a report while it is made: whose it is, and which pictures are done.

REPORT/.eval.json         what is evaluated: a resume must find the same
REPORT/.parts/*.npz       rows and features of finished batches; what the same command with another --by starts from
"""

import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.atomic import write_atomic
from unmask.datagen.common.errors import UserError
from unmask.datagen.common.json_text import Needs, misfit, parse_json
from unmask.datagen.common.read_file import open_file
from unmask.datagen.common.work_folder import FolderKind, WorkFolder

Arrays = dict[str, NDArray[np.generic]]
SUMMARY, METRICS, BREAKDOWN, PAGE = "summary.json", "metrics.csv", "breakdown.csv", "report.html"
_IDENTITY, _PARTS = ".eval.json", ".parts"
_ROWS = "rows"


REPORT = FolderKind(
    argument="out",
    noun="report",
    work="evaluation",
    card=_IDENTITY,
    identity=dict,
    shape=Needs({"data": str}),
    own=(f"{_PARTS}/*-{'[0-9]' * 7}.npz", SUMMARY, METRICS, BREAKDOWN, PAGE),
    places=(_PARTS,),
    labels={
        "data": "`data`",
        "map": "`map_module`",
        "edit": "`edit_module`",
        "mean_face": "`train`",
        "judge": "judging network",
        "lpips": "`lpips`",
    },
)


class EvalFolder:
    """One report's folder; `open_report` opens it.

    Parameters
    ----------
    path : Path
        REPORT.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def has_part(self, kind: str, start: int) -> bool:
        """Whether a pass, by its kind, is done with the batch that begins with this picture."""
        # one that a power cut has torn is made again
        return zipfile.is_zipfile(self._part(kind, start))

    def write_part(self, kind: str, start: int, rows: Sequence[Mapping[str, Any]], arrays: Arrays) -> None:
        """Keep a finished batch; it is there as a whole or not at all."""
        data = io.BytesIO()
        np.savez(data, **{_ROWS: np.array(json.dumps(list(rows)))}, **arrays)  # type: ignore[arg-type]
        write_atomic(self._part(kind, start), data.getvalue())

    def read_part(self, kind: str, start: int) -> tuple[list[dict[str, Any]], Arrays]:
        """Return the rows and arrays of a finished batch; UserError where the file is damaged."""
        path = self._part(kind, start)
        try:
            # opened here: numpy leaves a file open that is no archive
            with open_file(path) as file, np.load(file, allow_pickle=False) as content:
                arrays = {key: content[key] for key in content.files}
            rows: list[dict[str, Any]] = parse_json(str(arrays.pop(_ROWS)))
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise UserError(f"{path}: damaged; remove it, and the same command makes it again") from error
        if misfit(rows, [Needs({"key": str})]):
            raise UserError(f"{path}: not written by this toolkit")
        return rows, arrays

    def _part(self, kind: str, start: int) -> Path:
        return self.path / _PARTS / f"{kind}-{start:07d}.npz"

    def write(self, name: str, text: str) -> None:
        """Write one of the report's files."""
        write_atomic(self.path / name, text.encode("utf-8", "surrogateescape"))


@contextmanager
def open_report(path: Path, identity: Mapping[str, Any], existing: str) -> Iterator[EvalFolder]:
    """Take a report's folder for as long as the block runs.

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
    folder = WorkFolder(path, REPORT)
    with folder.opened(identity, existing):
        with folder.writing():
            folder.write_card(identity)
            (path / _PARTS).mkdir(exist_ok=True)
        yield EvalFolder(path)
