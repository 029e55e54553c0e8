"""Recipe files: what may be drawn, as ranges and weights, read from TOML and checked before any work."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from unmask.datagen.common.colour import is_hex
from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.common.read_file import TEXT_BYTES, read_file
from unmask.datagen.common.toml_text import parse_toml
from unmask.datagen.occluders.kinds import KINDS
from unmask.datagen.prints.kinds import PRINTS

from .ranges import Range, Uniform, parse_range, parse_weights

# Smallest and largest value that a recipe file may ask for; the unit is in the comment.
LIMITS: dict[str, tuple[float, float]] = {
    "worn.nose_out": (15, 45),  # degrees that the top edge slides down
    "worn.below_lips": (40, 60),  # degrees
    "worn.chin": (48, 80),  # degrees
    "worn.tilted": (4, 25),  # degrees, one side up and the other down
    "worn.one_ear": (4, 25),  # degrees that the loose side hangs
    "worn.too_big": (1.02, 1.5),  # factor on the size
    "worn.too_small": (0.5, 0.98),  # factor on the size
    "shape.own": (0, 1),  # how far the template's own parameters vary: 0 stays at their middle
    "shape.width": (0.5, 1.6),  # factor on the template's azimuths
    "shape.top": (-20, 20),  # degrees, added to the top edge
    "shape.bottom": (-20, 20),  # degrees, added to the bottom edge
    "shape.bulge": (0, 3),  # factor on the lift above the skin
    "shape.tilt": (-20, 20),  # degrees, one side up and the other down
    "shape.shift": (-20, 20),  # degrees of azimuth, the whole mask to one side
    "solid.thickness": (0, 3),  # factor on how far valves and filters stand off the fabric: 0 flat
    "solid.dyed": (0, 1),  # share of masks whose valves and filters have any colour instead of their own
    "binding.share": (0, 1),  # share of masks whose edges are bound in another colour
    "binding.width": (0.01, 0.4),  # IOD, of that strip
    "colour.free": (0, 1),  # share of colours drawn from all of Lab instead of the family's palette
    "colour.jitter": (0, 40),  # Lab units around the palette's colour, standard deviation
    "texture.scale": (0.02, 1.0),  # IOD, period of a print
    "texture.contrast": (0, 1),  # how far the print's second colour is from the first
    "texture.turn": (-90, 90),  # degrees
    "texture.weave": (0, 1),  # strength of the cloth's grain
    "texture.own": (0, 1),  # share of masks with one of the user's textures, where --textures gives some
    "texture.free": (0, 1),  # share of masks whose print is drawn from all kinds instead of the family's
    "fold.pleat": (0, 3),  # factor on the template's height layer
    "fold.wrinkle": (0, 3),  # factor on the procedural wrinkles
    "fold.tension": (0, 3),  # creases that radiate from the loops' ends
    "fold.breath": (-2, 2),  # dent (below 0) or dome (above 0) of the breath in front of the mouth
    "fold.pinch": (0, 3),  # nose wire pressed against the nose
    "light.exposure": (0.3, 2.5),  # factor on the estimated light
    "light.shading": (0, 2),  # 0 flat, 1 as estimated
    "light.cast": (0, 1),  # share of the face's colour cast that the mask takes on
    "light.wrong": (0, 1),  # share of masks lit from a wrong side
    "shadow.strength": (0, 0.8),  # share of light taken from the skin
    "shadow.offset": (0, 0.15),  # IOD along the light
    "shadow.blur": (0.005, 0.15),  # IOD, sigma
    "strap.width": (0.01, 0.1),  # IOD
    "strap.sag": (-10, 20),  # degrees below the straight line
    "strap.own": (0, 1),  # share of masks with narrow straps of the mask's own colour
    "strap.broad": (0, 1),  # share of masks whose straps are cut from their own cloth and narrow to the ear
    "strap.broad_width": (0.05, 0.5),  # IOD, of those where they leave the mask
    "strap.over": (0, 1),  # share of masks whose straps go on over hair and ears
    "sensor.blur": (0, 3),  # factor on the photograph's estimated blur
    "sensor.wrong_blur": (0, 1),  # share of masks whose blur is drawn from 0 to 2.5 times instead
    "sensor.noise": (0, 3),  # factor on the photograph's estimated noise
    "sensor.edge": (0, 3),  # pixels, sigma of extra softness of the outline alone
    "sensor.jpeg": (0, 1),  # share of masks that go through the source's JPEG quantisation
    "sensor.srgb": (0, 1),  # share of masks blended in sRGB levels instead of linear light
    "front.keep": (0, 1),  # share of masks behind hair, glasses and what a parsing map names
    "jitter.scale": (0.5, 2.0),  # factor, of the whole picture (on-the-fly only)
    "jitter.roll": (-180, 180),  # degrees
    "jitter.shift": (-0.4, 0.4),  # share of the width and of the height
    "jitter.flip": (0, 1),  # share of mirrored pictures
    "jitter.turn": (0, 90),  # degrees by which a head is turned further to the side to which it looks
    "occluder.probability": (0, 1),  # share of faces with something in front of them (on-the-fly only)
    "occluder.size": (0.5, 2.0),  # factor on the size in life
    "occluder.shift": (-1.5, 1.5),  # IOD from where its kind usually is, across and down
    "occluder.turn": (-90, 90),  # degrees from below to the side from which it reaches in
    "occluder.free": (0, 1),  # share of colours drawn from all of Lab instead of the usual ones
}
OCCLUDER = "occluder."  # before the keys that no mask and no built dataset obeys
WEIGHTED = ("families", "templates", "worn.states", "texture.kinds", "colour.only", "occluder.kinds")
_PALETTES = "palettes"
OTHERS = "others"  # in a table of families: the weight of those of your own that it does not name
WORN_STATES = ("proper", "nose_out", "below_lips", "chin", "tilted", "one_ear", "too_big", "too_small")
# Short names for --set, with what they pin.
_PINS = {
    "family": "families",
    "template": "templates",
    "worn": "worn.states",
    "texture": "texture.kinds",
    "colour": "colour.only",
}


@dataclass(frozen=True)
class RecipeConfig:
    """What may be drawn.

    Attributes
    ----------
    name : str
        Of the recipe file.
    ranges : mapping
        A range for every name in `LIMITS`.
    families, templates, states, textures, colours, occluders : mapping of name to weight
        Empty ``templates`` and ``colours`` leave the choice to family and palette.
    palettes : mapping of family to colours with weights
        Instead of the templates' own palettes.
    text : str
        Canonical JSON of the whole.
    """

    name: str
    ranges: Mapping[str, Range]
    families: Mapping[str, float]
    templates: Mapping[str, float]
    states: Mapping[str, float]
    textures: Mapping[str, float]
    colours: Mapping[str, float]
    palettes: Mapping[str, Mapping[str, float]]
    occluders: Mapping[str, float]
    text: str

    @property
    def text_of_masks(self) -> str:
        """`text` without what is about occluders, for fingerprints and ``build.json``: no built dataset has any."""
        kept = {key: value for key, value in json.loads(self.text).items() if not key.startswith(OCCLUDER)}
        return _canonical(kept)


def packaged_recipes() -> dict[str, Path]:
    """Recipe files that come with the toolkit, by name."""
    folder = Path(str(files("unmask.assets"))) / "recipes"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def load_recipe_config(name_or_path: str = "default", pins: Sequence[str] = ()) -> RecipeConfig:
    """Read a recipe file and pin parts of it.

    Parameters
    ----------
    name_or_path : str
        A packaged recipe's name, or the path of a TOML file; what it leaves out is as in ``default``.
    pins : sequence of str
        ``KEY=VALUE`` as given to ``--set``: a key of the file with a value of its grammar, or ``family``,
        ``template``, ``worn``, ``texture`` or ``colour`` with one name.

    Raises
    ------
    UserError
        Naming the file or argument and the key.
    """
    base = _read_toml(packaged_recipes()["default"])
    path = packaged_recipes().get(name_or_path, Path(name_or_path))
    pinned: dict[str, Any] = {}
    for pin in pins:
        pinned |= _parse_pin(pin)
    return _build(path, {**base, **_read_toml(path), **pinned}, pinned.keys())


def _parse_pin(pin: str) -> dict[str, Any]:
    """Keys and values that one ``--set`` stands for."""
    key, equals, value = pin.partition("=")
    key, value = key.strip(), value.strip()
    if not equals or not value or "\n" in value:
        raise ArgumentError("pins", f": expected KEY=VALUE, got {pin!r}")
    if key == "family":
        return {_PINS[key]: {value: 1.0, OTHERS: 0.0}}
    if key in ("texture", "colour"):
        return {_PINS[key]: {value: 1.0}, "texture.own": 0.0}  # a picture of cloth brings print and colour
    if key in _PINS:
        return {_PINS[key]: {value: 1.0}}
    if key not in LIMITS and key not in WEIGHTED:
        raise ArgumentError("pins", f": unknown key {key!r}; known: {', '.join([*_PINS, *LIMITS])}")
    try:
        return {key: parse_toml(f"value = {value}")["value"]}
    except ValueError:
        raise ArgumentError(
            "pins", f"{key}: {value!r} is not a number, [low, high] or {{choice = [...]}}"
        ) from None


def _read_toml(path: Path) -> dict[str, Any]:
    """Flat table of ``section.key``; the weighted tables stay tables."""
    try:
        data = parse_toml(read_file(path, TEXT_BYTES))
    except OSError as error:
        known = ", ".join(packaged_recipes())
        why = f"{path} cannot be read: {error.strerror}"
        raise ArgumentError("recipe", f": {why}; packaged recipes: {known}") from None
    except ValueError as error:  # not TOML, not UTF-8, nested without end
        raise ArgumentError("recipe", f": {path}: {error}") from None
    flat: dict[str, Any] = {}
    for section, table in data.items():
        if section in WEIGHTED or section == _PALETTES:
            flat[section] = table
        elif isinstance(table, dict):
            flat |= {f"{section}.{key}": value for key, value in table.items()}
        else:
            raise ArgumentError("recipe", f": {path}: {section!r} is not a section")
    for key in flat:
        if key not in LIMITS and key not in WEIGHTED and key != _PALETTES:
            raise ArgumentError("recipe", f": {path}: unknown key {key!r}")
    return flat


def _build(path: Path, flat: Mapping[str, Any], pinned: Collection[str]) -> RecipeConfig:
    def where(key: str) -> str:
        return f"`pins` {key}" if key in pinned else f"`recipe`: {path}: {key}"

    ranges = {}
    for key, (low, high) in LIMITS.items():
        ranges[key] = parse_range(flat[key], where(key))
        _check_span(ranges[key], where(key), low, high)
    weights = {key: parse_weights(flat[key], where(key)) if key in flat else {} for key in WEIGHTED}
    for key, known in (
        ("worn.states", WORN_STATES),
        ("texture.kinds", PRINTS),
        ("occluder.kinds", KINDS),
    ):
        for name in weights[key]:
            if name not in known:
                raise UserError(f"{where(key)}: unknown {name!r}; known: {', '.join(known)}")
    tables = flat.get(_PALETTES, {})
    if not isinstance(tables, dict):
        raise UserError(f"{where(_PALETTES)}: expected tables of colours with weights, one for each family")
    palettes = {family: parse_weights(table, where(f"palettes.{family}")) for family, table in tables.items()}
    tables = {f"{_PALETTES}.{family}": palette for family, palette in palettes.items()}
    for key, colours in [("colour.only", weights["colour.only"]), *tables.items()]:
        for colour in colours:
            if not is_hex(colour):
                raise UserError(f"{where(key)}: {colour!r} is not a colour such as '#9cc3d8'")
    return RecipeConfig(
        name=path.stem,
        ranges=ranges,
        families=weights["families"],
        templates=weights["templates"],
        states=weights["worn.states"],
        textures=weights["texture.kinds"],
        colours=weights["colour.only"],
        palettes=palettes,
        occluders=weights["occluder.kinds"],
        text=_canonical(flat),
    )


def _canonical(flat: Mapping[str, Any]) -> str:
    return json.dumps({key: flat[key] for key in sorted(flat)}, sort_keys=True)


def _check_span(values: Range, where: str, low: float, high: float) -> None:
    try:
        least, most = values.span()
    except ValueError:
        raise UserError(f"{where}: expected numbers") from None
    if least < low or most > high:
        kind = "value" if isinstance(values, Uniform) and least == most else "range"
        raise UserError(f"{where}: the {kind} must stay within {low:g} and {high:g}")
