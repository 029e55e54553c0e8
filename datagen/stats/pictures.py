"""What `stats` keeps of each (masked picture, map) pair: a small map, colour and texture of the cloth."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from unmask.datagen.common.errors import UnreadablePictureError
from unmask.datagen.common.read_file import read_whole
from unmask.datagen.pictures.arrays import F32, F64, U8, Bools
from unmask.datagen.pictures.coverage import decode_coverage, what_is_wrong
from unmask.datagen.pictures.picture import decode_picture, shrunk

GRID = (64, 78)  # width, height of the maps that are compared with each other; the aspect of aligned CelebA
INSIDE = 128  # a map's value from which a pixel is mask
_CLOTH_PX = 64  # longer side of the masked region when its cloth is described
_MEAN_PX = 218  # longer side of the mean pictures
# Difference in each number of `describe_cloth` that makes it another mask to the eye: one unit of the kernel.
CLOTH_UNITS = np.array([10, 10, 10, 8, 8, 3, 4, 0.4, 0.4], np.float32)


@dataclass(frozen=True)
class PicturePair:
    """Where one masked picture and its map lie, and what to call them; whether the map may be of any form."""

    name: str
    masked: Path
    map: Path
    own_map: bool = False


@dataclass(frozen=True, eq=False)
class PictureFeatures:
    """What is kept of one pair.

    Attributes
    ----------
    pair : PicturePair
        Where it comes from.
    size : tuple of int
        Width and height in pixels.
    grid : NDArray[np.bool_]
        (78, 64): the map, stretched to the common grid by area mean, >= 128.
    coverage : float
        Share of the picture's pixels whose map is >= 128.
    centre, extent : tuple of float
        Centre of gravity and width, height of the map's box, x and y as shares of the picture's sides.
    cloth : float32 (9,)
        See `describe_cloth`; the first three are the median CIELAB colour.
    map_digest, masked_digest : bytes
        Equal where the decoded pixels are equal.
    """

    pair: PicturePair
    size: tuple[int, int]
    grid: Bools
    coverage: float
    centre: tuple[float, float]
    extent: tuple[float, float]
    cloth: F32
    map_digest: bytes
    masked_digest: bytes


@dataclass(frozen=True, eq=False)
class Opened:
    """Everything that was read.

    Attributes
    ----------
    features : tuple of PictureFeatures
        In the order of the pairs.
    skipped : dict
        Reason in words -> names of the pairs that it kept out.
    mean_masked, mean_map : uint8 (h, w, 3) and (h, w)
        Means over the features, at the size of the first of them (longer side at most 218 px).
    """

    features: tuple[PictureFeatures, ...]
    skipped: dict[str, list[str]]
    mean_masked: U8
    mean_map: U8


def open_pairs(pairs: Sequence[PicturePair], progress: Callable[[int, int], None] | None = None) -> Opened:
    """Read every pair once and keep its features; what cannot be used is counted by reason and named."""
    features: list[PictureFeatures] = []
    skipped: dict[str, list[str]] = {}
    total_masked: F64 = np.zeros((1, 1, 3))
    total_map: F64 = np.zeros((1, 1))
    for number, pair in enumerate(pairs, 1):
        try:
            masked, map_ = read_pair(pair)
        except UnreadablePictureError as error:
            skipped.setdefault(str(error), []).append(pair.name)
        else:
            if not features:
                width, height = _mean_size(masked)
                total_masked, total_map = np.zeros((height, width, 3)), np.zeros((height, width))
            features.append(take_features(pair, masked, map_))
            size = (total_map.shape[1], total_map.shape[0])
            total_masked += cv2.resize(masked, size, interpolation=cv2.INTER_AREA)
            total_map += cv2.resize(map_, size, interpolation=cv2.INTER_AREA)
        if progress is not None:
            progress(number, len(pairs))
    count = max(len(features), 1)
    means = [np.rint(total / count).astype(np.uint8) for total in (total_masked, total_map)]
    return Opened(tuple(features), skipped, means[0], means[1])


def _mean_size(image: U8) -> tuple[int, int]:
    height, width = image.shape[:2]
    scale = min(1.0, _MEAN_PX / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def read_pair(pair: PicturePair) -> tuple[U8, U8]:
    """Decode a pair.

    Returns
    -------
    masked, map : uint8 (h, w, 3) and (h, w)
        The map in 0..255, whatever form one of somebody's own has: `decode_coverage`.

    Raises
    ------
    UnreadablePictureError
        When one of them is missing or damaged, their sizes differ, or the map has no pixel >= 128.
    """
    masked = _decode(pair.masked, "masked picture")
    if pair.own_map:
        map_ = _decode(pair.map, "map", decode_coverage)
    else:
        map_ = np.ascontiguousarray(_decode(pair.map, "map")[..., 0])
    if masked.shape[:2] != map_.shape:
        raise UnreadablePictureError("masked picture and map differ in size")
    if map_.max() < INSIDE:
        raise UnreadablePictureError("the map marks no pixel")
    wrong = what_is_wrong(map_) if pair.own_map else ""
    if wrong:
        raise UnreadablePictureError(wrong)
    return masked, map_


def _decode_rgb(data: bytes) -> U8:
    return decode_picture(data).image_rgb


def _decode(path: Path, what: str, decode: Callable[[bytes], U8] = _decode_rgb) -> U8:
    try:
        return decode(read_whole(path))
    except OSError as error:
        raise UnreadablePictureError(f"{what} cannot be read: {error.strerror}") from error
    except UnreadablePictureError as error:
        raise UnreadablePictureError(f"{what}: {error}") from error


def take_features(pair: PicturePair, masked: U8, map_: U8) -> PictureFeatures:
    """Reduce a pair, uint8 (h, w, 3) and (h, w) with at least one pixel >= 128, to its features."""
    height, width = map_.shape
    inside = map_ >= INSIDE
    columns, rows = np.flatnonzero(inside.any(axis=0)), np.flatnonzero(inside.any(axis=1))
    left, right, top, bottom = int(columns[0]), int(columns[-1]) + 1, int(rows[0]), int(rows[-1]) + 1
    count = int(inside.sum())
    centre_x = float(inside.sum(axis=0) @ np.arange(width)) / count
    centre_y = float(inside.sum(axis=1) @ np.arange(height)) / count
    box = np.s_[top:bottom, left:right]
    return PictureFeatures(
        pair=pair,
        size=(width, height),
        grid=_to_grid(map_),
        coverage=count / inside.size,
        centre=((centre_x + 0.5) / width, (centre_y + 0.5) / height),
        extent=((right - left) / width, (bottom - top) / height),
        cloth=describe_cloth(masked[box], map_[box]),
        map_digest=_digest(map_),
        masked_digest=_digest(masked),
    )


def _to_grid(map_: U8) -> Bools:
    small = cv2.resize(map_, GRID, interpolation=cv2.INTER_AREA)
    # A mask of a few pixels may fall below the threshold everywhere; its strongest cell stands for it.
    return np.asarray(small >= min(INSIDE, int(small.max())), dtype=np.bool_)


def _digest(image: U8) -> bytes:
    content = hashlib.blake2b(repr(image.shape).encode(), digest_size=16)
    content.update(image.tobytes())
    return content.digest()


def describe_cloth(masked: U8, map_: U8) -> F32:
    """Describe colour and texture of the masked region by nine numbers.

    The box of the map is first reduced to at most 64 px, so that photographs of any size compare.

    Parameters
    ----------
    masked, map_ : uint8 (h, w, 3) and (h, w)
        sRGB and coverage; at least one pixel of the map >= 128.

    Returns
    -------
    NDArray[np.float32]
        (9,): the median L*, a*, b*; half the distance between the 10th and 90th percentile of L*; the 80th
        percentile of the distance from the median in the a*b* plane; the root mean square of L* finer than
        1.2 px and between 1.2 and 4 px (Gaussians, sigma); and the structure tensor's direction of change,
        cos and sin of the double angle times its strength, 0 for cloth without direction.
    """
    masked, map_ = (shrunk(part, _CLOTH_PX / max(map_.shape)) for part in (masked, map_))
    inside = map_ >= min(INSIDE, int(map_.max()))
    light = masked.astype(np.float32) / np.float32(255)
    lab = np.asarray(cv2.cvtColor(light, cv2.COLOR_RGB2Lab), dtype=np.float32)
    colours = lab[inside]
    median = np.median(colours, axis=0)
    low, high = np.percentile(colours[:, 0], [10, 90])
    away = np.percentile(np.hypot(*(colours[:, 1:] - median[1:]).T), 80)
    return np.array([*median, (high - low) / 2, away, *_texture(lab[..., 0], inside)], np.float32)


def _texture(lightness: F32, inside: Bools) -> tuple[float, float, float, float]:
    weight = inside.astype(np.float32)
    # Blurs look only at the region itself, else its outline would count as texture.
    fine, coarse = (
        cv2.GaussianBlur(lightness * weight, (0, 0), sigma)
        / np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-6)
        for sigma in (1.2, 4.0)
    )
    detail = np.where(inside, lightness - coarse, np.float32(0))
    down, along = np.gradient(detail) if min(detail.shape) > 1 else (detail * 0, detail * 0)
    core = cv2.erode(inside.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    xx, yy, xy = (float((a * b)[core].sum()) for a, b in ((along, along), (down, down), (along, down)))
    strength = xx + yy + float(core.sum()) + 1e-6  # gradients below one L* a pixel are no direction
    return (
        float(np.sqrt(np.mean((lightness - fine)[inside] ** 2))),
        float(np.sqrt(np.mean((fine - coarse)[inside] ** 2))),
        (xx - yy) / strength,
        2 * xy / strength,
    )
