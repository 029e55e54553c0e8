"""CelebA's annotation files, in the official text form and as comma-separated tables."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from unmask.datagen.common.errors import UserError

PICTURE_FOLDER = "img_align_celeba"
ATTRIBUTES, IDENTITIES = "list_attr_celeba", "identity_CelebA"
PARTITION, POINTS5 = "list_eval_partition", "list_landmarks_align_celeba"
ANNOTATION_FOLDERS = ("", "Anno", "Eval")  # the official download keeps the lists in folders of their own
SPLITS = ("train", "val", "test")
_NAME_COLUMNS = ("image_id", "image", "filename", "file")


@dataclass(frozen=True)
class CelebaTables:
    """What the annotation files say, keyed by the picture's name without its extension.

    Attributes
    ----------
    attribute_names : tuple of str
        In the file's order; empty without the file.
    attributes : dict
        Tuple of 0/1 in that order.
    identities, splits : dict
        Person's number as text; ``train``, ``val`` or ``test``.
    points5 : dict
        Ten coordinates in pixels of the 178 x 218 picture.
    files : dict
        Annotation name (as the constants of this module) to file, for those that are there.
    notes : tuple of str
        What is odd about the files without being wrong.
    """

    attribute_names: tuple[str, ...] = ()
    attributes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    identities: dict[str, str] = field(default_factory=dict)
    splits: dict[str, str] = field(default_factory=dict)
    points5: dict[str, tuple[float, ...]] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def compare(self, keys: set[str]) -> list[str]:
        """Say for each file how many pictures it misses, and how many it names that are not there."""
        by_file: dict[str, dict[str, tuple[int, ...]] | dict[str, str] | dict[str, tuple[float, ...]]] = {
            ATTRIBUTES: self.attributes,
            IDENTITIES: self.identities,
            PARTITION: self.splits,
            POINTS5: self.points5,
        }
        notes = []
        for name, path in self.files.items():
            rows = by_file[name]
            absent = len(rows.keys() - keys)
            unnamed = len(keys - rows.keys())
            if absent:
                notes.append(f"{path.name} names {_pictures(absent)} not in the folder")
            if unnamed:
                notes.append(f"{path.name} does not name {_pictures(unnamed)} in the folder")
        return notes


def picture_key(name: str) -> str:
    """Return what links a picture with its annotation: its name without folder and extension."""
    file = name.rpartition("/")[2]
    return file.rpartition(".")[0] or file


def find_annotation_files(folder: Path) -> dict[str, Path]:
    """Return the annotation files in a folder or in its ``Anno`` and ``Eval``: annotation name to file."""
    found = {}
    for name in (ATTRIBUTES, IDENTITIES, PARTITION, POINTS5):
        for place in ANNOTATION_FOLDERS:
            for extension in (".txt", ".csv"):
                path = folder / place / (name + extension)
                if name not in found and path.is_file():
                    found[name] = path
    return found


def read_tables(files: dict[str, Path]) -> CelebaTables:
    """Read the annotation files.

    Parameters
    ----------
    files : dict
        As from `find_annotation_files`.

    Raises
    ------
    UserError
        When a row is short or malformed; the message names the file and the line.
    """
    notes: list[str] = []
    names: tuple[str, ...] = ()
    attributes: dict[str, tuple[int, ...]] = {}
    identities: dict[str, str] = {}
    splits: dict[str, str] = {}
    points5: dict[str, tuple[float, ...]] = {}
    if ATTRIBUTES in files:
        names, attributes = _read_attributes(_Table(files[ATTRIBUTES], notes))
    if IDENTITIES in files:
        identities = dict(_read_identities(_Table(files[IDENTITIES], notes)))
    if PARTITION in files:
        splits = dict(_read_partition(_Table(files[PARTITION], notes)))
    if POINTS5 in files:
        points5 = dict(_read_points5(_Table(files[POINTS5], notes)))
    return CelebaTables(names, attributes, identities, splits, points5, files, tuple(notes))


class _Table:
    """The rows of one file, with the header apart; lines are split as they are asked for, to save memory."""

    def __init__(self, path: Path, notes: list[str]) -> None:
        self.path = path
        self.header: list[str] = []
        self._notes = notes
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{path}: cannot be read: {error}") from error
        self._lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
        self._separator = "," if self._lines and "," in self._lines[0][1] else None
        self._announced: int | None = None
        self._take_head()

    def _take_head(self) -> None:
        """Take the official files' number of rows, and the names of the columns, where they are there."""
        if self._lines and self._lines[0][1].strip().isdecimal():
            self._announced = int(self._lines.pop(0)[1])
        cells = self._split(self._lines[0][1]) if self._lines else [""]
        named = cells[0].lower() in _NAME_COLUMNS
        # Rows start with a picture's name, which need not have an extension, and go on with numbers.
        if named or (self._lines and "." not in cells[0] and not any(map(_is_number, cells))):
            self._lines.pop(0)
            self.header = cells[1:] if named else cells

    def _split(self, line: str) -> list[str]:
        if self._separator is None:
            return line.split()
        return [value.strip() for value in line.split(self._separator)]

    def rows(self, width: int) -> Iterator[tuple[int, str, list[str]]]:
        """Yield (line number, picture key, ``width`` values) of every row."""
        if self._announced not in (None, len(self._lines)):
            self._notes.append(
                f"{self.path.name} announces {self._announced} rows and has {len(self._lines)}"
            )
        seen = set()
        for number, line in self._lines:
            values = self._split(line)
            name = values.pop(0)
            if len(values) != width:
                raise self.error(number, f"{len(values)} values after the name where {width} are needed")
            if name in seen:
                raise self.error(number, f"{name} is there twice")
            seen.add(name)
            yield number, picture_key(name), values

    def error(self, number: int, what: str) -> UserError:
        return UserError(f"{self.path}: line {number}: {what}")


def _read_attributes(table: _Table) -> tuple[tuple[str, ...], dict[str, tuple[int, ...]]]:
    if not table.header:
        raise UserError(f"{table.path}: the line with the names of the attributes is missing")
    bits = {"1": 1, "-1": 0, "0": 0}
    attributes: dict[str, tuple[int, ...]] = {}
    shared: dict[tuple[int, ...], tuple[int, ...]] = {}  # equal rows share one tuple
    for number, key, values in table.rows(len(table.header)):
        try:
            row = tuple(map(bits.__getitem__, values))
        except KeyError as error:
            raise table.error(number, f"{error.args[0]!r} where 1 or -1 is needed") from error
        attributes[key] = shared.setdefault(row, row)
    return tuple(table.header), attributes


def _read_identities(table: _Table) -> Iterator[tuple[str, str]]:
    for number, key, (identity,) in table.rows(1):
        if not identity.isdecimal():
            raise table.error(number, f"{identity!r} where the number of a person is needed")
        yield key, identity


def _read_partition(table: _Table) -> Iterator[tuple[str, str]]:
    for number, key, (part,) in table.rows(1):
        if part not in ("0", "1", "2"):
            raise table.error(number, f"{part!r} where 0 (train), 1 (val) or 2 (test) is needed")
        yield key, SPLITS[int(part)]


def _read_points5(table: _Table) -> Iterator[tuple[str, tuple[float, ...]]]:
    for number, key, values in table.rows(10):
        try:
            yield key, tuple([float(value) for value in values])
        except ValueError as error:
            raise table.error(number, f"not a number: {error}") from error


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _pictures(count: int) -> str:
    return "1 picture that is" if count == 1 else f"{count} pictures that are"
