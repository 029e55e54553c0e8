"""The manifest's ``recipe``: with the clean picture, the text that rebuilds a triplet."""

import json
from collections.abc import Sequence
from typing import Any

from unmask.datagen.common.json_text import Maybe, Needs, Whole, misfit, parse_json
from unmask.datagen.faces.landmarks import Landmarks
from unmask.datagen.masks.recipe import MaskRecipe

_RECIPE_VERSION = 1
_RECIPE_SHAPE = Needs(
    {
        "version": int,
        "jpeg": Maybe(Whole(1, 100)),
        "parsing": bool,
        "faces": [Needs({"points": [int], "mask": Needs({"family": str})})],
    }
)


def recipe_text(
    faces: Sequence[tuple[Landmarks, MaskRecipe]], jpeg_quality: int | None, *, parsing: bool
) -> str:
    """Return the text for a picture's faces; ``parsing``: whether a parsing map was used."""
    entries = [{"points": landmarks.to_quarters(), "mask": recipe.to_dict()} for landmarks, recipe in faces]
    whole = {"version": _RECIPE_VERSION, "jpeg": jpeg_quality, "parsing": parsing, "faces": entries}
    return json.dumps(whole, separators=(",", ":"))


def parse_recipe(text: str) -> dict[str, Any]:
    """Return the JSON of a manifest's ``recipe``: ``jpeg``, ``parsing``, and ``points`` and ``mask`` of each face.

    Raises
    ------
    ValueError
        When the text is no such recipe; what the masks are is for `MaskRecipe.from_dict` to say.
    """
    data: dict[str, Any] = parse_json(text)
    wrong = misfit(data, _RECIPE_SHAPE, "recipe")
    if wrong:
        raise ValueError(f"not a triplet's recipe: {wrong} is missing or of another kind")
    if data["version"] != _RECIPE_VERSION:
        raise ValueError(f"recipe version {data['version']}, expected {_RECIPE_VERSION}")
    if not data["faces"]:
        raise ValueError("not a triplet's recipe: it has no face")
    return data


def recipe_faces(text: str) -> tuple[list[tuple[Landmarks, MaskRecipe]], int | None, bool]:
    """Return faces, JPEG quality, and whether there was a parsing map; ValueError when it is no such recipe."""
    data = parse_recipe(text)
    entries = [
        (Landmarks.from_quarters(entry["points"], "supplied"), MaskRecipe.from_dict(entry["mask"]))
        for entry in data["faces"]
    ]
    return entries, data["jpeg"], data["parsing"]
