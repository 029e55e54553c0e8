"""Decoded layers of a template, at the resolution at which they will be seen."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.colour import decode_srgb
from unmask.datagen.common.read_file import PICTURE_BYTES, read_file

from .template_format import Template

F32 = NDArray[np.float32]


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
    """Decode a template's layers, halved ``level`` times by area averaging; cached per process."""
    colour = _read_rgba(template.folder / template.albedo)
    h, w = colour.shape[:2]
    trimming = (
        _read_rgba(template.folder / template.trim) if template.trim else np.zeros((h, w, 4), np.float32)
    )
    size = (max(w >> level, 8), max(h >> level, 8))

    def shrink(image: NDArray[Any]) -> NDArray[np.float32]:
        small: NDArray[np.float32] = cv2.resize(image.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        return small

    def grey(name: str) -> NDArray[np.float32]:
        if not name:
            return np.zeros((size[1], size[0]), np.float32)
        return shrink(_decode(template.folder / name, cv2.IMREAD_GRAYSCALE)) / np.float32(255)

    trim = _shrink_premultiplied(trimming, shrink)
    return Layers(
        reflectance=_planes(shrink(colour[..., :3])),
        alpha=shrink(colour[..., 3]),
        trim_rgb=_planes(trim[..., :3]),
        trim=np.ascontiguousarray(trim[..., 3]),
        height=grey(template.height),
        glass=grey(template.glass),
    )


def _planes(image: F32) -> F32:
    return np.ascontiguousarray(image.transpose(2, 0, 1))


def _shrink_premultiplied(rgba: F32, shrink: Callable[[F32], F32]) -> F32:
    """Shrink colours weighted by their alpha: what is under empty pixels must not tint the border."""
    weighted = rgba.copy()
    weighted[..., :3] *= rgba[..., 3:]
    small = shrink(weighted)
    small[..., :3] /= np.maximum(small[..., 3:], np.float32(1e-4))
    return small


def _read_rgba(path: Path) -> NDArray[np.float32]:
    image = cv2.cvtColor(_decode(path, cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)
    rgba = np.empty(image.shape, np.float32)
    rgba[..., :3] = decode_srgb(np.ascontiguousarray(image[..., :3]))
    rgba[..., 3] = image[..., 3] / np.float32(255)
    return rgba


def _decode(path: Path, flags: int) -> NDArray[Any]:
    return np.asarray(cv2.imdecode(np.frombuffer(read_file(path, PICTURE_BYTES), np.uint8), flags))
