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
from unmask.datagen.faces.parsing_labels import what_does_not_fit
from unmask.datagen.masks.draw import draw_recipe
from unmask.datagen.masks.draw_occluder import draw_occluder
from unmask.datagen.masks.recipe import MaskRecipe
from unmask.datagen.masks.recipe_config import RecipeConfig
from unmask.datagen.masks.template import TemplateSet
from unmask.datagen.pictures.picture import fit_labels, fit_picture, fit_transform

from ._layers import mark_layers
from .jitter import apply_jitter, draw_jitter
from .occluder import occlude
from .quality import LOWER_FACE, Fit, fault, measure_fit
from .recipe_text import recipe_faces, recipe_text
from .render import Painting, Scene, blend_painting, paint_mask, read_scene

U8 = NDArray[np.uint8]

MIN_EYE_DIST_PX = 10.0  # smaller faces have no room for a mask with structure
_ATTEMPTS = 8
_INSIDE_SHARE = 0.6  # of the lower face's points; a crop may cut faces at its border


@dataclass(frozen=True)
class TripletConfig:
    """Everything that decides a triplet's pixels besides the picture itself; picklable.

    Attributes
    ----------
    seed : int
    size : (width, height) or None
        Output size in pixels by centre crop and scaling; None keeps the source's.
    recipe : RecipeConfig
    templates : TemplateSet
    faces : str
        ``all``, ``largest``, or ``single`` (pictures with several faces are refused as ``many_faces``).
    jitter : bool
        Move every picture by the recipe's ``[jitter]`` before it is masked, differently for each variant.
    occluders : bool
        Draw hands, cups and the like in front of some faces, by the recipe's ``[occluder]``; into the clean picture
        as well, which so differs between variants.
    """

    seed: int
    size: tuple[int, int] | None
    recipe: RecipeConfig
    templates: TemplateSet
    faces: str = "all"
    jitter: bool = False
    occluders: bool = False


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


@dataclass(frozen=True)
class Refusal:
    """A picture that gets no mask: a status of the manifest and the reason in words."""

    status: str
    reason: str


@dataclass(frozen=True)
class PreparedFace:
    """What one face gives to every mask drawn on it."""

    landmarks: Landmarks
    scene: Scene


@dataclass(frozen=True)
class PreparedPicture:
    """A picture at output size with its faces posed and their light read, ready for any number of variants."""

    clean: U8
    faces: tuple[PreparedFace, ...]
    jpeg_quality: int | None = None
    labels: U8 | None = None


def prepare_picture(
    image_rgb: U8,
    faces: Sequence[Landmarks],
    config: TripletConfig,
    jpeg_quality: int | None = None,
    labels: U8 | None = None,
) -> PreparedPicture | Refusal:
    """Fit the picture to the output size and read pose, light and blur of the faces that will be masked.

    Parameters
    ----------
    image_rgb : uint8 (h, w, 3)
        The clean picture at source size.
    faces : sequence of Landmarks
        In source pixels, largest first.
    jpeg_quality : int, optional
        Of the source file (`sensor.jpeg_quality`); not used where the picture is scaled or cropped, since the
        block grid is lost then.
    labels : uint8 (h, w), optional
        Parsing map of the picture at source size: what it names hair, glasses or hat stays in front.
    """
    height, width = image_rgb.shape[:2]
    matrix = fit_transform(width, height, config.size)
    if matrix is not None:
        image_rgb = fit_picture(image_rgb, config.size)
        faces = [face.transformed(matrix) for face in faces]
        jpeg_quality = None
        if labels is not None and config.size is not None:
            labels = fit_labels(labels, config.size)
        faces = [face for face in faces if _inside(face, image_rgb.shape)]
    if not faces:
        return Refusal(
            "no_face", "no face was found" if matrix is None else "no face was found inside the crop"
        )
    if config.faces == "single" and len(faces) > 1:
        return Refusal("many_faces", f"{len(faces)} faces, and --faces single asks for one")
    kept = [face for face in faces if face.eye_dist_px >= MIN_EYE_DIST_PX]
    if not kept:
        size = faces[0].eye_dist_px
        return Refusal(
            "too_small", f"the eyes are {size:.1f} px apart; at least {MIN_EYE_DIST_PX:g} px are needed"
        )
    if config.faces == "largest":
        kept = kept[:1]
    wrong = "" if labels is None else what_does_not_fit(labels, [face.points for face in kept])
    if wrong:
        return Refusal("unreadable", wrong)
    prepared = tuple(_prepare_face(image_rgb, face, jpeg_quality, labels) for face in kept)
    return PreparedPicture(image_rgb, prepared, jpeg_quality, labels)


def _inside(face: Landmarks, shape: tuple[int, ...]) -> bool:
    """Whether most of a face's lower half is in a picture, so that a mask on it is."""
    x, y = face.points[LOWER_FACE].T
    return float(((x >= 0) & (x < shape[1]) & (y >= 0) & (y < shape[0])).mean()) >= _INSIDE_SHARE


def _prepare_face(
    image_rgb: U8, landmarks: Landmarks, jpeg_quality: int | None, labels: U8 | None
) -> PreparedFace:
    return PreparedFace(landmarks, read_scene(image_rgb, landmarks.points, jpeg_quality, labels))


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
        face = _prepare_face(clean_rgb, landmarks, jpeg_quality, labels)
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
