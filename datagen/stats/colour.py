"""Colour of masks: groups, histograms, and the part of the fabric colours that a set of pictures fills.

Fabric cells. CIELAB is cut into cells of 25 units: L* at 0, 25, 50, 75, 100; a* and b* at ..., -37.5, -12.5,
12.5, 37.5, ..., so that greys lie in the middle of a cell and camera noise does not spread them over four. A
cell counts as one that real fabrics fill when it holds at least one colour of `fabric_colours`: 12 dye hues
in 11 tones, 12 neutrals, 10 skin-like colours and 14 standards of the trade. These are our own round numbers,
not measurements: the vivid tone of a hue is about the strongest common dye on cotton or polyester in
daylight, inside sRGB and well inside the gamut of real surfaces; the other tones lie between it and white,
grey and black, as fading, mixing with a complement and heavier dyeing do. So neon yellow or the blue of a
screen, which few masks have, are not asked for.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.pictures.arrays import F64

Cell = tuple[int, int, int]
Triple = tuple[float, float, float]

CELL = 25.0
NEUTRAL_CHROMA = 8.0  # below it a photograph's hue is noise
HUE_EDGES = np.linspace(0, 360, 25)  # degrees of CIELAB hue
LIGHTNESS_EDGES = np.linspace(0, 100, 21)
CHROMA_EDGES = np.linspace(0, 100, 21)

# The strongest common dye of each hue: L*, C*ab, hue angle in degrees.
VIVID: dict[str, Triple] = {
    "red": (43, 62, 28),
    "orange": (62, 68, 58),
    "yellow": (82, 74, 88),
    "lime": (72, 58, 113),
    "green": (45, 42, 148),
    "sea green": (48, 32, 175),
    "teal": (48, 27, 205),
    "sky blue": (58, 38, 245),
    "blue": (38, 56, 284),
    "violet": (34, 52, 308),
    "magenta": (43, 54, 335),
    "pink": (56, 56, 2),
}
# Each tone as a share of the way from the vivid colour: towards this lightness, and the part of chroma kept.
TONES: dict[str, Triple] = {
    "pale": (0.8, 96, 0.18),
    "light": (0.5, 92, 0.55),
    "dusty": (0.5, 78, 0.30),
    "bright": (0.2, 88, 0.85),
    "vivid": (0.0, 50, 1.00),
    "muted": (0.2, 50, 0.60),
    "greyed": (0.4, 50, 0.33),
    "deep": (0.3, 10, 0.85),
    "dull dark": (0.5, 15, 0.40),
    "dark": (0.6, 10, 0.55),
    "blackish": (0.85, 8, 0.25),
}
# L*, a*, b* of undyed, grey and black cloth.
NEUTRALS: dict[str, Triple] = {
    "optical white": (94, 1, -5),
    "white": (95, 0, 2),
    "off-white": (90, 1, 6),
    "cream": (89, 2, 15),
    "silver": (78, 0, 0),
    "light grey": (70, 0, -1),
    "grey": (58, 0, 0),
    "melange": (48, 0, -2),
    "charcoal": (34, 0, -2),
    "anthracite": (26, 0, -3),
    "washed black": (21, 1, 0),
    "black": (13, 0, 0),
}
SKIN_LIKE: dict[str, Triple] = {
    "ivory skin": (83, 6, 15),
    "light skin": (76, 10, 17),
    "rose skin": (70, 16, 16),
    "sand skin": (71, 10, 24),
    "honey skin": (62, 14, 26),
    "tan skin": (54, 16, 25),
    "brown skin": (44, 16, 22),
    "chestnut skin": (36, 15, 18),
    "dark skin": (29, 11, 13),
    "deep skin": (20, 7, 8),
}
TRADE: dict[str, Triple] = {
    "surgical blue": (76, -9, -17),
    "surgical green": (76, -18, 4),
    "surgical pink": (78, 17, 1),
    "lavender": (72, 12, -18),
    "denim": (38, -2, -20),
    "light denim": (62, -4, -15),
    "navy": (18, 5, -24),
    "royal blue": (33, 20, -55),
    "turquoise": (68, -32, -10),
    "bottle green": (26, -20, 8),
    "olive": (42, -6, 26),
    "khaki": (62, 2, 24),
    "mustard": (64, 12, 58),
    "burgundy": (25, 32, 12),
}


def _dyed(vivid: Triple, tone: Triple) -> Triple:
    (lightness, chroma, hue), (share, target, kept) = vivid, tone
    a, b = chroma * kept * np.array([np.cos(np.radians(hue)), np.sin(np.radians(hue))])
    return lightness + share * (target - lightness), float(a), float(b)


@lru_cache(maxsize=1)
def fabric_colours() -> dict[str, Triple]:
    """Return the 168 named colours that real fabrics have, CIELAB (D65); see the head of this module."""
    dyed = {f"{tone} {hue}": _dyed(VIVID[hue], TONES[tone]) for hue in VIVID for tone in TONES}
    return {**dyed, **NEUTRALS, **SKIN_LIKE, **TRADE}


def cells_of(lab: NDArray[np.floating]) -> list[Cell]:
    """Return the cell of each colour (n, 3): index of L* from 0, and of a* and b* with 0 around grey."""
    lightness = np.clip(np.floor(lab[:, 0] / CELL), 0, 3)
    chroma = np.floor(lab[:, 1:] / CELL + 0.5)
    return [(int(i), int(a), int(b)) for i, (a, b) in zip(lightness, chroma, strict=True)]


@lru_cache(maxsize=1)
def fabric_cells() -> dict[Cell, str]:
    """Return the cells that hold a fabric colour, with the name of the one nearest to the cell's middle."""
    names: dict[Cell, tuple[float, str]] = {}
    for name, lab in fabric_colours().items():
        cell = cells_of(np.array([lab]))[0]
        away = float(np.linalg.norm(np.array(lab) - cell_middle(cell)))
        names[cell] = min(names.get(cell, (np.inf, "")), (away, name))
    return {cell: names[cell][1] for cell in sorted(names)}


def cell_middle(cell: Cell) -> F64:
    """CIELAB of a cell's middle, (3,)."""
    return CELL * np.array([cell[0] + 0.5, cell[1], cell[2]])


def cell_name(cell: Cell) -> str:
    """``navy (L* 0 to 25, a* -12.5 to 12.5, b* -37.5 to -12.5)``."""
    parts = [f"L* {CELL * cell[0]:g} to {CELL * (cell[0] + 1):g}"]
    for axis, index in zip("ab", cell[1:], strict=True):
        parts.append(f"{axis}* {CELL * (index - 0.5):g} to {CELL * (index + 0.5):g}")
    return f"{fabric_cells().get(cell, 'other')} ({', '.join(parts)})"


@dataclass(frozen=True)
class FabricFill:
    """How much of the fabric colours pictures fill.

    Attributes
    ----------
    counts : dict
        Every fabric cell -> pictures in it.
    outside : int
        Pictures in cells that no fabric colour fills.
    share : float
        Share of the fabric cells with at least one picture.
    """

    counts: dict[Cell, int]
    outside: int
    share: float


def fill_fabric_cells(lab: NDArray[np.floating]) -> FabricFill:
    """Count colours, (n, 3) CIELAB, in the fabric cells."""
    counts = dict.fromkeys(fabric_cells(), 0)
    outside = 0
    for cell in cells_of(lab):
        if cell in counts:
            counts[cell] += 1
        else:
            outside += 1
    return FabricFill(counts, outside, sum(count > 0 for count in counts.values()) / len(counts))


COLOUR_GROUPS = (
    "black", "grey", "white", "beige", "brown", "red", "orange",
    "yellow", "green", "teal", "blue", "purple", "pink",
)  # fmt: skip
_HUES = ((20, "pink"), (45, "red"), (72, "orange"), (105, "yellow"), (165, "green"), (225, "teal"),
         (300, "blue"), (330, "purple"), (361, "pink"))  # fmt: skip


def colour_group(lab: NDArray[np.floating]) -> str:
    """Everyday name of a colour (3,): black (L* < 30), grey or white (L* >= 75) below chroma 8; else by hue.

    Hues 20..105 degrees are beige where light and weak (L* >= 50, chroma < 32) and brown where dark or weak;
    dark pink is red.
    """
    lightness, chroma = float(lab[0]), float(np.hypot(lab[1], lab[2]))
    if chroma < NEUTRAL_CHROMA:
        return "black" if lightness < 30 else "white" if lightness >= 75 else "grey"
    angle = float(np.degrees(np.arctan2(lab[2], lab[1])) % 360)
    name = next(name for end, name in _HUES if angle < end)
    if name in ("red", "orange", "yellow") and chroma < 32 and lightness >= 50:
        return "beige"
    if (name in ("orange", "yellow") and lightness < 50) or (name == "red" and chroma < 25):
        return "brown"
    return "red" if name == "pink" and lightness < 40 and angle < 20 else name


@dataclass(frozen=True)
class ColourHistograms:
    """Pictures by hue (without neutral ones), lightness and chroma, and how many are neutral."""

    hue: NDArray[np.int64]
    lightness: NDArray[np.int64]
    chroma: NDArray[np.int64]
    neutral: int


def count_colours(lab: NDArray[np.floating]) -> ColourHistograms:
    """Histogram colours (n, 3): 24 hues of 15 degrees where chroma >= 8, 20 steps of L* and of chroma."""
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    coloured = chroma >= NEUTRAL_CHROMA
    hue = np.degrees(np.arctan2(lab[coloured, 2], lab[coloured, 1])) % 360
    return ColourHistograms(
        hue=np.histogram(hue, HUE_EDGES)[0],
        lightness=np.histogram(np.clip(lab[:, 0], 0, 100), LIGHTNESS_EDGES)[0],
        chroma=np.histogram(np.clip(chroma, 0, 100), CHROMA_EDGES)[0],
        neutral=int((~coloured).sum()),
    )
