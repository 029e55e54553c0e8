"""Decoded layers of a template, at the resolution at which they will be seen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.colour import decode_srgb
from unmask.datagen.common.read_file import PICTURE_BYTES, read_file
from unmask.datagen.common.stored import stored

from .template import packaged_folder
from .template_format import Template

F32 = NDArray[np.float32]

LARGE_FOLDER, LARGE_FACTOR = (
    "large",
    2,
)  # where packaged layers lie at twice their size, drawn anew and not enlarged
_STORED_FROM = 2  # level


@dataclass(frozen=True)
class Layers:
    """Decoded layers at one resolution; colours in planes, over which numpy is several times faster.

    Attributes
    ----------
    reflectance : float32 (3, h, w)
        Linear light; multiplies the fabric colour where the template is tinted.
    alpha : float32 (h, w)
        Outline of the body, 0..1.
    trim_rgb : float32 (3, h, w)
        Linear colour of the parts that have their own (wire, valve, hem).
    trim : float32 (h, w)
        Their coverage, 0 where there are none.
    height : float32 (h, w)
        0..1.
    glass : float32 (h, w)
        0 opaque, 1 as clear as a window.
    """

    reflectance: F32
    alpha: F32
    trim_rgb: F32
    trim: F32
    height: F32
    glass: F32


@lru_cache(maxsize=256)
def load_layers(template: Template, level: int) -> Layers:
    """Decode a template's layers, halved ``level`` times by area averaging; cached per process.

    Those of packaged templates are stored for all processes, but for the two largest levels: a face whose mask
    shows that much takes so long itself that 6 ms to decode it do not matter, and they would be 200 MB.
    """
    if level >= _STORED_FROM and template.folder.is_relative_to(packaged_folder()):
        planes = stored(f"template-{template.digest[:32]}-{level}", lambda: _shrunk(template, level))
    else:
        planes = tuple(_shrunk(template, level))
    return _layers(template, planes)


def load_large_layers(template: Template) -> Layers:
    """Return a template's layers at twice their size: as they were drawn for that, or enlarged where nobody did.

    They are not kept, which would take a gigabyte for all templates.
    """
    if template.folder.is_relative_to(packaged_folder()):
        return _layers(template, _shrunk(template, 0, template.folder / LARGE_FOLDER))
    return _layers(template, [_enlarged(plane) for plane in _shrunk(template, 0)])


def _enlarged(planes: F32) -> F32:
    if planes.ndim == 3:
        return np.stack([_enlarged(plane) for plane in planes])
    size = (LARGE_FACTOR * planes.shape[1], LARGE_FACTOR * planes.shape[0])
    large = cv2.resize(planes, size, interpolation=cv2.INTER_CUBIC)
    return np.clip(np.asarray(large, np.float32), 0, 1)


def _layers(template: Template, planes: Sequence[F32]) -> Layers:
    there = dict(zip(_names(template), planes, strict=True))
    blank = np.zeros(there["alpha"].shape, np.float32)
    return Layers(
        reflectance=there["reflectance"],
        alpha=there["alpha"],
        trim_rgb=there.get("trim_rgb", np.zeros((3, *blank.shape), np.float32)),
        trim=there.get("trim", blank),
        height=there.get("height", blank),
        glass=there.get("glass", blank),
    )


def _names(template: Template) -> tuple[str, ...]:
    """Fields of `Layers` that a template has a picture for, in the order of `_shrunk`."""
    trim = ("trim_rgb", "trim") if template.trim else ()
    grey = [name for name in ("height", "glass") if getattr(template, name)]
    return ("reflectance", "alpha", *trim, *grey)


def _shrunk(template: Template, level: int, folder: Path | None = None) -> list[F32]:
    folder = folder or template.folder
    rgb, alpha = _read_rgba(folder / template.albedo)
    h, w = alpha.shape
    size = (max(w >> level, 8), max(h >> level, 8))

    def shrink(image: F32) -> F32:
        small: F32 = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        return small

    planes = [_planes(shrink(rgb)), shrink(alpha)]
    if template.trim:
        trim = _shrink_premultiplied(*_read_rgba(folder / template.trim), shrink)
        planes += [_planes(trim[..., :3]), np.ascontiguousarray(trim[..., 3])]
    for name in filter(None, (template.height, template.glass)):
        grey = _decode(folder / name, cv2.IMREAD_GRAYSCALE).astype(np.float32)
        planes.append(shrink(grey) / np.float32(255))
    return planes


def _planes(image: F32) -> F32:
    return np.ascontiguousarray(image.transpose(2, 0, 1))


def _shrink_premultiplied(rgb: F32, alpha: F32, shrink: Callable[[F32], F32]) -> F32:
    """Shrink colours weighted by their alpha: what is under empty pixels must not tint the border."""
    small = shrink(np.dstack([rgb * alpha[..., None], alpha]))
    small[..., :3] /= np.maximum(small[..., 3:], np.float32(1e-4))
    return small


def _read_rgba(path: Path) -> tuple[F32, F32]:
    """Linear colour, float32 (h, w, 3), and alpha 0..1, float32 (h, w)."""
    image = _decode(path, cv2.IMREAD_UNCHANGED)
    alpha = image[..., 3] / np.float32(255)
    return decode_srgb(cv2.cvtColor(image, cv2.COLOR_BGRA2RGB)), np.asarray(alpha, np.float32)


def _decode(path: Path, flags: int) -> NDArray[Any]:
    return np.asarray(cv2.imdecode(np.frombuffer(read_file(path, PICTURE_BYTES), np.uint8), flags))
