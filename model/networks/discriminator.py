"""The discriminators: do patches of a picture look real? And what each of the two is shown.

The published method has two of them. One compares whole pictures: the clean photograph against the restored one.
The other compares the mask's region: both of its pictures have the surroundings of the masked photograph, the real
one with the clean face under the map, the fake one with what the generator put there.
"""

from typing import Literal, overload

import torch
from torch import Tensor, nn

_SLOPE = 0.2  # of leaky ReLU below 0


class PatchDiscriminator(nn.Module):
    """PatchGAN discriminator: picture (n, in_channels, h, w) in [-1, 1] -> logits, one for each patch of 70x70 px.

    Isola et al. 2017 (pix2pix): 4x4 convolutions with padding 1 and leaky ReLU(0.2); at 128x128 with 64 channels:

    =====  ========  ======  =============  ===========================
    layer  channels  stride  out at 128 px  then
    =====  ========  ======  =============  ===========================
    1      3->64     2       64x64          leaky ReLU
    2      64->128   2       32x32          instance norm, leaky ReLU
    3      128->256  2       16x16          instance norm, leaky ReLU
    4      256->512  1       15x15          instance norm, leaky ReLU
    5      512->1    1       14x14
    =====  ========  ======  =============  ===========================

    Instance norm, because it treats each picture by itself. Batch norm would normalise real and fake pictures with
    different statistics when they come in batches of their own, and so give away which is which; and with both in
    one batch while the discriminator learns, the generator, whose step has fakes only, would be judged by a network
    that normalises otherwise. It also needs no running statistics and no exchange between processes. What it
    forgets, the strength of a feature over a whole picture, the L1 loss watches.

    Parameters
    ----------
    in_channels : int
    width : int
        Channels of the first layer; the next three have 2, 4 and 8 times as many.
    """

    def __init__(self, in_channels: int = 3, width: int = 64) -> None:
        super().__init__()
        first = nn.Conv2d(in_channels, width, 4, 2, 1)
        self.layers = nn.ModuleList(
            [
                nn.Sequential(first, nn.LeakyReLU(_SLOPE, inplace=True)),
                _layer(width, 2 * width, stride=2),
                _layer(2 * width, 4 * width, stride=2),
                _layer(4 * width, 8 * width, stride=1),
            ]
        )
        self.head = nn.Conv2d(8 * width, 1, 4, 1, 1)

    @overload
    def forward(self, picture: Tensor, features: Literal[False] = False) -> Tensor: ...
    @overload
    def forward(self, picture: Tensor, features: Literal[True]) -> tuple[Tensor, list[Tensor]]: ...
    def forward(self, picture: Tensor, features: bool = False) -> Tensor | tuple[Tensor, list[Tensor]]:
        """Return logits (n, 1, h / 8 - 2, w / 8 - 2), above 0 for what looks real.

        Parameters
        ----------
        picture : Tensor
            (n, in_channels, h, w) in [-1, 1]; h and w are multiples of 8, 32 or more.
        features : bool
            Return (logits, outputs of the four layers before), for feature matching.
        """
        x, seen = picture, []
        for layer in self.layers:
            x = layer(x)
            seen.append(x)
        logits: Tensor = self.head(x)
        return (logits, seen) if features else logits


def _layer(inside: int, outside: int, *, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, 4, stride, 1, bias=False),
        nn.InstanceNorm2d(outside, affine=True),
        nn.LeakyReLU(_SLOPE, inplace=True),
    )


def mask_region(x: Tensor, picture: Tensor, map_: Tensor) -> Tensor:
    """Put ``x`` under the map, and leave the picture around it: picture * (1 - map) + x * map.

    Parameters
    ----------
    x, picture : Tensor
        (n, c, h, w) in [-1, 1].
    map_ : Tensor
        (n, 1, h, w) in [0, 1], 1 = mask.

    Returns
    -------
    Tensor
        (n, c, h, w); exactly ``x`` where the map is 1, exactly ``picture`` where it is 0.

    Raises
    ------
    ValueError
        When a map has another shape, or values outside [0, 1] (such as 0..255): broadcasting and arithmetic would
        take both without a word.
    """
    if x.shape != picture.shape or map_.shape != (picture.shape[0], 1, *picture.shape[2:]):
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in (x, picture, map_))
        raise ValueError(f"pictures (n, c, h, w) twice and a map (n, 1, h, w) expected, not {shapes}")
    if not map_.is_floating_point() or not torch.all((map_ >= 0) & (map_ <= 1)):
        raise ValueError("a map's values are floats in [0, 1]")
    return picture * (1 - map_) + x * map_


def whole_views(output: Tensor, clean: Tensor, picture: Tensor, paste: Tensor) -> tuple[Tensor, Tensor]:
    """(real, fake) for the whole-region discriminator: the clean photograph, and the restored one.

    Real is the ground truth, never the masked photograph: that would teach the generator to draw masks.

    Parameters
    ----------
    output, clean, picture : Tensor
        The generator's picture, the clean photograph, the masked one; (n, 3, h, w) in [-1, 1].
    paste : Tensor
        (n, 1, h, w) in [0, 1]: how much of the output is pasted into the photograph.

    Returns
    -------
    real, fake : Tensor
        (n, 3, h, w). The gradient of ``fake`` leads to ``output``: detach it where the discriminator learns.
    """
    return clean, mask_region(output, picture, paste)


def mask_views(output: Tensor, clean: Tensor, picture: Tensor, map_: Tensor) -> tuple[Tensor, Tensor]:
    """(real, fake) for the mask-region discriminator: they differ under the map and nowhere else.

    Takes and returns what `whole_views` does. The map (1 = mask) has to cover the mask, or both show what is left.
    """
    return mask_region(clean, picture, map_), mask_region(output, picture, map_)
