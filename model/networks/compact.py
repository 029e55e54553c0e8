"""The compact networks: U-Nets that work at half resolution inside, for training on a few CPU cores.

At full resolution a picture has most of its pixels and few of its features: a 3x3 convolution there costs as much
as one with twice the channels a level below, and says less. Both networks therefore fold 2x2 pixels into channels
(`PixelUnshuffle`) before the first convolution, and come back to full resolution in one thin stage.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from .spec import edit_dilations

# Of a `CompactEditNet`'s state: its blocks at the bottom, more of them in a deeper one.
DEEPER_KEYS = "body.middle."

_SE_REDUCTION = 8


class CompactMapNet(nn.Module):
    """Map Module, compact: picture (n, 3, h, w) in [-1, 1] -> logits (n, outputs, h, w).

    Parameters
    ----------
    width : int
        Channels of the first level; the levels below have 2, 3 and 3 times as many.
    outputs : int
        1 for the mask body alone, 2 with its straps.
    """

    def __init__(self, width: int = 24, outputs: int = 1) -> None:
        super().__init__()
        self.body = _HalfUNet(3, (width, 2 * width, 3 * width, 3 * width), dilations=(1, 2))
        self.head = nn.Conv2d(self.body.out_channels, outputs, 1)

    def forward(self, picture: Tensor) -> Tensor:
        """Logits of the mask; h and w are multiples of 16."""
        logits: Tensor = self.head(self.body(picture))
        return logits


class CompactEditNet(nn.Module):
    """Editing Module, compact: picture and map -> raw picture.

    What the map covers is erased before the network sees it: the restored face then cannot depend on the cloth,
    which differs between drawn and real masks more than anything else. Two channels tell the place in the frame
    (Liu et al. 2018, CoordConv): faces are aligned, so a mouth has a place.

    Parameters
    ----------
    width : int
        Channels of the first level; the levels below have 2, 3 and 3 times as many.
    deeper : int
        Residual blocks at the bottom, at a sixteenth of the resolution, besides the two. They begin as the identity
        (Goyal et al. 2017: the last normalisation's scale is 0), so a network that lacks them can be gone on from.
    """

    def __init__(self, width: int = 48, deeper: int = 0) -> None:
        super().__init__()
        widths = (width, 2 * width, 3 * width, 3 * width)
        self.body = _HalfUNet(6, widths, edit_dilations(deeper), later=deeper)
        self.head = nn.Conv2d(self.body.out_channels, 3, 3, padding=1)

    def forward(self, picture: Tensor, map_: Tensor) -> Tensor:
        """Return the raw picture (n, 3, h, w), in [-1, 1] in evaluation mode.

        Parameters
        ----------
        picture : Tensor
            (n, 3, h, w) in [-1, 1]; h and w are multiples of 16.
        map_ : Tensor
            (n, 1, h, w) in [0, 1], 1 = mask.
        """
        seen = torch.cat([picture * (1 - map_), map_, _places(picture)], 1)
        raw: Tensor = self.head(self.body(seen))
        # Clamping while training would leave saturated pixels without a gradient.
        return raw if self.training else raw.clamp(-1, 1)


class _HalfUNet(nn.Module):
    """U-Net over 2x2-folded pixels: four levels (1/2 to 1/16), one thin stage at full resolution.

    Of the blocks at the bottom, one for each of ``dilations``, the last ``later`` begin as the identity.
    """

    def __init__(
        self,
        in_channels: int,
        widths: tuple[int, ...],
        dilations: tuple[int, ...],
        thin: int = 16,
        later: int = 0,
    ) -> None:
        super().__init__()
        self.out_channels = thin
        self.fold = nn.PixelUnshuffle(2)
        self.stem = conv_block(4 * in_channels, widths[0])
        self.down = nn.ModuleList()
        self.up = nn.ModuleList()
        for above, below in pairwise(widths):
            self.down.append(nn.Sequential(conv_block(above, below, stride=2), Residual(below)))
            self.up.insert(0, UpBlock(below, above, above))
        self.first = Residual(widths[0])
        first = len(dilations) - later
        self.middle = nn.Sequential(
            *(Residual(widths[-1], dilation, identity=n >= first) for n, dilation in enumerate(dilations))
        )
        self.unfold = nn.Sequential(nn.Conv2d(widths[0], 4 * thin, 1), nn.PixelShuffle(2))
        self.last = conv_block(thin + in_channels, thin)

    def forward(self, picture: Tensor) -> Tensor:
        """Features (n, out_channels, h, w)."""
        level = self.first(self.stem(self.fold(picture)))
        levels = [level]
        for down in self.down:
            level = down(level)
            levels.append(level)
        level = self.middle(levels.pop())
        for up in self.up:
            level = up(level, levels.pop())
        features: Tensor = self.last(torch.cat([self.unfold(level), picture.to(level.dtype)], 1))
        return features


class Residual(nn.Module):
    """Two 3x3 convolutions with squeeze-and-excitation, added to what comes in; ``identity``: nothing at first."""

    def __init__(self, channels: int, dilation: int = 1, *, identity: bool = False) -> None:
        super().__init__()
        norm = nn.BatchNorm2d(channels)
        if identity:
            nn.init.zeros_(norm.weight)
        self.convolutions = nn.Sequential(
            conv_block(channels, channels, dilation=dilation),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            norm,
        )
        hidden = max(channels // _SE_REDUCTION, 8)
        self.excite = nn.Sequential(
            nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) -> the same shape."""
        change = self.convolutions(x)
        scale = self.excite(change.mean((2, 3)))[:, :, None, None]
        return functional.relu(x + change * scale)


class UpBlock(nn.ModuleList):
    """The level below, doubled, and the one beside it through a convolution, and what follows.

    Parameters
    ----------
    below, beside, outside : int
        Channels.
    residual : bool
        Whether a `Residual` follows the convolution.
    """

    def __init__(self, below: int, beside: int, outside: int, *, residual: bool = True) -> None:
        super().__init__([conv_block(below + beside, outside)])
        if residual:
            self.append(Residual(outside))
        self.below = below

    def forward(self, level: Tensor, skip: Tensor) -> Tensor:
        """(n, below, h, w) and (n, beside, 2h, 2w) -> (n, outside, 2h, 2w)."""
        x = joined(level, skip)
        for layer in self:
            x = layer(x)
        return x


def joined(level: Tensor, skip: Tensor) -> Tensor:
    """The level below, its pixels doubled, and the one beside it.

    What is beside may have a row or column less: an odd number of them was rounded up on the way down.
    """
    level = functional.interpolate(level, scale_factor=2.0, mode="nearest")
    return torch.cat([level[..., : skip.shape[-2], : skip.shape[-1]], skip], 1)


def conv_block(inside: int, outside: int, *, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """3x3 convolution, batch normalisation, ReLU."""
    conv = nn.Conv2d(inside, outside, 3, stride, dilation, dilation, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outside), nn.ReLU())


def _places(picture: Tensor) -> Tensor:
    """Two channels (n, 2, h, w): x and y, 0 in the middle, -1 and 1 at the ends of the shorter side.

    A frame that is higher than the square ones of training so keeps the places of what both show.
    """
    n, _, h, w = picture.shape
    shorter = max(min(h, w) - 1, 1)
    y, x = (
        torch.linspace(-reach, reach, length, device=picture.device, dtype=picture.dtype)
        for reach, length in (((h - 1) / shorter, h), ((w - 1) / shorter, w))
    )
    return torch.stack(torch.meshgrid(y, x, indexing="ij")).flip(0).expand(n, -1, -1, -1)
