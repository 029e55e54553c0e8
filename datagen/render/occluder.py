"""Put what is in front of a face on a picture: over the mask, and over the bare face just so."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.colour import decode_srgb, linear_rgb
from unmask.datagen.masks.recipe import OccluderRecipe, SensorRecipe, ShadowRecipe
from unmask.datagen.occluders.canvas import Canvas, Light
from unmask.datagen.occluders.kinds import KINDS
from unmask.datagen.occluders.look import Look

from ._layers import cut_alphas
from .front import temple_colour
from .light import FaceLight
from .region import Region
from .render import Painting, blend_painting
from .scene import Scene
from .sensor import blur_sigma, expose, grain_window, linear_noise
from .shadow import LAST_LEVEL, contact_shadow

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

_MOUTH = np.array([0.0, -1.08, 0.05])  # model coordinates
_FINE_LIMIT_PX = 260  # as the mask's: larger faces have pixels enough
_SENSOR = SensorRecipe(blur=1.0, noise=1.0, edge=0.0, jpeg=False, blend="linear")
_SHADOW = ShadowRecipe(strength=0.38, offset=0.06, blur=0.06)
_HANDS = np.float32(1.18)  # the face's median has pores, lids and shade in it
_GLOVED = 12  # every so-many-th hand
_NO_HAIR = np.zeros(3)
_CAST = 0.5  # share of the light's colour that things take on, as masks do in the mean


def occlude(
    masked: U8, clean: U8, layers: U8, scenes: Sequence[Scene], recipes: Sequence[OccluderRecipe | None]
) -> U8:
    """Draw occluders over a finished picture with masks, and over the clean one.

    Both get the same pixels, so they still agree wherever no mask, strap or shadow of a mask is seen.

    Parameters
    ----------
    masked : uint8 (h, w, 3)
        In place.
    clean : uint8 (h, w, 3)
        Never changed.
    layers : uint8 (h, w, 3)
        Body, strap and shadow of the masks; loses what is covered, in place.
    scenes, recipes : sequence
        Of each face, the nearest one first, and what is in front of it.

    Returns
    -------
    uint8 (h, w, 3)
        The clean picture with what is in front; the very same array where nothing is.
    """
    pairs = reversed(list(zip(scenes, recipes, strict=True)))
    paintings = [paint_occluder(clean, scene, recipe) for scene, recipe in pairs if recipe is not None]
    front = clean.copy(order="C") if any(paintings) else clean
    for painting in filter(None, paintings):
        for picture in (masked, front):
            blend_painting(picture, painting)
        window = layers[painting.region.window]
        window[...] = np.rint(window * (1 - painting.body[..., None])).astype(np.uint8)
        # Where an edge leaves less of a mask than a level of the map can say, nothing of it is left.
        gone = ~window.any(axis=2)
        masked[painting.region.window][gone] = front[painting.region.window][gone]
    return front


def paint_occluder(image_rgb: U8, scene: Scene, recipe: OccluderRecipe) -> Painting | None:
    """Draw one occluder's layers; None when nothing of it falls on the picture.

    Parameters
    ----------
    image_rgb : uint8 (h, w, 3)
        The clean picture (read for hair, never written).
    """
    kind = KINDS[recipe.kind]
    hair = _hair(image_rgb, scene, recipe) if kind.of_hair else _NO_HAIR
    if hair is None:
        return None  # hair of another colour than the face's would be a stripe of paint
    shape = image_rgb.shape
    scale_px = scene.face.pose.scale_px
    fine = 2 if scale_px < _FINE_LIMIT_PX else 1
    axes = _axes(scene, recipe)
    to_samples = np.column_stack([axes * scale_px * recipe.size, _place(scene, recipe)])
    to_samples = to_samples * fine
    to_samples[:, 2] += 0.5 * (fine - 1)
    canvas = Canvas(shape[0] * fine, shape[1] * fine, to_samples, _light(scene.light, axes))
    kind.draw(canvas, _look(scene, recipe, hair))
    sigma = blur_sigma(scene.camera.blur_px, _SENSOR)
    region = _region(canvas.cover, shape, fine, 3 * sigma + 0.25 * scale_px + 2)
    return None if region is None else _expose(canvas, scene, recipe, region, sigma)


def _expose(canvas: Canvas, scene: Scene, recipe: OccluderRecipe, region: Region, sigma: float) -> Painting:
    """What the camera makes of the canvas, with its shadow on the face."""
    fine = region.fine
    rows, cols = (slice(part.start * fine, part.stop * fine) for part in region.window)
    cover = np.ascontiguousarray(canvas.cover[rows, cols])
    layer = np.dstack([canvas.colour[rows, cols], cover, cover])
    if fine > 1:
        layer = cv2.resize(layer, (region.width, region.height), interpolation=cv2.INTER_AREA)
    layer = expose(np.ascontiguousarray(layer, np.float32), sigma, _SENSOR)
    strap = np.zeros(layer.shape[:2], np.float32)
    body, around = np.empty_like(strap), np.empty_like(strap)
    cut_alphas(layer, strap, body, around, LAST_LEVEL)
    shadow = contact_shadow(body, scene.face, scene.light.direction, _SHADOW, (region.x, region.y))
    noise = linear_noise(scene.camera.noise_levels, 1.0)
    grain = grain_window(region.height, region.width, recipe.seed) * _noise_share(layer)
    return Painting(region, body, strap, shadow, layer, (0.0, 0.0, 0.0), "linear", grain, noise, 0.0)


def _noise_share(layer: F32) -> F32:
    """Noise at each pixel's own level against that on white (`linear_noise`): a black sleeve shows little."""
    level = layer[..., :3].mean(axis=2) / np.maximum(layer[..., 3], np.float32(1e-3))
    return np.asarray(np.maximum(level, np.float32(0.004)) ** np.float32(1.2 / 2.2), np.float32)


def _axes(scene: Scene, recipe: OccluderRecipe) -> F64:
    """Picture directions of u and v as columns, float64 (2, 2): unit vectors."""
    right, down = _head_axes(scene)
    side = -1.0 if recipe.mirrored else 1.0
    turn = np.radians(recipe.turn * KINDS[recipe.kind].turn)
    cos, sin = np.cos(turn), np.sin(turn)
    return np.column_stack([side * cos * right - sin * down, side * sin * right + cos * down])


def _head_axes(scene: Scene) -> tuple[F64, F64]:
    """Unit vectors on the picture to the right of an upright head and down it."""
    down = -scene.face.pose.up
    return np.array([down[1], -down[0]]), down


def _place(scene: Scene, recipe: OccluderRecipe) -> F64:
    """Picture position of the occluder's origin."""
    right, down = _head_axes(scene)
    middle_x, middle_y = KINDS[recipe.kind].middle
    side = -1.0 if recipe.mirrored else 1.0
    x, y = recipe.x + side * middle_x, recipe.y + middle_y
    mouth = scene.face.project(_MOUTH[None])[0]
    return np.asarray(mouth + scene.face.pose.scale_px * (x * right + y * down), np.float64)


def _light(light: FaceLight, axes: F64) -> Light:
    """The photograph's light in the occluder's own axes."""
    x, y, z = light.direction.tolist()
    u, v = (np.array([x, -y]) @ axes).tolist()
    return Light(light.ambient, (u, v, z))


def _hair(image_rgb: U8, scene: Scene, recipe: OccluderRecipe) -> F64 | None:
    """Colour of the hair that a strand begins in, sRGB levels; None where none is found."""
    if scene.hair_rgb is not None:
        return scene.hair_rgb
    return temple_colour(image_rgb, scene.face, scene.light.skin_rgb, left=recipe.mirrored)


def _look(scene: Scene, recipe: OccluderRecipe, hair: F64) -> Look:
    light = scene.light
    gain = (light.exposure * light.cast**_CAST).astype(np.float32)
    drawn = linear_rgb(recipe.colour) * gain
    gloved = recipe.seed % _GLOVED == 0
    return Look(
        skin=drawn if gloved else np.minimum(_linear(light.skin_rgb) * _HANDS, 1),
        hair=_linear(hair),
        colour=drawn,
        white=np.float32(0.9) * gain,
        gloved=gloved,
        seed=recipe.seed,
    )


def _linear(rgb: F64) -> F32:
    return decode_srgb(np.clip(np.rint(rgb), 0, 255).astype(np.uint8))


def _region(cover: F32, shape: tuple[int, ...], fine: int, margin_px: float) -> Region | None:
    """The part of the picture that an occluder and its shadow can touch."""
    x, y, width, height = cv2.boundingRect((cover > 0).astype(np.uint8))
    if not width:
        return None
    low = np.maximum(np.floor(np.array([x, y]) / fine - margin_px), 0).astype(int)
    high = np.ceil(np.array([x + width, y + height]) / fine + margin_px).astype(int)
    high = np.minimum(high, [shape[1], shape[0]])
    left, top, wide, tall = (int(value) for value in (*low, *(high - low)))
    return Region(left, top, wide, tall, fine)
