"""LPIPS, the learned perceptual distance (Zhang, Isola, Efros, Shechtman, Wang, CVPR 2018), where its weights are.

d = sum over layers of mean over pixels of sum over channels of w (f / |f| - g / |g|)^2, with the features f, g of
an ImageNet network after five of its ReLUs and learned weights w. Neither part comes with this toolkit: the former
are torchvision's files, the learned ones those of the package lpips (version 0.1).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812  # the name that all of torch's own documentation uses
from torch import Tensor, nn

from unmask.datagen.common.errors import ArgumentError
from unmask.model.common.checked_files import checked_sha256

from .weight_files import pick_tensor, read_state_dict

ARGUMENT = "lpips"
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # of pictures in [-1, 1]
_EPS = 1e-10  # added to a pixel's length
_OTHER = ("so it is not the state dict of an lpips.LPIPS on AlexNet or VGG16", "that of LPIPS is")


@dataclass(frozen=True)
class _Trunk:
    """A network's convolutions up to its last tapped ReLU, by their numbers in torchvision's ``features``."""

    name: str
    convolutions: tuple[tuple[int, int, int, int, int], ...]  # number, channels, side, stride, padding
    pools: tuple[int, ...]  # numbers of the poolings
    pool_side: int
    taps: tuple[int, ...]  # numbers of the ReLUs


_ALEX = _Trunk(
    "AlexNet",
    ((0, 64, 11, 4, 2), (3, 192, 5, 1, 2), (6, 384, 3, 1, 1), (8, 256, 3, 1, 1), (10, 256, 3, 1, 1)),
    pools=(2, 5),
    pool_side=3,
    taps=(1, 4, 7, 9, 11),
)
_VGG16 = _Trunk(
    "VGG16",
    tuple(
        (number, channels, 3, 1, 1)
        for channels, numbers in (
            (64, (0, 2)), (128, (5, 7)), (256, (10, 12, 14)), (512, (17, 19, 21)), (512, (24, 26, 28)),
        )
        for number in numbers
    ),
    pools=(4, 9, 16, 23),
    pool_side=2,
    taps=(3, 8, 15, 22, 29),
)  # fmt: skip


class Lpips(nn.Module):
    """The distance, frozen; made by `load_lpips`.

    Parameters
    ----------
    stages : sequence of nn.Module
        Run one after the other; what each returns is one layer of features.
    linear : sequence of Tensor
        The learned weights of each layer's channels, (c,).
    name : str
        For people: network and file.
    sha256 : str
        Of the weights file, hex.
    """

    _shift: Tensor
    _scale: Tensor

    def __init__(
        self, stages: Sequence[nn.Module], linear: Sequence[Tensor], *, name: str, sha256: str
    ) -> None:
        super().__init__()
        self.name = name
        self.sha256 = sha256
        self._stages = nn.ModuleList(stages)
        self._linear = nn.ParameterList(weights[None, :, None, None] for weights in linear)
        self.register_buffer("_shift", torch.tensor(_SHIFT).view(1, 3, 1, 1))
        self.register_buffer("_scale", torch.tensor(_SCALE).view(1, 3, 1, 1))
        self.requires_grad_(False)
        self.eval()

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._shift.device

    def forward(self, a: Tensor, b: Tensor, weight: Tensor | None = None) -> Tensor:
        """Distance of each picture of ``a`` from the one of ``b``.

        Parameters
        ----------
        a, b : Tensor
            (n, 3, h, w) float32 in [-1, 1]; at least 32 px a side.
        weight : Tensor, optional
            (n, 1, h, w), 0 and more: how much each pixel counts, averaged over the area of a feature's pixel; all
            count alike where None, as published.

        Returns
        -------
        Tensor
            (n,) float32, 0 for equal pictures; NaN where all weights are 0.
        """
        total = torch.zeros(len(a), device=a.device)
        x, y = ((picture - self._shift) / self._scale for picture in (a, b))
        for stage, linear in zip(self._stages, self._linear, strict=True):
            x, y = stage(x), stage(y)
            apart = (linear * (_unit(x) - _unit(y)).square()).sum(dim=1, keepdim=True)
            if weight is None:
                total += apart.mean(dim=(1, 2, 3))
            else:
                area = F.adaptive_avg_pool2d(weight.float(), (apart.shape[-2], apart.shape[-1]))
                total += (apart * area).sum(dim=(1, 2, 3)) / area.sum(dim=(1, 2, 3))
        return total


def load_lpips(path: Path) -> Lpips:
    """Load the distance, on the CPU.

    Parameters
    ----------
    path : Path
        ``torch.save(lpips.LPIPS(net="alex").state_dict(), FILE)`` or ``net="vgg"``, or the same as .safetensors; no
        code is run from it. Or a learned part alone (the package's ``weights/v0.1/alex.pth``): the ImageNet weights
        are then looked for among those that torchvision has downloaded (``torch.hub.get_dir()``).

    Raises
    ------
    UserError
        When the file is missing, damaged or of another network, or the ImageNet weights are not there.
    """
    sha256 = checked_sha256(path, f"`{ARGUMENT}` {path}")
    weights = read_state_dict(path, ARGUMENT)
    first = weights.get("lin4.model.1.weight", weights.get("lins.4.model.1.weight"))
    trunk = _VGG16 if isinstance(first, Tensor) and first.numel() == _VGG16.convolutions[-1][1] else _ALEX
    channels = {number + 1: made for number, made, *_ in trunk.convolutions}
    linear = [
        pick_tensor(
            weights,
            (f"lin{layer}.model.1.weight", f"lins.{layer}.model.1.weight"),
            torch.Size((1, channels[tap], 1, 1)),
            path,
            ARGUMENT,
            _OTHER,
        ).flatten()
        for layer, tap in enumerate(trunk.taps)
    ]
    where, filters = path, weights
    if not any(key.startswith("net.") for key in weights):
        where = _downloaded(trunk, path)
        filters = read_state_dict(where, ARGUMENT)
    name = f"LPIPS 0.1 on {trunk.name} ({path.name}, sha256 {sha256[:8]})"
    return Lpips(_stages(trunk, filters, where), linear, name=name, sha256=sha256)


def _stages(trunk: _Trunk, weights: Mapping[str, object], path: Path) -> list[nn.Sequential]:
    layers: dict[int, nn.Module] = {number: nn.MaxPool2d(trunk.pool_side, 2) for number in trunk.pools}
    taken = 3
    for number, made, side, stride, padding in trunk.convolutions:
        layer = nn.Conv2d(taken, made, side, stride, padding, device="meta")
        part = 1 + sum(number > tap for tap in trunk.taps)  # a slice of lpips keeps torchvision's numbers

        def pick(kind: str, shape: torch.Size, part: int = part, number: int = number) -> nn.Parameter:
            keys = (f"net.slice{part}.{number}.{kind}", f"features.{number}.{kind}")
            return nn.Parameter(pick_tensor(weights, keys, shape, path, ARGUMENT, _OTHER))

        layer.weight, layer.bias = pick("weight", layer.weight.shape), pick("bias", torch.Size((made,)))
        layers[number], layers[number + 1] = layer, nn.ReLU()
        taken = made
    starts = (0, *(tap + 1 for tap in trunk.taps))
    return [
        nn.Sequential(*(layers[number] for number in range(start, tap + 1)))
        for start, tap in zip(starts, trunk.taps, strict=False)
    ]


def _downloaded(trunk: _Trunk, path: Path) -> Path:
    """Return torchvision's file of a network in torch's own cache."""
    pattern = {"AlexNet": "alexnet-*.pth", "VGG16": "vgg16-*.pth"}[trunk.name]
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    for found in sorted(folder.glob(pattern)):
        checked_sha256(found, f"`{ARGUMENT}` {path}: {found}")
        return found
    raise ArgumentError(
        ARGUMENT,
        f"{path}: holds the learned part alone, and there is no {pattern} of torchvision in {folder}: put it "
        "there, or save the whole network with torch.save(lpips.LPIPS(net=...).state_dict(), FILE)",
    )


def _unit(features: Tensor) -> Tensor:
    """Divide each pixel's vector of features (n, c, h, w) by its length."""
    return features / (features.square().sum(dim=1, keepdim=True).sqrt() + _EPS)
