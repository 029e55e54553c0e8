"""A canvas on which solids are laid in front of each other: soft edges, light, and shade on what is behind.

Solids live in the occluder's own plane: u to its right, v away from its tip (down where it reaches in from below),
in inter-ocular distances (IOD). The canvas knows where that plane lies on its samples.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

_SHADE_LIMITS = (0.22, 1.6)  # relative light
_RIM = 0.32  # share of light that a surface loses as it turns away: even flat light leaves solids round
_GLOSS_POWER = 24


@dataclass(frozen=True)
class Light:
    """First-order light in the occluder's own axes (u, v, towards the camera); a surface facing us has 1."""

    ambient: float
    direction: tuple[float, float, float]


@dataclass(frozen=True)
class Window:
    """Part of a canvas: rows and columns, and the plane's coordinates of its samples, float32 (h, w)."""

    rows: slice
    cols: slice
    u: F32
    v: F32


@dataclass(frozen=True)
class Solid:
    """A solid as seen in a window.

    Attributes
    ----------
    window : Window
    distance : float32 (h, w)
        To its outline, IOD; negative inside.
    normal : float32 (h, w, 3)
        Unit normals (u, v, towards the camera) where it is.
    along, across : float32 (h, w)
        0..1 from the first to the last point of a limb, and -1..1 from one side to the other.
    """

    window: Window
    distance: F32
    normal: F32
    along: F32
    across: F32


class Canvas:
    """Samples on which solids are painted from back to front.

    Parameters
    ----------
    height, width : int
        Samples.
    to_samples : float64 (2, 3)
        Takes (u, v, 1) to sample x, y; a similarity, mirrored or not.
    light : Light

    Attributes
    ----------
    colour : float32 (h, w, 3)
        Linear light, premultiplied by ``cover``.
    cover : float32 (h, w)
        0..1.
    """

    def __init__(self, height: int, width: int, to_samples: F64, light: Light) -> None:
        self.colour: F32 = np.zeros((height, width, 3), np.float32)
        self.cover: F32 = np.zeros((height, width), np.float32)
        self.light = light
        self._to_samples = to_samples
        self._to_plane = np.linalg.inv(to_samples[:, :2])
        self.step = float(1 / np.sqrt(abs(np.linalg.det(to_samples[:, :2]))))  # IOD per sample

    def window(self, low: tuple[float, float], high: tuple[float, float]) -> Window | None:
        """Samples of a box of the plane; None where the canvas has none of them."""
        box = np.array([(u, v) for u in (low[0], high[0]) for v in (low[1], high[1])])
        at = box @ self._to_samples[:, :2].T + self._to_samples[:, 2]
        x0, y0 = np.maximum(np.floor(at.min(0)), 0).astype(int)
        x1, y1 = np.minimum(np.ceil(at.max(0)) + 1, self.cover.shape[::-1]).astype(int)
        if x0 >= x1 or y0 >= y1:
            return None
        x = np.arange(x0, x1, dtype=np.float64) - self._to_samples[0, 2]
        y = np.arange(y0, y1, dtype=np.float64)[:, None] - self._to_samples[1, 2]
        (a, b), (c, d) = self._to_plane
        u, v = (a * x + b * y).astype(np.float32), (c * x + d * y).astype(np.float32)
        return Window(slice(y0, y1), slice(x0, x1), u, v)

    def paint(
        self,
        solid: Solid | None,
        albedo: F32,
        *,
        gloss: float = 0.0,
        shade: float = 0.0,
        reach: float = 0.05,
        opacity: F32 | None = None,
    ) -> None:
        """Lay a solid in front of what is there; None is a solid beside the canvas.

        Parameters
        ----------
        albedo : float32 (3,) or (h, w, 3)
            Linear light that it sends back when it faces the camera.
        gloss : float
            Strength of the highlight, linear light.
        shade, reach : float
            Share of light taken from what the canvas already has beside the outline, and how far that falls off,
            IOD.
        opacity : float32 (h, w), optional
            Factor on its coverage.
        """
        if solid is None:
            return
        at = solid.window.rows, solid.window.cols
        cover = np.clip(np.float32(0.5) - solid.distance / np.float32(self.step), 0, 1)
        if opacity is not None:
            cover = cover * opacity
        behind = self.colour[at]
        if shade > 0:
            fall = np.float32(shade) * np.exp(-np.maximum(solid.distance, 0) / np.float32(reach))
            behind = behind * (1 - (fall if opacity is None else fall * opacity))[..., None]
        lit = albedo * self._lit(solid.normal)[..., None] + np.float32(gloss) * self._shine(solid.normal)
        self.colour[at] = behind * (1 - cover)[..., None] + lit * cover[..., None]
        self.cover[at] += (1 - self.cover[at]) * cover

    def _lit(self, normal: F32) -> F32:
        relative = np.float32(self.light.ambient) + normal @ np.array(self.light.direction, np.float32)
        low, high = _SHADE_LIMITS
        turned = np.float32(1 - _RIM) + np.float32(_RIM) * normal[..., 2]
        return np.asarray(np.clip(relative, low, high) * turned, np.float32)

    def _shine(self, normal: F32) -> F32:
        """Highlight of a lamp half way between the light and the camera, float32 (h, w, 1)."""
        u, v, _ = self.light.direction
        half = np.array([u, v - 0.25, 1.2], np.float32)
        half /= np.linalg.norm(half)
        return np.asarray(np.maximum(normal @ half, 0)[..., None] ** _GLOSS_POWER, np.float32)
