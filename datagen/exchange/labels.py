"""Pictures and labels as MMSegmentation has them: ``img_dir/SPLIT`` and ``ann_dir/SPLIT``, and classes."""

from typing import Self

import numpy as np

from unmask.datagen.pictures.arrays import U8
from unmask.datagen.pictures.picture import encode_jpg, encode_png

from .rows import ExportRow
from .writer import Writer, suffix_of


class LabelWriter(Writer):
    """Writes pictures and maps of class numbers: 0 is what no mask covers; see `Writer`."""

    def __enter__(self) -> Self:
        self.place.begin(["classes.txt"])
        return self

    def names(self, one: ExportRow) -> list[str]:
        """Return the files that `add` makes: all pictures have one extension, as the reader asks for."""
        picture = f"img_dir/{one.split}/{one.key}{self.found.suffix}"
        return [picture, f"ann_dir/{one.split}/{one.key}.png"]

    def add(self, one: ExportRow) -> None:
        """Link the picture and write its labels."""
        picture, labels = self.names(one)
        if suffix_of(one.row.masked) == self.found.suffix.lower():
            self.place.put_file(one.row.masked, picture)
        else:
            encode = encode_png if self.found.suffix.lower() == ".png" else encode_jpg
            self.place.put(picture, lambda: encode(self.picture(one.row.masked)))
        self.place.put(labels, lambda: encode_png(self._labels(one)))

    def _labels(self, one: ExportRow) -> U8:
        map_ = self.map(one)
        labels: U8 = np.zeros_like(map_)
        for instance in self.instances(one, map_):
            labels[instance.covered] = self.class_number(instance) + 1
        return labels

    def finish(self) -> None:
        """Write the names of the classes, one a line in the order of their numbers."""
        text = "".join(f"{name}\n" for name in ("background", *self.found.classes))
        self.place.put("classes.txt", lambda: text.encode("utf-8"))
