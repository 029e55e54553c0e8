"""Convolutions of a network's graph in eight bits: what onnxruntime's static quantisation makes of it.

On processors that multiply eight bits at once (AVX-512 VNNI, AVX-VNNI, Arm's dot products) it takes about half as
long. Ranges of activations come from pictures of a dataset; other pictures of it tell how far the two are apart.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.dataset.built_pictures import read_triplet
from unmask.datagen.dataset.built_rows import BuiltRow, read_rows
from unmask.datagen.dataset.splits import stable_order
from unmask.datagen.pictures.arrays import U8
from unmask.model.inference.network_frame import NetworkFrame
from unmask.model.inference.pasting import paste_alpha
from unmask.model.networks.spec import EDIT, MAP

if TYPE_CHECKING:  # of the extra 'export'
    import onnx

CALIBRATED, TRIED, LEAST = 32, 16, 8
# The first convolution sees pixels; the last ones, at full resolution, write them: with those in eight bits, too,
# an Editing Module is 3.7 levels of 255 off instead of 0.9, and no faster (docs/results.md).
_FIRST_KEPT = 1
_LAST_KEPT = {EDIT: 4, MAP: 1}


@dataclass(frozen=True, eq=False)
class SamplePictures:
    """Pictures of a dataset with their maps: some tell ranges of activations, others are tried.

    Attributes
    ----------
    calibration, trial : tuple of (masked, map)
        uint8 (h, w, 3) and (h, w).
    """

    calibration: tuple[tuple[U8, U8], ...]
    trial: tuple[tuple[U8, U8], ...]


def read_samples(folder: Path) -> SamplePictures:
    """Read pictures of a dataset: always the same ones, whatever its order.

    Parameters
    ----------
    folder : Path
        Of ``unmask-data build`` or ``adopt``. Of few pictures a third is tried.

    Raises
    ------
    UserError
        When it is no dataset, has fewer than eight pictures, or one of them is damaged.
    """
    try:
        rows = read_rows(folder)
    except ArgumentError as error:
        raise ArgumentError("int8", error.problem.strip()) from error
    rows = [rows[index] for index in stable_order([row.key for row in rows])[: CALIBRATED + TRIED]]
    if len(rows) < LEAST:
        raise ArgumentError(
            "int8", f"{folder}: {len(rows)} pictures, too few to calibrate with; {LEAST} are needed"
        )
    calibrated = len(rows) - min(TRIED, len(rows) // 3)
    return SamplePictures(_pairs(folder, rows[:calibrated]), _pairs(folder, rows[calibrated:]))


def _pairs(folder: Path, rows: Sequence[BuiltRow]) -> tuple[tuple[U8, U8], ...]:
    return tuple(read_triplet(folder, row, None)[:2] for row in rows)


def in_int8(
    network: "onnx.ModelProto", kind: str, pictures: Sequence[tuple[U8, U8]], sides: Sequence[int]
) -> "onnx.ModelProto":
    """Return a network's graph with its convolutions in eight bits, weights by channel.

    Parameters
    ----------
    network : onnx.ModelProto
        Of `unmask.model.networks.graph_networks`; unchanged.
    kind : str
        ``map`` or ``edit``.
    pictures : sequence of (masked, map)
        uint8 (h, w, 3) and (h, w), for the ranges of activations: the mean over pictures of the least and the
        largest value, which single pixels do not stretch.
    sides : sequence of int
        Shorter sides at which the network will see pictures; ranges are those of all of them.
    """
    import onnx
    from onnx import helper
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # of a package without types
        def __init__(self) -> None:
            self._feeds: Iterator[Mapping[str, NDArray[Any]]] = _feeds(kind, pictures, sides)

        def get_next(self) -> Mapping[str, NDArray[Any]] | None:
            return next(self._feeds, None)

    named = onnx.ModelProto()
    named.CopyFrom(network)
    for number, node in enumerate(named.graph.node):
        node.name = node.name or f"node{number}"
    # Batch norm is in the kernels already; without this word onnxruntime advises to put it there.
    helper.set_model_props(named, {"onnx.quant.pre_process": "onnxruntime.quant"})
    convolutions = [node.name for node in named.graph.node if node.op_type == "Conv"]
    with tempfile.TemporaryDirectory(prefix="unmask-int8-") as folder:
        path = Path(folder) / "network.onnx"
        quantize_static(
            named,
            path,
            Reader(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=convolutions[:_FIRST_KEPT] + convolutions[-_LAST_KEPT[kind] :],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            extra_options={"CalibMovingAverage": True},
        )
        made: onnx.ModelProto = onnx.load(path)
    return made


def _feeds(
    kind: str, pictures: Iterable[tuple[U8, U8]], sides: Sequence[int]
) -> Iterator[Mapping[str, NDArray[Any]]]:
    """Pictures as the network is given them, one by one, at each side."""
    for picture, map_ in pictures:
        for side in sides:
            frame = NetworkFrame(picture.shape[1], picture.shape[0], side)
            given: dict[str, NDArray[Any]] = {"pictures": np.ascontiguousarray(frame.shrink(picture)[None])}
            if kind == EDIT:
                given["alpha"] = np.ascontiguousarray(paste_alpha(frame.shrink(map_))[None, None], np.float32)
            yield given
