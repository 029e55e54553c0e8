"""Reading a template: one JSON and its layers, with everything that is wrong in them said at once."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unmask.datagen.common.colour import is_hex
from unmask.datagen.common.errors import UnreadablePictureError, UserError
from unmask.datagen.common.json_text import parse_json
from unmask.datagen.common.read_file import PICTURE_BYTES, TEXT_BYTES, read_file
from unmask.datagen.pictures.header import PictureHeader, read_header
from unmask.datagen.pictures.picture import decode_as_stored
from unmask.datagen.prints.kinds import PRINTS

from .ranges import Range, parse_range, parse_weights
from .solid_parts import parse_solid_parts
from .template_format import ANCHORS, LAYERS, PARAMETER_LIMITS, SHAPE_PARAMETERS, STRAPS, Straps, Template

_REQUIRED = ("name", "family", "licence", "layers", "anchors", "lift", "relief", "palette", "straps")
_OPTIONAL = ("author", "ridge", "drop", "textures", "parameters", "tint", "wrinkle", "least_cover", "solids")
_LIFT_POINTS = 5  # values of a lift profile, evenly spaced from the top edge to the bottom edge
_SIZE_LIMITS_PX = (64, 2048)


@dataclass(frozen=True)
class TemplateProblem:
    """Something wrong with a template: the file and what to mend, in one line."""

    path: Path
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def read_template(path: Path, look: bool = True) -> tuple[Template | None, list[TemplateProblem]]:
    """Read one template; None and everything that is wrong with it when it cannot be used.

    Parameters
    ----------
    look : bool
        Decode the layers to check them, too, and that no file leads outside the folder of the JSON.
    """
    problems: list[TemplateProblem] = []
    try:
        text = read_file(path, TEXT_BYTES, path.parent if look else None)
        data = parse_json(text)
    except OSError as error:
        return None, [TemplateProblem(path, f"cannot be read: {error.strerror}")]
    except ValueError as error:
        return None, [TemplateProblem(path, f"not readable as JSON: {error}")]
    if not isinstance(data, dict):
        return None, [TemplateProblem(path, "the JSON must be an object")]
    for key in _REQUIRED:
        if key not in data:
            problems.append(TemplateProblem(path, f"missing {key!r}"))
    for key in sorted(set(data) - set(_REQUIRED) - set(_OPTIONAL)):
        problems.append(TemplateProblem(path, f"unknown key {key!r}"))
    if problems:
        return None, problems
    reader = _Reader(path, data, look)
    template = reader.template(text)
    return (None, reader.problems) if reader.problems else (template, [])


class _Reader:
    """Turns the JSON object into a Template, collecting every problem instead of stopping at the first."""

    def __init__(self, path: Path, data: dict[str, Any], look: bool) -> None:
        self.path, self.data, self.look = path, data, look
        self.problems: list[TemplateProblem] = []
        self.width_px = 1

    def template(self, text: bytes) -> Template:
        layers = self.data["layers"] if isinstance(self.data["layers"], dict) else {}
        if not layers.get("albedo"):
            self._complain("layers: missing 'albedo'")
        names = {role: str(layers.get(role, "")) for role in LAYERS}
        for role in sorted(set(layers) - set(LAYERS)):
            self._complain(f"layers: unknown layer {role!r}; known: {', '.join(LAYERS)}")
        digest = hashlib.sha256(text)
        self._check_layers(names, digest)
        return Template(
            name=self._name("name"),
            family=self._name("family"),
            licence=self._text("licence"),
            folder=self.path.parent,
            anchors=self._anchors(),
            lift=self._lift(),
            ridge=self._number("ridge", 2.0, 0.5, 6.0),
            drop=self._number("drop", 0.0, 0.0, 2.0),
            relief=self._number("relief", 0.0, 0.0, 0.3),
            tint=self._flag("tint", True),
            wrinkle=self._number("wrinkle", 0.3, 0.0, 1.0),
            least_cover=self._number("least_cover", 0.8, 0.0, 1.0),
            palette=self._palette(self.data["palette"], "palette"),
            textures=self._textures(),
            parameters=self._parameters(),
            straps=self._straps(),
            solids=parse_solid_parts(self.data.get("solids", []), self._complain),
            width_px=self.width_px,
            digest=digest.hexdigest(),
            **names,
        )

    def _complain(self, message: str) -> None:
        self.problems.append(TemplateProblem(self.path, message))

    def _text(self, key: str) -> str:
        value = self.data[key]
        if not isinstance(value, str) or not value.strip():
            self._complain(f"{key}: expected a text")
        return str(value)

    def _name(self, key: str) -> str:
        value = self._text(key)
        if not all(letter.isalnum() or letter in "-_" for letter in value):
            self._complain(f"{key}: {value!r} may hold letters, digits, '-' and '_' only")
        return value

    def _number(self, key: str, default: float, low: float, high: float) -> float:
        value = self.data.get(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            self._complain(f"{key}: expected a number from {low} to {high}, got {value!r}")
            return default
        return float(value)

    def _flag(self, key: str, default: bool) -> bool:
        value = self.data.get(key, default)
        if not isinstance(value, bool):
            self._complain(f"{key}: expected true or false, got {value!r}")
        return bool(value)

    def _pair(self, value: Any, where: str, limits: tuple[float, float]) -> tuple[float, float]:
        good = isinstance(value, list) and len(value) == 2
        good = good and all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in value)
        if not good or not (abs(value[0]) <= limits[0] and abs(value[1]) <= limits[1]):
            self._complain(
                f"{where}: expected two numbers within +-{limits[0]:g} and +-{limits[1]:g}, got {value!r}"
            )
            return 0.0, 0.0
        return float(value[0]), float(value[1])

    def _anchors(self) -> tuple[tuple[tuple[float, float], ...], ...]:
        given = self.data["anchors"] if isinstance(self.data["anchors"], dict) else {}
        missing = [name for name in ANCHORS if name not in given]
        if missing:
            self._complain(f"anchors: missing {', '.join(missing)}")
            return ()
        for name in sorted(set(given) - set(ANCHORS)):
            self._complain(f"anchors: unknown anchor {name!r}")
        points = [self._pair(given[name], f"anchors.{name}", (110, 85)) for name in ANCHORS]
        top, bottom = tuple(points[:3]), tuple(points[3:])
        for side in (top, bottom):
            if not side[0][0] <= side[1][0] < side[2][0]:
                self._complain("anchors: azimuth must grow from centre over middle to side")
        if any(high[1] <= low[1] for high, low in zip(top, bottom, strict=True)):
            self._complain("anchors: the top edge must lie above the bottom edge")
        return top, bottom

    def _lift(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        given = self.data["lift"] if isinstance(self.data["lift"], dict) else {}
        profiles = []
        for line in ("centre", "side"):
            values = given.get(line)
            good = isinstance(values, list) and len(values) == _LIFT_POINTS
            good = good and all(isinstance(x, (int, float)) and -0.5 <= x <= 1.5 for x in values or ())
            if not good:
                self._complain(f"lift.{line}: expected {_LIFT_POINTS} numbers from -0.5 to 1.5 (IOD)")
            profiles.append(tuple(float(x) for x in values) if good and values else (0.0,) * _LIFT_POINTS)
        return profiles[0], profiles[1]

    def _weights(self, value: Any, where: str) -> dict[str, float]:
        try:
            return parse_weights(value, where)
        except UserError as error:
            self._complain(str(error))
            return {}

    def _textures(self) -> dict[str, float]:
        weights = self._weights(self.data.get("textures", {"plain": 1}), "textures")
        for kind in weights:
            if kind not in PRINTS:
                self._complain(f"textures: unknown print {kind!r}; known: {', '.join(PRINTS)}")
        return weights

    def _palette(self, value: Any, where: str) -> dict[str, float]:
        weights = self._weights(value, where)
        for colour in weights:
            if not is_hex(colour):
                self._complain(f"{where}: {colour!r} is not a colour such as '#9cc3d8'")
        return weights

    def _parameters(self) -> dict[str, Range]:
        given = self.data.get("parameters", {})
        parameters: dict[str, Range] = {}
        if not isinstance(given, dict):
            self._complain("parameters: expected an object")
            return parameters
        for name, value in given.items():
            if name not in SHAPE_PARAMETERS:
                self._complain(
                    f"parameters: unknown parameter {name!r}; known: {', '.join(SHAPE_PARAMETERS)}"
                )
                continue
            least, most = PARAMETER_LIMITS[name]
            try:
                parameters[name] = parse_range(value, f"parameters.{name}")
                low, high = parameters[name].span()
            except UserError as error:
                self._complain(str(error))
            except ValueError:
                self._complain(f"parameters.{name}: expected numbers")
            else:
                if low < least or high > most:
                    self._complain(f"parameters.{name}: must stay within {least:g} and {most:g}")
        return parameters

    def _straps(self) -> Straps:
        given = self.data["straps"] if isinstance(self.data["straps"], dict) else {}
        kind = given.get("kind")
        if kind not in STRAPS:
            self._complain(f"straps.kind: expected one of {', '.join(STRAPS)}, got {kind!r}")
        upper = self._pair(given.get("upper", [0.97, 0.05]), "straps.upper", (1, 1))
        lower = self._pair(given.get("lower", [0.97, 0.95]), "straps.lower", (1, 1))
        colours = self._palette(given.get("colours", {"#f2f2f0": 1}), "straps.colours")
        width = given.get("width", 1.0)
        if isinstance(width, bool) or not isinstance(width, (int, float)) or not 0.3 <= width <= 5:
            self._complain(f"straps.width: expected a number from 0.3 to 5, got {width!r}")
            width = 1.0
        return Straps(str(kind), upper, lower, float(width), colours)

    def _check_layers(self, names: dict[str, str], digest: "hashlib._Hash") -> None:
        sizes: set[tuple[int, int]] = set()
        folder = self.path.parent
        for role, name in names.items():
            if not name:
                continue
            try:
                data = read_file(folder / name, PICTURE_BYTES, folder if self.look else None)
                header = read_header(data)
            except OSError as error:
                self._complain(f"layers.{role}: {name!r} cannot be read: {error.strerror}")
                continue
            except UnreadablePictureError as error:
                self._complain(f"layers.{role}: {name!r}: {error}")
                continue
            digest.update(data)
            if role == "albedo":
                self.width_px = header.width
            if self.look:
                sizes.add((header.width, header.height))
                self._check_picture(role, name, data, header)
        if len(sizes) > 1:
            self._complain("layers: the pictures differ in size")

    def _check_picture(self, role: str, name: str, data: bytes, header: PictureHeader) -> None:
        low, high = _SIZE_LIMITS_PX
        if not all(low <= side <= high for side in (header.width, header.height)):
            self._complain(f"layers.{role}: {name} must measure {low} to {high} px a side")
            return
        try:
            image = decode_as_stored(data)
        except UnreadablePictureError as error:
            self._complain(f"layers.{role}: {name!r}: {error}")
            return
        if image.dtype != np.uint8:
            self._complain(f"layers.{role}: {name} must have 8 bits a channel")
        if role in ("height", "glass"):
            if image.ndim != 2:
                self._complain(f"layers.{role}: {name} must be a grey picture")
        elif image.ndim != 3 or image.shape[2] != 4:
            self._complain(f"layers.{role}: {name} must be RGBA")
        elif role == "albedo" and (image[..., 3] >= 128).mean() < 0.2:
            self._complain(f"layers.albedo: {name} is opaque on less than a fifth of its area")
