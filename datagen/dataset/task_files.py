"""Which files the triplets of a source picture have in a dataset, and what is in them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.pictures.picture import Picture, encode_jpg, encode_png, fit_transform
from unmask.datagen.render.triplet import Triplet
from unmask.datagen.sources.source import SourceFace

from .journal import SourceRecord
from .rows import layers_file, row_files
from .tasks import SourceTask, WorkOrder


def possible_files(order: WorkOrder, task: SourceTask) -> list[str]:
    """Return the files that a task may write; the clean picture's extension is known when it has been opened."""
    stem = task.face.stem
    extensions = {Path(task.face.name).suffix.lower(), f".{order.format}"}
    names = [f"clean/{stem}{extension}" for extension in sorted(extensions)]
    for variant in task.variants:
        key = f"{stem}_{variant:02d}"
        names += [f"masked/{key}.{order.format}", f"map/{key}.png", layers_file(key)][: 2 + order.layers]
    return names


def clean_file(
    order: WorkOrder, face: SourceFace, clean_rgb: NDArray[np.uint8], picture: Picture, data: bytes
) -> tuple[str, bytes]:
    """Return name and content of the clean picture: the source's own bytes where nothing was changed."""
    height, width = picture.image_rgb.shape[:2]
    if picture.byte_copy and fit_transform(width, height, order.size) is None:
        return f"clean/{face.stem}{Path(face.name).suffix.lower()}", data
    return f"clean/{face.stem}.{order.format}", _encode(clean_rgb, order.format)


def mask_files(order: WorkOrder, key: str, triplet: Triplet) -> dict[str, bytes]:
    """Return the content of the variant's own files by name: masked, map, and layers where wanted."""
    files = {
        f"masked/{key}.{order.format}": _encode(triplet.masked, order.format),
        f"map/{key}.png": encode_png(triplet.map),
    }
    if order.layers:
        files[layers_file(key)] = encode_png(triplet.layers)
    return files


def remove_stale(order: WorkOrder, files: Sequence[str], record: SourceRecord) -> None:
    """Remove those of an earlier run's files that no row of the record names."""
    named = {name for row in record.rows for name in row_files(row, layers=order.layers)}
    for name in files:
        if name not in named:
            (order.out / name).unlink(missing_ok=True)


def _encode(image_rgb: NDArray[np.uint8], format_: str) -> bytes:
    return encode_jpg(image_rgb) if format_ == "jpg" else encode_png(image_rgb)
