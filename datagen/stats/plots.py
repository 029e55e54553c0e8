"""Small drawings: bars, histograms, grids and a colour plane as inline SVG, pictures as data URIs."""

import base64
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from unmask.datagen.common.svg import BAR, FAINT, INK, QUIET, WIDTH, WORSE, circle, cut, line, rect, svg, text
from unmask.datagen.pictures.arrays import U8
from unmask.datagen.pictures.picture import encode_jpg, encode_png, shrunk

from .colour import CELL, Cell, cell_middle, cell_name

_LIGHTNESS_NAMES = ("L* 0 to 25", "25 to 50", "50 to 75", "75 to 100")
_PAPER, _EMPTY, _LOW, _HIGH = "#f3f4f4", "#fbe0dc", (232, 241, 245), (30, 96, 128)
_QUALITY = 85


def picture_uri(image: U8) -> str:
    """Return a picture as a data URI, PNG."""
    return _uri("png", encode_png(image))


def thumbnail_uri(image: U8, tallest_px: int, widest_px: float = np.inf) -> str:
    """Return a picture (JPEG) or a map (PNG), shrunk to fit, as a data URI."""
    height, width = image.shape[:2]
    image = shrunk(image, min(tallest_px / height, widest_px / width))
    return picture_uri(image) if image.ndim == 2 else _uri("jpeg", encode_jpg(image, _QUALITY))


def _uri(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def draw_bars(counts: Mapping[str, int], label: str, fills: Mapping[str, str] | None = None) -> Markup:
    """Draw one horizontal bar for each name, with its count and share."""
    total, longest = max(sum(counts.values()), 1), max(*counts.values(), 1)
    row, left, room = 18, 122, 140
    parts = []
    for number, (name, count) in enumerate(counts.items()):
        y, long = number * row, room * count / longest
        words = f"{count} ({100 * count / total:.0f} %)" if count else "none"
        parts += [
            text(left - 6, y + 13, cut(name, 19), "end"),
            rect(left, y + 3, max(long, 0.5), row - 6, (fills or {}).get(name, BAR), f"{name}: {count}"),
            text(left + long + 5, y + 13, words),
        ]
    return svg(len(counts) * row + 2, label, parts)


def draw_histogram(
    counts: Sequence[int], edges: Sequence[float], label: str, unit: str, fills: Sequence[str] | None = None
) -> Markup:
    """Draw upright bars between edges, with the lowest, middle and highest edge below them."""
    height, floor = 132, 108
    highest = max(*counts, 1)
    step = WIDTH / len(counts)
    parts = [text(0, 11, f"highest bar: {max(counts)} pictures", fill=QUIET)]
    for number, count in enumerate(counts):
        tall = 90 * count / highest
        title = f"{edges[number]:g} to {edges[number + 1]:g} {unit}: {count}"
        fill = fills[number] if fills else BAR
        parts.append(rect(number * step + 0.5, floor - tall, step - 1, tall, fill, title))
    parts.append(rect(0, floor, WIDTH, 1, INK))
    middle = len(counts) // 2
    for x, edge, anchor in ((0, 0, "start"), (middle * step, middle, "middle"), (WIDTH, -1, "end")):
        parts.append(text(x, floor + 15, f"{edges[edge]:g} {unit}", anchor))
    return svg(height, label, parts)


def draw_counts(
    grid: Sequence[Sequence[int]], columns: Sequence[str], rows: Sequence[str], label: str, left: int = 88
) -> Markup:
    """Draw counts as shaded cells; empty ones are hatched out in red. Column names stand upright above."""
    names = [cut(name, 17) for name in columns]
    top, tall = 12 + 5.8 * max(map(len, names), default=0), 22
    wide = (WIDTH - left) / max(len(columns), 1)
    highest = max((max(counts) for counts in grid if len(counts)), default=0) or 1
    parts = []
    for x, name in enumerate(names):
        at = left + (x + 0.5) * wide + 4
        parts.append(text(at, top - 5, name, size=10, transform=f"rotate(-90 {at:.1f} {top - 5:.1f})"))
    for y, (name, counts) in enumerate(zip(rows, grid, strict=True)):
        below = top + y * tall
        parts.append(text(left - 5, below + 15, cut(name, 16), "end", 10))
        for x, count in enumerate(counts):
            share = (count / highest) ** 0.5  # so that small counts are still seen
            fill = _mix(share) if count else _EMPTY
            where = (left + x * wide + 0.5, below + 0.5, wide - 1, tall - 1)
            parts.append(rect(*where, fill, f"{name}, {columns[x]}: {count}"))
            ink = WORSE if not count else "#fff" if share > 0.55 else INK
            size = min(10.0, 1.5 * wide / len(str(count)))
            parts.append(text(left + (x + 0.5) * wide, below + 15, str(count), "middle", size, ink))
    return svg(top + len(rows) * tall + 2, label, parts)


def _mix(share: float) -> str:
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(_LOW, _HIGH, strict=True))


def lab_hex(lab: NDArray[np.floating]) -> str:
    """Return the sRGB colour, as hex text, nearest to a CIELAB colour (3,)."""
    rgb = cv2.cvtColor(lab.astype(np.float32)[None, None], cv2.COLOR_Lab2RGB)[0, 0]
    return "#" + "".join(f"{round(float(min(max(value, 0.0), 1.0)) * 255):02x}" for value in rgb)


def draw_plane(lab: NDArray[np.floating], label: str) -> Markup:
    """Draw colours (n, 3) as dots of themselves in the a*b* plane, with rings of chroma 25, 50 and 75."""
    side, reach = WIDTH, 92.0
    scale, middle = side / (2 * reach), side / 2
    parts = [rect(0, 0, side, side, _PAPER)]
    parts += [circle(middle, middle, chroma * scale, fill="none", stroke=FAINT) for chroma in (25, 50, 75)]
    for colour in lab:
        x, y = np.clip([middle + colour[1] * scale, middle - colour[2] * scale], 3, side - 3)
        parts.append(circle(x, y, 3, fill=lab_hex(colour)))
    words = {"green": (4, middle - 4), "red": (side - 24, middle - 4), "yellow": (middle + 4, 12)}
    words["blue"] = (middle + 4, side - 5)
    return svg(side, label, parts + [text(*where, word, fill=QUIET) for word, where in words.items()])


def draw_fabric_cells(counts: Mapping[Cell, int], label: str) -> Markup:
    """Draw the fabric cells in four planes of lightness: full squares are filled, crossed ones are empty."""
    side, gap = 22, 20
    reach = max(max(abs(cell[1]), abs(cell[2])) for cell in counts)
    plane = side * (2 * reach + 1)
    left = (WIDTH - 2 * plane - gap) / 2
    parts = []
    for level, name in enumerate(_LIGHTNESS_NAMES):
        x0, y0 = left + (level % 2) * (plane + gap), (level // 2) * (plane + 24)
        parts.append(text(x0 + plane / 2, y0 + 13, name, "middle"))
        parts.append(rect(x0, y0 + 18, plane, plane, _PAPER))
        for cell, count in counts.items():
            if cell[0] == level:
                x, y = x0 + (cell[1] + reach) * side, y0 + 18 + (reach - cell[2]) * side
                parts += _fabric_cell(cell, count, x, y, side)
    return svg(2 * (plane + 24) + 2, f"{label}; cells of {CELL:g} units", parts)


def _fabric_cell(cell: Cell, count: int, x: float, y: float, side: int) -> list[Markup]:
    colour, title = lab_hex(cell_middle(cell)), f"{cell_name(cell)}: {count}"
    if count:
        ink, size = "#fff" if cell[0] < 2 else "#000", 9 if count < 1000 else 7
        full = rect(x + 1, y + 1, side - 2, side - 2, colour, title)
        return [full, text(x + side / 2, y + 15, str(count), "middle", size, ink)]
    a, b, c, d = x + 4, y + 4, x + side - 4, y + side - 4
    hollow = rect(x + 2, y + 2, side - 4, side - 4, "#fff", title, stroke=colour, stroke_width=2)
    return [hollow, line(a, b, c, d, WORSE), line(a, d, c, b, WORSE)]
