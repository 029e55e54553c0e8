"""Lines of comma-separated tables: the same bytes from every Python."""

from collections.abc import Iterable

_MUST_QUOTE = frozenset(',"\r\n')


def csv_line(cells: Iterable[str]) -> str:
    """Return one CSV line; quotes what csv.writer leaves bare before Python 3.13, a carriage return."""
    quoted = ('"' + c.replace('"', '""') + '"' if _MUST_QUOTE.intersection(c) else c for c in cells)
    return ",".join(quoted) + "\n"
