"""What the finder should answer to a scene, its loss, and how well found faces fit the true ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from unmask.datagen.faces.frame import FRAME_BOX, FRAME_EYE_DIST_PX, frame_distance
from unmask.datagen.pictures.arrays import F64
from unmask.model.networks.finder_answer import STRIDE, USUAL_PX, cell_middles, encode

from .scenes import Scene

_SPREAD, _LEAST_SPREAD = 0.1, 0.6  # of the heat about a middle: by the face box's width, and in cells
_NEAR_HEAT = 0.6  # cells that are warmer say where the face is
_IOD_SHARE = FRAME_EYE_DIST_PX / FRAME_BOX.width
_FOCUS, _FAR = 2.0, 4.0  # exponents of the focal loss: how little easy cells count, and those near a middle
_MATCHED = 0.5  # eye distances


@dataclass(frozen=True, eq=False)
class Targets:
    """For n scenes of h x w cells.

    Attributes
    ----------
    heat : float32 (n, h, w)
        1 where a face has its middle, falling off about it.
    counts : float32 (n, h, w)
        0 where nobody minds what is found.
    values : float32 (n, 5, h, w)
        Channels 1 to 5 of the answer, where ``weights`` are above 0.
    weights : float32 (n, h, w)
    """

    heat: Tensor
    counts: Tensor
    values: Tensor
    weights: Tensor


def targets_of(scenes: Sequence[Scene], side: int) -> Targets:
    """Return what the network should answer to scenes of ``side`` pixels."""
    cells = side // STRIDE
    grid = np.stack(np.meshgrid(np.arange(cells), np.arange(cells)), -1)
    middles = cell_middles(grid)
    heat, counts = np.zeros((2, len(scenes), cells, cells), np.float32)
    counts += 1
    values = np.zeros((len(scenes), 5, cells, cells), np.float32)
    for row, scene in enumerate(scenes):
        for frame in scene.unsure:
            counts[row][_warmth(frame, middles) > 0.1] = 0
        for frame in scene.frames:
            middle, rest = encode(frame)
            warmth = _warmth(frame, middles)
            # The nearest cell is the middle, wherever in it the face has its own.
            nearest = np.unravel_index(np.argmax(warmth), warmth.shape)
            warmth = warmth / warmth[nearest]
            mine = (warmth > heat[row]) & (warmth > 0.01)
            heat[row][mine] = warmth[mine]
            counts[row][mine & (warmth > 0.1)] = 1
            values[row][:2, mine] = ((middle - middles[mine]) / STRIDE).T
            values[row][2:, mine] = rest[:, None]
    weights = np.where(heat >= _NEAR_HEAT, heat, 0)
    return Targets(*(torch.from_numpy(part) for part in (heat, counts, values, weights.astype(np.float32))))


def _warmth(frame: F64, middles: F64) -> F64:
    middle, (size, *_) = encode(frame)
    spread = max(_LEAST_SPREAD * STRIDE, _SPREAD * USUAL_PX * 2**size)
    far = ((middles - middle) ** 2).sum(-1) / (2 * spread**2)
    return np.asarray(np.exp(-far), np.float64)


def finder_loss(answer: Tensor, targets: Targets) -> tuple[Tensor, Tensor]:
    """Return the losses (heat, place): focal, per face (Law and Deng 2018); and in eye distances, smooth L1.

    Parameters
    ----------
    answer : float32 (n, 6, h, w)
        Of `FinderNet`.
    targets : Targets
        On the same device.
    """
    logit, sure = answer[:, 0], answer[:, 0].sigmoid()
    is_middle = targets.heat == 1
    found = -((1 - sure) ** _FOCUS) * functional.logsigmoid(logit)
    invented = -((1 - targets.heat) ** _FAR) * sure**_FOCUS * functional.logsigmoid(-logit)
    faces = is_middle.sum().clamp(min=1)
    heat = (torch.where(is_middle, found, invented) * targets.counts).sum() / faces
    gaps = answer[:, 1:] - targets.values
    iod_cells = USUAL_PX * torch.exp2(targets.values[:, 2:3]) * (_IOD_SHARE / STRIDE)
    gaps = torch.cat([gaps[:, :2] / iod_cells, gaps[:, 2:]], 1)
    off = functional.smooth_l1_loss(gaps, torch.zeros_like(gaps), beta=0.1, reduction="none").sum(1)
    place = (off * targets.weights).sum() / targets.weights.sum().clamp(min=1)
    return heat, place


def match(found: Sequence[tuple[F64, float]], scene: Scene) -> tuple[list[tuple[float, bool]], list[float]]:
    """Match found faces, the best first, with the true ones; each true one once.

    Returns
    -------
    finds : list of (float, bool)
        Score, and whether there is such a face; finds of half-hidden faces are left out.
    gaps : list of float
        How far those that are true are off, eye distances.
    """
    left, finds, gaps = list(scene.frames), list[tuple[float, bool]](), list[float]()
    for frame, score in found:
        distances = [frame_distance(true, frame) for true in left]
        best = int(np.argmin(distances)) if distances else 0
        if distances and distances[best] < _MATCHED:
            gaps.append(distances[best])
            del left[best]
            finds.append((score, True))
        elif not any(frame_distance(true, frame) < 1 for true in scene.unsure):
            finds.append((score, False))
    return finds, gaps


def average_precision(finds: Sequence[tuple[float, bool]], faces: int) -> float:
    """Return the area under precision over recall; 0 where there is no face."""
    right = np.array([true for _, true in sorted(finds, key=lambda find: -find[0])], bool)
    if not right.any():
        return 0.0
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    return float(best_from_here[right].sum() / faces)
