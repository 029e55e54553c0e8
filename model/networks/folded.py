"""A trained network rewritten to compute the same in less time: for inference, in float32.

Batch normalisation with its statistics fixed is a factor and a summand of each channel, and so part of the
convolution beside it. Convolutions of doubled pixels become transposed ones (`.doubled`). Zeros that pad one side
alone go into the kernel, instead of a copy of the picture.

Results differ from the network's own by the rounding of float32, some 1e-6 of their range.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .compact import Residual, UpBlock, joined
from .doubled import doubled_kernel


def folded(network: nn.Module) -> nn.Module:
    """Rewrite a network, which is changed and returned; it can be trained or saved no more.

    Parameters
    ----------
    network : nn.Module
        In evaluation mode, float32.
    """
    for name, part in list(network.named_children()):
        setattr(network, name, _rewritten(part))
    return network.requires_grad_(False).eval()


def _rewritten(part: nn.Module) -> nn.Module:
    if isinstance(part, UpBlock):
        return FoldedUpBlock(part)
    if isinstance(part, Residual):
        return FoldedResidual(part)
    if type(part) is nn.Sequential:
        return nn.Sequential(*_folded_layers([_rewritten(layer) for layer in part]))
    return nn.ReLU(inplace=True) if isinstance(part, nn.ReLU) else folded(part)


def _folded_layers(layers: Sequence[nn.Module]) -> Iterator[nn.Module]:
    """Yield the layers of a sequence with those that go together put together."""
    waiting: nn.Module | None = None
    for layer in layers:
        both = None if waiting is None else _joined(waiting, layer)
        if both is None and waiting is not None:
            yield waiting
        waiting = layer if both is None else both
    if waiting is not None:
        yield waiting


def _joined(first: nn.Module, then: nn.Module) -> nn.Module | None:
    """One convolution that does what two layers do, or None."""
    if isinstance(first, nn.Conv2d) and isinstance(then, nn.BatchNorm2d):
        return fuse_conv_bn_eval(first, then)
    if isinstance(first, nn.BatchNorm2d) and isinstance(then, nn.Conv2d) and then.kernel_size == (1, 1):
        return _after_norm(first, then)
    if isinstance(first, nn.ZeroPad2d) and isinstance(then, nn.Conv2d):
        return _padded_inside(first, then)
    return None


def _after_norm(norm: nn.BatchNorm2d, conv: nn.Conv2d) -> nn.Conv2d:
    """Normalisation and the 1x1 convolution behind it: no padding comes between them."""
    gain, shift = _gain_and_shift(norm)
    kernel = conv.weight.detach()
    added = (kernel[:, :, 0, 0] * shift).sum(1)
    bias = added if conv.bias is None else conv.bias.detach() + added
    return _convolution(conv, kernel * gain[:, None, None], bias)


def _gain_and_shift(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    # They are kept unless a network says otherwise.
    assert norm.running_mean is not None
    assert norm.running_var is not None
    gain = norm.weight.detach() * (norm.running_var + norm.eps).rsqrt()
    return gain, norm.bias.detach() - norm.running_mean * gain


def _padded_inside(pad: nn.ZeroPad2d, conv: nn.Conv2d) -> nn.Conv2d:
    """Padding of ``before`` and ``after`` pixels: ``after`` on either side, and zeros where the kernel begins."""
    before, after, *_ = pad.padding
    more = after - before
    kernel = functional.pad(conv.weight.detach(), (more, 0, more, 0))
    return _convolution(conv, kernel, conv.bias, padding=after)


def _convolution(like: nn.Conv2d, kernel: Tensor, bias: Tensor | None, padding: int = 0) -> nn.Conv2d:
    """A square convolution with these numbers, of the stride, dilation and groups of another one."""
    made, taken, side, _ = kernel.shape
    layer = nn.Conv2d(
        taken * like.groups, made, side, like.stride[0], padding, like.dilation[0], like.groups,
        bias=bias is not None, device="meta",
    )  # fmt: skip
    layer.weight = nn.Parameter(kernel)
    if bias is not None:
        layer.bias = nn.Parameter(bias.detach())
    return layer.eval()


class FoldedResidual(nn.Module):
    """`Residual` for inference."""

    def __init__(self, residual: Residual) -> None:
        super().__init__()
        self.convolutions = _rewritten(residual.convolutions)
        self.excite = _rewritten(residual.excite)

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, h, w) -> the same shape."""
        change: Tensor = self.convolutions(x)
        scale = self.excite(change.mean((2, 3)))[:, :, None, None]
        return change.mul_(scale).add_(x).relu_()


class FoldedUpBlock(nn.Module):
    """`UpBlock` for inference: the level below and the one beside it have convolutions of their own."""

    def __init__(self, block: UpBlock) -> None:
        super().__init__()
        entrance, *rest = block
        assert isinstance(entrance, nn.Sequential)
        conv = _joined(entrance[0], entrance[1])
        assert isinstance(conv, nn.Conv2d)
        kernel, below = conv.weight.detach(), block.below
        self.together = conv
        self.beside = _convolution(conv, kernel[:, below:], conv.bias, padding=1)
        self.up = nn.ConvTranspose2d(below, len(kernel), 4, 2, 1, bias=False, device="meta")
        self.up.weight = nn.Parameter(torch.from_numpy(doubled_kernel(kernel[:, :below].numpy())))
        self.rest = nn.Sequential(*(_rewritten(layer) for layer in rest))

    def forward(self, level: Tensor, skip: Tensor) -> Tensor:
        """(n, below, h, w) and (n, beside, 2h, 2w) -> (n, outside, 2h, 2w)."""
        rows, columns = skip.shape[-2:]
        if (rows, columns) == (2 * level.shape[-2], 2 * level.shape[-1]):
            found = self.beside(skip).add_(self.up(level))
        else:  # one that is cut off has zeros where its doubled pixels would go on
            found = self.together(joined(level, skip))
        result: Tensor = self.rest(found.relu_())
        return result
