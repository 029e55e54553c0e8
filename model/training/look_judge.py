"""Judges the Frame Module on looks at scenes of faces that training never shows."""

import cv2
import numpy as np
import torch

from unmask.datagen.faces.frame import FRAME_EYE_DIST_PX
from unmask.datagen.pictures.arrays import F32, U8
from unmask.model.data.tensors import to_network
from unmask.model.networks.frame_look import LOOK

from .finder_targets import average_precision
from .judge import Network, seconds_for
from .looks import Looks, placed_corners
from .samples import draw_grid

_BATCH, _SHOWN, _ACROSS = 256, 32, 8
_GREEN, _RED = (40, 220, 60), (230, 40, 40)


class LookJudge:
    """Average precision of the looks by their logits; recall, precision at 0; how far off one look leaves a face.

    Parameters
    ----------
    looks : Looks
    best : str
        The column that decides.
    device : torch.device
    """

    columns: tuple[str, ...] = ("val_ap", "val_recall", "val_precision", "val_off_iod")

    def __init__(self, looks: Looks, best: str, device: torch.device) -> None:
        self.best = best
        self._looks, self._device = looks, device

    @property
    def pictures(self) -> int:
        """How many looks a validation is."""
        return len(self._looks)

    def estimate_s(self, network: Network) -> float:
        """Return about how many seconds `validate` takes, from a few looks of it."""
        few = Looks(*(part[:_BATCH] for part in vars(self._looks).values()))
        return seconds_for(self.pictures, LookJudge(few, self.best, self._device), network)

    def validate(self, network: Network) -> dict[str, float]:
        """Return a value for every column."""
        answers, is_face = self._answers(network, self.pictures), self._looks.is_face
        finds = list(zip(answers[:, 4].tolist(), is_face.tolist(), strict=True))
        sure = is_face[answers[:, 4] > 0]
        off = np.linalg.norm(_corners(answers) - self._looks.corners, axis=2).mean(1)[is_face]
        faces = int(is_face.sum())
        return {
            "val_ap": average_precision(finds, faces) if faces else 0.0,
            "val_recall": float(sure.sum()) / max(faces, 1),
            "val_precision": float(sure.mean()) if len(sure) else 0.0,
            "val_off_iod": float(np.median(off)) / FRAME_EYE_DIST_PX if faces else 1.0,
        }

    def draw(self, network: Network) -> U8:
        """The first looks: eyes and mouth where they are (green) and where they are seen (red), if a face is."""
        answers = self._answers(network, _SHOWN)
        drawn = []
        for row, (crop, seen) in enumerate(zip(self._looks.crops[:_SHOWN], _corners(answers), strict=True)):
            image = crop.copy()
            if self._looks.is_face[row]:
                _mark(image, self._looks.corners[row], _GREEN)
            if answers[row, 4] > 0:
                _mark(image, seen, _RED)
            drawn.append(image)
        drawn += [np.zeros((LOOK.height, LOOK.width, 3), np.uint8)] * (-len(drawn) % _ACROSS)
        rows = [drawn[start : start + _ACROSS] for start in range(0, len(drawn), _ACROSS)]
        return draw_grid(rows, ("green: true", "red: seen", *[""] * (_ACROSS - 2)))

    @torch.inference_mode()
    def _answers(self, network: Network, count: int) -> F32:
        crops = self._looks.crops[:count]
        parts = [
            network(to_network(crops[start : start + _BATCH]).to(self._device)).float().cpu().numpy()
            for start in range(0, len(crops), _BATCH)
        ]
        return np.concatenate(parts) if parts else np.empty((0, 5), np.float32)


def _corners(answers: F32) -> F32:
    return np.asarray(placed_corners(torch.from_numpy(answers)).numpy(), np.float32)


def _mark(image: U8, corners: F32, colour: tuple[int, int, int]) -> None:
    middle = (np.array([LOOK.width, LOOK.height]) - 1) / 2
    there = np.rint((corners - np.array(LOOK.centre)) / LOOK.step + middle).astype(int)
    for x, y in there.tolist():
        cv2.circle(image, (x, y), 2, colour, 1, cv2.LINE_AA)
