"""Maps that people drew or exported: the one reader of which pixels a mask covers.

A map is white where the mask is and black elsewhere. What comes instead and can mean one thing only is taken for
that: transparency around one colour, two values or two colours whatever they are. The rest is refused.
"""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.errors import UnreadablePictureError, UserError
from unmask.datagen.common.read_file import read_whole

from .arrays import F32, U8
from .header import read_header
from .picture import decode_picture, turn

COVERED = 128  # at least: what a binary map takes for masked
_EXPECTED = "a map is white where the mask is and black elsewhere"
_NOISE = 24  # levels by which JPEG moves a colour
_APART, _GREY_APART = 64, 2 * _NOISE  # levels between the two colours, or greys, of a map
_PURE = 0.9  # share of the pixels that must have one of the two
_MIXED = 0.03  # share of the pixels that may be no mixture of the two
_TONES = 0.2  # share of the pixels that may be grey in a map
_EDGE = 0.9  # share of the picture's edge that no mask covers


def open_coverage(path: Path) -> U8:
    """Return the map in a file: `decode_coverage`; UserError naming the file where it is none."""
    try:
        return decode_coverage(read_whole(path))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnreadablePictureError as error:
        raise UserError(f"{path}: {error}") from error


def decode_coverage(data: bytes) -> U8:
    """Decode a map of somebody's own.

    Parameters
    ----------
    data : bytes
        A PNG, JPEG, WebP or BMP file, 8 or 16 bits: grey, coloured, with a palette or transparent.

    Returns
    -------
    uint8 (h, w)
        Coverage 0..255. `what_is_wrong` tells whether it says anything.

    Raises
    ------
    UnreadablePictureError
        When it cannot be decoded, has more than two colours, or is full of greys.
    """
    header = read_header(data)
    if header.is_cmyk:
        return _of_colours(decode_picture(data).image_rgb)
    flags = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise UnreadablePictureError(f"damaged {header.kind.upper()}: {error.err}") from error
    if image is None:
        raise UnreadablePictureError(f"damaged {header.kind.upper()}: it cannot be decoded")
    image = _bytes(np.asarray(image))
    if header.orientation != 1:
        image = turn(image, header.orientation)
    if image.ndim == 2:
        return _of_greys(image)
    if image.shape[2] == 4:
        return _of_transparent(image)
    return _of_colours(np.ascontiguousarray(image[..., ::-1]))


def what_is_wrong(coverage: U8) -> str:
    """Return in words why a map marks no mask: it is empty, full or inverted; "" where it marks one."""
    covered = coverage >= COVERED
    if covered.all():
        return f"the map is full: all of it is marked; {_EXPECTED}"
    if not covered.any():
        most = int(coverage.max())
        what = "no pixel is marked" if most == 0 else f"its brightest value is {most} of 255"
        return f"the map is empty: {what}; {_EXPECTED}"
    if _edge(covered).mean() > _EDGE:
        return f"the map looks inverted: all its edge is marked; {_EXPECTED}"
    return ""


def _bytes(image: NDArray[np.generic]) -> U8:
    """Return 16 bits as 8; two values stay two values, be they 0 and 1."""
    deep = np.asarray(image)
    if deep.dtype == np.uint8:
        return np.asarray(deep, np.uint8)
    if deep.ndim == 2:
        low, high = int(deep.min()), int(deep.max())
        if ((deep == low) | (deep == high)).all():
            return np.where(deep == high, 1 if low < high or high > 0 else 0, 0).astype(np.uint8)
    return np.asarray(deep >> 8, np.uint8)


def _of_transparent(image_bgra: U8) -> U8:
    """Transparency is the map where it varies around one colour, or around a cut-out; else it is laid on black."""
    alpha = image_bgra[..., 3]
    colours = image_bgra[..., 2::-1]
    if alpha.min() == alpha.max():
        if alpha.max() == 0:
            return np.zeros_like(alpha)
        return _of_colours(np.ascontiguousarray(colours))
    seen = colours[alpha >= COVERED].astype(np.int16)
    if len(seen) == 0 or np.ptp(seen, axis=0).max() <= _NOISE or np.ptp(seen, axis=1).max() > _NOISE:
        return _of_greys(np.ascontiguousarray(alpha))
    grey = seen.mean(axis=1)
    if ((grey > _NOISE) & (grey < 255 - _NOISE)).mean() > _TONES:  # a cut-out of a grey photograph
        return _of_greys(np.ascontiguousarray(alpha))
    laid = colours.astype(np.uint16).max(axis=2) * alpha.astype(np.uint16)
    return _of_greys(((laid + 127) // 255).astype(np.uint8))


def _of_greys(grey: U8) -> U8:
    counts = np.bincount(grey.ravel(), minlength=256)
    values = np.flatnonzero(counts)
    if len(values) == 1:
        return np.full_like(grey, 255 if values[0] else 0)
    if len(values) == 2:
        return np.where(grey == values[1], 255, 0).astype(np.uint8)
    if (
        values[-1] < 255 - _NOISE or values[0] > _NOISE
    ):  # two greys, and what JPEG or a brush makes between them
        first = int(counts.argmax())
        apart = np.abs(np.arange(256) - first) >= _GREY_APART
        low, high = sorted((first, int((counts * apart).argmax())))
        near = np.minimum(np.abs(values - low), np.abs(values - high)) <= _NOISE
        if counts[values[near]].sum() >= _PURE * grey.size and high - low >= _GREY_APART:
            level = (np.arange(256) - low) * (255 / (high - low))
            return np.asarray(np.clip(np.rint(level), 0, 255).astype(np.uint8)[grey])
    greys = counts[32:224].sum() / grey.size
    if greys > _TONES:
        raise UnreadablePictureError(
            f"{greys:.0%} of the map is neither black nor white, as in a photograph; {_EXPECTED}"
        )
    if values[-1] < COVERED:
        raise UnreadablePictureError(
            f"the map has {len(values)} values from {values[0]} to {values[-1]}, as a map of labels; {_EXPECTED}"
        )
    return grey


def _of_colours(image_rgb: U8) -> U8:
    """Coverage where a picture has two colours: that of most of its edge is the one beside the mask."""
    spread = np.ptp(image_rgb, axis=2)
    if (spread > _NOISE).mean() <= _MIXED / 10:
        return _of_greys(np.asarray(cv2.cvtColor(image_rgb, cv2.COLOR_RGB2GRAY), np.uint8))
    pixels = image_rgb.reshape(-1, 3).astype(np.float32)
    bins = (image_rgb >> 3).reshape(-1, 3).astype(np.int32) @ np.array([1024, 32, 1], np.int32)
    one = _middle(pixels, bins, np.bincount(bins, minlength=1 << 15))
    far = np.linalg.norm(pixels - one, axis=1) >= _APART
    if not far.any():
        raise UnreadablePictureError(f"the map has one colour; {_EXPECTED}")
    other = _middle(pixels[far], bins[far], np.bincount(bins[far], minlength=1 << 15))
    axis = other - one
    along = np.clip((pixels - one) @ axis / (axis @ axis), 0, 1)
    off = np.linalg.norm(pixels - one - along[:, None] * axis, axis=1) > 2 * _NOISE
    pure = np.minimum(along, 1 - along) * np.linalg.norm(axis) <= 2 * _NOISE
    if off.mean() > _MIXED or pure.mean() < _PURE:
        raise UnreadablePictureError(f"the map has more than two colours; {_EXPECTED}")
    level = along.reshape(image_rgb.shape[:2])
    if _is_beside(_edge(level).mean(), other, one):
        level = 1 - level
    return np.asarray(np.rint(level * 255), np.uint8)


def _middle(pixels: F32, bins: NDArray[np.int32], counts: NDArray[np.intp]) -> F32:
    return np.asarray(pixels[bins == counts.argmax()].mean(axis=0), np.float32)


def _is_beside(share: float, other: F32, one: F32) -> bool:
    """Tell whether ``other``, which has that share of the edge, is the colour beside the mask."""
    if abs(share - 0.5) > 0.1:
        return share > 0.5
    if min(one.max(), other.max()) > _NOISE:
        raise UnreadablePictureError(
            f"which of the map's two colours is the mask's cannot be told; {_EXPECTED}"
        )
    return bool(other.max() < one.max())


def _edge(values: NDArray[np.generic]) -> NDArray[np.float64]:
    sides = (values[0], values[-1], values[1:-1, 0], values[1:-1, -1])
    return np.concatenate([np.asarray(side, np.float64) for side in sides])
