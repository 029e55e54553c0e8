"""The networks of Din et al. 2020 ("A novel GAN-based network for unmasking of masked face"), IEEE Access 8.

Both are U-Nets of eleven blocks: five that lead down, one in the middle, five that lead up, each of the latter
taking what the one before it gives and, by a skip connection, what its counterpart on the way down gave. The
description that we have gives neither widths nor kernels: these are ours, and each class states them. Where blocks
double the size they resize and then convolve: transposed convolutions leave a checkerboard (Odena et al. 2016).
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

_SLOPE = 0.2  # of leaky ReLU below 0
_SE_REDUCTION = 16
_DILATIONS = (2, 4, 8, 16)


class PaperMapNet(nn.Module):
    """Map Module, as published: picture (n, 3, h, w) in [-1, 1] -> logits (n, outputs, h, w).

    14.1 M parameters, 4.0 GMACs at 128x128. Every block is a 3x3 convolution, batch norm, leaky ReLU(0.2):

    ======  ========  ==========  =============================================
    block   channels  resolution  remarks
    ======  ========  ==========  =============================================
    down 1  3->64     1           no batch norm: the picture is normalised
    down 2  64->128   1/2         stride 2, like those below
    down 3  128->256  1/4
    down 4  256->512  1/8
    down 5  512->512  1/16
    middle  512->512  1/16
    up 5    1024->512 1/16        middle + down 5; dropout 0.5
    up 4    1024->256 1/8         up 5, doubled, + down 4; dropout 0.5
    up 3    512->128  1/4         up 4, doubled, + down 3
    up 2    256->64   1/2         up 3, doubled, + down 2
    up 1    128->32   1           up 2, doubled, + down 1; then 1x1 to the logit
    ======  ========  ==========  =============================================

    Sizes must be multiples of 16, so five blocks down can halve four times: the first keeps the full resolution,
    which also lets the map follow an edge to the pixel.

    Parameters
    ----------
    outputs : int
        1 for the mask body alone, as published, 2 with its straps.
    """

    def __init__(self, outputs: int = 1) -> None:
        super().__init__()
        self.body = _ElevenBlocks(
            3,
            down=(64, 128, 256, 512, 512),
            strides=(1, 2, 2, 2, 2),
            middle=_conv(512, 512),
            up=(512, 256, 128, 64, 32),
            dropouts=(0.5, 0.5, 0, 0, 0),
        )
        self.head = nn.Conv2d(32, outputs, 1)

    def forward(self, picture: Tensor) -> Tensor:
        """Logits of the mask; h and w are multiples of 16."""
        logits: Tensor = self.head(self.body(picture))
        return logits


class PaperGenerator(nn.Module):
    """Editing Module, as published: picture and map -> raw picture.

    41.1 M parameters, 12.7 GMACs at 128x128 (the published eleven blocks: 41.8 M, 12.6 GMACs). Every convolution is
    3x3, followed by batch norm and leaky ReLU(0.2):

    ======  =========  ==========  ==================================================
    block   channels   resolution  remarks
    ======  =========  ==========  ==================================================
    down 1  4->64      1           no batch norm; squeeze-and-excitation
    down 2  64->128    1/2         stride 2; squeeze-and-excitation
    down 3  128->256   1/4         stride 2; squeeze-and-excitation
    down 4  256->512   1/8         stride 2
    down 5  512->832   1/8
    middle  832->832   1/8         four atrous convolutions, dilation 2, 4, 8, 16
    up 5    1664->512  1/8         middle + down 5
    up 4    1024->256  1/8         up 5 + down 4
    up 3    512->128   1/4         up 4, doubled, + down 3
    up 2    256->64    1/2         up 3, doubled, + down 2
    up 1    128->32    1           up 2, doubled, + down 1; then 3x3 to RGB and tanh
    ======  =========  ==========  ==================================================

    Three blocks halve, not more, for the sake of the atrous convolutions: at 1/16 a picture of 128x128 is 8x8
    cells, and dilations of 8 and of 16 would see the same. They repeat the border instead of adding zeros: on 16x16
    cells a dilation of 16 would otherwise read nothing but its own cell, with eight weights of nine never trained.
    """

    def __init__(self) -> None:
        super().__init__()
        self.body = _ElevenBlocks(
            4,
            down=(64, 128, 256, 512, 832),
            strides=(1, 2, 2, 2, 1),
            middle=nn.Sequential(*(_conv(832, 832, dilation=dilation) for dilation in _DILATIONS)),
            up=(512, 256, 128, 64, 32),
            excited=3,
        )
        self.head = nn.Conv2d(32, 3, 3, padding=1)

    def forward(self, picture: Tensor, map_: Tensor) -> Tensor:
        """Return the raw picture, float32 (n, 3, h, w) in [-1, 1].

        As published, the network sees the photograph with the mask on it, and the map as a fourth channel.

        Parameters
        ----------
        picture : Tensor
            (n, 3, h, w) in [-1, 1]; h and w are multiples of 16.
        map_ : Tensor
            (n, 1, h, w) in [0, 1], 1 = mask.
        """
        raw: Tensor = self.head(self.body(torch.cat([picture, map_.to(picture.dtype)], 1)))
        return torch.tanh(raw.float())  # bfloat16 has fewer steps near 1 than a picture has levels


class _ElevenBlocks(nn.Module):
    """Five blocks down, a middle one, five up with skip connections.

    Parameters
    ----------
    in_channels : int
    down : tuple of int
        Channels out of each block on the way down, first to last.
    strides : tuple of int
        1 or 2 for each of them.
    middle : nn.Module
        Keeps size and channels of the last block down.
    up : tuple of int
        Channels out of each block on the way up, innermost first.
    dropouts : tuple of float
        Share of values that each of them drops while training.
    excited : int
        How many blocks down, from the first, end in squeeze-and-excitation.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        down: tuple[int, ...],
        strides: tuple[int, ...],
        middle: nn.Module,
        up: tuple[int, ...],
        dropouts: tuple[float, ...] = (0, 0, 0, 0, 0),
        excited: int = 0,
    ) -> None:
        super().__init__()
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        channels = in_channels
        for index, (width, stride) in enumerate(zip(down, strides, strict=True)):
            block = _conv(channels, width, stride=stride, norm=index > 0)
            if index < excited:
                block.append(_SqueezeExcite(width))
            self.down.append(block)
            channels = width
        self.middle = middle
        for width, skipped, dropout in zip(up, reversed(down), dropouts, strict=True):
            block = _conv(channels + skipped, width)
            if dropout:
                block.append(nn.Dropout(dropout))
            self.up.append(block)
            channels = width
        # A block on the way up undoes the stride of the one after its counterpart; the middle has none to undo.
        self.scales = (1, *strides[:0:-1])

    def forward(self, x: Tensor) -> Tensor:
        """(n, in_channels, h, w) -> (n, up[-1], h, w)."""
        levels = []
        for block in self.down:
            x = block(x)
            levels.append(x)
        x = self.middle(x)
        for block, scale in zip(self.up, self.scales, strict=True):
            if scale > 1:
                x = functional.interpolate(x, scale_factor=float(scale), mode="nearest")
            x = block(torch.cat([x, levels.pop()], 1))
        return x


class _SqueezeExcite(nn.Module):
    """Scales each channel by what the means of all channels say (Hu et al. 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = channels // _SE_REDUCTION
        self.excite = nn.Sequential(
            nn.Linear(channels, hidden),
            # Four hidden units follow 64 channels: a plain ReLU could leave all of them dead.
            nn.LeakyReLU(_SLOPE),
            nn.Linear(hidden, channels),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) -> the same shape."""
        scale: Tensor = self.excite(x.mean((2, 3)))
        return x * scale[:, :, None, None]


def _conv(
    inside: int, outside: int, *, stride: int = 1, dilation: int = 1, norm: bool = True
) -> nn.Sequential:
    mode: Literal["zeros", "replicate"] = "zeros" if dilation == 1 else "replicate"
    conv = nn.Conv2d(inside, outside, 3, stride, dilation, dilation, bias=not norm, padding_mode=mode)
    layers: list[nn.Module] = [conv, nn.LeakyReLU(_SLOPE, inplace=True)]
    if norm:
        layers.insert(1, nn.BatchNorm2d(outside))
    return nn.Sequential(*layers)
