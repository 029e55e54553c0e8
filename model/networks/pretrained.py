"""A Map Module on an encoder that knows the world: the packaged EfficientNet-lite0, frozen, and a light decoder.

Drawn masks teach a network about drawn masks; what it knew of photographs before, it forgets while its score on
drawn ones rises. So the encoder does not learn: its weights are constants that come from their package, no
checkpoint holds them, and the card names the file they have to be.
"""

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from .compact import Residual, UpBlock, conv_block
from .lite_variants import LITE0, LITE0_CHANNELS
from .perceptual import load_lite0_encoder

_THIN = 16


class PretrainedMapNet(nn.Module):
    """Map Module, pretrained: picture (n, 3, h, w) in [-1, 1] -> logits (n, outputs, h, w).

    Parameters
    ----------
    width : int
        Channels of the decoder at half resolution; the levels below have 1.5, 2, 3 and 4 times as many.
    outputs : int
        1 for the mask body alone, 2 with its straps.
    frozen : bool
        False: the encoder learns, too, and a checkpoint holds it (its batch normalisation is folded in).

    Raises
    ------
    UserError
        When the encoder's package is not installed or damaged.
    """

    def __init__(self, width: int = 32, outputs: int = 1, *, frozen: bool = True) -> None:
        super().__init__()
        self.frozen = frozen
        self.encoder = load_lite0_encoder()
        if frozen:
            make_constant(self.encoder)
        else:
            self.encoder.requires_grad_(True)
        # The encoder's layers are of unlike size.
        self.scale = nn.ModuleList(nn.BatchNorm2d(channels) for channels in LITE0_CHANNELS)
        widths = (width, width * 3 // 2, 2 * width, 3 * width, 4 * width)
        self.middle = nn.Sequential(conv_block(LITE0_CHANNELS[-1], widths[-1]), Residual(widths[-1]))
        self.up = nn.ModuleList()
        for (above, below), channels in zip(pairwise(widths), LITE0_CHANNELS, strict=False):
            # At half resolution a block would cost as much as all the others.
            self.up.insert(0, UpBlock(below, channels, above, residual=above > width))
        self.unfold = nn.Sequential(nn.Conv2d(width, 4 * _THIN, 1), nn.PixelShuffle(2))
        self.last = conv_block(_THIN + 3, _THIN)
        self.head = nn.Conv2d(_THIN, outputs, 1)

    @property
    def origin(self) -> dict[str, Any]:
        """What the card says of the encoder: package, and sha256 of the file in it."""
        return {"package": LITE0.package, "sha256": self.encoder.sha256}

    def forward(self, picture: Tensor) -> Tensor:
        """Logits of the mask, and of its straps; h and w are multiples of 16."""
        features = self.encoder.features(picture)
        levels = [scale(level) for scale, level in zip(self.scale, features, strict=True)]
        level = self.middle(levels.pop())
        for up in self.up:
            level = up(level, levels.pop())
        logits: Tensor = self.head(self.last(torch.cat([self.unfold(level), picture.to(level.dtype)], 1)))
        return logits


def make_constant(module: nn.Module) -> None:
    """Turn parameters into buffers that no state dict holds: nothing trains, averages or stores them."""
    for part in module.modules():
        for name, value in list(part.named_parameters(recurse=False)):
            delattr(part, name)
            part.register_buffer(name, value.detach(), persistent=False)
