"""Pictures in the cells of parquet files, as the Hugging Face Hub has data sets; read where they lie."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any

from unmask.datagen.common.errors import ArgumentError, UnreadablePictureError
from unmask.datagen.common.inside import stays_inside
from unmask.datagen.pictures.tree import PICTURE_EXTENSIONS

from .hugging_face import Columns, split_of
from .pictures import Pictures

_PLACES = ("*.parquet", "data/*.parquet", "*/train/*.parquet", "*/val*/*.parquet", "*/test/*.parquet")
_PICTURE_COLUMNS = ("image", "img", "picture", "photo", "clean")
_ENDINGS = {b"\xff\xd8": ".jpg", b"\x89P": ".png", b"RI": ".webp", b"BM": ".bmp"}


@dataclass(frozen=True, slots=True)
class ParquetCell:
    """Where a picture lies in a parquet file: row group, row in it, and column."""

    group: int
    row: int
    column: str

    def read(self, path: Path) -> bytes:
        """Return the picture's bytes; UnreadablePictureError where that is not possible."""
        try:
            cells = _group(str(path), path.stat().st_mtime_ns, self.group, self.column)
            value = cells[self.row].as_py()
        except OSError as error:
            raise UnreadablePictureError(f"cannot be read: {error.strerror or error}") from error
        except _arrow_error() as error:
            raise UnreadablePictureError("damaged in the parquet file") from error
        data = value.get("bytes") if isinstance(value, dict) else value
        if not isinstance(data, bytes):
            raise UnreadablePictureError("the parquet file names it and does not hold it")
        return data


def find_parquet(root: Path) -> list[Path]:
    """Return the parquet files of a data set, sorted; [] where it has none."""
    return sorted({path for place in _PLACES for path in root.glob(place) if path.is_file()})


def read_parquet(root: Path, files: Sequence[Path], spec: str) -> tuple[Pictures, Columns]:
    """List the pictures of parquet files with the other columns; the pictures are not read.

    Pictures have the names that stand beside them where these are all different, as those of the folder they
    were made of; else the file's name and their number.

    Raises
    ------
    UserError
        When pyarrow is not installed, or a file is damaged or has no pictures.
    """
    try:
        module: Any = import_module("pyarrow.parquet")
    except ImportError as error:
        words = f"{spec}: parquet needs the extra 'interchange': pip install 'unmask[interchange]'"
        raise ArgumentError("source", words) from error
    columns, cells, places = Columns(), {}, {}
    try:
        opened = [(path, module.ParquetFile(path)) for path in files]
        named = [list(_names(file, _picture_column(file, path))) for path, file in opened]
        counts = Counter(name for names in named for name in names)
        plain = "" not in counts and max(counts.values(), default=0) == 1
        for (path, file), names in zip(opened, named, strict=True):
            place = path.relative_to(root).as_posix()
            column = _picture_column(file, path)
            ending = _ending(path, file, column)
            rows = _rows(file, column)
            for number, (cell, name, row) in enumerate(zip(_cells(file, column), names, rows, strict=True)):
                name = name if plain else f"{place.removesuffix('.parquet')}/{number:06d}{ending}"
                columns.add(name, row, split_of(place))
                cells[name], places[name] = cell, path
    except (OSError, _arrow_error()) as error:
        raise ArgumentError("source", f"{spec}: a parquet file cannot be read: {error}") from error
    if not cells:
        raise ArgumentError("source", f"{spec}: its parquet files have no row")
    return Pictures(root, sorted(cells), (), cells, places), columns


def _arrow_error() -> Any:
    return import_module("pyarrow").ArrowException


def _picture_column(file: Any, path: Path) -> str:
    schema = file.schema_arrow
    types = {name: str(schema.field(name).type) for name in schema.names}
    found = [name for name, kind in types.items() if kind.startswith("struct<bytes: binary")]
    found = found or [name for name, kind in types.items() if kind in ("binary", "large_binary")]
    if not found:
        raise ArgumentError("source", f"{path}: no column of it holds pictures")
    return next((name for name in _PICTURE_COLUMNS if name in found), found[0])


def _names(file: Any, column: str) -> Iterator[str]:
    """The name beside each picture; "" where there is none that a picture can have."""
    if not str(file.schema_arrow.field(column).type).startswith("struct"):
        yield from [""] * file.metadata.num_rows
        return
    for value in file.read(columns=[f"{column}.path"]).column(0).to_pylist():
        name = str((value or {}).get("path") or "").replace("\\", "/").removeprefix("./")
        fits = stays_inside(name) and PurePosixPath(name).suffix.lower() in PICTURE_EXTENSIONS
        yield name if fits else ""


def _cells(file: Any, column: str) -> Iterator[ParquetCell]:
    for group in range(file.metadata.num_row_groups):
        for row in range(file.metadata.row_group(group).num_rows):
            yield ParquetCell(group, row, column)


def _rows(file: Any, column: str) -> Iterator[dict[str, Any]]:
    """The other columns' values, row by row; those that hold pictures are not read."""
    kinds = {name: str(file.schema_arrow.field(name).type) for name in file.schema_arrow.names}
    wanted = [
        name for name, kind in kinds.items() if name != column and "binary" not in kind and "<" not in kind
    ]
    if not wanted:
        yield from ({} for _ in range(file.metadata.num_rows))
        return
    for batch in file.iter_batches(columns=wanted):
        yield from batch.to_pylist()


def _ending(path: Path, file: Any, column: str) -> str:
    """The extension that fits the first picture."""
    first = next(_cells(file, column), None)
    if first is None:
        return ".jpg"
    try:
        return _ENDINGS.get(first.read(path)[:2], ".jpg")
    except UnreadablePictureError:
        return ".jpg"


@lru_cache(maxsize=2)  # pictures are read in order, and the largest groups have hundreds of megabytes
def _group(path: str, changed_ns: int, group: int, column: str) -> Any:
    module: Any = import_module("pyarrow.parquet")
    del changed_ns  # a file that was written anew is another one
    with module.ParquetFile(path) as file:
        return file.read_row_group(group, columns=[column]).column(0)
