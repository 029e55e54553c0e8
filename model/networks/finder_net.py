"""The finder: a small fully convolutional network that sees where a picture shows faces, masked or bare.

As the `pretrained` Map Module it stands on the packaged EfficientNet-lite0, frozen, which knows the world: drawn
scenes alone would teach it about drawn scenes. A few light layers turn its features into a heat map of the faces'
middles with size, lean and exact place beside it (Zhou, Wang and Krähenbühl 2019, *Objects as Points*). It knows
face boxes of 13 to 140 pixels; a picture is shown at several sizes.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .finder_answer import OUTPUTS
from .lite_variants import LITE0, LITE0_CHANNELS
from .perceptual import load_lite0_encoder
from .pretrained import make_constant

_UNLIKELY_LOGIT = -4.0  # few cells have a face: the first steps need not learn that


class FinderNet(nn.Module):
    """Picture (n, 3, h, w) in [-1, 1] -> (n, 6, h / 8, w / 8); h and w are multiples of 16.

    Channels: logit that a face has its middle in the cell; where in units of cells, from the cell's middle (x, y);
    log2 of the face box's width in 32 pixels; cosine and sine of its lean.

    Parameters
    ----------
    width : int
        Channels of the layers that are trained.

    Raises
    ------
    UserError
        When the encoder's package is not installed or damaged.
    """

    def __init__(self, width: int = 96) -> None:
        super().__init__()
        self.encoder = load_lite0_encoder(deepest=False)
        make_constant(self.encoder)
        fine, deep = LITE0_CHANNELS[2:4]
        self.deep = nn.Sequential(_entrance(deep, width), *(_Mixer(width, 5) for _ in range(3)))
        self.fine = _entrance(fine, width)
        self.both = nn.Sequential(_Mixer(width, 3), _Mixer(width, 5))
        self.head = nn.Conv2d(width, OUTPUTS, 1)
        nn.init.zeros_(self.head.weight)
        self.head.bias = nn.Parameter(torch.tensor([_UNLIKELY_LOGIT, 0, 0, 0, 1, 0]))

    @property
    def origin(self) -> dict[str, Any]:
        """What the card says of the encoder: package, and sha256 of the file in it."""
        return {"package": LITE0.package, "sha256": self.encoder.sha256}

    def forward(self, picture: Tensor) -> Tensor:
        """(n, 3, h, w) -> (n, 6, h / 8, w / 8)."""
        *_, fine, deep = self.encoder.features(picture)
        above = functional.interpolate(self.deep(deep), scale_factor=2.0, mode="nearest")
        answer: Tensor = self.head(self.both(self.fine(fine) + above))
        return answer


class _Mixer(nn.Module):
    """What neighbours say, then what channels say together, added."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            nn.Conv2d(channels, channels, size, padding=size // 2, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.Conv2d(channels, 2 * channels, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(2 * channels, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) -> the same shape."""
        changed: Tensor = self.change(x)
        return x + changed


def _entrance(channels: int, width: int) -> nn.Module:
    # The encoder's layers are of unlike size.
    return nn.Sequential(
        nn.BatchNorm2d(channels), nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
    )
