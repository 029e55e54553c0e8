"""The renderer's per-pixel loops, as functions of numpy arrays: draw a grid, light it, blend layers.

`rasterize` and `light_fabric` are the halves of ``draw_cloth``, which does both a strip of the picture at a time.
"""

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.colour import DECODE, ENCODE, SHARES_SRGB, SRGB_SHARES

from ._layers import add_change, blend_layers
from ._pixels import rasterize_grid, shade_fabric

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]


def rasterize(xyz: F32, attributes: F32, height: int, width: int) -> tuple[F32, F32]:
    """Draw a grid of vertices with a z-buffer, culling quads that face away.

    Parameters
    ----------
    xyz : float32 (rows, cols, 3)
        x right, y down in pixels (pixel centres at integers), z towards the camera in any unit.
        A quad faces the camera when going along columns, then along rows, turns clockwise on screen.
    attributes : float32 (rows, cols, k)
        Values to interpolate, at most eight.
    height, width : int
        Size of the target.

    Returns
    -------
    values : float32 (height, width, k)
        Interpolated attributes, 0 where nothing was drawn.
    depth : float32 (height, width)
        z of what was drawn, -inf where nothing was.
    """
    rows, cols, _ = xyz.shape
    k = attributes.shape[2]
    values, depth = np.zeros((height, width, k), np.float32), np.empty((height, width), np.float32)
    grid, given = np.ascontiguousarray(xyz, np.float32), np.ascontiguousarray(attributes, np.float32)
    rasterize_grid(grid, given, values, depth, rows, cols, k, height, width)
    return values, depth


def light_fabric(
    values: F32,
    depth: F32,
    texels: F32,
    fine: int,
    *,
    ambient: float,
    strength: float,
    limits: tuple[float, float],
    gain_rgb: tuple[float, float, float],
) -> F32:
    """Sample the fabric where it was drawn, light it, and average fine samples to picture pixels.

    Relative light is ``1 + strength * (ambient + direction . n - 1)``, clipped to ``limits``, where n is the
    surface normal tilted by the relief's slopes; creases lose the share of light lost.

    Parameters
    ----------
    values : float32 (height * fine, width * fine, 5)
        From `rasterize`: fabric column and row in texels, and the directional light's dot product with the
        normal, the tangent along u and the tangent along v.
    depth : float32 (height * fine, width * fine)
    texels : float32 (h, w, 8)
        Linear RGB multiplied by opacity, and opacity; slopes along u and v, share of light lost, and coverage:
        where the mask is, see-through or not.
    fine : int
        Samples per pixel each way.
    gain_rgb
        Linear gains of the light's colour and strength.

    Returns
    -------
    float32 (height, width, 5)
        Premultiplied linear RGB, opacity, coverage.
    """
    height, width = depth.shape[0] // fine, depth.shape[1] // fine
    out = np.empty((height, width, 5), np.float32)
    rows, cols = texels.shape[:2]
    shape = (height, width, fine, rows, cols)
    shade_fabric(values, depth, texels, out, *shape, ambient, strength, *limits, *gain_rgb)
    return out


def blend(
    image_rgb: U8,
    corner: tuple[int, int],
    shadow: F32,
    strap: F32,
    body: F32,
    layer: F32,
    strap_rgb: tuple[float, float, float],
    shadow_rgb: tuple[float, float, float],
    levels: str = "linear",
    grain: F32 | None = None,
    noise: float = 0.0,
) -> None:
    """Blend shadow, straps and body over a window of a picture, in place; where all three are 0 the bytes stay.

    Each step stays inside the interval of its two inputs, rounding included, and the sRGB tables are monotone:
    no overshoot.

    Parameters
    ----------
    image_rgb : uint8 (rows, columns, 3)
        sRGB, contiguous.
    corner : (top, left)
        Of the window in the picture.
    shadow, strap, body : float32 (h, w)
        Strength or coverage, 0..1.
    layer : float32 (h, w, 5)
        From `light_fabric`; the body is blended with its opacity wherever ``body`` is above 0.
    strap_rgb
        Colour of the straps.
    shadow_rgb
        How much of the shadow each channel takes.
    levels : str
        ``linear`` light, or ``srgb`` levels 0..1: what the colours given are, and what is blended.
    grain : float32 (h, w), optional
        Noise of unit variance, added to the body's colour ``noise`` times.
    """
    noise = 0.0 if grain is None else noise
    decode, encode = (DECODE, ENCODE) if levels == "linear" else (SRGB_SHARES, SHARES_SRGB)
    height, width = body.shape
    given = (shadow, strap, body, layer, body if grain is None else grain, decode, encode)
    window = (image_rgb.shape[1], *corner, height, width)
    blend_layers(image_rgb, *given, window, strap_rgb, shadow_rgb, noise)


def add_difference(layer: F32, before_rgb: U8, after_rgb: U8) -> None:
    """Add a picture's change, in linear light, to a layer's colour wherever the layer is, in place.

    Parameters
    ----------
    layer : float32 (h, w, 5)
        From `light_fabric`, contiguous.
    before_rgb, after_rgb : uint8 (h, w, 3)
    """
    add_change(layer, before_rgb, np.ascontiguousarray(after_rgb), DECODE)
