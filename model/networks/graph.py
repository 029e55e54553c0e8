"""Layers of a network as nodes of an ONNX graph that holds the weights; needs no torch.

Names of weights are those of the torch modules' state dicts, so that a layer here stands beside the one that it has
to equal; tests hold every network of `.graph_networks` against its twin.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from unmask.datagen.pictures.arrays import F32

from .doubled import doubled_kernel

OPSET, IR_VERSION = 18, 8
OUTPUT = "said"  # of every model
UINT8, FLOAT = TensorProto.UINT8, TensorProto.FLOAT
_SE_REDUCTION, _SE_LEAST = 8, 8  # of `unmask.model.networks.compact.Residual`
_NORM, _EPS = ("weight", "bias", "running_mean", "running_var"), 1e-5  # of ``nn.BatchNorm2d``
_UNCOUNTED = "num_batches_tracked"


class MisfitError(ValueError):
    """Weights that are not those of the network that they are said to be."""


class Graph:
    """A graph that is being built; its methods add layers and return the name of what they make.

    Parameters
    ----------
    weights : mapping of str to array
        A state dict.
    """

    def __init__(self, weights: Mapping[str, NDArray[Any]]) -> None:
        self._weights = weights
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []
        self._inputs: list[ValueInfoProto] = []
        self._used: set[str] = set()

    def given(self, name: str, kind: int, shape: Sequence[int | str]) -> str:
        """Declare an input."""
        self._inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def weight(self, key: str, *shape: int) -> F32:
        """Return a weight as float32; `MisfitError` where there is none of that shape."""
        value = self._weights.get(key)
        if value is None or value.shape != shape:
            raise MisfitError(key)
        self._used.add(key)
        return np.asarray(value, np.float32)

    def constant(self, value: Any, dtype: type[np.generic] = np.float32) -> str:
        """Store an array."""
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(value, dtype, order="C"), name))
        return name

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output."""
        name = f"n{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def picture(self, name: str = "pictures") -> str:
        """Declare pictures, uint8 (n, h, w, 3), and return them as (n, 3, h, w) in [-1, 1]."""
        levels = self.node("Cast", self.given(name, UINT8, ("n", "h", "w", 3)), to=FLOAT)
        shares = self.node("Div", levels, self.constant(127.5))
        return self.node("Transpose", self.node("Sub", shares, self.constant(1.0)), perm=(0, 3, 1, 2))

    def kernel(self, x: str, kernel: F32, bias: F32 | None = None, **attributes: Any) -> str:
        """Add a convolution with these numbers."""
        inputs = [x, self.constant(kernel), *([] if bias is None else [self.constant(bias)])]
        return self.node("Conv", *inputs, kernel_shape=kernel.shape[2:], **attributes)

    def conv(
        self, x: str, key: str, inside: int, outside: int, size: int = 1, *,
        bias: bool = True, depthwise: bool = False, stride: int = 1, dilation: int = 1,
    ) -> str:  # fmt: skip
        """Add ``nn.Conv2d``, padded so that at stride 1 the size stays."""
        kernel = self.weight(f"{key}.weight", outside, 1 if depthwise else inside, size, size)
        return self.kernel(
            x,
            kernel,
            self.weight(f"{key}.bias", outside) if bias else None,
            pads=[dilation * (size // 2)] * 4,
            strides=[stride] * 2,
            dilations=[dilation] * 2,
            group=inside if depthwise else 1,
        )

    def norm(self, x: str, key: str, channels: int) -> str:
        """Add ``nn.BatchNorm2d`` in evaluation mode."""
        values = [self.constant(self.weight(f"{key}.{name}", channels)) for name in _NORM]
        return self.node("BatchNormalization", x, *values, epsilon=_EPS)

    def linear(self, x: str, key: str, inside: int, outside: int) -> str:
        """Add ``nn.Linear`` to (n, inside)."""
        values = (self.weight(f"{key}.weight", outside, inside), self.weight(f"{key}.bias", outside))
        return self.node("Gemm", x, *map(self.constant, values), transB=1)

    def relu(self, x: str, slope: float = 0.0) -> str:
        """Add a ReLU, leaky where values below 0 keep a slope."""
        return self.node("LeakyRelu", x, alpha=slope) if slope else self.node("Relu", x)

    def conv_block(
        self, x: str, key: str, inside: int, outside: int, *, stride: int = 1, dilation: int = 1
    ) -> str:
        """Add `unmask.model.networks.compact.conv_block`."""
        x = self.conv(x, f"{key}.0", inside, outside, 3, bias=False, stride=stride, dilation=dilation)
        return self.relu(self.norm(x, f"{key}.1", outside))

    def folded(self, key: str, inside: int, outside: int) -> tuple[F32, F32]:
        """Return kernel and bias of `conv_block` with its normalisation folded in."""
        kernel = self.weight(f"{key}.0.weight", outside, inside, 3, 3)
        gain, shift, mean, variance = (self.weight(f"{key}.1.{name}", outside) for name in _NORM)
        gain = gain / np.sqrt(variance + np.float32(_EPS))
        return kernel * gain[:, None, None, None], shift - mean * gain

    def thin_block(self, x: str, picture: str, key: str, inside: tuple[int, int], outside: int) -> str:
        """Add `conv_block` of ``x`` and a picture, which have ``inside`` channels, joined.

        A convolution of each: onnxruntime's are fast where channels fill its vectors, and for pictures alone.
        """
        kernel, bias = self.folded(key, sum(inside), outside)
        seen = self.kernel(picture, kernel[:, inside[0] :], pads=[1] * 4)
        return self.relu(self.node("Add", seen, self.kernel(x, kernel[:, : inside[0]], bias, pads=[1] * 4)))

    def up_block(
        self, x: str, skip: str, key: str, inside: tuple[int, int], outside: int, *, slope: float = 0.0
    ) -> str:
        """Add `conv_block` of ``x``, its pixels doubled, and ``skip``, which have ``inside`` channels, joined."""
        kernel, bias = self.folded(key, sum(inside), outside)
        doubled = self.constant(doubled_kernel(kernel[:, : inside[0]]))
        up = self.node("ConvTranspose", x, doubled, kernel_shape=[4, 4], strides=[2, 2], pads=[1] * 4)
        beside = self.kernel(skip, kernel[:, inside[0] :], bias, pads=[1] * 4)
        return self.relu(self.node("Add", up, beside), slope)

    def residual(self, x: str, key: str, channels: int, dilation: int = 1) -> str:
        """Add `unmask.model.networks.compact.Residual`."""
        y = self.conv_block(x, f"{key}.convolutions.0", channels, channels, dilation=dilation)
        y = self.conv(y, f"{key}.convolutions.1", channels, channels, 3, bias=False)
        y = self.norm(y, f"{key}.convolutions.2", channels)
        y = self.excited(y, f"{key}.excite", channels, max(channels // _SE_REDUCTION, _SE_LEAST))
        return self.relu(self.node("Add", x, y))

    def excited(self, x: str, key: str, channels: int, hidden: int, slope: float = 0.0) -> str:
        """Scale each channel by what the means of all say, through ``hidden`` units: squeeze-and-excitation."""
        mean = self.node("ReduceMean", x, self.constant([2, 3], np.int64), keepdims=1)
        scale = self.relu(self._linear_pixel(mean, f"{key}.0", channels, hidden), slope)
        scale = self.node("Sigmoid", self._linear_pixel(scale, f"{key}.2", hidden, channels))
        return self.node("Mul", x, scale)

    def _linear_pixel(self, x: str, key: str, inside: int, outside: int) -> str:
        """Add ``nn.Linear`` to (n, inside, 1, 1)."""
        kernel = self.weight(f"{key}.weight", outside, inside)[:, :, None, None]
        return self.kernel(x, kernel, self.weight(f"{key}.bias", outside))

    def twice(self, x: str) -> str:
        """Double the sides, nearest pixels."""
        how = {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}
        return self.node("Resize", x, "", self.constant([1, 1, 2, 2]), **how)

    def unfolded(self, x: str, key: str, inside: int, thin: int) -> str:
        """Add a 1x1 convolution and ``nn.PixelShuffle(2)``: (n, inside, h, w) to (n, thin, 2h, 2w)."""
        return self.node("DepthToSpace", self.conv(x, key, inside, 4 * thin), blocksize=2, mode="CRD")

    def joined(self, *parts: str) -> str:
        """Join channels."""
        return self.node("Concat", *parts, axis=1)

    def channels_last(self, x: str) -> str:
        """(n, c, h, w) to (n, h, w, c)."""
        return self.node("Transpose", x, perm=(0, 2, 3, 1))

    def finish(self, axes: int = 4) -> ModelProto:
        """Return the model whose one output, float32 `OUTPUT`, is what the last node makes.

        `MisfitError` where a weight was not used.
        """
        left = {key for key in self._weights if not key.endswith(_UNCOUNTED)} - self._used
        if left:
            raise MisfitError(min(left))
        self._nodes[-1].output[0] = OUTPUT
        made = helper.make_tensor_value_info(OUTPUT, FLOAT, [None] * axes)
        graph = helper.make_graph(self._nodes, "network", self._inputs, [made], self._constants)
        opset = helper.make_opsetid("", OPSET)
        model: ModelProto = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)
        return model
