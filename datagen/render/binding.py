"""The edge of a mask bound with a strip of another colour: over the cloth, a little raised."""

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.masks.recipe import ALL_EDGES, LONG_EDGES, SIDE_EDGES

F32 = NDArray[np.float32]

_THICK_IOD = 0.012
_ROUNDED = 0.3  # share of the width over which the strip rises from the cloth


def strip_cover(alpha: F32, size_iod: tuple[float, float], width: float, edges: str) -> F32:
    """Coverage of the strip, float32 (h, w) in [0, 1], with a seam that is as soft as a texel is large.

    Parameters
    ----------
    alpha : float32 (h, w)
        Outline of the mask's body, 0..1.
    size_iod : (wide, high)
        Of the whole raster.
    width : float
        Of the strip, IOD.
    edges : str
        One of `recipe.BOUND_EDGES`.
    """
    rows, cols = alpha.shape
    step_u, step_v = size_iod[0] / cols, size_iod[1] / rows
    inside = alpha > 0.5
    across = np.ascontiguousarray(_from_ends(inside.T).T) * np.float32(step_u)
    down = _from_ends(inside) * np.float32(step_v)
    distance = {ALL_EDGES: np.minimum(across, down), LONG_EDGES: down, SIDE_EDGES: across}[edges]
    cover = (np.float32(width) - distance) / np.float32(max(step_u, step_v)) + np.float32(0.5)
    return np.asarray(np.clip(cover, 0, 1), np.float32)


def strip_height(cover: F32, size_iod: tuple[float, float], width: float) -> F32:
    """Height of the strip above the cloth in IOD, float32 (h, w): flat, and rounded at its seam."""
    texel = max(size_iod[0] / cover.shape[1], size_iod[1] / cover.shape[0])
    reach = 2 * max(round(_ROUNDED * width / texel / 2), 1) + 1
    return np.asarray(cv2.blur(cover, (reach, reach)) * np.float32(_THICK_IOD), np.float32)


def bind(trim: F32, trim_rgb: F32, cover: F32, dye: F32) -> tuple[F32, F32]:
    """Lay the strip over what a template draws in colours of its own.

    Parameters
    ----------
    trim : float32 (h, w)
    trim_rgb : float32 (3, h, w)
        `template_layers.Layers`.
    cover : float32 (h, w)
    dye : float32 (3,)
        Linear colour of the strip.

    Returns
    -------
    trim, trim_rgb
        Of the same shapes; new.
    """
    shown = trim * (1 - cover)
    both = shown + cover
    share = cover / np.maximum(both, np.float32(1e-6))
    return both, np.ascontiguousarray(trim_rgb + share * (dye[:, None, None] - trim_rgb))


def _from_ends(inside: NDArray[np.bool_]) -> F32:
    """Texels from the nearer end of what is inside each column, float32 (h, w); 0.5 in the outermost."""
    rows = inside.shape[0]
    first = np.argmax(inside, axis=0)
    last = rows - 1 - np.argmax(inside[::-1], axis=0)
    at = np.arange(rows)[:, None]
    return np.asarray(np.minimum(at - first, last - at), np.float32) + np.float32(0.5)
