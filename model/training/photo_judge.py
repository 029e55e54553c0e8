"""``judge``: photographs with true maps that nobody trains on, beside the score on drawn masks."""

import logging
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.pictures.pairs import mapped_photos, read_mapped
from unmask.model.inference.aligned import find_maps
from unmask.model.inference.torch_modules import TrainedModule
from unmask.model.metrics.metrics import score_map

from .judge import Network

_LOG = logging.getLogger(__name__)
_GOOD = 0.8
_WINDOW = 4  # validations
_APART = 0.02  # of IoU: less is noise, as 40 photographs show it while the learning rate is high


class PhotoJudge:
    """Judges a Map Module on photographs as ``unmask-eval`` does: at their own framing, with the mirror image.

    Columns: mean IoU of the cleaned map, and how many photographs stay under 0.8.

    Parameters
    ----------
    folder : Path
        As `mapped_photos` takes it.
    side : int
        Of the training's pictures, pixels.
    device : torch.device

    Raises
    ------
    UserError
        When the folder has no maps, or a file is damaged.
    """

    columns = ("judge_iou", "judge_below_80")

    def __init__(self, folder: Path, side: int, device: torch.device) -> None:
        self._pairs = open_judge(folder)
        self._side = side
        self._device = device
        self._seen: list[tuple[float, float]] = []  # drawn and photographs, of this session

    def validate(self, network: Network, drawn_iou: float) -> dict[str, float]:
        """Return a value for every column; log it when photographs and the score on drawn masks part ways."""
        ious = [self._iou(network, pair) for pair in self._pairs]  # one by one: photographs are large
        self._seen.append((drawn_iou, float(np.mean(ious))))
        words = words_on_parting(*zip(*self._seen, strict=True))
        if words:
            _LOG.warning(words)
        return {
            "judge_iou": float(np.mean(ious)),
            "judge_below_80": float(sum(iou < _GOOD for iou in ious)),
        }

    def estimate_s(self, network: Network) -> float:
        """Return about how many seconds `validate` takes, from the first photograph."""
        self._iou(network, self._pairs[0])
        began = time.perf_counter()
        self._iou(network, self._pairs[0])
        return (time.perf_counter() - began) * len(self._pairs)

    def _iou(self, network: Network, pair: tuple[Path, Path]) -> float:
        module = TrainedModule(_Called(network), {"size": self._side}, self._device)
        photo, truth = read_mapped(*pair)
        return score_map(find_maps(module, [photo])[0].body, truth).iou


def open_judge(folder: Path) -> list[tuple[Path, Path]]:
    """Return the photographs of ``judge`` and their maps; UserError naming what cannot be read."""
    try:
        pairs = mapped_photos(folder)
        for pair in pairs:
            read_mapped(*pair)
    except UserError as error:
        raise ArgumentError("judge", error.marked) from error
    return pairs


def words_on_parting(drawn: Sequence[float], photos: Sequence[float]) -> str | None:
    """Return what to say where IoU on drawn masks rises while that on photographs falls; None where it does not.

    Parameters
    ----------
    drawn, photos : sequence of float
        Scores of the same validations, the latest last; the last four count, the first two of these against the
        other two.
    """
    if len(drawn) < _WINDOW:
        return None
    gain, loss = (_rise(scores[-_WINDOW:]) for scores in (drawn, photos))
    if gain <= 0 or loss >= -_APART:
        return None
    return (
        f"drawn masks and photographs part ways: over the last {_WINDOW} validations IoU went {gain:+.3f} on drawn "
        f"masks and {loss:+.3f} on photographs; what is learnt now is drawing"
    )


def _rise(scores: Sequence[float]) -> float:
    half = len(scores) // 2
    return float(np.mean(scores[half:]) - np.mean(scores[:half]))


class _Called(nn.Module):
    """A judged network as a module."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self._network = network

    def forward(self, picture: Tensor) -> Tensor:
        return self._network(picture)
