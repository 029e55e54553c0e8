"""EfficientNet-lite0 as nodes of a graph: `unmask.model.networks.perceptual.load_lite0_encoder` without torch."""

import numpy as np

from unmask.datagen.pictures.arrays import F32

from .graph import Graph
from .lite_variants import EPS, MEAN, STD
from .packaged_lite import LiteArrays


def lite_features(graph: Graph, picture: str, lite: LiteArrays, *, deepest: bool = True) -> list[str]:
    """Add the encoder; features at strides 2, 4, 8, 16 and, where ``deepest``, 32.

    Parameters
    ----------
    graph : Graph
    picture : str
        (n, 3, h, w) in [-1, 1]; h and w are multiples of 16.
    lite : LiteArrays
    deepest : bool
    """
    variant = lite.variant
    taps = (*variant.taps, variant.last) if deepest else variant.taps
    gain, shift = 1 / (2 * np.array(STD)), (0.5 - np.array(MEAN)) / np.array(STD)
    x = graph.node("Mul", picture, graph.constant(gain[:, None, None]))
    x = graph.node("Add", x, graph.constant(shift[:, None, None]))
    x = _relu6(graph, _convolution(graph, x, lite, "_conv_stem", "_bn0", stride=2))
    features = [x]
    for block in range(taps[-1] + 1):
        x = _block(graph, x, lite, block)
        if block in taps:
            features.append(x)
    return features


def _block(graph: Graph, x: str, lite: LiteArrays, index: int) -> str:
    key, stride = f"_blocks.{index}.", lite.variant.stride(index)
    expand = lite.weights.get(f"{key}_expand_conv.weight")
    project = lite.weights[f"{key}_project_conv.weight"]
    y = x
    if expand is not None:
        y = _relu6(graph, _convolution(graph, y, lite, f"{key}_expand_conv", f"{key}_bn0"))
    y = _relu6(graph, _convolution(graph, y, lite, f"{key}_depthwise_conv", f"{key}_bn1", stride))
    y = _convolution(graph, y, lite, f"{key}_project_conv", f"{key}_bn2")  # linear
    adds = stride == 1 and expand is not None and expand.shape[1] == project.shape[0]
    return graph.node("Add", x, y) if adds else y


def _convolution(graph: Graph, x: str, lite: LiteArrays, key: str, norm: str, stride: int = 1) -> str:
    """Convolution with its batch normalisation folded in; at stride 2 the padding's odd pixel is at the end."""
    kernel, bias = _folded(lite, key, norm)
    made, taken, size, _ = kernel.shape
    # One more row and column of zeros than TensorFlow's at the end: an odd side is halved rounding up.
    before, after = (size // 2, size // 2) if stride == 1 else ((size - 2) // 2, (size - 1) // 2 + 1)
    pads = [before, before, after, after]
    return graph.kernel(x, kernel, bias, pads=pads, strides=[stride] * 2, group=made if taken == 1 else 1)


def _folded(lite: LiteArrays, key: str, norm: str) -> tuple[F32, F32]:
    weight, bias, mean, variance = (
        np.asarray(lite.weights[f"{norm}.{name}"], np.float32)
        for name in ("weight", "bias", "running_mean", "running_var")
    )
    gain = weight / np.sqrt(variance + np.float32(EPS))
    kernel = np.asarray(lite.weights[f"{key}.weight"], np.float32) * gain[:, None, None, None]
    return kernel, bias - mean * gain


def _relu6(graph: Graph, x: str) -> str:
    return graph.node("Clip", x, graph.constant(0.0), graph.constant(6.0))
