"""The cloth of one mask in its own coordinates: colour, print, grain, pleats and wrinkles, before any light."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.colour import linear_rgb
from unmask.datagen.common.stored import stored
from unmask.datagen.masks.recipe import OWN_TEXTURE, FabricRecipe, FoldRecipe
from unmask.datagen.masks.template_format import Template
from unmask.datagen.masks.template_layers import Layers, load_large_layers, load_layers
from unmask.datagen.masks.textures import lay_texture, texture_path
from unmask.datagen.prints.kinds import Print, draw_print
from unmask.datagen.prints.sheet import BRIGHTEST, DARKEST

from ._cloth import slopes as find_slopes
from ._cloth import weave
from .binding import bind, strip_cover, strip_height
from .folds import fold_height
from .solids import dye_parts

F32 = NDArray[np.float32]

_TILE_PX = 512
_TILE_PX_PER_IOD = 96  # of the wrinkle tile
_WRAP_PX = 128  # wider than any blur of it reaches
_WRINKLE_IOD = 0.012  # height of the deepest wrinkles at strength 1
_ENLARGED = -1  # level of layers of twice their size
_ENLARGED_FROM = 1.2  # pixels that a texel covers
_LARGEST_ENLARGED_PX = 1024  # layers of one's own may be as fine as large pictures are
_CLEAR = 0.88  # light that passes a clear window
_GRAIN = 0.10  # relative change of light by the cloth's threads at strength 1
_NONE = np.empty(0, np.float32)
_CAVITY_REACH_IOD = 0.045
_CAVITY_STRENGTH = 9.0  # share of light lost per IOD that a crease lies below its surroundings


@dataclass(frozen=True)
class Fabric:
    """Layers of one mask's cloth.

    Attributes
    ----------
    texels : float32 (h, w, 8)
        Linear RGB multiplied by opacity, and opacity; slope of the height towards growing u and v (IOD per IOD),
        share of light lost in creases, 0..1, and coverage: 1 inside the outline, clear windows included.
    """

    texels: F32


def make_fabric(
    template: Template,
    recipe: FabricRecipe,
    fold: FoldRecipe,
    px_per_iod: float,
    textures: Mapping[str, Path],
) -> Fabric:
    """Weave one mask's cloth at about the resolution at which it will be seen.

    Parameters
    ----------
    px_per_iod : float
        Pixels per IOD of the picture.
    textures : mapping of stem to Path
        The user's (`TemplateSet.textures`).
    """
    level = _level(template, px_per_iod)
    layers = load_large_layers(template) if level == _ENLARGED else load_layers(template, level)
    rows, cols = layers.alpha.shape
    drawn = _draw(template, recipe, (rows, cols))
    opacity = layers.alpha * (1 - layers.glass * np.float32(_CLEAR)) if template.glass else layers.alpha
    if drawn is not None and drawn.holes is not None:
        opacity = opacity * (1 - drawn.holes)
    reflectance = layers.reflectance
    if template.tint and recipe.texture.startswith(OWN_TEXTURE):
        path = texture_path(textures, recipe.texture.removeprefix(OWN_TEXTURE))
        place = (template.size_iod, recipe.scale, recipe.turn, recipe.seed)
        reflectance = reflectance * lay_texture(path, (rows, cols), *place)
    elif drawn is not None and drawn.rgb is not None:
        reflectance = reflectance * drawn.rgb
    texels = np.empty((rows, cols, 8), np.float32)
    relief = _relief(template, recipe, fold, level, layers)
    trim_rgb = dye_parts(layers.trim_rgb, template, _dye(recipe.solid)) if recipe.solid else layers.trim_rgb
    trim = (layers.trim, trim_rgb) if template.trim else (_NONE, _NONE)
    raised = [] if drawn is None or drawn.height is None else [drawn.height]
    if recipe.binding_width:
        cover = strip_cover(layers.alpha, template.size_iod, recipe.binding_width, recipe.bound)
        trim = bind(layers.trim, trim_rgb, cover, _dye(recipe.binding))
        raised.append(strip_height(cover, template.size_iod, recipe.binding_width))
    colours = (*_dyes(template, recipe, drawn), *trim)
    grain, threads = _threads(recipe, level, (rows, cols))
    weave(
        reflectance,
        opacity,
        *relief.arrays,
        texels,
        *colours,
        grain,
        rows,
        cols,
        fold.pleat,
        *relief.numbers,
        threads,
    )
    wide, high = template.size_iod
    for height in raised:
        texels[..., 4:] += slopes(height, wide / cols, high / rows, coarse=level == _ENLARGED)
    return Fabric(texels)


def _level(template: Template, px_per_iod: float) -> int:
    """How often the layers are halved; -1 where a large picture shows more than they have."""
    full = template.width_px / template.size_iod[0]
    if px_per_iod > _ENLARGED_FROM * full and template.width_px <= _LARGEST_ENLARGED_PX:
        return _ENLARGED
    return min(int(math.log2(max(full / px_per_iod, 1.0)) + 0.3), 3)


def _dyes(template: Template, recipe: FabricRecipe, drawn: Print | None) -> tuple[F32, F32, F32, F32]:
    """Colours of the dyes, and where a print has the second, the third, and more or less light; empty for none."""
    if not template.tint or recipe.texture.startswith(OWN_TEXTURE):
        return _NONE, _NONE, _NONE, _NONE
    if drawn is not None and drawn.rgb is not None:  # the picture has all colours already
        return _NONE, _NONE, _NONE, _NONE
    dyes = np.concatenate([_dye(recipe.colour), _dye(recipe.second), _dye(recipe.third)])
    if drawn is None:
        return dyes, _NONE, _NONE, _NONE
    planes = (drawn.share, drawn.third, drawn.gain)
    share, third, gain = (_NONE if plane is None else np.ascontiguousarray(plane) for plane in planes)
    return dyes, share, third, gain


def _threads(
    recipe: FabricRecipe, level: int, shape: tuple[int, int]
) -> tuple[F32, tuple[int, int, int, float]]:
    """A tile of the threads' grain, and how `_cloth.weave` takes it: columns, top, left, strength."""
    strength = _GRAIN * recipe.weave / (1 << max(level, 0))
    if (
        level == _ENLARGED
    ):  # threads of the picture's own resolution, however many periods of the tile that takes
        top, left = _corner(recipe.seed)
        lines, places = (np.arange(n) + at for n, at in zip(shape, (top, left), strict=True))
        tile = _grain_tile()[:_TILE_PX, :_TILE_PX]
        return tile[np.ix_(lines % _TILE_PX, places % _TILE_PX)], (shape[1], 0, 0, strength)
    if max(shape) > _TILE_PX:
        return np.ascontiguousarray(_window(_grain_tile(), recipe.seed, shape)), (shape[1], 0, 0, strength)
    tile = _grain_tile()
    return tile, (tile.shape[1], *_corner(recipe.seed), strength)


def _draw(template: Template, recipe: FabricRecipe, shape: tuple[int, int]) -> Print | None:
    """The print on a tinted cloth; None for plain cloth and for templates that keep their own picture."""
    if recipe.texture == "plain" or recipe.texture.startswith(OWN_TEXTURE) or not template.tint:
        return None
    return draw_print(
        recipe.texture,
        shape,
        template.size_iod,
        scale=recipe.scale,
        turn_deg=recipe.turn,
        seed=recipe.seed,
        px_per_iod=shape[1] / template.size_iod[0],
    )


def _dye(colour: str) -> F32:
    """Linear reflectance of dyed cloth, float32 (3,): no dye absorbs a colour wholly or reflects it all."""
    dye: F32 = np.float32(DARKEST) + linear_rgb(colour) * np.float32(BRIGHTEST - DARKEST)
    return dye


class _Relief(NamedTuple):
    """The relief of template, folds and wrinkles as `_cloth.weave` takes it."""

    arrays: tuple[F32, F32, F32]
    numbers: tuple[tuple[int, int], tuple[int, int, int, int, int, float]]


def _relief(
    template: Template, recipe: FabricRecipe, fold: FoldRecipe, level: int, layers: Layers
) -> _Relief:
    wide, high = template.size_iod
    height, step_u, step_v = fold_height(template, fold, recipe.seed)
    rows, cols = height.shape
    tile = _wrinkle_tile()
    window = (max(int(high * _TILE_PX_PER_IOD), 8), max(int(wide * _TILE_PX_PER_IOD), 8))
    part = (min(window[0], _TILE_PX), min(window[1], _TILE_PX), tile.shape[1], *_corner(recipe.seed >> 7))
    own = (
        _relief_of(template, layers, coarse=True) if level == _ENLARGED else _template_relief(template, level)
    )
    arrays = (own, slopes(height, step_u, step_v), tile)
    return _Relief(arrays, ((rows, cols), (*part, fold.wrinkle * template.wrinkle)))


@lru_cache(maxsize=256)
def _template_relief(template: Template, level: int) -> F32:
    return _relief_of(template, load_layers(template, level))


def _relief_of(template: Template, layers: Layers, *, coarse: bool = False) -> F32:
    """Slopes and cavity of a template's height layer at pleat strength 1, and its coverage, float32 (h, w, 4)."""
    wide, high = template.size_iod
    rows, cols = layers.height.shape
    height = layers.height * np.float32(template.relief)
    relief = slopes(height, wide / cols, high / rows, coarse=coarse)
    relief[..., 3] = layers.alpha
    return relief


def slopes(height_iod: F32, step_u: float, step_v: float, *, coarse: bool = False) -> F32:
    """Slopes along u and v and the light lost in hollows (``blur(h) - h``), and 0; float32 (h, w, 4).

    ``coarse`` blurs at half the size, which a large raster does not show.
    """
    sigma = max(_CAVITY_REACH_IOD / step_u, 0.5)
    if coarse:
        half = cv2.resize(height_iod, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        around = cv2.resize(cv2.GaussianBlur(half, (0, 0), sigma / 2), height_iod.shape[::-1])
    else:
        around = cv2.GaussianBlur(height_iod, (0, 0), sigma)
    rows, cols = height_iod.shape
    relief = np.empty((rows, cols, 4), np.float32)
    limits = (_CAVITY_STRENGTH, -0.25, 0.6)
    find_slopes(np.ascontiguousarray(height_iod), around, relief, rows, cols, step_u, step_v, *limits)
    return relief


def _corner(seed: int) -> tuple[int, int]:
    """Top and left of a window of a periodic tile that was laid out twice each way."""
    return seed % _TILE_PX, (seed // _TILE_PX) % _TILE_PX


def _window(tile: F32, seed: int, shape: tuple[int, ...]) -> F32:
    """A window of such a tile; larger than a period it is stretched."""
    top, left = _corner(seed)
    window = tile[top : top + min(shape[0], _TILE_PX), left : left + min(shape[1], _TILE_PX)]
    if window.shape[:2] != tuple(shape[:2]):
        window = cv2.resize(window, (shape[1], shape[0]))
    return window


@lru_cache(maxsize=1)
def _grain_tile() -> F32:
    return stored("grain", lambda: [_drawn_grain()])[0]


def _drawn_grain() -> F32:
    rng = np.random.Generator(np.random.PCG64(20240501))
    noise = rng.standard_normal((_TILE_PX, _TILE_PX)).astype(np.float32)
    return np.tile(np.clip(noise, -2.5, 2.5), (2, 2))


@lru_cache(maxsize=1)
def _wrinkle_tile() -> F32:
    """Slopes and cavity of wrinkled cloth, periodic: ridged noise of two wavelengths."""
    return stored("wrinkles", lambda: [_drawn_wrinkles()])[0]


def _drawn_wrinkles() -> F32:
    rng = np.random.Generator(np.random.PCG64(20240502))
    height = np.zeros((_TILE_PX, _TILE_PX), np.float32)
    for sigma, weight in ((13.0, 1.0), (6.0, 0.35)):
        noise = rng.standard_normal((_TILE_PX, _TILE_PX)).astype(np.float32)
        smooth = cv2.GaussianBlur(_wrapped(noise), (0, 0), sigmaX=sigma * 1.6, sigmaY=sigma * 0.8)
        centre = smooth[_WRAP_PX:-_WRAP_PX, _WRAP_PX:-_WRAP_PX]
        height += np.float32(weight) * np.abs(centre / centre.std())
    around = cv2.GaussianBlur(_wrapped(height * np.float32(-_WRINKLE_IOD)), (0, 0), 1.5)
    relief = slopes(np.asarray(around, np.float32), 1 / _TILE_PX_PER_IOD, 1 / _TILE_PX_PER_IOD)
    return np.tile(relief[_WRAP_PX:-_WRAP_PX, _WRAP_PX:-_WRAP_PX], (2, 2, 1))


def _wrapped(tile: F32) -> F32:
    """A periodic tile with so much of itself around it that a blur of its middle is periodic too."""
    return np.pad(tile, _WRAP_PX, mode="wrap")
