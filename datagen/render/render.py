"""Render one mask on one face: a pure function of picture, posed face, recipe and template.

Layers from back to front: the clean picture, the contact shadow, the straps, the mask body; hair and glasses
that lie in front are cut out of the mask. Every step of the blend stays between its two inputs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.colour import encode_srgb, linear_rgb
from unmask.datagen.masks.recipe import MaskRecipe
from unmask.datagen.masks.template_format import Template

from ._geometry import light_vertices
from ._layers import cut_alphas, hide
from ._pixels import draw_cloth
from .fabric import Fabric, make_fabric
from .front import front_matte, labelled_matte
from .pixels import blend
from .region import Region, body_region, mask_region
from .scene import Scene, light_direction, light_rgb
from .sensor import blur_sigma, expose, grain_window, linear_noise, quantise_layer, to_srgb
from .shadow import LAST_LEVEL, contact_shadow
from .solids import throw_shadows
from .straps import StrapCurve, draw_straps, strap_curves
from .surface import PlacedMask, clear_solids, hang, place, solid_light

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

NO_TEXTURES: Mapping[str, Path] = MappingProxyType({})
_SHADE_LIMITS = (0.12, 1.5)  # relative light on the fabric
_SHADOW_RGB = (0.82, 1.0, 1.06)  # skin lets red light through: red is shaded less


@dataclass(frozen=True)
class Painting:
    """What one mask puts on the picture, all in the region's window.

    Attributes
    ----------
    region : Region
    body, strap, shadow : float32 (h, w)
        Coverage of the mask body and the straps and the strength of the shadow, 0..1; exactly 0 where they
        change nothing.
    layer : float32 (h, w, 5)
        Premultiplied RGB of the body, its opacity, and its coverage before it was cut.
    strap_rgb : 3 floats
    blend : str
        The values in which colours are stored and blended: ``linear`` light or ``srgb`` levels, 0..1.
    grain : float32 (h, w)
        Noise of unit variance, added ``noise`` times to the body's colour.
    folded : float
        See `PlacedMask.folded`.
    """

    region: Region
    body: F32
    strap: F32
    shadow: F32
    layer: F32
    strap_rgb: tuple[float, float, float]
    blend: str
    grain: F32
    noise: float
    folded: float


def paint_mask(
    image_rgb: U8,
    scene: Scene,
    recipe: MaskRecipe,
    template: Template,
    textures: Mapping[str, Path] = NO_TEXTURES,
) -> Painting | None:
    """Draw one mask's layers; None when nothing of it falls on the picture.

    Parameters
    ----------
    image_rgb : uint8 (h, w, 3)
        The clean picture (read for hair, JPEG and what is in front, never written).
    textures : mapping of stem to Path, optional
        The user's (`TemplateSet.textures`).
    """
    placed = place(hang(template, recipe.shape), scene.face)
    curves = list(strap_curves(image_rgb, scene.face, scene.light, recipe, template))
    sigma = blur_sigma(scene.camera.blur_px, recipe.sensor)
    region = mask_region(image_rgb.shape, placed, curves, scene.face.pose.scale_px, sigma, recipe)
    if region is None:
        return None
    window = image_rgb[region.window]
    fabric = _cloth(placed, scene, recipe, template, textures)
    layer = expose(_body(placed, scene, recipe, fabric, region), sigma, recipe.sensor)
    strap, strap_rgb = _straps(
        curves, scene, recipe, recipe.strap.width * template.straps.width, region, sigma
    )
    if recipe.front:
        behind = strap.copy() if recipe.strap.over else strap
        _hide_behind(window, layer, behind, placed, scene, region)
    body, cover = np.empty_like(strap), np.empty_like(strap)
    cut_alphas(layer, strap, body, cover, LAST_LEVEL)
    direction = light_direction(scene.light, recipe.light)
    shadow = contact_shadow(cover, scene.face, direction, recipe.shadow, (region.x, region.y))
    grain = grain_window(region.height, region.width, recipe.fabric.seed)
    noise = _noise(scene, recipe)
    painting = Painting(region, body, strap, shadow, layer, strap_rgb, "linear", grain, noise, placed.folded)
    if recipe.sensor.jpeg and scene.camera.jpeg_quality is not None:
        blended = window.copy()
        _blend(blended, painting, (0, 0))
        quantise_layer(layer, blended, scene.camera.jpeg_quality)
    return _in_srgb(painting, scene, recipe) if recipe.sensor.blend == "srgb" else painting


def _cloth(
    placed: PlacedMask,
    scene: Scene,
    recipe: MaskRecipe,
    template: Template,
    textures: Mapping[str, Path],
) -> Fabric:
    """The fabric with the shadows of its solid parts on it."""
    fabric = make_fabric(template, recipe.fabric, recipe.fold, scene.face.pose.scale_px, textures)
    if placed.solids:
        light = solid_light(placed.solids, light_direction(scene.light, recipe.light))
        throw_shadows(fabric.texels, template, recipe.shape.thickness, light, recipe.shadow.strength)
    return fabric


def _in_srgb(painting: Painting, scene: Scene, recipe: MaskRecipe) -> Painting:
    """The same colours as sRGB levels, to be blended as most editors blend."""
    red, green, blue = (encode_srgb(np.array(painting.strap_rgb, np.float32)) / 255).tolist()
    share = scene.camera.noise_levels * recipe.sensor.noise / 255
    layer = to_srgb(painting.layer)
    return replace(painting, layer=layer, strap_rgb=(red, green, blue), blend="srgb", noise=share)


def _noise(scene: Scene, recipe: MaskRecipe) -> float:
    """The photograph's noise in linear light, at about the mask's own level."""
    lit = linear_rgb(recipe.fabric.colour) * light_rgb(scene.light, recipe.light)
    return linear_noise(scene.camera.noise_levels * recipe.sensor.noise, float(lit.mean()))


def _hide_behind(
    window: U8, layer: F32, strap: F32, placed: PlacedMask, scene: Scene, region: Region
) -> None:
    """Cut what lies in front of the mask out of its layers, in place; its solid parts stand out of hair."""
    matte = _in_front(window, scene, region)
    if matte is not None:
        clear_solids(matte, placed.solids, (region.x, region.y))
        hide(layer, strap, matte)


def _in_front(window: U8, scene: Scene, region: Region) -> F32 | None:
    """Coverage of what hides the mask, float32 (h, w); None where nothing does."""
    if scene.labels is not None:
        return labelled_matte(scene.labels[region.window], scene.face.pose.scale_px)
    return front_matte(window, (region.x, region.y), scene.face, scene.light, scene.hair_rgb)


def blend_painting(image_rgb: U8, painting: Painting) -> None:
    """Blend a painting into a contiguous picture, in place; pixels that no layer touches keep their bytes."""
    _blend(image_rgb, painting, (painting.region.y, painting.region.x))


def _blend(image_rgb: U8, painting: Painting, corner: tuple[int, int]) -> None:
    layers = (painting.shadow, painting.strap, painting.body, painting.layer)
    colours = (painting.strap_rgb, _SHADOW_RGB, painting.blend)
    blend(image_rgb, corner, *layers, *colours, painting.grain, painting.noise)


def _body(placed: PlacedMask, scene: Scene, recipe: MaskRecipe, fabric: Fabric, region: Region) -> F32:
    """The lit fabric at picture resolution: premultiplied linear RGB, opacity, coverage, float32 (h, w, 5)."""
    texel_rows, texel_cols = fabric.texels.shape[:2]
    inner = body_region(placed, region)
    direction = light_direction(scene.light, recipe.light)
    xyz, attributes = _lit_grid(placed, direction, inner, fabric)
    for solid in placed.solids:
        # one mesh, so that all hide one another; the seam of no place keeps a grid's last row from the next's first
        more = _lit_grid(solid, direction, inner, fabric)
        xyz, attributes = (
            np.concatenate([grid, np.full_like(grid[:1], np.nan), other])
            for grid, other in zip((xyz, attributes), more, strict=True)
        )
    rows, cols = xyz.shape[:2]
    layer = np.zeros((region.height, region.width, 5), np.float32)
    place = (inner.y - region.y, inner.x - region.x, inner.height, inner.width, inner.fine)
    lighting = (
        scene.light.ambient,
        recipe.light.shading,
        *_SHADE_LIMITS,
        *light_rgb(scene.light, recipe.light),
    )
    grids = (xyz, attributes, fabric.texels, layer, rows, cols)
    draw_cloth(*grids, (*place, region.height, region.width), texel_rows, texel_cols, *lighting)
    return layer


def _lit_grid(placed: PlacedMask, direction: F64, inner: Region, fabric: Fabric) -> tuple[F32, F32]:
    """Vertices as `draw_cloth` takes them: places in samples of a region, and texels and light."""
    rows, cols = placed.xyz.shape[:2]
    texel_rows, texel_cols = fabric.texels.shape[:2]
    xyz, attributes = np.empty((rows, cols, 3), np.float32), np.empty((rows, cols, 5), np.float32)
    mesh = (placed.xyz, placed.normal, placed.along, placed.down, xyz, attributes, rows, cols)
    x, y, z = direction.tolist()
    light_vertices(*mesh, (x, y, z), inner.x, inner.y, inner.fine, texel_rows, texel_cols)
    if placed.fabric is not None:
        size = np.array([texel_cols, texel_rows])
        attributes[..., :2] = (placed.fabric * [0.5, 1.0] + [0.5, 0.0]) * size - 0.5
    return xyz, attributes


def _straps(
    curves: list[StrapCurve], scene: Scene, recipe: MaskRecipe, width: float, region: Region, sigma: float
) -> tuple[F32, tuple[float, float, float]]:
    size = (region.height, region.width)
    if not curves:
        return np.zeros(size, np.float32), (0.0, 0.0, 0.0)
    fine = max(region.fine, 2)
    scale = scene.face.pose.scale_px
    where = ((region.x, region.y), size, fine)
    canvas = draw_straps(curves, width * scale, *where, broad_px=recipe.strap.broad * scale)
    small = cv2.resize(canvas, (region.width, region.height), interpolation=cv2.INTER_AREA)
    alpha = small.astype(np.float32) / np.float32(255)
    if sigma >= 0.15:
        alpha = np.asarray(cv2.GaussianBlur(alpha, (0, 0), sigma), np.float32)
    relative = sum(curve.light for curve in curves) / len(curves)
    lit = linear_rgb(recipe.strap.colour) * light_rgb(scene.light, recipe.light) * relative
    red, green, blue = np.minimum(np.maximum(lit, 0), 1).tolist()
    return alpha, (red, green, blue)
