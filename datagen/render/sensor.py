"""What the camera does, done to the mask's layer only: blur, noise, JPEG; the background keeps its pixels."""

import io
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL.JpegImagePlugin import JpegImageFile

from unmask.datagen.common.colour import encode_srgb
from unmask.datagen.masks.recipe import SensorRecipe
from unmask.datagen.pictures.header import without_warnings

from ._layers import soften
from .pixels import add_difference

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

_BOX_SIGMA_PX = 0.32  # blur that area averaging leaves, subtracted from the photograph's
_NOISE_TILE_PX = 256
JPEG_GRID_PX = 16  # two blocks: chroma is usually stored at half size


def blur_sigma(blur_px: float, recipe: SensorRecipe) -> float:
    """Sigma in pixels that brings an area-averaged layer to the photograph's blur."""
    return float(np.sqrt(max((blur_px * recipe.blur) ** 2 - _BOX_SIGMA_PX**2, 0.0)))


def expose(layer: F32, sigma: float, recipe: SensorRecipe) -> F32:
    """Blur a layer as the photograph is blurred, and soften its outline as the recipe says; it may be changed.

    Parameters
    ----------
    layer : float32 (h, w, 5)
        Premultiplied linear RGB, opacity, coverage (`pixels.light_fabric`).
    sigma : float
        Blur, pixels.
    """
    if sigma >= 0.15:
        layer = np.asarray(cv2.GaussianBlur(layer, (0, 0), sigma), np.float32)
    if recipe.edge > 0:
        # Inwards: where the blurred coverage is lower, it replaces the coverage.
        soften(layer, cv2.GaussianBlur(cv2.extractChannel(layer, 4), (0, 0), recipe.edge))
    return layer


def grain_window(height: int, width: int, seed: int) -> F32:
    """Noise of unit variance for a region, float32 (height, width); the seed says where it is taken from."""
    top, left = seed % _NOISE_TILE_PX, (seed // _NOISE_TILE_PX) % _NOISE_TILE_PX
    tile = _noise_tile()
    if height > _NOISE_TILE_PX or width > _NOISE_TILE_PX:
        tile = np.tile(
            tile[:_NOISE_TILE_PX, :_NOISE_TILE_PX],
            (height // _NOISE_TILE_PX + 2, width // _NOISE_TILE_PX + 2),
        )
    return np.ascontiguousarray(tile[top : top + height, left : left + width])


def linear_noise(levels: float, linear: float) -> float:
    """Standard deviation in linear light of noise given in sRGB levels, around a linear value 0..1."""
    return float(2.2 * max(linear, 0.004) ** (1.2 / 2.2) * levels / 255)


@lru_cache(maxsize=1)
def _noise_tile() -> F32:
    """Grain with the slight softness that demosaicing and JPEG leave; one period laid out twice each way."""
    rng = np.random.Generator(np.random.PCG64(20240503))
    noise = rng.standard_normal((_NOISE_TILE_PX, _NOISE_TILE_PX)).astype(np.float32)
    soft = cv2.GaussianBlur(np.tile(noise, (3, 3)), (0, 0), 0.55)
    middle = soft[_NOISE_TILE_PX : 2 * _NOISE_TILE_PX, _NOISE_TILE_PX : 2 * _NOISE_TILE_PX]
    return np.tile(np.clip(middle / middle.std(), -3, 3), (2, 2))


def quantise_layer(layer: F32, composite_rgb: U8, quality: int) -> None:
    """Give a layer the JPEG artefacts that its composite would get, in place.

    The composite goes through JPEG on the source's own block grid; the difference, in linear light, is added to
    the layer's colour, so that blending it afterwards still stays between background and foreground.

    Parameters
    ----------
    layer : float32 (h, w, 5)
    composite_rgb : uint8 (h, w, 3)
        The layer blended into the picture; its top left corner lies on the source's JPEG grid.
    quality : int
        1..100, of the source.
    """
    _, data = cv2.imencode(".jpg", composite_rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    through: Any = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB)
    add_difference(layer, composite_rgb, through)


def to_srgb(layer: F32) -> F32:
    """The layer with its colours in sRGB 0..1 instead of linear light, for blending as most editors do."""
    *colour, opacity, coverage = cv2.split(layer)
    divide = 1 / np.maximum(opacity, np.float32(1e-4))
    levels = [encode_srgb(plane * divide).astype(np.float32) * opacity / np.float32(255) for plane in colour]
    return np.asarray(cv2.merge([*levels, opacity, coverage]), np.float32)


def jpeg_quality(data: bytes) -> int | None:
    """Quality 1..100 at which libjpeg makes the luminance table of a JPEG file; None for other files.

    The tables scale with 5000 / q below 50 and 200 - 2 q above (Independent JPEG Group); the factor is read back
    from the sum of the table.
    """
    try:
        with without_warnings():
            table = JpegImageFile(io.BytesIO(data)).quantization.get(0)
    except Exception:  # other files, and damaged ones, come as many exception types
        return None
    return _quality_of(float(sum(table))) if table else None


_STANDARD_SUM = 3688.0  # of the standard's luminance table (ITU-T T.81, table K.1)


def _quality_of(table_sum: float) -> int:
    percent = 100.0 * table_sum / _STANDARD_SUM
    quality = (200.0 - percent) / 2 if percent <= 100 else 5000.0 / percent
    return int(np.clip(round(quality), 1, 100))
