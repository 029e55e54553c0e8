"""Draw what is in front of a face, from a generator of its own: no mask changes because of it."""

import cv2
import numpy as np

from unmask.datagen.common.colour import to_hex

from .ranges import pick
from .recipe import OccluderRecipe
from .recipe_config import RecipeConfig

# Usual colours under neutral light: sleeves, cups, things of plastic.
_CLOTHES = ("#1d222b", "#2d3a55", "#5b6470", "#e6e4de", "#7c2d33", "#3d4f3a", "#b9a88a", "#8fa7bf", "#101010")
_CUPS = ("#f2f0ea", "#f7f7f5", "#c9a884", "#6b4a33", "#2f5d4a", "#b8322d", "#31435f", "#d9c7a8", "#23262a")
_DEVICES = ("#0d0e10", "#16181c", "#26282c", "#3c4046", "#d8d9dc", "#b9a48f", "#22304a")
_USUAL = {"cup": _CUPS, "microphone": _DEVICES, "phone": _DEVICES}
_LAB_LOW, _LAB_HIGH = np.array([8, -45, -45]), np.array([95, 45, 45])


def draw_occluder(rng: np.random.Generator, config: RecipeConfig) -> OccluderRecipe | None:
    """Draw what is in front of one face by the recipe file's ``[occluder]``; None where nothing is.

    Parameters
    ----------
    rng : numpy.random.Generator
        Spent by this call, in the same way whatever is drawn.
    """
    there, kind_share, x, y, size, turn, mirrored, which, free, *lab = rng.random(12).tolist()
    seed = int(rng.integers(1 << 31))
    ranges = config.ranges
    if there >= float(ranges["occluder.probability"].at(0.5)):
        return None
    names = sorted(config.occluders)
    kind = names[pick(kind_share, [config.occluders[name] for name in names])]
    usual = _USUAL.get(kind, _CLOTHES)
    colour = usual[int(which * len(usual))]
    if free < float(ranges["occluder.free"].at(0.5)):
        colour = _from_lab(_LAB_LOW + (_LAB_HIGH - _LAB_LOW) * lab)
    return OccluderRecipe(
        kind=kind,
        x=float(ranges["occluder.shift"].at(x)),
        y=float(ranges["occluder.shift"].at(y)),
        size=float(ranges["occluder.size"].at(size)),
        turn=float(ranges["occluder.turn"].at(turn)),
        mirrored=mirrored < 0.5,
        colour=colour,
        seed=seed,
    )


def _from_lab(lab: np.ndarray) -> str:
    rgb = cv2.cvtColor(np.asarray(lab, np.float32)[None, None], cv2.COLOR_Lab2RGB)[0, 0]
    return to_hex(rgb * 255)
