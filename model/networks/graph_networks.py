"""The networks that take masks off, as ONNX graphs made of a state dict: the twins of the torch modules.

Each takes uint8 pictures (n, h, w, 3), sides multiples of 16, and gives float32:

    map     probabilities (n, h, w, layers)
    edit    the raw picture (n, h, w, 3) in [-1, 1]; beside ``pictures`` it takes ``alpha``, float32 (n, 1, h, w) in
            [0, 1], and ``places``, float32 (n, 2, h, w), which `places` gives
    frame   what the finder says, (n, 6, h / 8, w / 8)

and the Frame Module (n, 5) of crops.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.errors import UserError
from unmask.datagen.pictures.arrays import F32

from .finder_answer import OUTPUTS
from .graph import FLOAT, Graph
from .graph_lite import lite_features
from .lite_variants import LITE0, LITE0_CHANNELS
from .packaged_lite import LiteArrays, read_lite_arrays
from .spec import EDIT, FRAME, MAP, NetworkSpec

_THIN = 16  # channels at full resolution
_LOOK_PX = 80  # of the Frame Module's crops


def network_graph(spec: NetworkSpec, weights: Mapping[str, NDArray[Any]]) -> tuple[bytes, LiteArrays | None]:
    """Return a network as an ONNX model.

    Parameters
    ----------
    spec : NetworkSpec
    weights : mapping of str to array
        Its state dict.

    Returns
    -------
    bytes
        The model.
    LiteArrays or None
        The packaged encoder inside it.

    Raises
    ------
    UserError
        When the network is none of those here, or its encoder's package is not installed.
    MisfitError
        When the weights are another network's.
    """
    key, graph = (spec.kind, spec.name), Graph(weights)
    if key in _ON_LITE:
        lite = read_lite_arrays(LITE0)
        return _ON_LITE[key](graph, spec, lite), lite
    if key not in _PLAIN:
        known = ", ".join(f"{kind}/{name}" for kind, name in (*_PLAIN, *_ON_LITE))
        raise UserError(f"network {spec.kind}/{spec.name} runs in torch alone; in onnxruntime: {known}")
    return _PLAIN[key](graph, spec), None


def places(height: int, width: int) -> F32:
    """Return what `unmask.model.networks.compact` tells a network of places: x and y, (2, height, width)."""
    shorter = max(min(height, width) - 1, 1)
    y, x = (
        np.linspace(-reach, reach, length, dtype=np.float32)
        for reach, length in (((height - 1) / shorter, height), ((width - 1) / shorter, width))
    )
    return np.stack(np.meshgrid(y, x, indexing="ij"))[::-1].astype(np.float32)


def _compact_map(graph: Graph, spec: NetworkSpec) -> bytes:
    logits = graph.conv(
        _half_unet(graph, graph.picture(), 3, spec.width, (1, 2)), "head", _THIN, 1 + spec.straps
    )
    return graph.finish(graph.channels_last(graph.node("Sigmoid", logits)))


def _compact_edit(graph: Graph, spec: NetworkSpec) -> bytes:
    picture = graph.picture()
    alpha = graph.given("alpha", FLOAT, ("n", 1, "h", "w"))
    where = graph.given("places", FLOAT, ("n", 2, "h", "w"))
    shown = graph.node("Mul", picture, graph.node("Sub", graph.constant(1.0), alpha))
    features = _half_unet(graph, graph.joined(shown, alpha, where), 6, spec.width, (2, 4))
    raw = graph.conv(features, "head", _THIN, 3, 3)
    clipped = graph.node("Clip", raw, graph.constant(-1.0), graph.constant(1.0))
    return graph.finish(graph.channels_last(clipped))


def _half_unet(graph: Graph, picture: str, inside: int, width: int, dilations: tuple[int, int]) -> str:
    """`unmask.model.networks.compact`'s U-Net, under ``body``."""
    widths = (width, 2 * width, 3 * width, 3 * width)
    level = graph.residual(_folded_stem(graph, picture, inside, width), "body.first", width)
    levels = [level]
    for number, (above, below) in enumerate(pairwise(widths)):
        level = graph.conv_block(level, f"body.down.{number}.0", above, below, stride=2)
        level = graph.residual(level, f"body.down.{number}.1", below)
        levels.append(level)
    level = levels.pop()
    for number, dilation in enumerate(dilations):
        level = graph.residual(level, f"body.middle.{number}", widths[-1], dilation)
    for number, (below, above) in enumerate(pairwise(widths[::-1])):
        level = graph.up_block(level, levels.pop(), f"body.up.{number}.0", (below, above), above)
        level = graph.residual(level, f"body.up.{number}.1", above)
    whole = graph.unfolded(level, "body.unfold.0", width, _THIN)
    return graph.thin_block(whole, picture, "body.last", (_THIN, inside), _THIN)


def _folded_stem(graph: Graph, picture: str, inside: int, width: int) -> str:
    """2x2 pixels folded into channels, and the first convolution.

    torch counts a pixel's four places fastest, ONNX its channels: the kernel's channels are put in that order.
    """
    kernel = graph.weight("body.stem.0.weight", width, 4 * inside, 3, 3)
    kernel = kernel.reshape(width, inside, 4, 3, 3).swapaxes(1, 2).reshape(kernel.shape)
    folded = graph.node("SpaceToDepth", picture, blocksize=2)
    return graph.relu(graph.norm(graph.kernel(folded, kernel, pads=[1] * 4), "body.stem.1", width))


def _pretrained_map(graph: Graph, spec: NetworkSpec, lite: LiteArrays) -> bytes:
    width, picture = spec.width, graph.picture()
    features = lite_features(graph, picture, lite)
    levels = [
        graph.norm(feature, f"scale.{number}", channels)
        for number, (feature, channels) in enumerate(zip(features, LITE0_CHANNELS, strict=True))
    ]
    widths = (width, width * 3 // 2, 2 * width, 3 * width, 4 * width)
    level = graph.conv_block(levels.pop(), "middle.0", LITE0_CHANNELS[-1], widths[-1])
    level = graph.residual(level, "middle.1", widths[-1])
    steps = zip(pairwise(widths[::-1]), LITE0_CHANNELS[-2::-1], strict=True)
    for number, ((below, above), channels) in enumerate(steps):
        skip, key = levels.pop(), f"up.{number}.0"
        if number:
            level = graph.up_block(level, skip, key, (below, channels), above)
        else:  # of an odd number of rows, which was rounded up on the way down, the last one is cut off
            level = graph.joined(_cut_to(graph, graph.twice(level), skip), skip)
            level = graph.conv_block(level, key, below + channels, above)
        if above > width:
            level = graph.residual(level, f"up.{number}.1", above)
    whole = graph.unfolded(level, "unfold.0", width, _THIN)
    thin = graph.thin_block(whole, picture, "last", (_THIN, 3), _THIN)
    logits = graph.conv(thin, "head", _THIN, 1 + spec.straps)
    return graph.finish(graph.channels_last(graph.node("Sigmoid", logits)))


def _cut_to(graph: Graph, x: str, other: str) -> str:
    """The upper left part of the size of another."""
    size = graph.node("Shape", other, start=2, end=4)
    return graph.node("Slice", x, graph.constant([0, 0], np.int64), size, graph.constant([2, 3], np.int64))


def _finder(graph: Graph, spec: NetworkSpec, lite: LiteArrays) -> bytes:
    width = spec.width
    *_, fine, deep = lite_features(graph, graph.picture(), lite, deepest=False)
    fine_channels, deep_channels = LITE0_CHANNELS[2:4]
    deep = _entrance(graph, deep, "deep.0", deep_channels, width)
    for number in range(1, 4):
        deep = _mixer(graph, deep, f"deep.{number}", width, 5)
    x = graph.node("Add", _entrance(graph, fine, "fine", fine_channels, width), graph.twice(deep))
    x = _mixer(graph, _mixer(graph, x, "both.0", width, 3), "both.1", width, 5)
    return graph.finish(graph.conv(x, "head", width, OUTPUTS))


def _entrance(graph: Graph, x: str, key: str, channels: int, width: int) -> str:
    x = graph.conv(graph.norm(x, f"{key}.0", channels), f"{key}.1", channels, width, bias=False)
    return graph.relu(graph.norm(x, f"{key}.2", width))


def _mixer(graph: Graph, x: str, key: str, width: int, size: int) -> str:
    y = graph.conv(x, f"{key}.change.0", width, width, size, bias=False, depthwise=True)
    y = graph.norm(y, f"{key}.change.1", width)
    y = graph.relu(graph.conv(y, f"{key}.change.2", width, 2 * width))
    return graph.node("Add", x, graph.conv(y, f"{key}.change.4", 2 * width, width))


def frame_graph(weights: Mapping[str, NDArray[Any]], width: int = 16) -> bytes:
    """Return the Frame Module as an ONNX model; `MisfitError` where the weights are another network's."""
    graph, (one, two, three, four) = Graph(weights), (width, 2 * width, 4 * width, 6 * width)
    x = graph.picture()
    for number, (above, below) in enumerate(pairwise((3, one, two, three))):
        x = graph.conv_block(x, f"body.{number}", above, below, stride=2)
    x = _frame_residual(graph, x, "body.3", three)
    x = _frame_residual(graph, graph.conv_block(x, "body.4", three, four, stride=2), "body.5", four)
    flat, side = graph.node("Flatten", x), _LOOK_PX // 16
    hidden = graph.relu(graph.linear(flat, "head.1", side * side * four, 128))
    return graph.finish(graph.linear(hidden, "head.3", 128, 5), axes=2)


def _frame_residual(graph: Graph, x: str, key: str, channels: int) -> str:
    y = graph.conv_block(x, f"{key}.change.0", channels, channels)
    y = graph.norm(
        graph.conv(y, f"{key}.change.1", channels, channels, 3, bias=False), f"{key}.change.2", channels
    )
    return graph.relu(graph.node("Add", x, y))


_PLAIN: dict[tuple[str, str], Callable[[Graph, NetworkSpec], bytes]] = {
    (MAP, "compact"): _compact_map,
    (EDIT, "compact"): _compact_edit,
}
_ON_LITE: dict[tuple[str, str], Callable[[Graph, NetworkSpec, LiteArrays], bytes]] = {
    (MAP, "pretrained"): _pretrained_map,
    (FRAME, "finder"): _finder,
}
