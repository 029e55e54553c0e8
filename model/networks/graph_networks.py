"""The networks that take masks off, as ONNX graphs made of a state dict: the twins of the torch modules.

Each takes uint8 pictures (n, h, w, 3), sides multiples of 16, and gives float32:

    map     probabilities (n, h, w, layers)
    edit    the raw picture (n, h, w, 3) in [-1, 1]; beside ``pictures`` it takes ``alpha``, float32 (n, 1, h, w) in
            [0, 1]
    frame   what the finder says, (n, 6, h / 8, w / 8)

and the Frame Module (n, 5) of crops.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from unmask.datagen.common.errors import UserError

from .finder_answer import OUTPUTS
from .graph import FLOAT, Graph
from .graph_lite import lite_features
from .graph_paper import paper_edit, paper_map
from .lite_variants import LITE0, LITE0_CHANNELS
from .packaged_lite import LiteArrays, read_lite_arrays
from .spec import EDIT, FRAME, MAP, NetworkSpec, edit_dilations

_THIN = 16  # channels at full resolution
_LOOK_PX = 80  # of the Frame Module's crops


def network_graph(
    spec: NetworkSpec, weights: Mapping[str, NDArray[Any]]
) -> tuple[ModelProto, LiteArrays | None]:
    """Return a network as an ONNX model.

    Parameters
    ----------
    spec : NetworkSpec
    weights : mapping of str to array
        Its state dict.

    Returns
    -------
    onnx.ModelProto
        The model; its output is `OUTPUT`.
    LiteArrays or None
        The packaged encoder inside it, where its weights are in the package alone.

    Raises
    ------
    UserError
        When there is no such network, or its encoder's package is not installed.
    MisfitError
        When the weights are another network's.
    """
    build = _BUILDERS.get((spec.kind, spec.name))
    if build is None:
        known = ", ".join(f"{kind}/{name}" for kind, name in _BUILDERS)
        raise UserError(f"network {spec.kind}/{spec.name} is not known; known: {known}")
    graph = Graph(weights)
    lite = build(graph, spec)
    return graph.finish(), lite


def _compact_map(graph: Graph, spec: NetworkSpec) -> None:
    features = _half_unet(graph, graph.picture(), 3, spec.width, (1, 2))
    _finish_map(graph, graph.conv(features, "head", _THIN, 1 + spec.straps))


def _finish_map(graph: Graph, logits: str) -> None:
    graph.channels_last(graph.node("Sigmoid", logits))


def _compact_edit(graph: Graph, spec: NetworkSpec) -> None:
    picture, alpha = graph.picture(), _alpha(graph)
    shown = graph.node("Mul", picture, graph.node("Sub", graph.constant(1.0), alpha))
    where = (_places(graph, alpha, axis) for axis in (3, 2))
    features = _half_unet(
        graph, graph.joined(shown, alpha, *where), 6, spec.width, edit_dilations(spec.deeper)
    )
    raw = graph.conv(features, "head", _THIN, 3, 3)
    graph.channels_last(graph.node("Clip", raw, graph.constant(-1.0), graph.constant(1.0)))


def _alpha(graph: Graph) -> str:
    return graph.given("alpha", FLOAT, ("n", 1, "h", "w"))


def _places(graph: Graph, like: str, axis: int) -> str:
    """What `unmask.model.networks.compact` tells a network of places: y (axis 2) or x (3), shaped like ``like``.

    2 i - last over the shorter side's last: whole numbers up to the one division.
    """
    one, two = (graph.constant(number, np.int64) for number in (1, 2))
    sides = graph.node("Sub", graph.node("Shape", like, start=2, end=4), one)
    shorter = graph.node("Max", graph.node("ReduceMin", sides, keepdims=0), one)
    last = graph.node("Gather", sides, graph.constant(axis - 2, np.int64))
    steps = graph.node("Range", graph.constant(0, np.int64), graph.node("Add", last, one), one)
    numbers = graph.node("Sub", graph.node("Mul", steps, two), last)
    parts = (graph.node("Cast", part, to=FLOAT) for part in (numbers, shorter))
    places = graph.node("Div", *parts)
    if axis == 2:
        places = graph.node("Unsqueeze", places, graph.constant([1], np.int64))
    return graph.node("Expand", places, graph.node("Shape", like))


def _half_unet(graph: Graph, picture: str, inside: int, width: int, dilations: tuple[int, ...]) -> str:
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


def _frozen_map(graph: Graph, spec: NetworkSpec) -> LiteArrays:
    lite = read_lite_arrays(LITE0)
    _pretrained_map(graph, spec, lite)
    return lite


def _thawed_map(graph: Graph, spec: NetworkSpec) -> None:
    _pretrained_map(graph, spec, read_lite_arrays(LITE0), learnt="encoder")


def _pretrained_map(graph: Graph, spec: NetworkSpec, lite: LiteArrays, learnt: str | None = None) -> None:
    width, picture = spec.width, graph.picture()
    features = lite_features(graph, picture, lite, learnt=learnt)
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
    _finish_map(graph, graph.conv(thin, "head", _THIN, 1 + spec.straps))


def _cut_to(graph: Graph, x: str, other: str) -> str:
    """The upper left part of the size of another."""
    size = graph.node("Shape", other, start=2, end=4)
    return graph.node("Slice", x, graph.constant([0, 0], np.int64), size, graph.constant([2, 3], np.int64))


def _paper_map(graph: Graph, spec: NetworkSpec) -> None:
    _finish_map(graph, paper_map(graph, graph.picture(), 1 + spec.straps))


def _paper_edit(graph: Graph, _: NetworkSpec) -> None:
    graph.channels_last(paper_edit(graph, graph.picture(), _alpha(graph)))


def _finder(graph: Graph, spec: NetworkSpec) -> LiteArrays:
    width, lite = spec.width, read_lite_arrays(LITE0)
    *_, fine, deep = lite_features(graph, graph.picture(), lite, deepest=False)
    fine_channels, deep_channels = LITE0_CHANNELS[2:4]
    deep = _entrance(graph, deep, "deep.0", deep_channels, width)
    for number in range(1, 4):
        deep = _mixer(graph, deep, f"deep.{number}", width, 5)
    x = graph.node("Add", _entrance(graph, fine, "fine", fine_channels, width), graph.twice(deep))
    x = _mixer(graph, _mixer(graph, x, "both.0", width, 3), "both.1", width, 5)
    graph.conv(x, "head", width, OUTPUTS)
    return lite


def _entrance(graph: Graph, x: str, key: str, channels: int, width: int) -> str:
    x = graph.conv(graph.norm(x, f"{key}.0", channels), f"{key}.1", channels, width, bias=False)
    return graph.relu(graph.norm(x, f"{key}.2", width))


def _mixer(graph: Graph, x: str, key: str, width: int, size: int) -> str:
    y = graph.conv(x, f"{key}.change.0", width, width, size, bias=False, depthwise=True)
    y = graph.norm(y, f"{key}.change.1", width)
    y = graph.relu(graph.conv(y, f"{key}.change.2", width, 2 * width))
    return graph.node("Add", x, graph.conv(y, f"{key}.change.4", 2 * width, width))


def frame_graph(weights: Mapping[str, NDArray[Any]], width: int = 16) -> ModelProto:
    """Return the Frame Module as an ONNX model; `MisfitError` where the weights are another network's."""
    graph, (one, two, three, four) = Graph(weights), (width, 2 * width, 4 * width, 6 * width)
    x = graph.picture()
    for number, (above, below) in enumerate(pairwise((3, one, two, three))):
        x = graph.conv_block(x, f"body.{number}", above, below, stride=2)
    x = _frame_residual(graph, x, "body.3", three)
    x = _frame_residual(graph, graph.conv_block(x, "body.4", three, four, stride=2), "body.5", four)
    flat, side = graph.node("Flatten", x), _LOOK_PX // 16
    hidden = graph.relu(graph.linear(flat, "head.1", side * side * four, 128))
    graph.linear(hidden, "head.3", 128, 5)
    return graph.finish(axes=2)


def _frame_residual(graph: Graph, x: str, key: str, channels: int) -> str:
    y = graph.conv_block(x, f"{key}.change.0", channels, channels)
    y = graph.norm(
        graph.conv(y, f"{key}.change.1", channels, channels, 3, bias=False), f"{key}.change.2", channels
    )
    return graph.relu(graph.node("Add", x, y))


_BUILDERS: dict[tuple[str, str], Callable[[Graph, NetworkSpec], LiteArrays | None]] = {
    (MAP, "compact"): _compact_map,
    (MAP, "pretrained"): _frozen_map,
    (MAP, "thawed"): _thawed_map,
    (MAP, "paper"): _paper_map,
    (EDIT, "compact"): _compact_edit,
    (EDIT, "paper"): _paper_edit,
    (FRAME, "finder"): _finder,
}
