"""The Frame Module: a small network that sees whether a crop shows a face, and how far its frame is off.

Detectors and landmark predictors learnt from bare faces lose a masked one where its picture is cut tightly, where
it is turned aside, or where the cloth is dark. This network has seen nothing but masked and bare faces moved about,
so a rough guess of the frame of aligned CelebA is enough, and a few looks bring it home.
`unmask-train frame --preset refiner` trains it.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

from unmask.datagen.common.errors import UserError
from unmask.datagen.pictures.arrays import F32, U8
from unmask.model.common.spare_threads import spare_threads

from .compact import conv_block
from .folded import folded
from .frame_look import FrameModule


class FrameNet(nn.Module):
    """Crops (n, 3, 80, 80) in [-1, 1] -> (n, 5): a, b, x, y of the correction, logit of a face.

    The correction takes a point p of the true frame to c + ((1 + a, -b), (b, 1 + a)) (p - c) + 38 (x, y) in the
    frame that the crop was cut by, where c is the middle of the crop.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        one, two, three, four = width, 2 * width, 4 * width, 6 * width
        self.body = nn.Sequential(
            *(conv_block(above, below, stride=2) for above, below in pairwise((3, one, two, three))),
            _Residual(three),
            conv_block(three, four, stride=2),
            _Residual(four),
        )
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(25 * four, 128), nn.ReLU(), nn.Linear(128, 5))

    def forward(self, crops: Tensor) -> Tensor:
        """(n, 3, 80, 80) -> (n, 5)."""
        answer: Tensor = self.head(self.body(crops))
        return answer


def load_frame_module(path: Path, device: torch.device) -> FrameModule:
    """Load the Frame Module.

    Raises
    ------
    UserError
        When the file is missing or is not its weights.
    """
    try:
        weights = safetensors.torch.load(path.read_bytes())
        network: nn.Module = FrameNet()
        network.load_state_dict(
            {name: value.float() if value.is_floating_point() else value for name, value in weights.items()}
        )
    except OSError as error:
        raise UserError(
            f"shipped weights {path.name} are missing from {path.parent}: install unmask again"
        ) from error
    except (safetensors.SafetensorError, RuntimeError) as error:
        raise UserError(f"{path}: not the weights of the Frame Module") from error
    network = folded(network.eval()).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @spare_threads()
    @torch.inference_mode()
    def answer(crops: U8) -> F32:
        tensor = torch.from_numpy(crops).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
        said = network(tensor.contiguous(memory_format=torch.channels_last))
        return np.asarray(said.float().cpu().numpy(), np.float32)

    return FrameModule(answer)


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            conv_block(channels, channels),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) -> the same shape."""
        return nn.functional.relu(x + self.change(x))
