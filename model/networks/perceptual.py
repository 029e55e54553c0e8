"""Perceptual distance: how far apart two pictures are in the features of a frozen network that knows ImageNet.

With a VGG19 file, the published distance: features of block3_conv4, block4_conv4 and block5_conv4. Without, that of
EfficientNet-lite0, whose weights come as a package: an eightieth of the multiplications. What is reported of
results is measured in EfficientNet-lite2, which no training looks through.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Self

import torch
import torch.nn.functional as F  # noqa: N812  # the name that all of torch's own documentation uses
from torch import Tensor, nn

from unmask.model.common.checked_files import checked_sha256

from .efficientnet_lite import LiteFile, read_lite
from .lite_variants import LITE0, LITE2, MEAN, STD
from .weight_files import pick_tensor, read_state_dict

VGG19_TAPS = (16, 25, 34)  # torchvision's numbers of block3_conv4, block4_conv4, block5_conv4
_VGG19_WIDTHS = (64, 128, 256, 512, 512)
_VGG19_CONVOLUTIONS = (2, 2, 4, 4, 4)  # per block; each block but the first begins with a pooling
_OTHER = (
    "so it is not torchvision's VGG19 (VGG16 and the VGGs with batch normalisation have other layers)",
    "VGG19's",
)
_VGG19_MEAN, _VGG19_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

_UNIT_EPS = 1e-4  # features have norms around 10; a dead pixel must not give an endless gradient


def weighted_mean(values: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean over channels, the weighted mean over each picture's pixels, then the mean over pictures.

    Each picture is normalised by itself, so that its gradient depends neither on which others share its batch nor
    on how a batch is split between processes.

    Parameters
    ----------
    values : Tensor
        (n, c, h, w).
    weight : Tensor, optional
        (n, 1, h, w), 0 and more. A picture whose weights are all 0 adds 0.
    """
    if weight is None:
        return values.float().mean()
    weight = weight.float()
    sums = (values.float().mean(dim=1, keepdim=True) * weight).sum(dim=(1, 2, 3))
    return (sums / weight.sum(dim=(1, 2, 3)).clamp_min(1e-6)).mean()


class PerceptualNetwork(nn.Module):
    """Distance between pictures in a network's features; frozen, and in evaluation mode whatever ``train`` says.

    Parameters
    ----------
    stages : iterable of nn.Module
        Run one after the other; what each returns is one layer of features.
    mean, std : sequence of 3 floats
        What the network was trained with, for pictures in [0, 1].
    unit : bool
        False: mean absolute difference of the features themselves (the published method). True: squared distance
        of each pixel's features as a vector of length 1 (Zhang et al. 2018: LPIPS, without its learned weights), so
        that layers of unlike size count alike; 0 to 4.
    name : str
        For people: network and file.
    sha256 : str
        Of the weights file, hex.
    """

    _mean: Tensor
    _std: Tensor

    def __init__(
        self,
        stages: Iterable[nn.Module],
        mean: Sequence[float],
        std: Sequence[float],
        *,
        unit: bool,
        name: str,
        sha256: str,
    ) -> None:
        super().__init__()
        self.name = name
        self.sha256 = sha256
        self._unit = unit
        self._stages = nn.ModuleList(stages)
        self.register_buffer("_mean", _of_channels(mean), persistent=False)
        self.register_buffer("_std", _of_channels(std), persistent=False)
        self.requires_grad_(False)
        self.eval()
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in its stubs

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode: a parent's ``train()`` reaches this network, too."""
        del mode
        return super().train(False)

    def features(self, picture: Tensor) -> list[Tensor]:
        """Features of pictures (n, 3, h, w) in [-1, 1], one (n, c, h/s, w/s) tensor per layer, shallow first."""
        x = ((picture.float() + 1) / 2 - self._mean) / self._std
        x = x.contiguous(memory_format=torch.channels_last)
        found = []
        for stage in self._stages:
            x = stage(x)
            found.append(x)
        return found

    def forward(
        self,
        output: Tensor,
        clean: Tensor,
        weight: Tensor | None = None,
        wanted: Sequence[Tensor] | None = None,
    ) -> Tensor:
        """Mean distance over pixels, pictures and layers.

        Parameters
        ----------
        output, clean : Tensor
            (n, 3, h, w) in [-1, 1]. Gradients flow to ``output`` only.
        weight : Tensor, optional
            (n, 1, h, w), 0 and more: how much each pixel counts, averaged over the area of a feature's pixel.
        wanted : sequence of Tensor, optional
            The `features` of ``clean``, where they are known.

        Returns
        -------
        Tensor
            Scalar, float32, 0 for equal pictures.
        """
        if wanted is None:
            with torch.no_grad():
                wanted = self.features(clean)
        pairs = zip(self.features(output), wanted, strict=True)
        return torch.stack([self._distance(*pair, weight) for pair in pairs]).mean()

    def _distance(self, found: Tensor, wanted: Tensor, weight: Tensor | None) -> Tensor:
        found, wanted = found.float(), wanted.float()
        if self._unit:
            apart = (unit_length(found) - unit_length(wanted)).square().sum(dim=1, keepdim=True)
        else:
            apart = (found - wanted).abs()
        if weight is not None:
            weight = F.interpolate(weight.float(), size=apart.shape[-2:], mode="area")
        return weighted_mean(apart, weight)


def _of_channels(values: Sequence[float]) -> Tensor:
    """Number of each channel, or one for all: with channels last that takes a fraction of the time."""
    numbers = torch.tensor(values).view(1, 3, 1, 1)
    return numbers[0, 0, 0, 0] if len(set(values)) == 1 else numbers


def load_perceptual(vgg19: Path | None) -> PerceptualNetwork:
    """Load the perceptual network, on the CPU.

    Parameters
    ----------
    vgg19 : Path or None
        torchvision's VGG19 as a plain state dict: .safetensors, or what ``torch.save`` wrote (no code is run from
        it). With or without the prefix ``features.``, with or without the classifier. None: the packaged
        EfficientNet-lite0.

    Raises
    ------
    UserError
        When the file is missing, damaged or of another network, or the package is not installed.
    """
    if vgg19 is not None:
        return _load_vgg19(vgg19)
    return _on_lite(read_lite(LITE0, ", or name a VGG19 file with `vgg19`"), LITE0.taps)


def unit_length(features: Tensor) -> Tensor:
    """Divide each pixel's vector of features (n, c, h, w) by its length."""
    return features * (features.square().sum(dim=1, keepdim=True) + _UNIT_EPS).rsqrt()


def _load_vgg19(path: Path, widths: Sequence[int] = _VGG19_WIDTHS) -> PerceptualNetwork:
    sha256 = checked_sha256(path, f"`vgg19` {path}")
    network = vgg19_features(widths)
    weights = read_state_dict(path, "vgg19")
    picked = {
        key: pick_tensor(weights, (f"features.{key}", key), value.shape, path, "vgg19", _OTHER)
        for key, value in network.state_dict().items()
    }
    network.load_state_dict(picked, assign=True)
    # The published layers are taken after their ReLU.
    cuts = (0, *(tap + 2 for tap in VGG19_TAPS))
    stages = [network[start:stop] for start, stop in pairwise(cuts)]
    name = f"VGG19 block3_conv4, block4_conv4, block5_conv4 ({path.name}, sha256 {sha256[:8]})"
    return PerceptualNetwork(stages, _VGG19_MEAN, _VGG19_STD, unit=False, name=name, sha256=sha256)


def vgg19_features(widths: Sequence[int] = _VGG19_WIDTHS) -> nn.Sequential:
    """VGG19's layers up to block5_conv4 and its ReLU, numbered as in torchvision, without values (device meta)."""
    layers: list[nn.Module] = []
    channels = 3
    for width, convolutions in zip(widths, _VGG19_CONVOLUTIONS, strict=True):
        if layers:
            layers.append(nn.MaxPool2d(2))
        for _ in range(convolutions):
            layers += [nn.Conv2d(channels, width, 3, padding=1, device="meta"), nn.ReLU(inplace=True)]
            channels = width
    return nn.Sequential(*layers)


def load_lite0_encoder(*, deepest: bool = True) -> PerceptualNetwork:
    """Load the packaged network with one layer more than `load_perceptual`: strides 2, 4, 8, 16 and 32.

    Its channels are `LITE0_CHANNELS`. Pictures need multiples of 16: the deepest layer rounds up.

    Parameters
    ----------
    deepest : bool
        Whether stride 32 is among them.

    Raises
    ------
    UserError
        When the package is not installed or damaged.
    """
    taps = (*LITE0.taps, LITE0.last) if deepest else LITE0.taps
    encoder = _on_lite(read_lite(LITE0), taps)
    for layer in encoder.modules():
        if isinstance(layer, nn.ZeroPad2d):
            # One more row and column of zeros than TensorFlow's: an odd side is halved rounding up, an even one as
            # before, because the window that would reach them does not fit.
            before, after, *_ = layer.padding
            layer.padding = (before, after + 1, before, after + 1)
    return encoder


def load_judge() -> tuple[PerceptualNetwork, nn.Sequential]:
    """Load the network that results are judged with, on the CPU: no training ever saw through it.

    Returns
    -------
    taps : PerceptualNetwork
        EfficientNet-lite2's features at strides 2, 4, 8 and 16.
    rest : nn.Sequential
        Takes the last of these features and gives those that the network classifies by, (n, 1280, h / 32, w / 32).

    Raises
    ------
    UserError
        When the package is not installed or damaged.
    """
    file = read_lite(LITE2)
    return _on_lite(file, LITE2.taps), file.rest()


def _on_lite(file: LiteFile, taps: Sequence[int]) -> PerceptualNetwork:
    return PerceptualNetwork(file.stages(taps), MEAN, STD, unit=True, name=file.label, sha256=file.sha256)
