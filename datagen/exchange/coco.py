"""COCO: ``images/SPLIT`` and two files of annotations for each split, one with polygons and one with exact RLE."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from typing import Any, BinaryIO, Self

import numpy as np

from unmask.datagen.pictures.arrays import U8, Bools

from .instances import Instance, box_of
from .polygons import trace
from .rows import ExportRow
from .writer import Writer, compact, suffix_of

_FORMS = {"polygons": "instances_{}.json", "rle": "instances_{}_rle.json"}
_DIGITS = 2  # hundredths of a pixel


@dataclass(frozen=True, eq=False)
class _File:
    """Annotations that are being written: the list of pictures goes to one file, that of masks to another."""

    pictures: BinaryIO
    masks: BinaryIO


class CocoWriter(Writer):
    """Writes COCO; see `Writer`."""

    def __enter__(self) -> Self:
        self._rle: Any = import_module("pycocotools.mask")
        self._files: dict[str, dict[str, _File]] = {}
        self._last_id = 0
        self._first_id: dict[str, int] = {}
        self._pictures: dict[str, int] = {}
        return self

    def names(self, one: ExportRow) -> list[str]:
        """Return the files that `add` makes."""
        return [f"images/{one.split}/{self._file_name(one)}"]

    def _file_name(self, one: ExportRow) -> str:
        return one.key + suffix_of(one.row.masked)

    def add(self, one: ExportRow) -> None:
        """Link the picture and write what is known of it and of its masks."""
        self.place.put_file(one.row.masked, self.names(one)[0])
        map_ = self.map(one)
        facts = self.found.facts(one)
        number = self._pictures.get(one.split, 0) + 1
        head = {
            "id": number,
            "file_name": self._file_name(one),
            "height": map_.shape[0],
            "width": map_.shape[1],
        }
        entry = head | {name: value for name, value in facts.items() if name not in head}
        files = self._opened(one.split)
        masks = list(self._annotations(one, number, map_))
        for form, file in files.items():
            _add(file.pictures, entry, first=number == 1)
            for annotation, segmentations in masks:
                first = annotation["id"] == self._first_id[one.split]
                _add(file.masks, annotation | {"segmentation": segmentations[form]}, first=first)
        self._pictures[one.split] = number

    def _annotations(
        self, one: ExportRow, picture: int, map_: U8
    ) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        layers = self.layers(one) if self.options.layers else None
        for instance in self.instances(one, map_):
            self._last_id += 1
            self._first_id.setdefault(one.split, self._last_id)
            covered = instance.covered
            annotation = {
                "id": self._last_id,
                "image_id": picture,
                "category_id": self.class_number(instance) + 1,
                "bbox": box_of(covered),
                "area": int(covered.sum()),
                "iscrowd": 0,
                "attributes": self._attributes(instance),
            }
            if layers is not None:  # of the whole picture: whose strap it is, nobody knows
                annotation |= {
                    name: self._encoded(layers[..., channel] > 0)
                    for name, channel in (("straps", 1), ("shadow", 2))
                }
                layers = None
            rings = [np.round(ring, _DIGITS).ravel().tolist() for ring in trace(instance.coverage)]
            yield annotation, {"polygons": rings, "rle": self._encoded(covered)}

    def _attributes(self, instance: Instance) -> dict[str, str | float | None]:
        worn = instance.worn
        texts = {
            "family": worn.family,
            "template": worn.template,
            "worn": worn.worn,
            "straps": self.found.straps.get(worn.template, ""),
            "colour": worn.colour,
            "texture": worn.texture,
        }
        return {name: text or None for name, text in texts.items()} | {"coverage": round(instance.share, 5)}

    def _encoded(self, covered: Bools) -> dict[str, Any]:
        coded = self._rle.encode(np.asfortranarray(covered.astype(np.uint8)))
        return {"size": list(map(int, coded["size"])), "counts": coded["counts"].decode("ascii")}

    def _opened(self, split: str) -> dict[str, _File]:
        if split not in self._files:
            names = {form: f"annotations/{name.format(split)}" for form, name in _FORMS.items()}
            self.place.begin(list(names.values()))
            self._files[split] = {form: self._begun(name) for form, name in names.items()}
        return self._files[split]

    def _begun(self, name: str) -> _File:
        file = _File(
            self.open_files.enter_context(self.place.writing(name)),
            self.open_files.enter_context(self.place.scratch(name)),
        )
        categories = [
            {"id": number, "name": name, "supercategory": "mask"}
            for number, name in enumerate(self.found.classes, 1)
        ]
        info = {"description": f"masked faces, by unmask {version('unmask')}", "version": version("unmask")}
        head = compact({"info": info, "licenses": [], "categories": categories})
        file.pictures.write(f'{head[:-1]},"images":['.encode("ascii"))
        return file

    def finish(self) -> None:
        """Put the lists of masks behind those of pictures."""
        for files in self._files.values():
            for file in files.values():
                file.pictures.write(b'\n],"annotations":[')
                file.masks.seek(0)
                shutil.copyfileobj(file.masks, file.pictures)
                file.pictures.write(b"\n]}\n")


def _add(file: BinaryIO, entry: dict[str, Any], *, first: bool) -> None:
    file.write(("\n" if first else ",\n").encode("ascii") + compact(entry).encode("ascii"))
