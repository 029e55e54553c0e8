"""YOLO-seg: ``images/SPLIT``, a text file of polygons for each picture in ``labels/SPLIT``, and ``data.yaml``."""

from typing import Self

import numpy as np

from unmask.datagen.sources.splits import SPLITS

from .polygons import join, trace
from .rows import ExportRow
from .writer import Writer, suffix_of, yaml_name


class YoloWriter(Writer):
    """Writes YOLO-seg; see `Writer`."""

    def __enter__(self) -> Self:
        self._splits: set[str] = set()
        self.place.begin(["data.yaml"])
        return self

    def names(self, one: ExportRow) -> list[str]:
        """Return the files that `add` makes."""
        picture = f"images/{one.split}/{one.key}{suffix_of(one.row.masked)}"
        return [picture, f"labels/{one.split}/{one.key}.txt"]

    def add(self, one: ExportRow) -> None:
        """Link the picture and write its labels."""
        picture, labels = self.names(one)
        self._splits.add(one.split)
        self.place.put_file(one.row.masked, picture)
        self.place.put(labels, lambda: self._labels(one))

    def _labels(self, one: ExportRow) -> bytes:
        """A line for each mask: its class and one polygon, in shares of the picture; parts are joined by cuts."""
        map_ = self.map(one)
        size = np.array(map_.shape[::-1], np.float64)
        lines = []
        for instance in self.instances(one, map_):
            rings = trace(instance.coverage)
            if rings:
                points = " ".join(f"{value:.5f}" for value in (join(rings) / size).ravel())
                lines.append(f"{self.class_number(instance)} {points}\n")
        return "".join(lines).encode("ascii")

    def finish(self) -> None:
        """Write ``data.yaml``; no path in it, so that the folder may be moved."""
        there = [split for split in SPLITS if split in self._splits]
        places = {split: f"images/{split}" for split in there}
        for needed in ("train", "val"):  # ultralytics takes no file that lacks one of them
            if needed not in there:
                places[needed] = f"images/{there[-1]}"
                self.notes.append(f"no triplet of split {needed}: data.yaml names {there[-1]} in its place")
        lines = [f"{split}: {places[split]}" for split in SPLITS if split in places]
        names = [f"  {number}: {yaml_name(name)}" for number, name in enumerate(self.found.classes)]
        text = "\n".join([*lines, f"nc: {len(names)}", "names:", *names]) + "\n"
        self.place.put("data.yaml", lambda: text.encode("utf-8"))
