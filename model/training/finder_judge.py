"""Judges the finder on scenes of faces that training never shows."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from unmask.datagen.faces.frame import FRAME_BOX
from unmask.datagen.pictures.arrays import F64, U8
from unmask.model.data.tensors import to_network
from unmask.model.networks.finder_answer import decode

from .finder_targets import average_precision, match
from .judge import Network, seconds_for
from .samples import draw_grid
from .scenes import Scene

LEAST, SURE, MOST = (
    0.05,
    0.35,
    64,
)  # probabilities from which a face is looked at, and counts; faces of a scene
_BATCH, _SHOWN, _ACROSS = 32, 16, 4
_GREEN, _RED = (40, 220, 60), (230, 40, 40)
_HALF = FRAME_BOX.width / 2
_BOX = np.array(
    [(88.5 + x * _HALF, FRAME_BOX.y + y * _HALF) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
)


class FinderJudge:
    """Average precision of the faces found within half an eye distance; recall and precision at 0.35; how far off.

    Parameters
    ----------
    scenes : sequence of Scene
    best : str
        The column that decides.
    device : torch.device
    """

    columns: tuple[str, ...] = ("val_ap", "val_recall", "val_precision", "val_off_iod")

    def __init__(self, scenes: Sequence[Scene], best: str, device: torch.device) -> None:
        self.best = best
        self._scenes = list(scenes)
        self._device = device

    @property
    def pictures(self) -> int:
        """How many scenes a validation looks at."""
        return len(self._scenes)

    def estimate_s(self, network: Network) -> float:
        """Return about how many seconds `validate` takes, from a few scenes of it."""
        few = FinderJudge(self._scenes[:_BATCH], self.best, self._device)
        return seconds_for(self.pictures, few, network)

    @torch.inference_mode()
    def validate(self, network: Network) -> dict[str, float]:
        """Return a value for every column."""
        finds, gaps, faces = list[tuple[float, bool]](), list[float](), 0
        for start in range(0, len(self._scenes), _BATCH):
            some = self._scenes[start : start + _BATCH]
            for scene, answer in zip(some, network(self._pictures(some)).float().cpu().numpy(), strict=True):
                here, off = match(decode(answer, LEAST, MOST), scene)
                finds, gaps, faces = finds + here, gaps + off, faces + len(scene.frames)
        sure = [true for score, true in finds if score >= SURE]
        return {
            "val_ap": average_precision(finds, faces),
            "val_recall": sum(sure) / max(faces, 1),
            "val_precision": sum(sure) / max(len(sure), 1),
            "val_off_iod": float(np.median(gaps)) if gaps else 1.0,
        }

    @torch.inference_mode()
    def draw(self, network: Network) -> U8:
        """The first few scenes; green: true faces, red: what is found."""
        some = self._scenes[:_SHOWN]
        drawn = []
        for scene, answer in zip(some, network(self._pictures(some)).float().cpu().numpy(), strict=True):
            image = scene.image_rgb.copy()
            for frame in scene.frames:
                _outline(image, frame, _GREEN)
            for frame, _ in decode(answer, SURE, MOST):
                _outline(image, frame, _RED)
            drawn.append(image)
        drawn += [np.zeros_like(drawn[0])] * (-len(drawn) % _ACROSS)
        rows = [drawn[start : start + _ACROSS] for start in range(0, len(drawn), _ACROSS)]
        return draw_grid(rows, ("green: true", "red: found", "", ""))

    def _pictures(self, scenes: Sequence[Scene]) -> Tensor:
        return to_network(np.stack([scene.image_rgb for scene in scenes])).to(self._device)


def _outline(image: U8, frame: F64, colour: tuple[int, int, int]) -> None:
    corners = np.rint(_BOX @ frame[:, :2].T + frame[:, 2]).astype(np.int32)
    cv2.polylines(image, [corners], True, colour, 1, cv2.LINE_AA)
