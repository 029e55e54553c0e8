"""Pairs as pix2pix has them: ``SPLIT/KEY.png``, masked on the left and clean on the right."""

import numpy as np

from unmask.datagen.common.errors import UserError
from unmask.datagen.pictures.picture import encode_png

from .rows import ExportRow
from .writer import Writer


class SideBySideWriter(Writer):
    """Writes two pictures as one; see `Writer`."""

    def names(self, one: ExportRow) -> list[str]:
        """Return the files that `add` makes."""
        return [f"{one.split}/{one.key}.png"]

    def add(self, one: ExportRow) -> None:
        """Write the pair."""
        self.place.put(self.names(one)[0], lambda: self._pair(one))

    def _pair(self, one: ExportRow) -> bytes:
        masked, clean = self.picture(one.row.masked), self.picture(one.row.clean)
        if masked.shape != clean.shape:
            raise UserError(f"{self.place.data}: masked and clean picture of {one.key} differ in size")
        return encode_png(np.hstack([masked, clean]))
