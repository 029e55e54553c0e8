"""sRGB and linear light, by tables: exact on the round trip and monotone, so compositing cannot overshoot."""

import cv2
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]


def _to_linear(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """IEC 61966-2-1 transfer function, 0..1 to 0..1."""
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


# sRGB level to linear light.
DECODE: F32 = _to_linear(np.arange(256) / 255).astype(np.float32)
_STEPS = 65535
# Linear light on a 16-bit grid to the sRGB level whose interval holds it: the borders are the levels' midpoints.
ENCODE: U8 = np.searchsorted(_to_linear((np.arange(255) + 0.5) / 255), np.arange(_STEPS + 1) / _STEPS).astype(
    np.uint8
)
# The same pair of tables for blending in sRGB levels themselves: level to 0..1, and back.
SRGB_SHARES: F32 = (np.arange(256) / 255).astype(np.float32)
SHARES_SRGB: U8 = np.rint(np.arange(_STEPS + 1) / _STEPS * 255).astype(np.uint8)


def decode_srgb(image: U8) -> F32:
    """Linear light 0..1, float32, of uint8 sRGB of any shape."""
    # several times faster than indexing
    return np.asarray(cv2.LUT(image.reshape(-1), DECODE), np.float32).reshape(image.shape)


def encode_srgb(linear: F32) -> U8:
    """uint8 sRGB of linear light; values outside 0..1 are clipped. ``encode(decode(x)) == x``."""
    grid = np.clip(linear, 0, 1)
    grid *= np.float32(_STEPS)
    grid += np.float32(0.5)
    return ENCODE[grid.astype(np.uint16)]


def parse_hex(text: str) -> tuple[int, int, int]:
    """``"#9cc3d8"`` to (156, 195, 216)."""
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def is_hex(text: str) -> bool:
    """Whether a text is a colour such as ``#9cc3d8``."""
    return (
        len(text) == 7 and text[0] == "#" and all(letter in "0123456789abcdefABCDEF" for letter in text[1:])
    )


def to_hex(rgb: NDArray[np.floating] | tuple[float, ...]) -> str:
    """Rgb 0..255 to ``"#rrggbb"``, rounded and clipped."""
    return "#" + "".join(f"{int(min(max(round(float(channel)), 0), 255)):02x}" for channel in rgb)


def linear_rgb(text: str) -> F32:
    """Linear light, float32 (3,), of a hex colour."""
    return DECODE[list(parse_hex(text))]
