"""One picture to one triplet: fit the picture, draw recipes, render, check, and draw again where it does not fit.

The same functions serve ``unmask-data build`` and the on-the-fly dataset, so both give the same pixels for the
same (seed, key, variant).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.rng import generator
from unmask.datagen.faces.landmarks import Landmarks
from unmask.datagen.masks.draw import draw_recipe
from unmask.datagen.masks.draw_occluder import draw_occluder
from unmask.datagen.masks.recipe import MaskRecipe
from unmask.datagen.masks.template import TemplateSet

from ._layers import mark_layers
from .jitter import apply_jitter, draw_jitter
from .occluder import occlude
from .prepared_picture import PreparedFace, PreparedPicture, Refusal, prepare_face, prepare_picture
from .quality import Fit, fault, measure_fit
from .recipe_text import recipe_faces, recipe_text
from .render import Painting, blend_painting, paint_mask
from .triplet_config import TripletConfig

U8 = NDArray[np.uint8]

_ATTEMPTS = 8


@dataclass(frozen=True)
class TripletSummary:
    """The manifest's columns about the masks; of the largest face where there are several."""

    faces: int
    template: str
    family: str
    worn: str
    colour: str
    texture: str
    coverage: float
    lower_face_coverage: float
    yaw: float
    pitch: float
    roll: float
    support_box: tuple[int, int, int, int] | None


@dataclass(frozen=True)
class Triplet:
    """A finished triplet.

    Attributes
    ----------
    masked, clean : uint8 (h, w, 3)
        RGB; equal wherever map and layers are 0. An occluder is in both.
    map : uint8 (h, w)
        Coverage (alpha) of the mask bodies, 0..255.
    layers : uint8 (h, w, 3)
        Body coverage, strap coverage, strength of the contact shadow.
    recipe_json : str
        Landmarks and recipes of every face: with the clean picture, as it was before any occluder, it rebuilds the
        triplet (`replay`).
    summary : TripletSummary
    """

    masked: U8
    map: U8
    clean: U8
    layers: U8
    recipe_json: str
    summary: TripletSummary


def mask_picture(
    picture: PreparedPicture, config: TripletConfig, *, key: str, variant: int
) -> Triplet | Refusal:
    """Draw and render one mask on every face of a prepared picture.

    A mask that fails quality control is drawn again, at most eight times; then the picture is ``rejected``.

    Parameters
    ----------
    key : str
        The source picture's name; with seed and variant it decides what is drawn.
    variant : int
        Which of this picture's masks, from 0.
    """
    drawn: list[tuple[MaskRecipe, Painting, Fit]] = []
    for index, face in enumerate(picture.faces):
        found = _fit_mask(picture.clean, face, config, key, variant, index)
        if isinstance(found, str):
            where = f"face {index + 1}: " if len(picture.faces) > 1 else ""
            return Refusal("rejected", f"{where}{found} in each of {_ATTEMPTS} masks drawn")
        if config.occluders:
            rng = generator(config.seed, key, variant, f"occluder/{index}")
            found = (replace(found[0], occluder=draw_occluder(rng, config.recipe)), *found[1:])
        drawn.append(found)
    return _assemble(picture, drawn)


def make_triplet(
    image_rgb: U8,
    faces: Sequence[Landmarks],
    config: TripletConfig,
    *,
    key: str,
    variant: int,
    jpeg_quality: int | None = None,
) -> Triplet | Refusal:
    """`prepare_picture` and `mask_picture` in one call, after the jitter where the configuration asks for it."""
    if config.jitter:
        moves = draw_jitter(generator(config.seed, key, variant, "jitter"), config.recipe)
        image_rgb, faces = apply_jitter(image_rgb, list(faces), moves, config.size)
        jpeg_quality = None
    picture = prepare_picture(image_rgb, faces, config, jpeg_quality)
    return (
        picture if isinstance(picture, Refusal) else mask_picture(picture, config, key=key, variant=variant)
    )


def replay(clean_rgb: U8, recipe_json: str, templates: TemplateSet, labels: U8 | None = None) -> Triplet:
    """Rebuild a triplet from the clean picture at output size and the manifest's ``recipe``.

    Parameters
    ----------
    clean_rgb : uint8 (h, w, 3)
        Without occluders: a triplet that has one shows it in its clean picture.
    labels : uint8 (h, w), optional
        The parsing map at output size, where the build had one.

    Raises
    ------
    ValueError
        When the text is not such a recipe, or a parsing map is missing.
    UserError
        When a template is missing.
    """
    entries, jpeg_quality, parsing = recipe_faces(recipe_json)
    if parsing and labels is None:
        raise ValueError("this triplet was made with a parsing map (`parsing`), which is not given")
    labels = labels if parsing else None
    faces, drawn = [], []
    for landmarks, recipe in entries:
        face = prepare_face(clean_rgb, landmarks, jpeg_quality, labels)
        painting = _paint(clean_rgb, face, recipe, templates)
        if painting is None:
            raise ValueError("the recipe's mask does not fall on this picture")
        faces.append(face)
        drawn.append((recipe, painting, _measure(face, painting)))
    return _assemble(PreparedPicture(clean_rgb, tuple(faces), jpeg_quality, labels), drawn)


def _fit_mask(
    clean: U8, face: PreparedFace, config: TripletConfig, key: str, variant: int, index: int
) -> tuple[MaskRecipe, Painting, Fit] | str:
    """The first drawn mask that passes quality control, or the last one's fault in words."""
    trouble: str | None = None
    for attempt in range(_ATTEMPTS):
        rng = generator(config.seed, key, variant, f"mask/{index}/{attempt}")
        recipe = draw_recipe(rng, config.recipe, config.templates)
        painting = _paint(clean, face, recipe, config.templates)
        if painting is None:
            trouble = "the mask falls outside the picture"
            continue
        fit = _measure(face, painting)
        trouble = fault(fit, recipe.worn, config.templates[recipe.template].least_cover)
        if trouble is None:
            return recipe, painting, fit
    return str(trouble)


def _paint(clean: U8, face: PreparedFace, recipe: MaskRecipe, templates: TemplateSet) -> Painting | None:
    return paint_mask(clean, face.scene, recipe, templates[recipe.template], templates.textures)


def _measure(face: PreparedFace, painting: Painting) -> Fit:
    origin = (painting.region.x, painting.region.y)
    return measure_fit(painting.body, origin, face.landmarks.points, face.scene.face, painting.folded)


def _assemble(picture: PreparedPicture, drawn: Sequence[tuple[MaskRecipe, Painting, Fit]]) -> Triplet:
    masked = picture.clean.copy(order="C")
    layers = np.zeros(masked.shape, np.uint8)
    for _, painting, _ in drawn:
        blend_painting(masked, painting)
        region = painting.region
        window = (masked.shape[1], region.y, region.x, region.height, region.width)
        mark_layers(layers, painting.body, painting.strap, painting.shadow, window)
    occluders = [recipe.occluder for recipe, _, _ in drawn]
    clean = occlude(masked, picture.clean, layers, [face.scene for face in picture.faces], occluders)
    body, strap, shadow = cv2.split(layers)
    faces = [(face.landmarks, recipe) for face, (recipe, _, _) in zip(picture.faces, drawn, strict=True)]
    recipe_json = recipe_text(faces, picture.jpeg_quality, parsing=picture.labels is not None)
    summary = _summary(picture, drawn, body, strap | shadow)
    return Triplet(masked, body, clean, layers, recipe_json, summary)


def _summary(
    picture: PreparedPicture, drawn: Sequence[tuple[MaskRecipe, Painting, Fit]], body: U8, beside: U8
) -> TripletSummary:
    recipe, _, fit = drawn[0]
    pose = picture.faces[0].scene.face.pose
    x, y, width, height = cv2.boundingRect(beside)
    return TripletSummary(
        faces=len(drawn),
        template=recipe.template,
        family=recipe.family,
        worn=recipe.worn,
        colour=recipe.fabric.colour,
        texture=recipe.fabric.texture,
        coverage=round(cv2.mean(body)[0] / 255, 5),
        lower_face_coverage=round(float(fit.lower_face), 4),
        yaw=round(pose.yaw, 2),
        pitch=round(pose.pitch, 2),
        roll=round(pose.roll, 2),
        support_box=(x, y, x + width, y + height) if width else None,
    )
