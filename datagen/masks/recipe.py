"""Mask recipes: everything random about one mask, as frozen values that rendering obeys.

`draw.draw_recipe` makes them; JSON keeps every bit. Units are those of `recipe_config.LIMITS`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from unmask.datagen.common.colour import is_hex
from unmask.datagen.common.json_text import parse_json
from unmask.datagen.occluders.kinds import KINDS
from unmask.datagen.prints.kinds import PRINTS

BLENDS = ("linear", "srgb")
OWN_TEXTURE = "own:"  # before the stem of a texture of the user's
BOUND_EDGES = ALL_EDGES, LONG_EDGES, SIDE_EDGES = "all", "long", "side"


@dataclass(frozen=True)
class ShapeRecipe:
    """How the mask sits.

    Attributes
    ----------
    width, bulge : float
        Factors on the template's azimuths and on its lift above the skin.
    top, bottom : float
        Degrees added to the top and the bottom edge.
    tilt, shift : float
        Degrees of one side up and the other down, and of the whole mask to one side.
    slide : float
        Degrees that the top edge hangs down: 0 worn properly, about 30 nose out, 60 on the chin.
    loose : float
        -1, 0 or 1: the side (picture left or right) whose loop is off the ear.
    thickness : float
        Factor on how far the template's solid parts stand off its fabric; 0 leaves them drawn flat on it.
    """

    width: float
    top: float
    bottom: float
    bulge: float
    tilt: float
    shift: float
    slide: float
    loose: float
    thickness: float = 0.0


@dataclass(frozen=True)
class FabricRecipe:
    """Colours as hex sRGB under neutral light, print and grain; ``seed`` places motifs, grain and wrinkles.

    ``solid`` is the colour of the template's solid parts; empty where they keep their own. ``binding`` is that of a
    strip around the edges, or along some (``bound``: `BOUND_EDGES`), so wide in IOD (``binding_width``, 0: none).
    """

    colour: str
    second: str
    third: str
    texture: str
    scale: float
    turn: float
    weave: float
    seed: int
    solid: str = ""
    binding: str = "#ffffff"
    binding_width: float = 0.0
    bound: str = ALL_EDGES


@dataclass(frozen=True)
class FoldRecipe:
    """Strength of the folds: the template's pleats, wrinkles, creases from the loops, breath, nose wire."""

    pleat: float
    wrinkle: float
    tension: float
    breath: float
    pinch: float


@dataclass(frozen=True)
class LightRecipe:
    """How far the mask follows the face's light: ``shading`` 0 flat, 1 as fitted; ``cast`` share of its colour."""

    exposure: float
    shading: float
    cast: float
    turn: float


@dataclass(frozen=True)
class ShadowRecipe:
    """Contact shadow: share of light taken, offset along the light and sigma of its edge, IOD."""

    strength: float
    offset: float
    blur: float


@dataclass(frozen=True)
class StrapRecipe:
    """Ear loops, head straps or ties.

    Attributes
    ----------
    colour : str
        As hex sRGB under neutral light.
    width : float
        IOD, times the template's own factor.
    sag : float
        Degrees below the straight line.
    broad : float
        Width in IOD where a strap leaves the mask, of those cut from the mask's own cloth, which narrow to
        ``width`` at the ear; 0 of all others.
    over : bool
        Over hair and ears up to where the head turns out of sight, instead of up to where skin ends.
    """

    colour: str
    width: float
    sag: float
    broad: float = 0.0
    over: bool = False


@dataclass(frozen=True)
class SensorRecipe:
    """What the camera does to the mask's layer.

    Attributes
    ----------
    blur, noise : float
        Factors on the photograph's own blur and noise.
    edge : float
        Sigma in pixels of extra softness of the outline alone.
    jpeg : bool
        Whether the mask goes through the source's JPEG quantisation.
    blend : str
        ``linear`` light, or ``srgb`` as most editors blend.
    """

    blur: float
    noise: float
    edge: float
    jpeg: bool
    blend: str


@dataclass(frozen=True)
class OccluderRecipe:
    """Something in front of the mask, or before a bare mouth.

    Attributes
    ----------
    kind : str
        Of `unmask.datagen.occluders.kinds.KINDS`.
    x, y : float
        How far it is from where its kind usually is, IOD along the head's axes: to the picture's right, and down.
    size : float
        Factor on the size that it has in life.
    turn : float
        Degrees by which it reaches in from the side instead of from below.
    mirrored : bool
        From the picture's left instead of its right.
    colour : str
        Of the thing, or of the sleeve, as hex sRGB under neutral light.
    seed : int
        Of what is left: how the fingers lie, a cup's handle.
    """

    kind: str
    x: float
    y: float
    size: float
    turn: float
    mirrored: bool
    colour: str
    seed: int


_WIDEST = (-400.0, 400.0)  # degrees and factors: no recipe file can draw as much
# What sizes a kernel, a raster or a mesh: a recipe that somebody wrote by hand must not fill the memory.
_SPANS = {
    ("shape", "width"): (0.05, 10.0),
    ("shape", "bulge"): (-10.0, 20.0),
    ("shape", "thickness"): (0.0, 4.0),
    ("fabric", "scale"): (0.005, 10.0),
    ("fabric", "binding_width"): (0.0, 2.0),
    ("shadow", "offset"): (0.0, 2.0),
    ("shadow", "blur"): (1e-4, 2.0),
    ("strap", "width"): (1e-4, 2.0),
    ("strap", "broad"): (0.0, 2.0),
    ("sensor", "blur"): (0.0, 20.0),
    ("sensor", "noise"): (0.0, 20.0),
    ("sensor", "edge"): (0.0, 20.0),
    ("occluder", "size"): (0.05, 10.0),
}
_LARGEST_SEED = 1 << 31

_PARTS = {
    "shape": ShapeRecipe,
    "fabric": FabricRecipe,
    "fold": FoldRecipe,
    "light": LightRecipe,
    "shadow": ShadowRecipe,
    "strap": StrapRecipe,
    "sensor": SensorRecipe,
}
_OCCLUDER = "occluder"
BINDING = ("binding", "binding_width", "bound")
STRAP_LATER = ("broad", "over")


@dataclass(frozen=True)
class MaskRecipe:
    """Everything random about one mask on one face, and about what is in front of it (``occluder``)."""

    template: str
    family: str
    worn: str
    shape: ShapeRecipe
    fabric: FabricRecipe
    fold: FoldRecipe
    light: LightRecipe
    shadow: ShadowRecipe
    strap: StrapRecipe
    sensor: SensorRecipe
    front: bool
    occluder: OccluderRecipe | None = None

    def to_dict(self) -> dict[str, Any]:
        """Nested dict of plain values; what is newer than the first recipes has a key only where it is used."""
        values = {name: dict(vars(value)) if name in _PARTS else value for name, value in vars(self).items()}
        if not self.shape.thickness:
            del values["shape"]["thickness"]
        if not self.fabric.solid:
            del values["fabric"]["solid"]
        if not self.fabric.binding_width:
            for name in BINDING:
                del values["fabric"][name]
        for name in STRAP_LATER:
            if not values["strap"][name]:
                del values["strap"][name]
        if self.occluder is None:
            del values[_OCCLUDER]
            return values
        return {**values, _OCCLUDER: dict(vars(self.occluder))}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "MaskRecipe":
        """Inverse of `to_dict`.

        Raises
        ------
        ValueError
            When keys are missing or unknown, a value is of another kind, or a number beyond all recipes.
        """
        try:
            parts = {name: kind(**data[name]) for name, kind in _PARTS.items()}
            if _OCCLUDER in data:
                parts[_OCCLUDER] = OccluderRecipe(**data[_OCCLUDER])
            whole = cls(**{**data, **parts})
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a mask recipe: {error}") from None
        for name, part in [("", whole), *parts.items()]:
            for one in fields(part):
                if one.name not in (*_PARTS, _OCCLUDER):
                    _check_value(name, one.name, one.type, getattr(part, one.name))
        return whole

    def to_json(self) -> str:
        """Compact JSON."""
        return json.dumps(self.to_dict(), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "MaskRecipe":
        """Inverse of `to_json`; ValueError as there."""
        return cls.from_dict(parse_json(text))


def _check_value(part: str, name: str, wanted: Any, value: object) -> None:
    """Raise ValueError where a value is not what the field ``name`` of a part holds."""
    good = isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))
    if isinstance(value, int) and wanted is float:
        good = not isinstance(value, bool)  # JSON writes 1.0 as 1, where people do
    if good and isinstance(value, int | float):
        low, high = (0, _LARGEST_SEED) if wanted is int else _SPANS.get((part, name), _WIDEST)
        good = low <= value <= high
    elif good and name in ("colour", "second", "third", "binding"):
        good = is_hex(str(value))
    elif good and name == "solid":
        good = value == "" or is_hex(str(value))
    elif good and name == "kind":
        good = value in KINDS
    elif good and name == "blend":
        good = value in BLENDS
    elif good and name == "bound":
        good = value in BOUND_EDGES
    elif good and name == "texture":
        good = value in PRINTS or str(value).startswith(OWN_TEXTURE)
    if not good:
        raise ValueError(f"not a mask recipe: {f'{part}.' * bool(part)}{name} is {str(value)[:40]!r}")
