"""The Frame Module at work: crops that are cut by guesses of a frame, and better guesses. Imports no torch."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.faces.frame import FRAME_EYE_DIST_PX, snapped
from unmask.datagen.pictures.arrays import F32, F64, U8
from unmask.datagen.pictures.pyramid import Grid, PicturePyramid

LOOK = Grid(80, 80, 2.5, (88.5, 125.0))  # what one look shows: 200 x 200 pixels of the frame
_BATCH = 64


class FrameModule:
    """The trained network at work on pictures.

    Parameters
    ----------
    answer : callable
        The network: takes crops, uint8 (n, 80, 80, 3), and returns what `FrameNet` says of them, float32 (n, 5).
    """

    def __init__(self, answer: Callable[[U8], F32]) -> None:
        self.answer = answer

    def look(self, picture: PicturePyramid, frames: Sequence[F64]) -> tuple[list[F64], list[float]]:
        """Correct frames once.

        Parameters
        ----------
        picture : PicturePyramid
            RGB.
        frames : sequence of float64 (2, 3)
            Guesses: aligned CelebA's frame to the picture.

        Returns
        -------
        frames : list of float64 (2, 3)
            Where the network sees the frame.
        scores : list of float
            Logit that the guess shows a face at all.
        """
        better, scores = [], []
        for start in range(0, len(frames), _BATCH):
            some = frames[start : start + _BATCH]
            crops = [picture.cut(LOOK.to_picture(frame), LOOK.width, LOOK.height) for frame in some]
            answers = self.answer(np.stack(crops))
            better += [snapped(corrected(frame, answer)) for frame, answer in zip(some, answers, strict=True)]
            scores += answers[:, 4].tolist()
        return better, scores


def corrected(frame: F64, answer: NDArray[np.floating]) -> F64:
    """Apply a correction (a, b, x, y, ...) of `FrameNet` to the frame that it was given for."""
    a, b, x, y = (float(value) for value in answer[:4])
    # A guess off by more than this is none, and the next look has another chance.
    a, b = float(np.clip(a, -0.5, 0.9)), float(np.clip(b, -0.8, 0.8))
    centre = np.array(LOOK.centre)
    turn = np.array([[1 + a, -b], [b, 1 + a]])
    shift = centre + FRAME_EYE_DIST_PX * np.clip([x, y], -1.5, 1.5) - turn @ centre
    return np.column_stack([frame[:, :2] @ turn, frame[:, :2] @ shift + frame[:, 2]])
