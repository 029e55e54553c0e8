"""Prints and weaves of mask fabric, drawn in the mask's own surface coordinates at the scale of real cloth.

Every pattern is filtered for the spacing of the samples, so what is finer than a sample fades into its mean.
"""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from .animal import draw_animal
from .collage import draw_collage
from .comic import draw_comic
from .dead_leaves import draw_dead_leaves
from .face_print import draw_face_print
from .flag import draw_flag
from .fractal import draw_fractal
from .lace import draw_lace
from .lettering import draw_lettering
from .lines import draw_checks, draw_dots, draw_gingham, draw_gradient, draw_stripes
from .logo import draw_logo
from .motifs import draw_floral, draw_geometric
from .mouths import draw_mouth
from .noise import draw_camouflage, draw_marble, draw_noise
from .photo import draw_photo
from .text import draw_text
from .tile import Frame, Print
from .weaves import draw_knit, draw_nonwoven, draw_weave

__all__ = ["PRINTS", "Print", "draw_print", "motif_period"]

Draw = Callable[[Frame, Generator], Print]


def _draw_plain(frame: Frame, rng: Generator) -> Print:
    return Print(np.zeros(frame.shape, np.float32))


# How each kind is drawn, and its motif's period as a + b * scale (IOD): cloth has threads of a few tenths of a
# millimetre, stitches of a few millimetres and flowers of centimetres, whatever scale is asked for.
_KINDS: dict[str, tuple[Draw, float, float]] = {
    "plain": (_draw_plain, 0.0, 1.0),
    "weave": (draw_weave, 0.005, 0.05),
    "nonwoven": (draw_nonwoven, 0.025, 0.06),
    "knit": (draw_knit, 0.02, 0.12),
    "stripes": (draw_stripes, 0.0, 1.0),
    "checks": (draw_checks, 0.0, 1.0),
    "gingham": (draw_gingham, 0.02, 0.6),
    "dots": (draw_dots, 0.0, 1.0),
    "floral": (draw_floral, 0.08, 1.0),
    "camouflage": (draw_camouflage, 0.12, 1.2),
    "gradient": (draw_gradient, 0.0, 1.0),
    "text": (draw_text, 0.07, 0.45),
    "logo": (draw_logo, 0.12, 0.9),
    "mouth": (draw_mouth, 0.0, 1.0),
    "lace": (draw_lace, 0.2, 0.8),
    "marble": (draw_marble, 0.2, 1.5),
    "geometric": (draw_geometric, 0.02, 0.9),
    "noise": (draw_noise, 0.015, 0.25),
    "animal": (draw_animal, 0.08, 0.8),
    # Pictures in full colour, which `wild.toml` alone draws.
    "collage": (draw_collage, 0.45, 1.1),
    "dead_leaves": (draw_dead_leaves, 0.2, 1.0),
    "fractal": (draw_fractal, 0.55, 1.4),
    "face_print": (draw_face_print, 0.0, 1.0),
    "comic": (draw_comic, 0.75, 0.8),
    "flag": (draw_flag, 0.0, 1.0),
    "lettering": (draw_lettering, 0.0, 1.0),
    "photo": (draw_photo, 0.7, 1.2),
}
PRINTS: tuple[str, ...] = tuple(_KINDS)


def motif_period(kind: str, scale: float) -> float:
    """Period of a kind's motif in IOD: threads of a weave, stitches of a knit, flowers of a floral print.

    Raises
    ------
    ValueError
        When the kind is unknown.
    """
    if kind not in _KINDS:
        raise ValueError(f"unknown print {kind!r}; known: {', '.join(PRINTS)}")
    _, least, factor = _KINDS[kind]
    return least + factor * scale


def draw_print(
    kind: str,
    shape: tuple[int, int],
    size_iod: tuple[float, float],
    *,
    scale: float,
    turn_deg: float,
    seed: int,
    px_per_iod: float,
) -> Print:
    """Draw one print on a raster of cloth.

    Parameters
    ----------
    kind : str
        One of `PRINTS`.
    shape : (int, int)
        Rows and columns of the raster.
    size_iod : (float, float)
        Width and height of the cloth that the raster covers, in inter-ocular distances.
    scale : float
        About the motif's period in IOD, above 0 (0.03 to 0.6 in life); `motif_period` says what a kind makes
        of it.
    turn_deg : float
        Degrees, clockwise; mouths, single words and emblems stay upright.
    seed : int
        At least 0. Decides everything that is not given here: which flowers, words, rows, and where they lie.
    px_per_iod : float
        Samples per IOD of what will be seen; edges are soft by one of them, and finer patterns fade.

    Returns
    -------
    Print

    Raises
    ------
    ValueError
        When the kind is unknown or a length is not above 0.
    """
    pitch = motif_period(kind, scale)
    if min(*shape, *size_iod, scale, px_per_iod) <= 0:
        raise ValueError("shape, size_iod, scale and px_per_iod must be above 0")
    frame = Frame(shape, size_iod, pitch, float(np.radians(turn_deg)), 1 / px_per_iod)
    return _KINDS[kind][0](frame, np.random.Generator(np.random.PCG64(seed)))
