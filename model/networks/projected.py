"""Discriminators that look through a frozen network which knows the world, instead of learning to see first.

Projected GANs (Sauer et al. 2021): small heads on features of several depths, behind fixed random mixtures of their
channels, so that no head leans on the few channels that tell real from generated soonest. What a patch
discriminator needs 10^5 pictures for, an eye for skin and lips, is there from the first step.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812  # the name that all of torch's own documentation uses
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from .lite_variants import LITE0_CHANNELS
from .perceptual import unit_length

_SLOPE = 0.2  # of leaky ReLU below 0
_WIDEST = 4  # times the width of the shallowest head


class ProjectedDiscriminator(nn.Module):
    """Features of pictures, one (n, c, h / s, w / s) a depth -> logits (n, 1, h / s, w / s) a depth.

    Each pixel's features are brought to one length first, as `PerceptualNetwork` compares them: layers of unlike
    size count alike. Convolutions are spectrally normalised (Miyato et al. 2018), for their inputs never change.

    Parameters
    ----------
    width : int
        Channels of the head on the shallowest features; deeper ones have 2 and 4 times as many.
    channels : sequence of int
        Of the features, shallow first; those of `load_perceptual`'s packaged network unless said.
    """

    def __init__(self, width: int = 32, channels: Sequence[int] = LITE0_CHANNELS[:-1]) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            _Head(inside, width * min(2**depth, _WIDEST)) for depth, inside in enumerate(channels)
        )

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Return logits of every depth, above 0 for what looks real.

        Parameters
        ----------
        features : sequence of Tensor
            What `PerceptualNetwork.features` returns.
        """
        return [head(seen) for head, seen in zip(self.heads, features, strict=True)]


class _Head(nn.Module):
    mixture: Tensor

    def __init__(self, inside: int, width: int) -> None:
        super().__init__()
        # A buffer: it is drawn once, kept by checkpoints, and never learns.
        self.register_buffer("mixture", torch.randn(width, inside, 1, 1) / math.sqrt(inside))
        self.layers = nn.Sequential(
            spectral_norm(nn.Conv2d(width, width, 3, padding=1)),
            nn.LeakyReLU(_SLOPE, inplace=True),
            spectral_norm(nn.Conv2d(width, width, 3, padding=1)),
            nn.LeakyReLU(_SLOPE, inplace=True),
            spectral_norm(nn.Conv2d(width, 1, 1)),
        )

    def forward(self, features: Tensor) -> Tensor:
        level = unit_length(features.float()) * math.sqrt(features.shape[1])
        logits: Tensor = self.layers(F.conv2d(level, self.mixture))
        return logits
