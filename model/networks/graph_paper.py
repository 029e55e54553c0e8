"""The networks of `unmask.model.networks.paper` as nodes of a graph: the same blocks under the same names."""

from collections.abc import Sequence

import numpy as np

from .graph import Graph

_SLOPE = 0.2  # of leaky ReLU below 0
_SE_REDUCTION = 16
_DILATIONS = (2, 4, 8, 16)
_UP = (512, 256, 128, 64, 32)
_THIN = _UP[-1]
_KEY = "body.middle"


def paper_map(graph: Graph, picture: str, outputs: int) -> str:
    """Add `PaperMapNet`.

    Parameters
    ----------
    graph : Graph
    picture : str
        (n, 3, h, w) in [-1, 1]; h and w are multiples of 16.
    outputs : int

    Returns
    -------
    str
        Logits (n, outputs, h, w).
    """
    levels = _down(graph, picture, 3, (64, 128, 256, 512, 512), halved=4)
    middle = _block(graph, levels[-1], _KEY, 512, 512)
    return graph.conv(_up(graph, middle, levels, (512, 512, 256, 128, 64), doubled=4), "head", _THIN, outputs)


def paper_edit(graph: Graph, picture: str, alpha: str) -> str:
    """Add `PaperGenerator`: such a picture and a map (n, 1, h, w) to the raw picture (n, 3, h, w) in [-1, 1]."""
    levels = _down(graph, graph.joined(picture, alpha), 4, (64, 128, 256, 512, 832), halved=3, excited=3)
    middle = levels[-1]
    for number, dilation in enumerate(_DILATIONS):
        middle = _atrous(graph, middle, f"{_KEY}.{number}", 832, dilation)
    # The last block down keeps the size, and so does the first one up.
    raw = _up(graph, middle, levels, (832, 512, 256, 128, 64), doubled=3)
    return graph.node("Tanh", graph.conv(raw, "head", _THIN, 3, 3))


def _down(
    graph: Graph, x: str, channels: int, widths: Sequence[int], *, halved: int, excited: int = 0
) -> list[str]:
    """The blocks down: ``halved`` of them after the first halve the size, the first ``excited`` are excited."""
    levels = []
    for index, width in enumerate(widths):
        key, stride = f"body.down.{index}", 2 if 1 <= index <= halved else 1
        if index:
            x = _block(graph, x, key, channels, width, stride=stride)
        else:
            x = graph.relu(graph.conv(x, f"{key}.0", channels, width, 3), _SLOPE)
        if index < excited:
            layer = f"{key}.{3 if index else 2}.excite"
            x = graph.excited(x, layer, width, width // _SE_REDUCTION, _SLOPE)
        levels.append(x)
        channels = width
    return levels


def _up(graph: Graph, x: str, levels: Sequence[str], skipped: Sequence[int], *, doubled: int) -> str:
    """The blocks up, of which the last ``doubled`` double the size; levels reversed have ``skipped`` channels."""
    channels = skipped[0]
    for index, (width, beside) in enumerate(zip(_UP, skipped, strict=True)):
        key, level = f"body.up.{index}", levels[-1 - index]
        if index < len(_UP) - doubled:
            x = _block(graph, graph.joined(x, level), key, channels + beside, width)
        else:
            x = graph.up_block(x, level, key, (channels, beside), width, slope=_SLOPE)
        channels = width
    return x


def _block(graph: Graph, x: str, key: str, inside: int, outside: int, *, stride: int = 1) -> str:
    x = graph.conv(x, f"{key}.0", inside, outside, 3, bias=False, stride=stride)
    return graph.relu(graph.norm(x, f"{key}.1", outside), _SLOPE)


def _atrous(graph: Graph, x: str, key: str, channels: int, dilation: int) -> str:
    """A block whose dilated convolution repeats the border."""
    around = graph.constant([0, 0, dilation, dilation] * 2, np.int64)
    x = graph.node("Pad", x, around, mode="edge")
    kernel, bias = graph.folded(key, channels, channels)
    x = graph.kernel(x, kernel, bias, dilations=[dilation] * 2)
    return graph.relu(x, _SLOPE)
