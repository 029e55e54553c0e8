"""Which columns an annotation table has: is its first row a header, where are the names, what are row numbers."""

from collections.abc import Sequence

from unmask.datagen.common.table import NAME_COLUMNS, decimal_number, is_row_number_column
from unmask.datagen.pictures.tree import PICTURE_EXTENSIONS

_ENDINGS = tuple(PICTURE_EXTENSIONS)
_WORDS = frozenset(("true", "false", "train", "training", "val", "valid", "validation", "test", "testing"))


def is_row_number(column: int, name: int, header: Sequence[str]) -> bool:
    """Tell whether a column has the numbers of the rows, or nothing; ``name`` is the column of the names."""
    if not header:
        return column < name
    # one without a name at the end comes of a separator at the end of every line
    return header[column] == "" or (column < name and is_row_number_column(header[column]))


def is_header(cells: list[str], following: Sequence[list[str]]) -> bool:
    """Tell whether the first row names columns; rows start with a picture's name and go on with values."""
    if not any(cells):
        return False
    if any(cell.lower() in NAME_COLUMNS for cell in cells[:2]):
        return True
    if _are_column_numbers(cells) and following and not _is_value(following[0][cells[0] == ""]):
        return True
    unnamed = is_row_number_column(cells[0])
    return (unnamed or "." not in cells[0]) and not any(map(_is_value, cells[1:] or cells))


def _are_column_numbers(cells: list[str]) -> bool:
    """Tell a header that pandas wrote for a table without one: 0, 1, ..., after a blank or not."""
    numbers = cells[1:] if cells[0] == "" else cells
    return len(numbers) > 1 and numbers == [str(number) for number in range(len(numbers))]


def lacks_first_name(header: list[str], row: list[str]) -> bool:
    """Tell a header that does not name the first column: the official files' pictures, R's row numbers."""
    named = any(name.lower() in NAME_COLUMNS for name in header)
    return len(row) == len(header) + 1 and (not named or (row[0].isdecimal() and not _is_value(row[1])))


def name_column(header: list[str], row: list[str]) -> int:
    """Return the column with the pictures' names, from the header, [] without one, and the first row."""
    lowered = [name.lower() for name in header]
    for name in NAME_COLUMNS:
        if name in lowered:
            return lowered.index(name)
    # of an index of several levels, each a column, one has the pictures
    pictures = [column for column, cell in enumerate(row) if cell.lower().endswith(_ENDINGS)]
    if len(pictures) == 1:
        return pictures[0]
    # row numbers may stand before it: numbers where the next column has names
    if len(row) > 1 and row[0].isdecimal() and not _is_value(row[1]):
        return int(not header or is_row_number_column(header[0]))
    return 0


def _is_value(cell: str) -> bool:
    try:
        decimal_number(cell)
    except ValueError:
        return cell.lower() in _WORDS
    return True
