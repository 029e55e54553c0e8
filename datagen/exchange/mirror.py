"""The source's own tree and names below ``masked``, ``map`` and ``clean``: what face recognition reads."""

import re
from typing import Self

from unmask.datagen.common.inside import Inside
from unmask.datagen.dataset.folder import MANIFEST_NAME

from .rows import ExportRow
from .writer import Writer, parts_of, suffix_of

VARIANTS = "variants"  # the second and further masks of a picture each have trees of their own
_MARK = re.compile(r"~[0-9a-f]{8}")


class MirrorWriter(Writer):
    """Writes trees like the source's; see `Writer`."""

    def __enter__(self) -> Self:
        self._inside = Inside(self.place.folder)
        return self

    def names(self, one: ExportRow) -> list[str]:
        """Return the files that `add` makes.

        Raises
        ------
        UserError
            When the name of a source picture leads out of the folder.
        """
        return list(self._pictures(one))

    def _pictures(self, one: ExportRow) -> dict[str, str]:
        """Files of the dataset by the names that they get."""
        stem = source_stem(one)
        above = f"{VARIANTS}/{one.row.variant:02d}/" if one.row.variant else ""
        found = {}
        for what, source in parts_of(one.row, layers=self.options.layers).items():
            # a picture has one clean one, whatever it wears
            name = f"{'' if what == 'clean' else above}{what}/{stem}{suffix_of(source)}"
            self._inside(name, f"`data` {self.place.data / MANIFEST_NAME}: row {one.key}")
            found[name] = source
        return found

    def add(self, one: ExportRow) -> None:
        """Link the pictures."""
        for name, source in self._pictures(one).items():
            self.place.put_file(source, name)


def source_stem(one: ExportRow) -> str:
    """Return the path of a source picture without its extension.

    Where two differ in nothing else, the second one keeps the mark that its key has, too.
    """
    folder, slash, file = one.row.source.rpartition("/")
    stem = f"{folder}{slash}{file.rpartition('.')[0] or file}"
    mark = _MARK.search(one.key.rpartition("_")[0][-9:])
    return stem if mark is None or stem.endswith(mark[0]) else stem + mark[0]
