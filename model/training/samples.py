"""Sheets that show what a network does, the same faces every time."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from unmask.datagen.common.atomic import write_atomic
from unmask.datagen.pictures.arrays import U8
from unmask.datagen.pictures.picture import encode_png

HEADER_PX, GAP_PX = 18, 4
_FONT_PX = 12
_PAPER, _INK = (250, 250, 250), (40, 40, 40)  # those of datagen's contact sheet, whose module loads dlib


def draw_grid(rows: Sequence[Sequence[U8]], headers: Sequence[str], enlarge: int = 1) -> U8:
    """Draw pictures in rows under headers.

    Parameters
    ----------
    rows : sequence of sequences of uint8 (h, w, 3) or (h, w)
        RGB pictures, and maps to be drawn grey; all of one size, at least one row.
    headers : sequence of str
        One per column; what is wider than its column is cut off.
    enlarge : int
        Side of the square that shows one pixel: 1, or 2 for small pictures.

    Returns
    -------
    uint8 (H, W, 3)
        RGB.

    Raises
    ------
    ValueError
        When there is no row, a row has not one picture per header, or the sizes differ.
    """
    sizes = {picture.shape[:2] for row in rows for picture in row}
    if any(len(row) != len(headers) for row in rows) or len(sizes) != 1:
        raise ValueError(f"expected rows of {len(headers)} pictures of one size, got sizes {sorted(sizes)}")
    height, width = (side * enlarge for side in sizes.pop())
    step_y, step_x = height + GAP_PX, width + GAP_PX
    sheet = np.full((HEADER_PX + len(rows) * step_y, len(headers) * step_x - GAP_PX, 3), _PAPER, np.uint8)
    for x, header in enumerate(headers):
        sheet[:HEADER_PX, x * step_x : x * step_x + width] = _draw_header(header, width)
        for y, row in enumerate(rows):
            top, left = HEADER_PX + y * step_y, x * step_x
            sheet[top : top + height, left : left + width] = _coloured(row[x], enlarge)
    return sheet


def write_samples(path: Path, sheet: U8) -> None:
    """Write a sheet, uint8 (h, w, 3), as PNG under a temporary name, then rename it; makes the folder.

    Raises
    ------
    OSError
        Whatever the file system says.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, encode_png(sheet))


def _draw_header(header: str, width_px: int) -> U8:
    # On its own strip, so that no header runs into the next.
    strip = Image.new("RGB", (width_px, HEADER_PX), _PAPER)
    ImageDraw.Draw(strip).text((2, 1), header, fill=_INK, font=ImageFont.load_default(size=_FONT_PX))
    return np.asarray(strip)


def _coloured(picture: U8, enlarge: int) -> U8:
    colour = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
    return colour.repeat(enlarge, axis=0).repeat(enlarge, axis=1)
