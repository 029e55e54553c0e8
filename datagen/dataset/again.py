"""One face of a dataset made again with another recipe, to look at: nothing is written."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from unmask.datagen.common.colour import encode_srgb, to_hex
from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.common.work_folder import TOOLKIT_KEY
from unmask.datagen.faces.parsing import read_fitted_parsing
from unmask.datagen.masks.recipe import BINDING, BLENDS, BOUND_EDGES, OWN_TEXTURE, STRAP_LATER, MaskRecipe
from unmask.datagen.masks.recipe_config import LIMITS, load_recipe_config
from unmask.datagen.masks.template import TemplateSet, load_templates
from unmask.datagen.masks.template_layers import load_layers
from unmask.datagen.pictures.arrays import U8
from unmask.datagen.pictures.picture import decode_picture
from unmask.datagen.prints.kinds import PRINTS
from unmask.datagen.render.prepared_picture import Refusal, prepare_picture
from unmask.datagen.render.recipe_text import parse_recipe, recipe_faces
from unmask.datagen.render.solids import parts_colour
from unmask.datagen.render.triplet import Triplet, mask_picture, replay
from unmask.datagen.render.triplet_config import TripletConfig

from .folder import read_build
from .manifest_row import ManifestRow
from .verify import check_order

_SMALL = 3  # level of a template's layers: enough to take a mean colour
_PARTS = ("shape", "fabric", "fold", "light", "shadow", "strap", "sensor")
# What a recipe file says otherwise, or leaves to the draw.
_SPANS = {
    "shape.slide": (0.0, 80.0),  # degrees: `worn.*`
    "shape.loose": (-1.0, 1.0),
    "shape.thickness": LIMITS["solid.thickness"],
    "fabric.scale": LIMITS["texture.scale"],
    "fabric.turn": LIMITS["texture.turn"],
    "fabric.weave": LIMITS["texture.weave"],
    "fabric.seed": (0.0, 9999.0),
    "fabric.binding_width": (0.0, LIMITS["binding.width"][1]),
    "strap.broad": (0.0, LIMITS["strap.broad_width"][1]),
    "light.turn": (-180.0, 180.0),  # degrees: `light.wrong`
}
_CHOICES = {"sensor.blend": BLENDS, "fabric.bound": BOUND_EDGES}


@dataclass(frozen=True)
class Field:
    """A value of a mask's recipe that a person may change.

    Attributes
    ----------
    key : str
        Such as ``fabric.colour``.
    kind : str
        ``number``, ``whole``, ``choice``, ``colour`` or ``flag``.
    span : (low, high) or None
        Of a number: what recipe files may ask for.
    choices : tuple of str
    """

    key: str
    kind: str
    span: tuple[float, float] | None = None
    choices: tuple[str, ...] = ()


class Again:
    """Renders the faces of a dataset with other recipes.

    Parameters
    ----------
    folder : Path
        Of the dataset; its ``build.json`` says with which templates, textures and parsing maps.

    Raises
    ------
    UserError
        When ``build.json`` is missing or damaged.
    """

    def __init__(self, folder: Path) -> None:
        build = read_build(folder)
        if build is None:
            raise ArgumentError(
                "data", f"{folder}: no build.json in it, which says what its masks are made of"
            )
        self._order = check_order(folder, build.get("config", {}), build.get(TOOLKIT_KEY))

    @cached_property
    def templates(self) -> TemplateSet:
        """All that there are, of families that the build left out as well; UserError where a folder is gone."""
        return load_templates(self._order.templates, None, self._order.textures)

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """What may be changed, in the order of a recipe."""
        names = tuple(template.name for template in self.templates.templates)
        prints = (*PRINTS, *(OWN_TEXTURE + stem for stem in sorted(self.templates.textures)))
        return (Field("template", "choice", choices=names), *_part_fields(prints), Field("front", "flag"))

    def masks(self, recipe: str) -> list[dict[str, Any]]:
        """Return the recipe of each face's mask with a value for every field that has an effect.

        Recipes leave out what they do not use: a binding, and solid parts that are flat, in colours of their own,
        which are given as their mean. A template without solid parts has no colour of them.

        Raises
        ------
        ValueError
            When the text is no such recipe.
        UserError
            When a template is missing.
        """
        return [self._whole(MaskRecipe.from_dict(face["mask"])) for face in parse_recipe(recipe)["faces"]]

    def _whole(self, mask: MaskRecipe) -> dict[str, Any]:
        whole = mask.to_dict()
        whole["shape"]["thickness"] = mask.shape.thickness
        whole["fabric"] |= {name: getattr(mask.fabric, name) for name in BINDING}
        whole["strap"] |= {name: getattr(mask.strap, name) for name in STRAP_LATER}
        template = self.templates[mask.template]
        own = parts_colour(load_layers(template, _SMALL).trim_rgb, template)
        if own is not None and not mask.fabric.solid:
            whole["fabric"]["solid"] = to_hex(tuple(encode_srgb(own).tolist()))
        return whole

    def change(self, clean: bytes, row: ManifestRow, changes: Mapping[str, Any], face: int = 0) -> Triplet:
        """Render a row again with other values.

        Parameters
        ----------
        clean : bytes
            File of its clean picture.
        row : ManifestRow
        changes : mapping
            Values of `Field` keys of one face.
        face : int
            Which one, from 0.

        Raises
        ------
        UserError
            When there is no such key, face or template, or a value is beyond all recipes.
        UnreadablePictureError
            When the picture or its parsing map cannot be read.
        """
        image = decode_picture(clean).image_rgb
        try:
            text = self._changed(row.recipe, changes, face)
            return replay(image, text, self.templates, self._labels(row, image))
        except UserError:
            raise
        except ValueError as error:
            if changes:
                raise ArgumentError("changes", f": {error}") from error
            raise UserError(f"{row.key}: {error}") from error

    def draw(
        self, clean: bytes, row: ManifestRow, pins: Sequence[str], seed: int, recipe: str = "default"
    ) -> Triplet:
        """Draw another mask for the faces of a row, as ``unmask-data build --seed --recipe --set`` draws it.

        Raises
        ------
        UserError
            When a pin or the recipe makes no sense, or no mask fits.
        UnreadablePictureError
            As `change`.
        """
        image = decode_picture(clean).image_rgb
        config = TripletConfig(seed, None, load_recipe_config(recipe, tuple(pins)), self.templates)
        try:
            faces, jpeg_quality, parsing = recipe_faces(row.recipe)
        except ValueError as error:
            raise UserError(f"{row.key}: {error}") from error
        labels = self._labels(row, image) if parsing else None
        points = [landmarks for landmarks, _ in faces]
        prepared = prepare_picture(image, points, config, jpeg_quality, labels)
        if not isinstance(prepared, Refusal):
            made = mask_picture(prepared, config, key=row.source, variant=row.variant)
            if isinstance(made, Triplet):
                return made
            prepared = made
        raise UserError(f"{row.key}: {prepared.reason}")

    def _changed(self, recipe: str, changes: Mapping[str, Any], face: int) -> str:
        data = parse_recipe(recipe)
        if not 0 <= face < len(data["faces"]):
            raise ArgumentError("face", f"{face}: the picture has {len(data['faces'])}, counted from 0")
        mask = MaskRecipe.from_dict(data["faces"][face]["mask"]).to_dict()
        known = {field.key for field in self.fields}
        for key, value in changes.items():
            if key not in known:
                raise ArgumentError("changes", f": unknown {key!r}; known: {', '.join(sorted(known))}")
            part, dot, name = key.partition(".")
            if dot:
                mask[part][name] = value
            else:
                mask[part] = value
            if key == "template":
                mask["family"] = self.templates[str(value)].family
        data["faces"][face]["mask"] = mask
        return json.dumps(data)

    def _labels(self, row: ManifestRow, image_rgb: U8) -> U8 | None:
        order = self._order
        if order.parsing is None:
            return None
        height, width = image_rgb.shape[:2]
        stem = row.key.rpartition("_")[0]
        return read_fitted_parsing(order.parsing, stem, (width, height), order.parsing_labels)


def _part_fields(prints: tuple[str, ...]) -> list[Field]:
    kinds = {part.name: part.type for part in fields(MaskRecipe)}
    found = []
    for part in _PARTS:
        for one in fields(kinds[part]):  # type: ignore[arg-type]  # a dataclass
            key = f"{part}.{one.name}"
            if one.type is float or one.type is int:
                span = _SPANS[key] if key in _SPANS else LIMITS[key]
                found.append(Field(key, "number" if one.type is float else "whole", span))
            elif one.type is bool:
                found.append(Field(key, "flag"))
            elif key == "fabric.texture":
                found.append(Field(key, "choice", choices=prints))
            elif key in _CHOICES:
                found.append(Field(key, "choice", choices=_CHOICES[key]))
            else:
                found.append(Field(key, "colour"))
    return found
