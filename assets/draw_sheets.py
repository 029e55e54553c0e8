"""From a drawing function to the files of a template: its JSON and its layers."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.masks.template_format import ANCHORS, fabric_size
from unmask.datagen.masks.template_layers import LARGE_FACTOR, LARGE_FOLDER

from .draw_canvas import Cloth, F

_LICENCE = "Apache-2.0"
_FLAT = 1e-6  # the least height that is one
_TIE = 1e-6  # values half-way between two levels fall to the same side whatever the last bit of a library is

EAR_COLOURS = {"#f4f4f2": 8.0, "#e8e8ea": 3.0, "#1c1c1e": 2.0, "#c9d6de": 1.0}
Edge = tuple[float, float]


@dataclass(frozen=True)
class Sheet:
    """A template: how it is drawn, and its JSON without what the drawing adds."""

    draw: Callable[[Cloth], None]
    data: dict[str, Any]


def sheet(
    name: str,
    family: str,
    draw: Callable[[Cloth], None],
    edges: tuple[Edge, Edge, Edge, Edge, Edge, Edge],
    lift: tuple[list[float], list[float]],
    palette: Mapping[str, float],
    straps: Mapping[str, Any],
    **more: Any,
) -> Sheet:
    """Gather one template; ``edges`` in the order top then bottom, centre, middle, side, in degrees."""
    data = {
        "name": name,
        "family": family,
        "licence": _LICENCE,
        "author": "the unmask authors",
        "layers": {"albedo": f"{name}-albedo.png", "height": f"{name}-height.png"},
        "anchors": {key: list(point) for key, point in zip(ANCHORS, edges, strict=True)},
        "lift": {"centre": lift[0], "side": lift[1]},
        "palette": dict(palette),
        "straps": dict(straps),
        **more,
    }
    return Sheet(draw, data)


def loops(upper: Edge, lower: Edge, colours: Mapping[str, float] | None = None) -> dict[str, Any]:
    """Ear loops from two points (u, v) of the side."""
    return _straps("ear_loops", upper, lower, colours or EAR_COLOURS)


def head_straps(upper: Edge, lower: Edge, colours: Mapping[str, float] | None = None) -> dict[str, Any]:
    """Two bands around the head."""
    usual = {"#f2efe6": 4.0, "#e6c64a": 2.0, "#d9d9d6": 2.0, "#3c6fb0": 1.0, "#232427": 1.0}
    return _straps("head_straps", upper, lower, colours or usual)


def ties(upper: Edge, lower: Edge, colours: Mapping[str, float] | None = None) -> dict[str, Any]:
    """Four cords tied behind the head."""
    return _straps("ties", upper, lower, colours or {"#f2f3f2": 5.0, "#b9d3de": 2.0, "#8fb5a4": 1.0})


def _straps(kind: str, upper: Edge, lower: Edge, colours: Mapping[str, float]) -> dict[str, Any]:
    return {"kind": kind, "upper": list(upper), "lower": list(lower), "colours": dict(colours)}


def write_sheet(one: Sheet, folder: Path) -> Path:
    """Draw a template into ``folder/<family>/``; returns the path of its JSON."""
    data = json.loads(json.dumps(one.data))
    anchors = data["anchors"]
    points = [anchors[name] for name in ANCHORS]
    size = fabric_size(points[:3], points[3:], data.get("drop", 0.0))
    cloth, large = Cloth(*size), Cloth(*size, factor=LARGE_FACTOR)
    one.draw(cloth)
    one.draw(large)
    home = folder / str(data["family"])
    (home / LARGE_FOLDER).mkdir(parents=True, exist_ok=True)
    near = cloth.outside < 0.06  # the slope at the border needs a few pixels beyond it
    low, high = float(cloth.height[near].min()), float(cloth.height[near].max())
    _add_layers(data, cloth)
    if cloth.solids:
        data["solids"] = cloth.solids
    for canvas, place in ((cloth, home), (large, home / LARGE_FOLDER)):
        _write_layers(place, data["layers"], canvas, low, high)
    data["relief"] = round(float(data["relief"] * max(high - low, _FLAT)), 4)
    path = home / f"{data['name']}.json"
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    return path


def _add_layers(data: dict[str, Any], cloth: Cloth) -> None:
    """Name the layers that not every template has."""
    for role, there in (("trim", cloth.trim[..., 3].any()), ("glass", cloth.glass.any())):
        if there:
            data["layers"][role] = f"{data['name']}-{role}.png"


def _write_layers(place: Path, names: Mapping[str, str], cloth: Cloth, low: float, high: float) -> None:
    """Write the layers; black and white of the height layer are ``low`` and ``high``."""
    alpha = cloth.soft(cloth.outside)
    body = alpha > 0  # what lies outside is never seen and costs space
    grey = np.where(body, np.clip(cloth.albedo, 0, 1) ** (1 / 2.2) * 255, 255)
    _write(place / names["albedo"], np.dstack([grey, grey, grey, alpha * 255]))
    _write(place / names["height"], np.clip((cloth.height - low) / max(high - low, _FLAT), 0, 1) * 255)
    if "trim" in names:
        _write(place / names["trim"], _fringed(cloth.trim)[..., [2, 1, 0, 3]] * 255)
    if "glass" in names:
        _write(place / names["glass"], cloth.glass * 255)


def _fringed(trim: F) -> F:
    """Give the empty part the parts' mean colour, so that a smaller copy has no dark fringe."""
    cover = trim[..., 3:]
    mean = (trim[..., :3] * cover).sum((0, 1)) / cover.sum()
    return np.concatenate([np.where(cover > 0, trim[..., :3], mean), cover], axis=-1)


def levels(image: F) -> NDArray[np.uint8]:
    """Return a layer as it is written: its values, 0 to 255, rounded."""
    whole = image + _TIE
    np.rint(whole, out=whole)
    return np.clip(whole, 0, 255, out=whole).astype(np.uint8)


def _write(path: Path, image: F) -> None:
    if not cv2.imwrite(str(path), levels(image), [cv2.IMWRITE_PNG_COMPRESSION, 9]):
        raise OSError(f"{path} could not be written")
