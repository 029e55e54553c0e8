"""The part of `verify` that opens pictures: a few rows at a time, in any process."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.errors import UnreadablePictureError, UserError
from unmask.datagen.common.inside import Inside
from unmask.datagen.common.read_file import read_whole
from unmask.datagen.faces.parsing import read_fitted_parsing
from unmask.datagen.faces.parsing_labels import CELEBAMASK, Numbering
from unmask.datagen.pictures.picture import decode_as_stored, decode_picture, encode_jpg, encode_png
from unmask.datagen.render.triplet import replay

from .manifest_row import ManifestRow
from .rows import layers_file, stray_path
from .tasks import load_templates_once

COVERAGE_TOLERANCE = 1.1e-5  # the manifest keeps five digits
LOSSY_SHARE = 0.01  # of the pixels may change sides when the clean picture went through JPEG

Bytes2 = NDArray[np.uint8]


@dataclass(frozen=True)
class Problem:
    """Something wrong with a dataset: the row's key or the file, and what, in one line."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


@dataclass(frozen=True)
class CheckOrder:
    """What is the same for every row that is checked; from ``build.json``.

    ``made_by``: the toolkit's version. ``adopted``: masked and clean pictures need not be equal beside the mask.
    """

    out: Path
    layers: bool
    templates: tuple[Path, ...]
    families: tuple[str, ...] | None
    textures: Path | None
    parsing: Path | None
    template_hash: str
    made_by: str = ""
    parsing_labels: Numbering = CELEBAMASK
    adopted: bool = False

    @property
    def otherwise(self) -> str:
        """Why a rendering may differ, to end a sentence: the version that made the dataset, where it is another."""
        here = version("unmask")
        return (
            f" (made by unmask {self.made_by}, rendered by {here})" if self.made_by not in ("", here) else ""
        )


@dataclass(frozen=True)
class _Clean:
    """An opened clean picture; ``lossy`` where it lost, as JPEG, the pixels that the mask was painted on."""

    image_rgb: Bytes2
    lossy: bool


class _BrokenFileError(Exception):
    """A file that cannot be checked any further; holds the problem."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(where, message)
        self.problem = Problem(where, message)


def check_pictures(order: CheckOrder, rows: Sequence[ManifestRow], replays: frozenset[str]) -> list[Problem]:
    """Check the files of a few rows; those with a key in ``replays`` are rendered again and compared.

    A file that is missing or outside the dataset is reported elsewhere (`unmask.datagen.dataset.verify`) and passed
    over here.
    """
    problems: list[Problem] = []
    inside = Inside(order.out)
    clean_name = ""
    clean: _Clean | None = None
    for row in rows:
        if row.status != "ok" or not (row.masked and row.map) or stray_path(row, inside):
            continue
        if row.clean != clean_name:
            clean_name = row.clean
            clean, found = _open_clean(order, row) if row.clean else (None, [])
            problems += found
        if clean is None and not (order.adopted and not row.clean):
            continue
        try:
            problems += _check_row(order, row, clean, row.key in replays)
        except FileNotFoundError:
            continue
        except _BrokenFileError as broken:
            problems.append(broken.problem)
    return problems


def _open_clean(order: CheckOrder, row: ManifestRow) -> tuple[_Clean | None, list[Problem]]:
    try:
        data = _read(order.out, row.clean)
        image = decode_picture(data).image_rgb
    except FileNotFoundError:
        return None, []
    except UnreadablePictureError as error:
        return None, [Problem(row.clean, str(error))]
    except _BrokenFileError as broken:
        return None, [broken.problem]
    if hashlib.sha256(data).hexdigest() == row.source_sha256:
        return _Clean(image, lossy=False), []
    # Not a copy of the source, so the toolkit must have encoded it, which no column says. A PNG of ours
    # is known by encoding its pixels again; a JPEG is exact in nothing, and is let pass.
    lossy = row.clean.endswith(".jpg") and row.masked.endswith(".jpg") and not order.adopted
    if lossy or (row.clean.endswith(".png") and encode_png(image) == data):
        return _Clean(image, lossy), []
    message = "is neither the source's bytes (hash) nor written by this toolkit"
    return _Clean(image, lossy=False), [Problem(row.clean, message)]


def _check_row(order: CheckOrder, row: ManifestRow, clean: _Clean | None, again: bool) -> Iterator[Problem]:
    masked = _open_rgb(order.out, row.masked)
    alpha = _open_exact(order.out, row.map, 2)
    size = (row.height, row.width)
    pictures = [(row.masked, masked), (row.map, alpha)]
    if clean is not None:
        pictures.append((row.clean, clean.image_rgb))
    for name, image in pictures:
        if image.shape[:2] != size:
            raise _BrokenFileError(
                name, f"measures {image.shape[1]}x{image.shape[0]}, not {row.width}x{row.height}"
            )
    coverage = float(alpha.mean()) / 255
    if row.coverage is None or abs(coverage - row.coverage) > COVERAGE_TOLERANCE:
        yield Problem(row.key, f"coverage is {row.coverage}, its map says {coverage:.5f}")
    if clean is None or order.adopted:
        return
    if row.masked.endswith(".png"):
        outside = _off_mask(order, row, alpha)
        differing = np.count_nonzero((masked != clean.image_rgb).any(axis=2) & outside)
        if differing:
            yield Problem(
                row.key, f"{differing} pixels outside mask and support differ from the clean picture"
            )
    if order.layers:
        layers = _open_exact(order.out, layers_file(row.key), 3)
        if not np.array_equal(layers[..., 0], alpha):
            yield Problem(row.key, "the first layer is not the map")
    if again:
        yield from _check_replay(order, row, clean, masked, alpha)


def _off_mask(order: CheckOrder, row: ManifestRow, alpha: Bytes2) -> NDArray[np.bool_]:
    """Pixels that must be those of the clean picture."""
    outside: NDArray[np.bool_] = alpha == 0
    if order.layers:
        outside[_open_exact(order.out, layers_file(row.key), 3).any(axis=2)] = False
    elif row.support is not None:
        x0, y0, x1, y1 = row.support
        outside[y0:y1, x0:x1] = False
    return outside


def _check_replay(
    order: CheckOrder, row: ManifestRow, clean: _Clean, masked: Bytes2, alpha: Bytes2
) -> Iterator[Problem]:
    try:
        templates = load_templates_once(order.templates, order.families, order.textures, order.template_hash)
        height, width = clean.image_rgb.shape[:2]
        stem = row.key.rpartition("_")[0]
        labels = None
        if order.parsing:
            labels = read_fitted_parsing(order.parsing, stem, (width, height), order.parsing_labels)
        made = replay(clean.image_rgb, row.recipe, templates, labels)
    except (UserError, UnreadablePictureError) as error:
        words = error.marked if isinstance(error, UserError) else error
        raise _BrokenFileError(row.key, f"cannot be rendered again: {words}") from error
    except ValueError as error:
        raise _BrokenFileError(row.key, f"its recipe is damaged: {error}") from error
    differing = (
        float(np.mean((made.map >= 128) != (alpha >= 128))) if clean.lossy else (made.map != alpha).any()
    )
    if differing > (LOSSY_SHARE if clean.lossy else 0):
        yield Problem(row.key, f"rendered again from its recipe, the map differs{order.otherwise}")
    if clean.lossy:
        return
    again = decode_picture(encode_jpg(made.masked)).image_rgb if row.masked.endswith(".jpg") else made.masked
    if not np.array_equal(again, masked):
        yield Problem(row.key, f"rendered again from its recipe, the masked picture differs{order.otherwise}")


def _read(out: Path, name: str) -> bytes:
    try:
        return read_whole(out / name)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _BrokenFileError(name, f"cannot be read: {error.strerror}") from error


def _open_rgb(out: Path, name: str) -> Bytes2:
    try:
        return decode_picture(_read(out, name)).image_rgb
    except UnreadablePictureError as error:
        raise _BrokenFileError(name, str(error)) from error


def _open_exact(out: Path, name: str, dimensions: int) -> Bytes2:
    """Decode a picture that this toolkit wrote, as it was written: (h, w) or RGB (h, w, 3)."""
    kind = "one-channel" if dimensions == 2 else "three-channel"
    try:
        image = decode_as_stored(_read(out, name))
    except UnreadablePictureError as error:
        raise _BrokenFileError(name, f"is no {kind} 8-bit PNG: {error}") from error
    if image.ndim != dimensions or image.dtype != np.uint8:
        raise _BrokenFileError(name, f"is no {kind} 8-bit PNG")
    return np.asarray(image if dimensions == 2 else image[..., ::-1], dtype=np.uint8)
