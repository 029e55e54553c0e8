"""A contact sheet: triplets of a dataset side by side, to look at before training on them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from unmask.datagen.common.checks import check_at_least
from unmask.datagen.common.errors import UnreadablePictureError, UserError
from unmask.datagen.common.inside import Inside
from unmask.datagen.common.read_file import read_whole
from unmask.datagen.common.rng import generator
from unmask.datagen.pictures.picture import decode_picture

from .folder import MANIFEST_NAME, read_build
from .manifest import iterate_manifest
from .manifest_row import ManifestRow
from .online import TripletDataset
from .rows import check_paths

CELL_HEIGHT_PX = 218
CAPTION_PX = 18
GAP_PX = 10
OVERLAY_RGB = (255, 40, 120)
PAPER, INK = (250, 250, 250), (40, 40, 40)


@dataclass(frozen=True)
class PreviewItem:
    """What one cell of the sheet shows: clean and masked (h, w, 3), map (h, w), and the line under them."""

    clean: NDArray[np.uint8]
    masked: NDArray[np.uint8]
    map: NDArray[np.uint8]
    caption: str


def choose_items(out: Path, count: int, seed: int = 0) -> list[PreviewItem]:
    """Take random triplets of a dataset; the same seed takes the same ones.

    Raises
    ------
    UserError
        When the folder holds no dataset, no ``ok`` row, or a file is missing or damaged.
    """
    if read_build(out) is None:
        raise UserError(f"{out}: no dataset there; make one with unmask-data build SOURCE {out}")
    every = iterate_manifest(out / MANIFEST_NAME)
    rows = [replace(row, recipe="") for row in every if row.status == "ok"]  # recipes would fill the memory
    if not rows:
        raise UserError(f"{out}: has no row with status ok to show")
    chosen, inside = [rows[i] for i in _choose(len(rows), count, seed)], Inside(out)
    for row in chosen:
        check_paths(row, inside, out / MANIFEST_NAME)
    return [_open_item(out, row) for row in chosen]


def draw_items(dataset: TripletDataset, count: int, seed: int = 0) -> list[PreviewItem]:
    """Render random triplets of a source, without a dataset on disk."""
    made = (dataset.triplet(int(i)) for i in _choose(len(dataset), count, seed))
    return [PreviewItem(t.clean, t.masked, t.map, _caption(row)) for t, row in made]


def _choose(length: int, count: int, seed: int) -> list[int]:
    check_at_least("seed", seed, 0)
    order = generator(seed, "", 0, "preview").permutation(length)
    return sorted(int(i) for i in order[:count])


def _open_item(out: Path, row: ManifestRow) -> PreviewItem:
    images = []
    for name in (row.clean, row.masked, row.map):
        try:
            images.append(decode_picture(read_whole(out / name)).image_rgb)
        except (OSError, UnreadablePictureError) as error:
            raise UserError(f"{out / name}: {error}; unmask-data verify {out} tells more") from error
    clean, masked, alpha = images
    return PreviewItem(clean, masked, alpha[..., 0], _caption(row))


def _caption(row: ManifestRow) -> str:
    pose = "" if row.yaw is None else f"  yaw {row.yaw:+.0f} pitch {row.pitch:+.0f} roll {row.roll:+.0f}"
    return f"{row.key}  {row.family} {row.worn}{pose}"


def draw_sheet(items: Sequence[PreviewItem], columns: int = 2) -> NDArray[np.uint8]:
    """Draw a contact sheet.

    Parameters
    ----------
    items : sequence of PreviewItem
        At least one; the pictures may differ in size.
    columns : int
        Triplets beside each other.

    Returns
    -------
    NDArray[np.uint8]
        (h, w, 3) RGB: each triplet as clean, masked and map overlay, with a caption.
    """
    cells = [_draw_cell(item) for item in items]
    width = max(cell.shape[1] for cell in cells) + GAP_PX
    height = cells[0].shape[0] + GAP_PX
    rows = -(-len(cells) // columns)
    shape = (rows * height + GAP_PX, min(columns, len(cells)) * width + GAP_PX, 3)
    sheet = np.full(shape, PAPER, np.uint8)
    for (y, x), cell in zip(_places(columns, width, height), cells, strict=False):
        sheet[y : y + cell.shape[0], x : x + cell.shape[1]] = cell
    return sheet


def _places(columns: int, width: int, height: int) -> Iterator[tuple[int, int]]:
    number = 0
    while True:
        row, column = divmod(number, columns)
        yield GAP_PX + row * height, GAP_PX + column * width
        number += 1


def _draw_cell(item: PreviewItem) -> NDArray[np.uint8]:
    strip = np.hstack([_scaled(image) for image in (item.clean, item.masked, overlay(item.masked, item.map))])
    cell = np.full((CELL_HEIGHT_PX + CAPTION_PX, strip.shape[1], 3), PAPER, np.uint8)
    cell[:CELL_HEIGHT_PX] = strip
    picture = Image.fromarray(cell)
    font = ImageFont.load_default(size=12)
    text = _shortened(item.caption, font, strip.shape[1] - 4)
    ImageDraw.Draw(picture).text((2, CELL_HEIGHT_PX + 1), text, fill=INK, font=font)
    return np.asarray(picture)


def _shortened(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width_px: int) -> str:
    # File names can be long; family and pose at the end matter more.
    shown = text
    while font.getlength(shown) > width_px and len(text) > 8:
        text = text[1:]
        shown = "\N{HORIZONTAL ELLIPSIS}" + text
    return shown


def overlay(image_rgb: NDArray[np.uint8], map_: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Tint a picture half-way towards pink where its map (h, w), 0..255, says mask."""
    strength = map_[..., None].astype(np.float32) / 510
    tinted = image_rgb * (1 - strength) + np.array(OVERLAY_RGB, np.float32) * strength
    return np.rint(tinted).astype(np.uint8)


def _scaled(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    if height == CELL_HEIGHT_PX:
        return image
    size = (max(1, round(width * CELL_HEIGHT_PX / height)), CELL_HEIGHT_PX)
    method = cv2.INTER_AREA if height > CELL_HEIGHT_PX else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(image, size, interpolation=method), dtype=np.uint8)
