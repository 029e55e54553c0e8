"""The template format: what one JSON and its drawn layers say.

docs/templates.md describes it for users. A template is a rectangle of fabric with coordinates u in [-1, 1]
(picture left to right) and v in [0, 1] (top edge to bottom edge), hung on the generic face by named anchors.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .ranges import Range
from .solid_parts import SolidPart

Edge = Sequence[Sequence[float]]  # azimuth and elevation of centre, middle and side
ANCHORS = ("top_centre", "top_middle", "top_side", "bottom_centre", "bottom_middle", "bottom_side")
PARAMETER_LIMITS = {
    "width": (0.5, 1.6),
    "top": (-20, 20),
    "bottom": (-20, 20),
    "bulge": (0, 3),
    "pleat": (0, 3),
}
SHAPE_PARAMETERS = tuple(PARAMETER_LIMITS)
STRAPS = ("ear_loops", "head_straps", "ties", "none")
LAYERS = ("albedo", "height", "trim", "glass")
_SKIN_RADIUS_IOD = 1.15


@dataclass(frozen=True)
class Straps:
    """How a mask is held: the kind and where, in (u >= 0, v), its ends leave the fabric (mirrored to u < 0).

    ``width`` is a factor on the recipe's width: bands of respirators are broader than loops.
    """

    kind: str
    upper: tuple[float, float]
    lower: tuple[float, float]
    width: float
    colours: dict[str, float]


@dataclass(frozen=True, eq=False)
class Template:
    """One mask template; equal to another when JSON and layers are the same to the byte.

    Attributes
    ----------
    anchors : float64 (2, 3, 2) as nested tuples
        Top and bottom edge; centre, middle and side; azimuth and elevation in degrees on the generic face.
    lift : tuple of two tuples of 5
        Height above the taut skin in IOD from top to bottom edge, along the centre line and along the side.
    ridge : float
        How the lift falls from centre to side, ``1 - |u|**ridge``: 2 is a dome, 1 a folded ridge.
    drop : float
        How far the bottom edge hangs down, IOD (bandanas).
    relief : float
        Height in IOD that white in the height layer stands above black.
    tint : bool
        Whether the recipe colours the fabric; False keeps the albedo's own colours.
    wrinkle : float
        How much the cloth may wrinkle, 0 (moulded) to 1 (loose).
    width_px : int
        Width of the layers.
    least_cover : float
        Share of the lower face that it must cover when worn properly (`quality.Fit.lower_face`).
    solids : tuple of SolidPart
        Valves and filters that stand off the fabric by the recipe's thickness.
    """

    name: str
    family: str
    licence: str
    folder: Path
    albedo: str
    height: str
    trim: str
    glass: str
    anchors: tuple[tuple[tuple[float, float], ...], ...]
    lift: tuple[tuple[float, ...], tuple[float, ...]]
    ridge: float
    drop: float
    relief: float
    tint: bool
    wrinkle: float
    least_cover: float
    palette: dict[str, float]
    textures: dict[str, float]
    parameters: dict[str, Range]
    straps: Straps
    solids: tuple[SolidPart, ...]
    width_px: int
    digest: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Template) and self.digest == other.digest

    def __hash__(self) -> int:
        return int(self.digest[:15], 16)

    @property
    def size_iod(self) -> tuple[float, float]:
        """Width and height of the fabric in IOD, near enough to scale prints (skin radius taken as 1.15)."""
        return fabric_size(self.anchors[0], self.anchors[1], self.drop)


def fabric_size(top: Edge, bottom: Edge, drop: float) -> tuple[float, float]:
    """`Template.size_iod` from the anchors of the two edges; templates are drawn at this size, too."""
    arc = math.radians(1.0) * _SKIN_RADIUS_IOD
    return (top[2][0] + bottom[2][0]) * arc, (top[0][1] - bottom[0][1]) * arc + drop
