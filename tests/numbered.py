"""Triplets for tests of batches; without torch, since workers import this file."""

import os
import signal
from dataclasses import dataclass

import numpy as np

from unmask.datagen.common.errors import UserError
from unmask.model.data.training_triplet import TrainingTriplet


@dataclass
class Numbered:
    """Triplets whose pixels say which one and of which epoch."""

    count: int
    fault: str = ""
    fingerprint: str = ""
    has_straps: bool = True

    def __len__(self) -> int:
        return self.count

    def keys(self, index: int) -> str:
        return f"face {index}"

    def identity(self, index: int) -> str:
        return str(index)

    def get(self, index: int, epoch: int) -> TrainingTriplet:
        if self.fault == "user" and index == 3:
            raise UserError("--online x: no mask fits")
        if self.fault == "bug" and index == 3:
            raise KeyError("a bug")
        if self.fault == "kill" and index == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        masked = np.full((16, 32, 3), index, np.uint8)
        masked[:, :, 1] = epoch % 256
        masked[0, 5, 2] = 255
        map_ = np.full((16, 32), index, np.uint8)
        return TrainingTriplet(masked, map_, masked[::-1].copy(), map_ // 2)
