"""Prints of plain own shapes: one emblem, or a swarm of them."""

import cv2
import numpy as np
from numpy.random import Generator

from .emblems import EMBLEM_PX, EMBLEMS, emblem
from .stamp import TileCanvas
from .tile import Frame, Print, Tile, lay_once, layered, make_tile, sample, stored_tile, unit

_SWARMS = 8
_SWARM_PX = 256
_SWARM_CELLS = 4


def draw_logo(frame: Frame, rng: Generator) -> Print:
    """One emblem somewhere on the mask, or a swarm of them."""
    if rng.random() < 0.4:
        values = sample(_swarm(int(rng.integers(_SWARMS))), frame, frame.scale, rng.random(2))
        return Print(unit(values[..., 0]), third=unit(values[..., 1]))
    name = EMBLEMS[int(rng.integers(len(EMBLEMS)))]
    wide, high = frame.size_iod
    width = min(0.25 + 0.9 * frame.scale, 0.7 * min(wide, high))
    side = float(rng.choice([-0.3, 0.0, 0.0, 0.3])) * wide
    centre = (side + float(rng.normal(0, 0.04)), high * float(rng.uniform(-0.2, 0.2)))
    turn = float(rng.normal(0, 0.1))
    picture = emblem(name)
    frame_kind = int(rng.integers(4))
    if frame_kind < 2:
        return Print(lay_once(picture, frame, centre, width, turn))
    # On a disc of the third colour.
    disc = emblem("disc") if frame_kind == 2 else emblem("ring")
    third = lay_once(disc, frame, centre, width * 1.7, turn)
    share = lay_once(picture, frame, centre, width, turn)
    third = third * (1 - share)
    return Print(layered(share, third), third=third)


@stored_tile
def _swarm(index: int) -> Tile:
    """Staggered rows of one or two emblems: the first in one channel, the second in the other."""
    rng = np.random.Generator(np.random.PCG64(20240760 + index))
    names = [EMBLEMS[int(i)] for i in rng.choice(len(EMBLEMS), 2, replace=False)]
    canvas = TileCanvas(_SWARM_PX, 2)
    cell = _SWARM_PX / _SWARM_CELLS
    for row in range(_SWARM_CELLS):
        for col in range(_SWARM_CELLS):
            place = (col + 0.25 + 0.5 * (row % 2)) * cell, (row + 0.5) * cell
            channel = (row + index) % 2 if index % 2 else 0
            turn = float(rng.uniform(0, 6.3)) if index % 4 == 0 else 0.0
            window = canvas.window(*place, cell * float(rng.uniform(0.3, 0.4)), turn)
            reach = np.float32(EMBLEM_PX / 2)
            ink = cv2.GaussianBlur(emblem(names[channel]), (0, 0), EMBLEM_PX * window.soft / 6)
            canvas.over(
                channel,
                window,
                cv2.remap(ink, window.x * reach + reach, window.y * reach + reach, cv2.INTER_LINEAR),
            )
    return make_tile(canvas.channels, (float(_SWARM_CELLS), float(_SWARM_CELLS)))
