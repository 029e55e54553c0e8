"""What is done to whole batches before a step: mirror images, other colours and light, faces that are cut off."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from unmask.datagen.pictures.arrays import Bools
from unmask.model.data.batches import drawn_rows
from unmask.model.data.colour_jitter import jitter_colours, jitter_light

# Of the height or width that may lie beyond the photograph at one side, and how often a side of a cut face is cut.
# The worst keep eyes and the middle of the mouth, without which no face is found.
_MOST_CUT, _SIDE_CUT = 0.35, 0.4


def mirrored(parts: Sequence[Tensor], share: float, rng: np.random.Generator) -> list[Tensor]:
    """Mirror a share of the pictures of a batch, left to right; pictures and maps, each (n, c, h, w)."""
    turned = drawn_rows(share, parts[0], rng)
    return [torch.where(turned, part.flip(3), part) for part in parts]


def recoloured(pictures: Sequence[Tensor], share: float, rng: np.random.Generator) -> list[Tensor]:
    """Change the colours of a share of the pictures as `jitter_colours` does, the same of each (n, 3, h, w)."""
    return _changed(jitter_colours, pictures, share, rng)


def lit(pictures: Sequence[Tensor], share: float, rng: np.random.Generator) -> list[Tensor]:
    """Put light or shadow on a share of the pictures as `jitter_light` does, the same on each (n, 3, h, w)."""
    if not share:  # nothing is drawn: trainings without it are what they were before it came
        return list(pictures)
    return _changed(jitter_light, pictures, share, rng)


def _changed(
    change: Callable[[Tensor, np.random.Generator], Tensor],
    pictures: Sequence[Tensor],
    share: float,
    rng: np.random.Generator,
) -> list[Tensor]:
    chosen = drawn_rows(share, pictures[0], rng)
    if not bool(chosen.any()):
        return list(pictures)
    seed = int(rng.integers(2**63))
    changed = (change(part, np.random.default_rng(seed)) for part in pictures)
    return [torch.where(chosen, new, old) for new, old in zip(changed, pictures, strict=True)]


def cut_off(parts: Sequence[Tensor], share: float, rng: np.random.Generator) -> list[Tensor]:
    """Cut a share of the pictures as the edge of a photograph would, and mirror them beyond it.

    So does `unmask-run` show a face that reaches beyond its photograph to the Editing Module.

    Parameters
    ----------
    parts : sequence of float tensors (n, c, h, w)
        Pictures and maps; picture i of each is cut alike.
    share : float in [0, 1]
    rng : numpy.random.Generator

    Returns
    -------
    list of float tensors (n, c, h, w)
    """
    if not share:  # nothing is drawn: trainings without it are what they were before it came
        return list(parts)
    count, _, height, width = parts[0].shape
    cut = rng.random((count, 1)) < share
    rows, columns = (_mirrored_beyond(side, cut, rng).to(parts[0].device) for side in (height, width))
    if not cut.any():
        return list(parts)
    which = torch.arange(count, device=rows.device)[:, None, None]
    # Indexed dimensions come first: (n, h, w, c).
    return [
        part.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2).contiguous()
        for part in parts
    ]


def _mirrored_beyond(side: int, cut: Bools, rng: np.random.Generator) -> Tensor:
    """For each pixel along one side of each picture: the one shown there, int64 (n, side)."""
    lost = rng.random((len(cut), 2)) * (_MOST_CUT * side)
    lost = np.where(cut & (rng.random((len(cut), 2)) < _SIDE_CUT), lost, 0).astype(np.int64)
    first, last = lost[:, :1], side - 1 - lost[:, 1:]
    period = 2 * (last - first)
    there = (np.arange(side) - first) % period
    return torch.from_numpy(first + np.minimum(there, period - there))
