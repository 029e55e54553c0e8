"""EfficientNet-lite0 as nodes of a graph: `unmask.model.networks.perceptual.load_lite0_encoder` without torch."""

import numpy as np

from unmask.datagen.pictures.arrays import F32

from .graph import Graph
from .lite_variants import EPS, MEAN, STD
from .packaged_lite import LiteArrays


def lite_features(
    graph: Graph, picture: str, lite: LiteArrays, *, deepest: bool = True, learnt: str | None = None
) -> list[str]:
    """Add the encoder; features at strides 2, 4, 8, 16 and, where ``deepest``, 32.

    Parameters
    ----------
    graph : Graph
    picture : str
        (n, 3, h, w) in [-1, 1]; h and w are multiples of 16.
    lite : LiteArrays
        The packaged weights.
    deepest : bool
    learnt : str, optional
        The name under which the graph's weights hold an encoder that learnt: these are taken, and of ``lite`` the
        shapes that they have to have.
    """
    variant = lite.variant
    taps = (*variant.taps, variant.last) if deepest else variant.taps
    encoder = _Encoder(graph, lite, learnt)
    gain, shift = 1 / (2 * np.array(STD)), (0.5 - np.array(MEAN)) / np.array(STD)
    x = graph.node("Mul", picture, graph.constant(gain[:, None, None]))
    x = encoder.stem(graph.node("Add", x, graph.constant(shift[:, None, None])))
    features, first = [x], 0
    for stage, tap in enumerate(taps, 1):
        for block in range(first, tap + 1):
            x = encoder.block(x, block, f"_stages.{stage}.{block - first}._layers")
        features.append(x)
        first = tap + 1
    return features


class _Encoder:
    """Adds layers that have names in two state dicts: the package's, and that of `PerceptualNetwork`."""

    def __init__(self, graph: Graph, lite: LiteArrays, learnt: str | None) -> None:
        self._graph, self._lite, self._learnt = graph, lite, learnt

    def stem(self, x: str) -> str:
        return self._relu6(self._convolution(x, "_conv_stem", "_bn0", "_stages.0.1", stride=2))

    def block(self, x: str, index: int, layers: str) -> str:
        key, stride = f"_blocks.{index}.", self._lite.variant.stride(index)
        expand = self._lite.weights.get(f"{key}_expand_conv.weight")
        project = self._lite.weights[f"{key}_project_conv.weight"]
        y, layer = x, 0
        if expand is not None:
            y = self._relu6(self._convolution(y, f"{key}_expand_conv", f"{key}_bn0", f"{layers}.0"))
            layer = 2
        layer += stride > 1  # a layer of padding
        y = self._convolution(y, f"{key}_depthwise_conv", f"{key}_bn1", f"{layers}.{layer}", stride)
        y = self._relu6(y)
        y = self._convolution(y, f"{key}_project_conv", f"{key}_bn2", f"{layers}.{layer + 2}")  # linear
        adds = stride == 1 and expand is not None and expand.shape[1] == project.shape[0]
        return self._graph.node("Add", x, y) if adds else y

    def _convolution(self, x: str, key: str, norm: str, layer: str, stride: int = 1) -> str:
        """Convolution with its batch normalisation folded in; at stride 2 the padding's odd pixel is at the end."""
        kernel, bias = self._folded(key, norm)
        if self._learnt is not None:
            name = f"{self._learnt}.{layer}"
            kernel, bias = (
                self._graph.weight(f"{name}.{part}", *packaged.shape)
                for part, packaged in (("weight", kernel), ("bias", bias))
            )
        made, taken, size, _ = kernel.shape
        # One more row and column of zeros than TensorFlow's at the end: an odd side is halved rounding up.
        before, after = (size // 2, size // 2) if stride == 1 else ((size - 2) // 2, (size - 1) // 2 + 1)
        pads, group = [before, before, after, after], made if taken == 1 else 1
        return self._graph.kernel(x, kernel, bias, pads=pads, strides=[stride] * 2, group=group)

    def _folded(self, key: str, norm: str) -> tuple[F32, F32]:
        weights = self._lite.weights
        weight, bias, mean, variance = (
            np.asarray(weights[f"{norm}.{name}"], np.float32)
            for name in ("weight", "bias", "running_mean", "running_var")
        )
        gain = weight / np.sqrt(variance + np.float32(EPS))
        kernel = np.asarray(weights[f"{key}.weight"], np.float32) * gain[:, None, None, None]
        return kernel, bias - mean * gain

    def _relu6(self, x: str) -> str:
        return self._graph.node("Clip", x, self._graph.constant(0.0), self._graph.constant(6.0))
